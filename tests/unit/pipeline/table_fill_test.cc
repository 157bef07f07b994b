#include "pipeline/table_fill.h"

#include <gtest/gtest.h>

namespace walbridge::pipeline {
namespace {

XidSnapshot seen(const char* text) { return *XidSnapshot::parse(text); }

TableFill filling() { return {FillProgress{}, 100, 10'000}; }

void open_window(TableFill& fill, std::uint64_t id) {
  (void)fill.open_window(id, std::make_shared<SourceTable>(), {"id"}, {"id"});
}

CacheChange change_of(const CacheTable& table, std::span<const SqlValue> values) {
  CacheChange change;
  change.table = &table;
  change.values = values;
  return change;
}

TEST(TableFill, AnEarlierTransactionThatTheSnapshotDoesNotSeeMakesTheChunkWorthless) {
  auto fill = filling();
  fill.heard(12);
  open_window(fill, 1);
  EXPECT_FALSE(fill.proves(seen("12:15:12")));
  EXPECT_TRUE(fill.proves(seen("15:15:")));
}

TEST(TableFill, WhatAChunkDidNotSeeMustBeSeenByTheNext) {
  auto fill = filling();
  const CacheTable table;
  const SqlValue value = SqlValue::of(std::int64_t{1});
  open_window(fill, 1);
  fill.heard(12, change_of(table, {&value, 1}));
  fill.heard(13, change_of(table, {&value, 1}));
  const auto first = seen("12:20:12");
  ASSERT_TRUE(fill.proves(first));
  int replayed = 0;
  ASSERT_TRUE(fill.replay(first, [&](const CacheChange&) -> Status {
    ++replayed;
    return {};
  }));
  EXPECT_EQ(replayed, 1) << "13 is inside the chunk";
  fill.accept(first, 10, {"10"}, false);
  open_window(fill, 2);
  EXPECT_FALSE(fill.proves(seen("12:21:12")));
  EXPECT_TRUE(fill.proves(seen("13:21:20")));
}

TEST(TableFill, AnAbandonedWindowIsUnproven) {
  auto fill = filling();
  const CacheTable table;
  open_window(fill, 1);
  fill.heard(12, change_of(table, {}));
  fill.give_up();
  EXPECT_FALSE(fill.waiting());
  open_window(fill, 2);
  EXPECT_FALSE(fill.proves(seen("10:20:12")));
}

TEST(TableFill, AFullWindowAsksForFewerRows) {
  TableFill fill{FillProgress{}, 100, 10};
  const CacheTable table;
  open_window(fill, 1);
  fill.heard(12, change_of(table, {}));
  EXPECT_TRUE(fill.window_full());
  fill.give_up();
  EXPECT_EQ(fill.open_window(2, std::make_shared<SourceTable>(), {"id"}, {"id"}).most_rows, 50U);
}

TEST(TableFill, GoesThroughTheTableThenItsLooseRows) {
  auto fill = filling();
  const auto all = seen("9:9:");
  open_window(fill, 1);
  fill.fetch_key({"7"});
  fill.fetch_key({"7"});
  fill.accept(all, 2, {"5"}, false);
  EXPECT_EQ(fill.progress().after, RowKey{"5"});
  open_window(fill, 2);
  fill.accept(all, 1, {"6"}, true);
  EXPECT_FALSE(fill.progress().complete());
  const auto request = fill.open_window(3, std::make_shared<SourceTable>(), {"id"}, {"id"});
  ASSERT_EQ(request.only.size(), 1U);
  fill.fetch_key({"8"});  // came up meanwhile: not in this chunk
  fill.accept(all, 1, {"7"}, true);
  EXPECT_EQ(fill.progress().keys, std::set<RowKey>{{"8"}});
  EXPECT_EQ(fill.progress().rows, 4U);
}

TEST(TableFill, ProgressSurvivesAsJson) {
  FillProgress progress;
  progress.after = {"a\"b", "\xc3\xa9"};
  progress.leaves = {5, 6};
  progress.keys = {{"1", "2"}};
  progress.rows = 3;
  progress.all = false;
  const auto back = FillProgress::from_json(progress.to_json());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->after, progress.after);
  EXPECT_EQ(back->leaves, progress.leaves);
  EXPECT_EQ(back->keys, progress.keys);
  EXPECT_FALSE(back->all);
  EXPECT_FALSE(FillProgress::from_json("{\"beside\":1"));
  EXPECT_FALSE(FillProgress::from_json("[]"));
  EXPECT_FALSE(FillProgress::from_json(""));
}

}  // namespace
}  // namespace walbridge::pipeline
