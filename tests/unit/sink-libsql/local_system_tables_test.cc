#include <gtest/gtest.h>

#include "sink-libsql/system_tables.h"

namespace walbridge::sink_libsql {
namespace {

TEST(LocalSystemTables, LoadTablesAreTheStreamsOwn) {
  EXPECT_EQ("_walbridge_load_7_a_b", load_table_name("a_b", 7));
  EXPECT_TRUE(is_load_table("a_b", "_walbridge_load_7_a_b"));
  EXPECT_FALSE(is_load_table("b", "_walbridge_load_7_a_b"));
  EXPECT_FALSE(is_load_table("a_b", "_walbridge_load_a_b"));
  EXPECT_FALSE(is_load_table("a_b", "_walbridge_load_7"));
  EXPECT_TRUE(is_load_table("1_2", load_table_name("1_2", 3)));
}

TEST(LocalSystemTables, TimesComeBack) {
  for (const std::int64_t micros : {std::int64_t{1'790'000'000'123'456}, std::int64_t{946'684'800'000'000}}) {
    EXPECT_EQ(micros, time_from_stored(*stored_time({micros})).micros);
  }
  EXPECT_FALSE(stored_time({}));
  for (const char* wrong : {"", "now", "2026-13-01T00:00:00.000000+00:00", "2026-11-21"}) {
    EXPECT_EQ(0, time_from_stored(wrong).micros);
  }
}

TEST(LocalSystemTables, UnknownStateStopsTheTable) {
  EXPECT_EQ(TableState::Live, table_state_from_stored("live"));
  EXPECT_EQ(TableState::Pending, table_state_from_stored("pending"));
  EXPECT_EQ(TableState::Stopped, table_state_from_stored("from a later version"));
}

TEST(LocalSystemTables, OutcomeOfACommitIsRead) {
  StoredCheckpoint before{"source", 3, 5, {}};
  before.checkpoint.commit_lsn.value = 10;
  Checkpoint wanted;
  wanted.commit_lsn.value = 20;
  EXPECT_EQ(CommitOutcome::NotApplied, settle_commit(before, wanted, before));
  EXPECT_EQ(CommitOutcome::Applied, settle_commit(before, wanted, StoredCheckpoint{"source", 3, 6, wanted}));
  EXPECT_EQ(CommitOutcome::Applied,
            settle_commit(before, before.checkpoint, StoredCheckpoint{"source", 3, 6, before.checkpoint}));
  EXPECT_EQ(CommitOutcome::Fenced, settle_commit(before, wanted, StoredCheckpoint{"source", 4, 0, before.checkpoint}));
  EXPECT_EQ(CommitOutcome::Replaced, settle_commit(before, wanted, StoredCheckpoint{"source", 3, 7, wanted}));
  EXPECT_EQ(CommitOutcome::Replaced, settle_commit(before, wanted, StoredCheckpoint{"source", 2, 6, wanted}));
  EXPECT_EQ(CommitOutcome::Replaced, settle_commit(before, wanted, std::nullopt));
}

}  // namespace
}  // namespace walbridge::sink_libsql
