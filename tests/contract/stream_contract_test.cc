// Transactions: what a commit brings, what an abandoned one leaves, and who may commit (I1, I3).
#include "tests/contract/contract_suite.h"

namespace walbridge::testing {
namespace {

using ::testing::AnyOf;

TEST_P(Contract, CommitBringsRowsAndCheckpointTogether) {
  const auto orders = orders_table();
  const auto sink = filled({&orders});
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, orders, {integer(1), text("a"), real(1.5), null(), integer(7)}));
  EXPECT_TRUE(rows(orders).empty());
  EXPECT_EQ(at(1000), peek().checkpoint);
  ASSERT_OK(sink->commit(at(2000)));
  EXPECT_EQ(Rows({row({integer(1), text("a"), real(1.5), null(), integer(7)})}), rows(orders));
  EXPECT_EQ(at(2000), peek().checkpoint);
  EXPECT_EQ(kSource, peek().source_id);
}

TEST_P(Contract, AbandonLeavesNothing) {
  const auto orders = orders_table();
  const auto sink = filled({&orders});
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, orders, {integer(1), text("a"), null(), null(), null()}));
  auto stopped = live(orders);
  stopped.state = TableState::Stopped;
  ASSERT_OK(sink->record(stopped));
  sink->abandon();
  const auto state = sink->open();
  ASSERT_TRUE(state) << describe(state.error());
  EXPECT_EQ(at(1000), state->checkpoint);
  ASSERT_EQ(1U, state->tables.size());
  EXPECT_EQ(TableState::Live, state->tables[0].state);
  EXPECT_TRUE(rows(orders).empty());
}

TEST_P(Contract, ManyCommitsFollowEachOther) {
  const auto orders = orders_table();
  const auto sink = filled({&orders});
  for (std::int64_t i = 1; i <= 20; ++i) {
    ASSERT_OK(sink->begin());
    ASSERT_OK(upsert(*sink, orders, {integer(i % 5), text("x"), null(), null(), integer(i)}));
    ASSERT_OK(sink->commit(at(1000 + static_cast<std::uint64_t>(i))));
  }
  EXPECT_EQ(5U, rows(orders).size());
  EXPECT_EQ(at(1020), peek().checkpoint);
}

TEST_P(Contract, IdlePositionMovesWithoutRows) {
  const auto orders = orders_table();
  const auto sink = filled({&orders});
  auto idle = at(1000);
  idle.end_lsn.value = 5000;
  ASSERT_OK(sink->begin());
  ASSERT_OK(sink->commit(idle));
  EXPECT_EQ(idle, peek().checkpoint);
}

TEST_P(Contract, PartOfATransactionIsSaidInTheCheckpoint) {
  const auto orders = orders_table();
  const auto sink = filled({&orders});
  auto part = at(1000);
  part.partial_commit_lsn.value = 0xFFFF'0000'0001;
  part.partial_changes = 123'456;
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, orders, {integer(1), null(), null(), null(), null()}));
  ASSERT_OK(sink->commit(part));
  EXPECT_EQ(part, peek().checkpoint);
  ASSERT_OK(sink->begin());
  ASSERT_OK(sink->commit(at(3000)));
  EXPECT_EQ(at(3000), peek().checkpoint);
}

TEST_P(Contract, PlaceInKafkaIsKept) {
  const auto orders = orders_table();
  auto sink = filled({&orders});
  EXPECT_EQ(KafkaPlace(), peek().checkpoint->kafka);
  auto through_kafka = at(2000);
  for (const KafkaPlace& place : {KafkaPlace{"shop's.changes-1", 0, 0}, KafkaPlace{"shop's.changes-1", 7, 1},
                                  KafkaPlace{"other", 2'147'483'647, 9'007'199'254'740'993}, KafkaPlace{}}) {
    through_kafka.kafka = place;
    ASSERT_OK(sink->begin());
    ASSERT_OK(upsert(*sink, orders, {integer(1), text("a"), null(), null(), null()}));
    ASSERT_OK(sink->commit(through_kafka));
    EXPECT_EQ(through_kafka, peek().checkpoint);
    sink = cache_->make_sink();
    const auto state = sink->open();
    ASSERT_TRUE(state) << describe(state.error());
    EXPECT_EQ(through_kafka, state->checkpoint);
  }
  if (!cache_->speaks_sql()) return;
  EXPECT_EQ(Rows({{null_cell(), null_cell(), null_cell()}}),
            cache_->query("SELECT kafka_topic, kafka_partition, kafka_offset FROM _walbridge_checkpoint"));
}

TEST_P(Contract, LoadThroughKafkaKeepsItsPlace) {
  const auto orders = orders_table();
  auto point = at(1000);
  point.kafka = {"shop.changes", 3, 42};
  const auto sink = open();
  const CacheTable* const tables[] = {&orders};
  const TableRecord records[] = {live(orders)};
  ASSERT_OK(sink->begin_load(tables));
  ASSERT_OK(sink->finish_load(records, kSource, point));
  EXPECT_EQ(point, peek().checkpoint);
  auto next = at(2000);
  next.kafka = {"shop.changes", 3, 43};
  ASSERT_OK(sink->begin());
  ASSERT_OK(sink->commit(next));
  EXPECT_EQ(next, peek().checkpoint);
}

TEST_P(Contract, MovedPlaceInKafkaStopsTheCommit) {
  const auto orders = orders_table();
  const auto sink = filled({&orders});
  auto through_kafka = at(2000);
  through_kafka.kafka = {"shop.changes", 0, 42};
  ASSERT_OK(sink->begin());
  ASSERT_OK(sink->commit(through_kafka));
  cache_->move_stored_offset("main", 41);
  Status failed = sink->begin();
  if (failed) failed = sink->commit(at(3000));
  ASSERT_FALSE(failed);
  EXPECT_EQ("cache-replaced", failed.error().code);
}

// A commit whose answer was lost moved nothing but the place in Kafka.
TEST_P(Contract, LostAnswerOfAPlaceInKafkaIsSettled) {
  const auto events = events_table();
  const auto sink = filled({&events});
  if (!cache_->lose_next_commit_answer()) GTEST_SKIP() << "a commit of this cache has no answer to lose";
  auto through_kafka = at(1000);
  through_kafka.kafka = {"shop.changes", 0, 42};
  ASSERT_OK(sink->begin());
  ASSERT_OK(insert(*sink, events, {text("a"), integer(1)}));
  ASSERT_FALSE(sink->commit(through_kafka));
  ASSERT_OK(sink->commit(through_kafka));
  EXPECT_EQ(1U, rows(events).size());
  EXPECT_EQ(through_kafka, peek().checkpoint);
}

TEST_P(Contract, LayoutWithoutKafkaIsUpgradedByTheWriterOnly) {
  if (!cache_->speaks_sql()) GTEST_SKIP() << "no layout";
  const auto orders = orders_table();
  { const auto sink = filled({&orders}); }
  cache_->make_layout_without_kafka();
  EXPECT_EQ(at(1000), peek().checkpoint);
  EXPECT_EQ("orders", peek().tables.at(0).cache_name);
  EXPECT_FALSE(cache_->query("SELECT kafka_offset FROM _walbridge_checkpoint"));
  const auto sink = cache_->make_sink();
  const auto state = sink->open();
  ASSERT_TRUE(state) << describe(state.error());
  EXPECT_EQ(at(1000), state->checkpoint);
  auto through_kafka = at(2000);
  through_kafka.kafka = {"shop.changes", 0, 42};
  ASSERT_OK(sink->begin());
  ASSERT_OK(sink->commit(through_kafka));
  EXPECT_EQ(through_kafka, peek().checkpoint);
  ASSERT_TRUE(cache_->make_sink()->open());
}

TEST_P(Contract, ReopeningGoesOnWhereTheCheckpointIs) {
  const auto orders = orders_table();
  {
    const auto sink = filled({&orders});
    ASSERT_OK(sink->begin());
    ASSERT_OK(upsert(*sink, orders, {integer(1), null(), null(), null(), null()}));
    ASSERT_OK(sink->commit(at(2000)));
  }
  const auto sink = cache_->make_sink();
  const auto state = sink->open();
  ASSERT_TRUE(state);
  EXPECT_EQ(at(2000), state->checkpoint);
  EXPECT_EQ(kSource, state->source_id);
  ASSERT_OK(sink->begin());
  ASSERT_OK(erase(*sink, orders, {integer(1)}));
  ASSERT_OK(sink->commit(at(3000)));
  EXPECT_TRUE(rows(orders).empty());
}

TEST_P(Contract, LaterWriterFencesTheEarlierOne) {
  const auto orders = orders_table();
  const auto earlier = filled({&orders});
  const auto later = open();
  Status failed = earlier->begin();
  if (failed) {
    failed = upsert(*earlier, orders, {integer(1), text("stale"), null(), null(), null()});
    if (failed) failed = earlier->commit(at(2000));
  }
  ASSERT_FALSE(failed);
  EXPECT_EQ("fenced", failed.error().code) << describe(failed.error());
  EXPECT_EQ(Verdict::Operator, failed.error().verdict);
  earlier->abandon();
  EXPECT_TRUE(rows(orders).empty());
  ASSERT_OK(later->begin());
  ASSERT_OK(upsert(*later, orders, {integer(2), null(), null(), null(), null()}));
  ASSERT_OK(later->commit(at(2000)));
  EXPECT_EQ(1U, rows(orders).size());
}

// A position that this writer did not leave behind: a restored backup, a replay, a gap.
TEST_P(Contract, MovedPositionStopsTheCommit) {
  const auto orders = orders_table();
  const auto sink = filled({&orders});
  for (const std::int64_t foreign : {500, 1500}) {
    cache_->move_stored_commit_lsn("main", foreign);
    Status failed = sink->begin();
    if (failed) {
      EXPECT_OK(upsert(*sink, orders, {integer(1), null(), null(), null(), null()}));
      failed = sink->commit(at(2000));
    }
    ASSERT_FALSE(failed);
    EXPECT_EQ(Verdict::Gap, failed.error().verdict);
    EXPECT_EQ("cache-replaced", failed.error().code);
    sink->abandon();
    EXPECT_TRUE(rows(orders).empty());
    EXPECT_EQ(static_cast<std::uint64_t>(foreign), peek().checkpoint->commit_lsn.value);
    ASSERT_TRUE(sink->open());
  }
}

TEST_P(Contract, LostCheckpointRowStopsTheCommit) {
  const auto orders = orders_table();
  const auto sink = filled({&orders});
  cache_->lose_checkpoint("main");
  Status failed = sink->begin();
  if (failed) {
    EXPECT_OK(upsert(*sink, orders, {integer(1), null(), null(), null(), null()}));
    failed = sink->commit(at(2000));
  }
  ASSERT_FALSE(failed);
  EXPECT_EQ(Verdict::Gap, failed.error().verdict);
  EXPECT_EQ("cache-replaced", failed.error().code);
  sink->abandon();
  EXPECT_TRUE(rows(orders).empty());
  EXPECT_FALSE(peek().checkpoint);
}

TEST_P(Contract, LostAnswerIsSettledByRepeatingTheCommit) {
  const auto events = events_table();
  const auto sink = filled({&events});
  if (!cache_->lose_next_commit_answer()) GTEST_SKIP() << "a commit of this cache has no answer to lose";
  ASSERT_OK(sink->begin());
  ASSERT_OK(insert(*sink, events, {text("a"), integer(1)}));
  const auto lost = sink->commit(at(2000));
  ASSERT_FALSE(lost);
  EXPECT_EQ(Verdict::Retry, lost.error().verdict);
  EXPECT_EQ(1U, rows(events).size());
  ASSERT_OK(sink->commit(at(2000)));
  EXPECT_EQ(1U, rows(events).size());
  ASSERT_OK(sink->begin());
  ASSERT_OK(insert(*sink, events, {text("a"), integer(1)}));
  ASSERT_OK(sink->commit(at(3000)));
  EXPECT_EQ(2U, rows(events).size());
}

// The same, when the bridge dies before it can ask: open() tells.
TEST_P(Contract, LostAnswerIsSeenByOpen) {
  const auto events = events_table();
  const auto sink = filled({&events});
  if (!cache_->lose_next_commit_answer()) GTEST_SKIP() << "a commit of this cache has no answer to lose";
  ASSERT_OK(sink->begin());
  ASSERT_OK(insert(*sink, events, {text("a"), integer(1)}));
  ASSERT_FALSE(sink->commit(at(2000)));
  sink->abandon();
  const auto state = sink->open();
  ASSERT_TRUE(state);
  EXPECT_EQ(at(2000), state->checkpoint);
}

// A position that does not move (only a record is written) is no repetition either.
TEST_P(Contract, CommitAtTheSamePositionIsNotTakenForARepetition) {
  const auto events = events_table();
  const auto sink = filled({&events});
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK(sink->begin());
    ASSERT_OK(insert(*sink, events, {text("a"), integer(i)}));
    ASSERT_OK(sink->commit(at(1000)));
  }
  EXPECT_EQ(3U, rows(events).size());
}

TEST_P(Contract, TwoStreamsShareACache) {
  const auto orders = orders_table();
  auto events = events_table();
  events.source_oid = orders.source_oid;  // oids are another database's: they may well be the same
  const auto first = filled({&orders}, "first");
  const auto second = filled({&events}, "second");
  ASSERT_OK(first->begin());
  ASSERT_OK(upsert(*first, orders, {integer(1), null(), null(), null(), null()}));
  ASSERT_OK(first->commit(at(2000)));
  ASSERT_OK(second->begin());
  ASSERT_OK(insert(*second, events, {text("a"), integer(1)}));
  ASSERT_OK(second->commit(at(3000)));
  EXPECT_EQ(at(2000), peek("first").checkpoint);
  EXPECT_EQ(at(3000), peek("second").checkpoint);
  ASSERT_EQ(1U, peek("first").tables.size());
  EXPECT_EQ("orders", peek("first").tables[0].cache_name);
}

TEST_P(Contract, TableRecordsKeepEveryField) {
  const auto orders = orders_table();
  const auto sink = filled({&orders});
  TableRecord record = live(orders, 777);
  record.state = TableState::Stopped;
  record.code = "no-key";
  record.reason = "table \"o'rders\": no key; add one — then \"resync\"";
  record.stopped_at.value = 0x1'0000'0001;
  record.source_oid = 4'294'967'295;
  ASSERT_OK(sink->begin());
  ASSERT_OK(sink->record(record));
  ASSERT_OK(sink->commit(at(2000)));
  const auto tables = peek().tables;
  ASSERT_EQ(2U, tables.size());
  EXPECT_EQ(record.source_oid, tables[1].source_oid);
  EXPECT_EQ(record.source_name, tables[1].source_name);
  EXPECT_EQ(record.cache_name, tables[1].cache_name);
  EXPECT_EQ(TableState::Stopped, tables[1].state);
  EXPECT_EQ(record.schema_hash, tables[1].schema_hash);
  EXPECT_EQ(record.snapshot_lsn, tables[1].snapshot_lsn);
  EXPECT_EQ(record.code, tables[1].code);
  EXPECT_EQ(record.reason, tables[1].reason);
  EXPECT_EQ(record.stopped_at, tables[1].stopped_at);
}

TEST_P(Contract, LargeTransactionIsOne) {
  const auto orders = orders_table();
  const auto sink = filled({&orders});
  ASSERT_OK(sink->begin());
  for (std::int64_t i = 0; i < 10'000; ++i) {
    ASSERT_OK(upsert(*sink, orders, {integer(i), text("some text that makes it wider"), real(0.5), null(), null()}));
  }
  EXPECT_TRUE(rows(orders).empty());
  ASSERT_OK(sink->commit(at(2000)));
  EXPECT_EQ(10'000U, rows(orders).size());
}

TEST_P(Contract, FreshnessIsThereForReaders) {
  if (!cache_->speaks_sql()) GTEST_SKIP() << "no SQL";
  const auto orders = orders_table();
  const auto sink = filled({&orders});
  auto checkpoint = at(2000);
  checkpoint.commit_lsn.value = 0x16'B374'D848;
  checkpoint.end_lsn.value = 0x16'B374'D850;
  ASSERT_OK(sink->begin());
  ASSERT_OK(sink->commit(checkpoint));
  const auto fresh = cache_->query(
      "SELECT stream, commit_lsn, end_lsn, commit_time, seconds_since_commit BETWEEN -1e9 AND 1e9, "
      "julianday('now') - julianday(applied_at) BETWEEN -0.01 AND 0.01 FROM _walbridge_freshness");
  EXPECT_EQ(Rows({{text_cell("main"), text_cell("16/B374D848"), text_cell("16/B374D850"),
                   text_cell(to_iso(checkpoint.committed_at)), integer_cell(1), integer_cell(1)}}),
            fresh);
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Caches, Contract, ::testing::ValuesIn(caches_under_test()),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace walbridge::testing
