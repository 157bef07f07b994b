#include "sink-libsql/change_window.h"

#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace walbridge::sink_libsql {
namespace {

using Op = CacheChange::Op;

CacheTable table_with_key(const std::string& decl) {
  CacheTable table;
  table.name = "t";
  table.columns = {{"k", decl, CacheColumn::Form::Plain}, {"v", "TEXT", CacheColumn::Form::Plain}};
  table.key = {0};
  return table;
}

TEST(ChangeWindow, LeavesOutWhatMayNotChangePlaces) {
  const SqlValue row[] = {SqlValue::text("a"), SqlValue::text("v")};
  for (const char* decl : {"TEXT COLLATE NOCASE", "TEXT COLLATE RTRIM", "DECIMAL(10,2)", "DOUBLE"}) {
    const auto table = table_with_key(decl);
    EXPECT_FALSE(ChangeWindow::takes({Op::Upsert, false, &table, row, {}})) << decl;
  }
  const auto plain = table_with_key("TEXT");
  EXPECT_TRUE(ChangeWindow::takes({Op::Upsert, false, &plain, row, {}}));
  EXPECT_FALSE(ChangeWindow::takes({Op::Truncate, false, &plain, {}, {}}));
  const SqlValue other_key[] = {SqlValue::text("b")};
  EXPECT_FALSE(ChangeWindow::takes({Op::Update, false, &plain, row, other_key})) << "it changes the key";
  auto keyless = plain;
  keyless.key.clear();
  EXPECT_FALSE(ChangeWindow::takes({Op::Insert, false, &keyless, row, {}}));
}

// Whatever the order of arrival, the rows end up as if every change had been applied at once.
TEST(ChangeWindow, EndsWhereTheOrderOfArrivalEnds) {
  using Rows = std::map<std::string, std::string>;
  const auto table = table_with_key("TEXT");
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    std::mt19937_64 random(seed);
    Rows one_by_one;
    Rows windowed;
    const auto apply = [](Rows& rows, const CacheChange& change) {
      const auto key = std::string((change.op == Op::Upsert ? change.values[0] : change.match[0]).bytes);
      if (change.op == Op::Delete) {
        rows.erase(key);
      } else if (change.op == Op::Upsert || rows.contains(key)) {
        rows[key] = std::string(change.values[1].bytes);
      }
    };
    ChangeWindow window;
    for (int i = 0; i < 300; ++i) {
      // Keys that share their first eight bytes must keep their order too.
      const auto key = (random() % 2 == 0 ? "common-prefix-" : "") + std::to_string(random() % 12);
      const auto text = "v" + std::to_string(i);
      const SqlValue match[] = {SqlValue::text(key)};
      SqlValue values[] = {SqlValue::text(key), SqlValue::text(text)};
      CacheChange change{Op::Upsert, false, &table, values, {}};
      const auto kind = random() % 4;
      if (kind == 0) change = {Op::Delete, false, &table, {}, match};
      if (kind == 1) {
        values[0] = SqlValue{};
        change = {Op::Update, false, &table, values, match};
      }
      apply(one_by_one, change);
      ASSERT_TRUE(ChangeWindow::takes(change));
      window.add(change);
      if (random() % 40 != 0) continue;
      ASSERT_TRUE(window.drain([&](const CacheChange& c) { return apply(windowed, c), Status(); }));
    }
    ASSERT_TRUE(window.drain([&](const CacheChange& c) { return apply(windowed, c), Status(); }));
    ASSERT_EQ(one_by_one, windowed) << "seed " << seed;
  }
}

TEST(ChangeWindow, AppliesIntegersInOrderAndOnlyTheLastImage) {
  const auto table = table_with_key("INTEGER");
  ChangeWindow window;
  for (const std::int64_t key : {5, -3, 9, 5}) {
    const SqlValue values[] = {SqlValue::of(key), SqlValue::text("x")};
    window.add({Op::Upsert, false, &table, values, {}});
  }
  std::vector<std::int64_t> seen;
  ASSERT_TRUE(window.drain([&](const CacheChange& c) { return seen.push_back(c.values[0].integer), Status(); }));
  EXPECT_EQ(seen, (std::vector<std::int64_t>{-3, 5, 9}));
}

}  // namespace
}  // namespace walbridge::sink_libsql
