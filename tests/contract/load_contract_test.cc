// Bulk loads: nothing is visible before finish_load(), everything afterwards; and the way back, remove().
#include "tests/contract/contract_suite.h"

namespace walbridge::testing {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::Field;
using ::testing::Ne;

std::vector<Values> numbered(std::int64_t from, std::int64_t to, const char* name) {
  std::vector<Values> rows;
  for (auto i = from; i < to; ++i) rows.push_back({integer(i), text(name), real(0.5), null(), integer(0)});
  return rows;
}

TEST_P(Contract, NewCacheKnowsNothing) {
  const auto sink = cache_->make_sink();
  EXPECT_FALSE(peek().checkpoint);
  const auto state = sink->open();
  ASSERT_TRUE(state) << describe(state.error());
  EXPECT_FALSE(state->checkpoint);
  EXPECT_TRUE(state->source_id.empty());
  EXPECT_TRUE(state->tables.empty());
  EXPECT_FALSE(peek().checkpoint);
  EXPECT_TRUE(peek().source_id.empty());
}

TEST_P(Contract, LimitsAreUsable) {
  const auto sink = cache_->make_sink();
  EXPECT_GT(sink->limits().rows_per_commit, 0U);
  EXPECT_GT(sink->limits().bytes_per_commit, 0U);
}

TEST_P(Contract, CheckOfANewCacheFindsNoError) {
  const auto orders = orders_table();
  const CacheTable* const tables[] = {&orders};
  const auto findings = cache_->make_sink()->check(tables);
  EXPECT_FALSE(findings.empty());
  EXPECT_THAT(findings, Each(Field(&Finding::severity, Ne(Finding::Severity::Error))));
  EXPECT_FALSE(cache_->rows(orders));
  EXPECT_FALSE(peek().checkpoint);
}

TEST_P(Contract, LoadIsVisibleAtItsEnd) {
  const auto orders = orders_table();
  const auto events = events_table();
  const auto sink = open();
  const CacheTable* const tables[] = {&orders, &events};
  ASSERT_OK(sink->begin_load(tables));
  ASSERT_OK(sink->load(*block_of(orders, numbered(0, 500, "a"))));
  ASSERT_OK(sink->load(*block_of(events, {{text("e"), integer(1)}, {text("e"), integer(1)}})));
  ASSERT_OK(sink->load(*block_of(orders, numbered(500, 800, "b"))));
  EXPECT_FALSE(cache_->rows(orders));
  EXPECT_FALSE(peek().checkpoint);
  const TableRecord records[] = {live(orders), live(events)};
  ASSERT_OK(sink->finish_load(records, kSource, at(1000)));
  EXPECT_EQ(800U, rows(orders).size());
  EXPECT_EQ(2U, rows(events).size());
  const auto state = peek();
  EXPECT_EQ(at(1000), state.checkpoint);
  EXPECT_EQ(kSource, state.source_id);
  ASSERT_EQ(2U, state.tables.size());
  EXPECT_EQ("orders", state.tables[0].cache_name);
  EXPECT_EQ(TableState::Live, state.tables[0].state);
  EXPECT_EQ(1000U, state.tables[0].snapshot_lsn.value);
}

TEST_P(Contract, StreamFollowsALoadWithoutReopening) {
  const auto orders = orders_table();
  const auto sink = open();
  load(*sink, orders, numbered(0, 10, "a"), at(1000));
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, orders, {integer(3), text("new"), null(), null(), null()}));
  ASSERT_OK(erase(*sink, orders, {integer(4)}));
  ASSERT_OK(sink->commit(at(2000)));
  EXPECT_EQ(9U, rows(orders).size());
  EXPECT_THAT(rows(orders), Contains(row({integer(3), text("new"), null(), null(), null()})));
}

TEST_P(Contract, LoadOfNoTableStillFillsTheCache) {
  const auto sink = open();
  ASSERT_OK(sink->begin_load({}));
  ASSERT_OK(sink->finish_load({}, kSource, at(1000)));
  EXPECT_EQ(at(1000), peek().checkpoint);
  ASSERT_OK(sink->begin());
  ASSERT_OK(sink->commit(at(2000)));
  EXPECT_EQ(at(2000), peek().checkpoint);
}

TEST_P(Contract, AbandonedLoadLeavesNothing) {
  const auto orders = orders_table();
  const auto sink = open();
  const CacheTable* const tables[] = {&orders};
  ASSERT_OK(sink->begin_load(tables));
  ASSERT_OK(sink->load(*block_of(orders, numbered(0, 100, "a"))));
  sink->abandon();
  EXPECT_FALSE(cache_->rows(orders));
  ASSERT_TRUE(sink->open());
  load(*sink, orders, numbered(0, 10, "b"), at(1000));
  EXPECT_EQ(10U, rows(orders).size());
}

// The bridge dies: the next one begins the load again.
TEST_P(Contract, InterruptedLoadIsSweptAway) {
  const auto orders = orders_table();
  const CacheTable* const tables[] = {&orders};
  const auto dead = open();
  ASSERT_OK(dead->begin_load(tables));
  ASSERT_OK(dead->load(*block_of(orders, numbered(0, 100, "dead"))));
  const auto sink = open();
  load(*sink, orders, numbered(0, 10, "alive"), at(1000));
  EXPECT_EQ(10U, rows(orders).size());
  const TableRecord records[] = {live(orders)};
  const auto late = dead->finish_load(records, kSource, at(900));
  ASSERT_FALSE(late);
  EXPECT_EQ("fenced", late.error().code) << describe(late.error());
  EXPECT_EQ(10U, rows(orders).size());
  EXPECT_EQ(at(1000), peek().checkpoint);
  if (!cache_->speaks_sql()) return;
  EXPECT_EQ(Rows(), cache_->query("SELECT name FROM sqlite_master WHERE name GLOB '_walbridge_load_*'"));
}

TEST_P(Contract, ReloadKeepsTheOldRowsUntilItsEnd) {
  const auto orders = orders_table();
  const auto events = events_table();
  const auto sink = filled({&orders, &events});
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, orders, {integer(1), text("old"), null(), null(), null()}));
  ASSERT_OK(insert(*sink, events, {text("kept"), integer(1)}));
  ASSERT_OK(sink->commit(at(2000)));
  const CacheTable* const tables[] = {&orders};
  ASSERT_OK(sink->begin_load(tables));
  ASSERT_OK(sink->load(*block_of(orders, numbered(5, 8, "new"))));
  EXPECT_EQ(1U, rows(orders).size());
  const TableRecord records[] = {live(orders, 3000)};
  ASSERT_OK(sink->finish_load(records, kSource, at(2000)));
  EXPECT_EQ(3U, rows(orders).size());
  EXPECT_EQ(1U, rows(events).size());
  ASSERT_EQ(2U, peek().tables.size());
  EXPECT_EQ(3000U, peek().tables[0].snapshot_lsn.value);
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, orders, {integer(1), text("streamed"), null(), null(), null()}));
  ASSERT_OK(sink->commit(at(4000)));
  EXPECT_EQ(4U, rows(orders).size());
}

// I8: a table whose rows cannot be taken stays out; the others go into service.
TEST_P(Contract, StoppedTableOfALoadIsNotSwappedIn) {
  const auto orders = orders_table();
  const auto events = events_table();
  const auto sink = open();
  const CacheTable* const tables[] = {&orders, &events};
  ASSERT_OK(sink->begin_load(tables));
  ASSERT_OK(sink->load(*block_of(orders, numbered(0, 5, "half"))));
  ASSERT_OK(sink->load(*block_of(events, {{text("e"), integer(1)}})));
  auto stopped = live(orders);
  stopped.state = TableState::Stopped;
  stopped.code = "bad-value";
  const TableRecord records[] = {stopped, live(events)};
  ASSERT_OK(sink->finish_load(records, kSource, at(1000)));
  EXPECT_FALSE(cache_->rows(orders));
  EXPECT_EQ(1U, rows(events).size());
  ASSERT_EQ(2U, peek().tables.size());
  EXPECT_EQ(TableState::Stopped, peek().tables[0].state);
  ASSERT_OK(sink->begin_load(std::span(tables, 1)));
  ASSERT_OK(sink->load(*block_of(orders, numbered(0, 5, "whole"))));
  const TableRecord mended[] = {live(orders, 2000)};
  ASSERT_OK(sink->finish_load(mended, kSource, at(1000)));
  EXPECT_EQ(5U, rows(orders).size());
}

TEST_P(Contract, ReloadMayChangeTheShape) {
  const auto orders = orders_table();
  const auto sink = open();
  load(*sink, orders, numbered(0, 3, "old"), at(1000));
  auto reshaped = make_table(101, "orders", {"id INTEGER", "title TEXT"}, {0}, true);
  reshaped.schema_hash = "hash-2";
  load(*sink, reshaped, {{integer(7), text("new")}}, at(2000));
  EXPECT_EQ(Rows({row({integer(7), text("new")})}), rows(reshaped));
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, reshaped, {integer(8), text("streamed")}));
  ASSERT_OK(sink->commit(at(3000)));
  EXPECT_EQ(2U, rows(reshaped).size());
  EXPECT_EQ("hash-2", peek().tables.at(0).schema_hash);
}

// Dropped and made again at the source: another oid, the same name.
TEST_P(Contract, ReloadMayComeFromAnotherTableOfThatName) {
  const auto orders = orders_table();
  const auto sink = open();
  load(*sink, orders, numbered(0, 3, "old"), at(1000));
  auto successor = orders;
  successor.source_oid = 999;
  load(*sink, successor, numbered(0, 1, "new"), at(2000));
  EXPECT_EQ(1U, rows(orders).size());
  ASSERT_EQ(1U, peek().tables.size());
  EXPECT_EQ(999U, peek().tables[0].source_oid);
}

TEST_P(Contract, TableOfSomebodyElseIsNotTouched) {
  const auto orders = orders_table();
  const auto sink = filled({});
  cache_->make_strange_table("orders");
  const CacheTable* const tables[] = {&orders};
  const auto refused = sink->begin_load(tables);
  ASSERT_FALSE(refused);
  EXPECT_EQ(Verdict::Operator, refused.error().verdict);
  EXPECT_EQ("table-exists", refused.error().code);
  EXPECT_EQ("orders", refused.error().table);
  EXPECT_FALSE(refused.error().remedy.empty());
  EXPECT_THAT(cache_->make_sink()->check(tables), Contains(Field(&Finding::severity, Finding::Severity::Error)));
  EXPECT_EQ(cache_->speaks_sql() ? std::optional(Rows()) : std::nullopt, cache_->query("SELECT x FROM orders"));
}

TEST_P(Contract, TableOfAnotherStreamIsNotTouched) {
  const auto orders = orders_table();
  const auto first = open("first");
  load(*first, orders, numbered(0, 3, "first"), at(1000));
  const auto second = open("second");
  const CacheTable* const tables[] = {&orders};
  const auto refused = second->begin_load(tables);
  ASSERT_FALSE(refused);
  EXPECT_EQ("table-exists", refused.error().code);
  EXPECT_EQ(3U, rows(orders).size());
}

TEST_P(Contract, IndexesAreMade) {
  if (!cache_->speaks_sql()) GTEST_SKIP() << "no SQL";
  auto orders = orders_table();
  orders.indexes = {{CacheIndex::Kind::Plain, "orders_by_name", {"\"name\"", "\"price\" DESC"}},
                    {CacheIndex::Kind::Plain, "by \"leaf\"", {"\"leaf\""}}};
  const auto sink = open();
  load(*sink, orders, numbered(0, 10, "a"), at(1000));
  for (int round = 0; round < 2; ++round) {  // once for the first load, once for a reload
    EXPECT_EQ(
        Rows({{text_cell("by \"leaf\""), text_cell("orders")}, {text_cell("orders_by_name"), text_cell("orders")}}),
        cache_->query("SELECT name, tbl_name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'orders'"));
    load(*sink, orders, numbered(0, 10, "b"), at(2000));
  }
}

TEST_P(Contract, ViewsOfAReaderSurviveAReload) {
  if (!cache_->speaks_sql()) GTEST_SKIP() << "no SQL";
  const auto orders = orders_table();
  const auto sink = open();
  load(*sink, orders, numbered(0, 3, "a"), at(1000));
  ASSERT_TRUE(cache_->query("CREATE VIEW names AS SELECT name FROM orders"));
  load(*sink, orders, numbered(0, 2, "b"), at(2000));
  EXPECT_EQ(Rows({{text_cell("b")}, {text_cell("b")}}), cache_->query("SELECT name FROM names"));
}

TEST_P(Contract, RemoveTakesWhatIsOurs) {
  const auto orders = orders_table();
  const auto events = events_table();
  const auto sink = filled({&orders}, "first");
  const auto other = filled({&events}, "second");
  cache_->make_strange_table("mine");
  auto records = peek("first").tables;
  auto strange = live(orders);
  strange.source_oid = 500;
  strange.cache_name = "mine";
  records.push_back(strange);
  records.push_back(live(events));
  ASSERT_OK(sink->remove(records));
  EXPECT_FALSE(cache_->rows(orders));
  EXPECT_FALSE(peek("first").checkpoint);
  EXPECT_TRUE(peek("first").tables.empty());
  EXPECT_TRUE(cache_->rows(events));
  EXPECT_EQ(at(1000), peek("second").checkpoint);
  EXPECT_EQ(cache_->speaks_sql() ? std::optional(Rows()) : std::nullopt, cache_->query("SELECT x FROM mine"));
  ASSERT_OK(cache_->make_sink("second")->remove(peek("second").tables));
  EXPECT_FALSE(cache_->rows(events));
  if (!cache_->speaks_sql()) return;
  EXPECT_EQ(Rows(), cache_->query("SELECT name FROM sqlite_master WHERE name GLOB '_walbridge_*'"));
}

TEST_P(Contract, RemovedStreamCanBeFilledAgain) {
  const auto orders = orders_table();
  {
    const auto sink = filled({&orders});
    ASSERT_OK(sink->remove(peek().tables));
  }
  const auto sink = open();
  EXPECT_FALSE(peek().checkpoint);
  load(*sink, orders, numbered(0, 3, "again"), at(5000));
  EXPECT_EQ(3U, rows(orders).size());
  EXPECT_EQ(at(5000), peek().checkpoint);
}

}  // namespace
}  // namespace walbridge::testing
