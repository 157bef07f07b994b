// What SQLite says to a table before any cache is touched.
#include "sink-libsql/trial.h"

#include "tests/unit/sink-libsql/local_support.h"

namespace walbridge::sink_libsql {
namespace {

using ::testing::HasSubstr;

CacheTable with_computed(std::initializer_list<ComputedColumn> computed) {
  auto table = numbers_table();
  table.computed = computed;
  return table;
}

CacheTable with_index(CacheIndex index) {
  auto table = numbers_table();
  index.line = 7;
  table.indexes = {std::move(index)};
  return table;
}

std::string refused(const CacheTable& table, bool elsewhere = false) {
  const auto refusal = try_table(table, elsewhere);
  return refusal ? refusal->what + ":" + std::to_string(refusal->line) + ": " + refusal->message : "taken";
}

TEST(Trial, TakesWhatIsRight) {
  auto table = with_computed({{"twice", "INTEGER", "id * 2", 3}, {"thrice", "INTEGER", "twice + id", 4}});
  table.indexes = {{CacheIndex::Kind::Plain, "by_name", {"\"name\" DESC", "lower(name)"}, "id > 1"},
                   {CacheIndex::Kind::FullText, "words", {"\"name\""}},
                   {CacheIndex::Kind::Vector, "near", {"\"name\"", "cosine"}}};
  EXPECT_EQ(refused(table), "taken");
  EXPECT_EQ(refused(table, true), "taken");
}

TEST(Trial, NamesTheComputedColumnThatIsWrong) {
  EXPECT_THAT(refused(with_computed({{"good", "INTEGER", "id + 1", 3}, {"bad", "INTEGER", "idd * 2", 4}})),
              HasSubstr("computed column bad:4: no such column: idd"));
  EXPECT_THAT(refused(with_computed({{"a", "INTEGER", "b + 1", 3}, {"b", "INTEGER", "a + 1", 4}})),
              HasSubstr("generated column loop"));
  EXPECT_THAT(refused(with_computed({{"x", "INTEGER", "(SELECT 1)", 5}})), HasSubstr("computed column x:5: "));
  EXPECT_THAT(refused(with_computed({{"x", "TEXT", "date('now')", 5}, {"y", "TEXT", "nn", 6}})),
              HasSubstr("computed column "));
}

TEST(Trial, NamesTheIndexThatIsWrong) {
  EXPECT_EQ(refused(with_index({CacheIndex::Kind::Plain, "i", {"\"name\""}, "nmae > 1"})),
            "index i:7: no such column: nmae");
  EXPECT_THAT(refused(with_index({CacheIndex::Kind::Plain, "i", {"\"name\""}, "name >"})), HasSubstr("index i:7: "));
  EXPECT_THAT(refused(with_index({CacheIndex::Kind::Plain, "i", {"random()"}})), HasSubstr("index i:7: "));
}

TEST(Trial, LeavesToTheServerWhatItMayKnow) {
  const auto table = with_computed({{"x", "INTEGER", "function_of_tomorrow(id)", 3}});
  EXPECT_THAT(refused(table), HasSubstr("no such function"));
  EXPECT_EQ(refused(table, true), "taken");
  EXPECT_THAT(refused(with_computed({{"x", "INTEGER", "idd", 3}}), true), HasSubstr("no such column"));
}

}  // namespace
}  // namespace walbridge::sink_libsql
