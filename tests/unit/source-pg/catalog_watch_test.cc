#include "source-pg/catalog_watch.h"

#include <gtest/gtest.h>

namespace walbridge::source_pg {
namespace {

HeapVersion heap(std::uint32_t file, std::map<int, HeapVersion::Column> columns) { return {file, std::move(columns)}; }

TEST(Rewritten, TheFileMustBeAnother) {
  const auto before = heap(1, {{1, {"10"}}, {2, {"10"}}});
  EXPECT_FALSE(rewritten(before, heap(1, {{1, {"10"}}, {2, {"11"}}}))) << "a rename, a NOT NULL";
  EXPECT_FALSE(rewritten(before, heap(2, {{1, {"10"}}, {2, {"10"}}}))) << "TRUNCATE, VACUUM FULL, CLUSTER";
  EXPECT_TRUE(rewritten(before, heap(2, {{1, {"10"}}, {2, {"11"}}}))) << "ALTER COLUMN TYPE";
  EXPECT_TRUE(rewritten(before, heap(2, {{2, {"11"}}})));
}

TEST(Rewritten, AColumnThatWasAddedIsNoneThatSurvived) {
  const auto before = heap(1, {{1, {"10"}}});
  EXPECT_FALSE(rewritten(before, heap(2, {{1, {"10"}}, {2, {"11"}}}))) << "its description says it";
  EXPECT_FALSE(rewritten(before, heap(2, {}))) << "a column that went";
}

// To write a table anew clears the values that were kept for rows older than a column.
TEST(Rewritten, ClearedMissingValuesAloneAreNone) {
  const auto before = heap(1, {{1, {"10"}}, {2, {"10", true, 500}}});
  EXPECT_FALSE(rewritten(before, heap(2, {{1, {"10"}}, {2, {"12", false, 500}}}))) << "VACUUM FULL";
  EXPECT_TRUE(rewritten(before, heap(2, {{1, {"10"}}, {2, {"12", false, 501}}})))
      << "a type change makes a new default";
  EXPECT_TRUE(rewritten(before, heap(2, {{1, {"12"}}, {2, {"12", false, 500}}}))) << "and another column changed";
  const auto bare = heap(1, {{2, {"10", true, 0}}});
  EXPECT_TRUE(rewritten(bare, heap(2, {{2, {"12", false, 0}}}))) << "cannot be told apart: rather once too often";
}

}  // namespace
}  // namespace walbridge::source_pg
