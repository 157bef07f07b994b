#include <gtest/gtest.h>

#include "source-pg/publication.h"
#include "source-pg/snapshot.h"
#include "source-pg/snapshot_reader.h"

namespace walbridge::source_pg {
namespace {

CopyPart whole(std::uint64_t pages) {
  CopyPart part;
  part.oid = 7;
  part.schema = "public";
  part.name = "we\"ird";
  part.pages = pages;
  return part;
}

TEST(SnapshotParts, AreDisjointOrderedAndComplete) {
  for (const std::uint64_t pages : {0ULL, 1ULL, 9ULL, 10ULL, 11ULL, 1000ULL}) {
    for (const std::uint64_t size : {0ULL, 1ULL, 10ULL, 5000ULL}) {
      const auto parts = cut_heap(whole(pages), size);
      ASSERT_FALSE(parts.empty());
      EXPECT_EQ(parts.front().first_page, 0U);
      std::uint64_t sum = 0;
      for (std::size_t i = 0; i < parts.size(); ++i) {
        sum += parts[i].pages;
        if (i + 1 < parts.size()) {
          ASSERT_TRUE(parts[i].end_page);
          EXPECT_EQ(*parts[i].end_page, parts[i + 1].first_page);
          EXPECT_LT(parts[i].first_page, *parts[i].end_page);
        } else {
          EXPECT_FALSE(parts[i].end_page);  // rows may lie behind the size that was read
        }
      }
      EXPECT_EQ(sum, pages);
    }
  }
}

TEST(SnapshotParts, ReadOnlyTheirPages) {
  const std::vector<std::string> columns = {"id", "na\"me"};
  auto part = whole(10);
  EXPECT_EQ(copy_sql(part, columns), R"(COPY (SELECT "id", "na""me" FROM ONLY "public"."we""ird") TO STDOUT)");
  part.end_page = 4;
  EXPECT_EQ(
      copy_sql(part, columns),
      R"(COPY (SELECT "id", "na""me" FROM ONLY "public"."we""ird" WHERE ctid < '(4,0)'::pg_catalog.tid) TO STDOUT)");
  part.first_page = 2;
  EXPECT_EQ(
      copy_sql(part, columns),
      R"(COPY (SELECT "id", "na""me" FROM ONLY "public"."we""ird" WHERE ctid >= '(2,0)'::pg_catalog.tid AND ctid < '(4,0)'::pg_catalog.tid) TO STDOUT)");
}

TEST(SnapshotParts, TwinSlotsHaveNamesPostgresTakes) {
  EXPECT_EQ(twin_slot_name("walbridge", 17), "walbridge_load_17");
  EXPECT_EQ(twin_slot_name(std::string(63, 'a'), 4194304).size(), 63U);
  EXPECT_NE(twin_slot_name(std::string(63, 'a'), 1), twin_slot_name(std::string(63, 'a'), 2));
}

TEST(Publication, HoldsLeavesInsteadOfTheirRoot) {
  SourceTable plain;
  plain.oid = 1;
  plain.schema = "public";
  plain.name = "a";
  SourceTable root = plain;
  root.oid = 2;
  root.kind = 'p';
  root.name = "root";
  root.leaves = {{3, "public", "root_1"}, {4, "parts", "root 2"}};
  const SourceTable* const tables[] = {&plain, &root};
  EXPECT_EQ(
      create_publication_sql("wal\"bridge", heaps_of(tables)),
      R"(CREATE PUBLICATION "wal""bridge" FOR TABLE ONLY "public"."a", ONLY "public"."root_1", ONLY "parts"."root 2" WITH (publish_via_partition_root = false))");
}

}  // namespace
}  // namespace walbridge::source_pg
