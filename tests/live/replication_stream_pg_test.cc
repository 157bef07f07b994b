// The stream against real servers: what it yields, how it resumes, what it confirms, when it gives a server up, and
// which positions it refuses.
#include "source-pg/replication_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>

#include "tests/live/pg_database.h"
#include "tests/live/stream_transcript.h"

namespace walbridge::live {
namespace {

using source_pg::ReplicationStream;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::ElementsAre;
using testing::HasSubstr;

class ReplicationStreamLive : public PgDatabase {
 protected:
  void SetUp() override {
    PgDatabase::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    run("CREATE TABLE t (id int PRIMARY KEY, v text)");
    run("CREATE TABLE unpublished (id serial PRIMARY KEY, v text)");
    run("CREATE PUBLICATION walbridge FOR TABLE t");
    from_ = create_slot();
    make_stream(milliseconds(60'000));
  }

  void TearDown() override {
    stream_.reset();
    PgDatabase::TearDown();
  }

  Lsn create_slot() {
    return lsn("SELECT lsn FROM pg_create_logical_replication_slot('" + config_.source.slot + "', 'pgoutput')");
  }

  void make_stream(milliseconds sender_timeout) {
    stream_ = std::make_unique<ReplicationStream>(
        ReplicationStream::Options{config_.source, unique("stream"), sender_timeout});
  }

  Lsn lsn(const std::string& query) {
    const auto parsed = parse_lsn(value(query));
    EXPECT_TRUE(parsed) << query;
    return parsed.value_or(Lsn{});
  }
  Lsn confirmed() {
    return lsn("SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '" + config_.source.slot + "'");
  }
  Lsn written() { return lsn("SELECT pg_current_wal_insert_lsn()"); }
  std::string sender_pid() {
    return value("SELECT active_pid FROM pg_replication_slots WHERE slot_name = '" + config_.source.slot + "'");
  }

  void start(Lsn from) {
    const Status started = stream_->start(from);
    ASSERT_TRUE(started) << describe(started.error());
  }
  Error refused(Lsn from) {
    const Status started = stream_->start(from);
    EXPECT_FALSE(started);
    return started ? Error{} : started.error();
  }

  bool eventually(const std::function<bool()>& condition, std::chrono::seconds at_most = std::chrono::seconds(20)) {
    const auto deadline = steady_clock::now() + at_most;
    while (!condition()) {
      if (steady_clock::now() > deadline) return false;
      usleep(10'000);
    }
    return true;
  }

  Lsn from_;
  std::unique_ptr<ReplicationStream> stream_;
};

TEST_P(ReplicationStreamLive, YieldsEveryKindOfChangeInOrder) {
  start(from_);
  StreamTranscript seen(*stream_);
  run("INSERT INTO t VALUES (1, 'one'), (2, NULL)");
  run("BEGIN; UPDATE t SET v = 'uno' WHERE id = 1; UPDATE t SET id = 20 WHERE id = 2; DELETE FROM t WHERE id = 20; "
      "COMMIT");
  run("SELECT pg_logical_emit_message(true, 'prefix', 'content')");
  run("TRUNCATE t");
  ASSERT_TRUE(seen.take_until([&] { return seen.lines.size() >= 6; })) << (seen.error ? describe(*seen.error) : "");
  EXPECT_THAT(seen.lines, ElementsAre("insert t 1,one", "insert t 2,null", "update t 1,uno",
                                      "update t from 2,null 20,null", "delete t from 20,null", "truncate t"));
  EXPECT_LE(stream_->silent_ms(), 30'000);
  EXPECT_GE(stream_->server_position(), seen.committed);
}

// A value is printed as under the canonical session, whatever the server's own settings are.
TEST_P(ReplicationStreamLive, PrintsValuesUnderTheCanonicalSession) {
  run("CREATE TABLE c (id int PRIMARY KEY, at timestamptz, during interval, x float8, b bytea)");
  run("ALTER PUBLICATION walbridge ADD TABLE c");
  run_on_server("ALTER DATABASE " + name_ + " SET datestyle = 'SQL, DMY'");
  run_on_server("ALTER DATABASE " + name_ + " SET timezone = 'Asia/Tokyo'");
  start(from_);
  StreamTranscript seen(*stream_);
  run("INSERT INTO c VALUES (1, '2026-11-21 10:00:00+00', '1 day 2 hours', 0.1, '\\xdead')");
  // Postgres 14 sends the empty transactions of the DDL above as well.
  ASSERT_TRUE(seen.take_until([&] { return !seen.lines.empty(); }));
  EXPECT_THAT(seen.lines, ElementsAre("insert c 1,2026-11-21 10:00:00+00,P1DT2H,0.1,\\xdead"));
}

TEST_P(ReplicationStreamLive, ResumesAfterALostConnectionWithoutLossOrRepetition) {
  start(from_);
  StreamTranscript first(*stream_);
  run("INSERT INTO t VALUES (1, 'one')");
  ASSERT_TRUE(first.take_until([&] { return !first.lines.empty() && first.committed; }));
  const Lsn durable = first.committed;
  run("SELECT pg_terminate_backend(" + sender_pid() + ")");
  ASSERT_FALSE(first.take_until([] { return false; }));
  ASSERT_TRUE(first.error);
  EXPECT_EQ(first.error->verdict, Verdict::Retry) << describe(*first.error);
  EXPECT_FALSE(stream_->confirm(durable)) << "a broken stream stays broken until start()";

  run("INSERT INTO t VALUES (2, 'two')");
  ASSERT_TRUE(eventually([&] { return bool{stream_->start(durable)}; })) << "the slot is free again";
  StreamTranscript second(*stream_);
  ASSERT_TRUE(second.take_until([&] { return !second.lines.empty(); }));
  EXPECT_THAT(second.lines, ElementsAre("insert t 2,two"));
}

TEST_P(ReplicationStreamLive, StopConfirmsWhatIsDurableAndFreesTheSlot) {
  start(from_);
  StreamTranscript seen(*stream_);
  run("INSERT INTO t VALUES (1, 'one')");
  ASSERT_TRUE(seen.take_until([&] { return !seen.lines.empty() && seen.committed; }));
  ASSERT_TRUE(stream_->confirm(seen.committed));
  stream_->stop();
  EXPECT_TRUE(eventually([&] { return confirmed() >= seen.committed && sender_pid().empty(); }));
  start(seen.committed);
}

// I2: the slot moves while other tables write, but only as far as the caller said.
TEST_P(ReplicationStreamLive, IdlePositionsMoveTheSlotOnceTheyAreDurable) {
  start(from_);
  StreamTranscript seen(*stream_);
  run("INSERT INTO unpublished (v) SELECT repeat('x', 500) FROM generate_series(1, 2000)");
  const Lsn target = written();
  ASSERT_TRUE(seen.take_until([&] { return seen.idle >= target || seen.committed >= target; }));
  EXPECT_TRUE(seen.lines.empty());
  EXPECT_LE(confirmed(), from_) << "nothing was called durable yet";
  seen.durable = std::max(seen.idle, seen.committed);
  EXPECT_TRUE(seen.take_until([&] { return confirmed() >= target; }));
}

// The server asks for a sign of life after half its timeout, in bytes that nobody takes from the socket.
TEST_P(ReplicationStreamLive, StaysConnectedWhileNoDataIsTaken) {
  make_stream(milliseconds(1'000));
  start(from_);
  const std::string pid = sender_pid();
  run("INSERT INTO t SELECT g, repeat('x', 1000) FROM generate_series(1, 20000) g");  // more than the socket holds
  const auto until = steady_clock::now() + std::chrono::seconds(4);
  while (steady_clock::now() < until) {
    const Status alive = stream_->confirm(from_);
    ASSERT_TRUE(alive) << describe(alive.error());
    stream_->wait(milliseconds(100), false);
  }
  EXPECT_EQ(sender_pid(), pid);
  StreamTranscript seen(*stream_);
  ASSERT_TRUE(seen.take_until([&] { return seen.lines.size() == 20'000; }))
      << (seen.error ? describe(*seen.error) : "");
}

// A process that is stopped keeps its connection but sends nothing: what a half-open connection looks like.
TEST_P(ReplicationStreamLive, GivesUpAServerThatHasGoneSilent) {
  make_stream(milliseconds(1'500));  // an interval of half a second
  start(from_);
  StreamTranscript seen(*stream_);
  run("INSERT INTO t VALUES (1, 'one')");
  ASSERT_TRUE(seen.take_until([&] { return !seen.lines.empty(); }));
  const pid_t sender = std::stoi(sender_pid());
  ASSERT_EQ(kill(sender, SIGSTOP), 0) << "the server must run on this machine, and the test as root or as its user";
  const bool enough = seen.take_until([] { return false; });
  EXPECT_EQ(kill(sender, SIGCONT), 0);
  ASSERT_FALSE(enough);
  ASSERT_TRUE(seen.error);
  EXPECT_EQ(seen.error->code, "stream-silent");
  EXPECT_EQ(seen.error->verdict, Verdict::Retry);
}

TEST_P(ReplicationStreamLive, RefusesAPositionTheServerHasNotReached) {
  const Lsn end = written();
  const Error error = refused(Lsn{end.value + (1U << 24)});
  EXPECT_EQ(error.code, "future-lsn");
  EXPECT_EQ(error.verdict, Verdict::Gap);
  EXPECT_FALSE(error.remedy.empty());
}

TEST_P(ReplicationStreamLive, RefusesASlotThatIsAhead) {
  run("INSERT INTO t VALUES (1, 'one')");
  value("SELECT pg_replication_slot_advance('" + config_.source.slot + "', pg_current_wal_lsn())");
  const Error error = refused(from_);
  EXPECT_EQ(error.code, "slot-ahead");
  EXPECT_EQ(error.verdict, Verdict::Gap);
}

TEST_P(ReplicationStreamLive, RefusesSlotsItCannotStreamFrom) {
  value("SELECT pg_drop_replication_slot('" + config_.source.slot + "')");
  EXPECT_EQ(refused(from_).verdict, Verdict::Gap) << "missing";
  from_ = create_slot();
  ReplicationStream other(ReplicationStream::Options{config_.source, "other", milliseconds(60'000)});
  ASSERT_TRUE(other.start(from_));
  const Error busy = refused(from_);
  EXPECT_EQ(busy.verdict, Verdict::Retry) << "in use";
  EXPECT_EQ(busy.code, "55006");
  other.stop();
  config_.source.url = config::Secret(url_with(server_, "postgres"));
  make_stream(milliseconds(60'000));
  EXPECT_EQ(refused(from_).code, "slot-database");
}

TEST_P(ReplicationStreamLive, ADroppedPublicationIsAGap) {
  start(from_);
  StreamTranscript seen(*stream_);
  run("INSERT INTO t VALUES (1, 'one')");
  ASSERT_TRUE(seen.take_until([&] { return !seen.lines.empty(); }));
  run("DROP PUBLICATION walbridge");
  run("INSERT INTO t VALUES (2, 'two')");
  ASSERT_FALSE(seen.take_until([] { return false; }));
  ASSERT_TRUE(seen.error);
  EXPECT_EQ(seen.error->verdict, Verdict::Gap) << describe(*seen.error);
  EXPECT_THAT(seen.lines, ElementsAre("insert t 1,one"));
}

TEST_P(ReplicationStreamLive, TakesLargeValuesAndKeepsToItsBudget) {
  start(from_);
  StreamTranscript seen(*stream_);
  seen.budget_bytes = 300'000;  // one arena block and a few hundred events
  run("INSERT INTO t VALUES (0, repeat('x', 30000000))");
  run("INSERT INTO t SELECT g, repeat('y', 90) FROM generate_series(1, 50000) g");
  ASSERT_TRUE(seen.take_until([&] { return seen.lines.size() == 50'001; }))
      << (seen.error ? describe(*seen.error) : "");
  EXPECT_EQ(seen.lines.front(), "insert t 0,30000000 bytes");
  EXPECT_LT(seen.most_events, 5'000U);
}

TEST_P(ReplicationStreamLive, WakeEndsAWaitFromAnotherThread) {
  start(from_);
  const auto begin = steady_clock::now();
  const auto waker = std::async(std::launch::async, [this] { stream_->wake(); });
  stream_->wait(std::chrono::seconds(9), false);
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(8));
}

WALBRIDGE_EVERY_POSTGRES(ReplicationStreamLive);

}  // namespace
}  // namespace walbridge::live
