// Which transactions the first chunk of a table waits for, and how the table gets published before.
#include "source-pg/backfill_writers.h"

#include <gmock/gmock.h>

#include <string>

#include "tests/live/backfill_database.h"

namespace walbridge::live {
namespace {

using source_pg::Connection;
using testing::ElementsAre;
using testing::HasSubstr;

class BackfillWritersTest : public BackfillDatabase {
 protected:
  // For the whole server; commits of sessions that do not mind it go on.
  void set_standbys(const std::string& names) {
    auto connection = another();
    EXPECT_TRUE(connection.execute("ALTER SYSTEM SET synchronous_standby_names = '" + names + "'"));
    EXPECT_TRUE(connection.execute("SELECT pg_reload_conf()"));
    EXPECT_TRUE(eventually([&] { return value("SHOW synchronous_standby_names") == names; }));
  }
  class StandbyThatNeverAnswers {
   public:
    explicit StandbyThatNeverAnswers(BackfillWritersTest& test) : test_(test) { test_.set_standbys("nobody"); }
    StandbyThatNeverAnswers(const StandbyThatNeverAnswers&) = delete;
    StandbyThatNeverAnswers& operator=(const StandbyThatNeverAnswers&) = delete;
    ~StandbyThatNeverAnswers() { test_.set_standbys(""); }

   private:
    BackfillWritersTest& test_;
  };
};

// ---- the transactions that wrote before the table was published ----

TEST_P(BackfillWritersTest, WaitsForOpenWriters) {
  run("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  auto writer = another();
  auto elsewhere = another();
  auto vacuum_like = another();
  ASSERT_TRUE(writer.execute("BEGIN; SAVEPOINT a; INSERT INTO t VALUES (2)"));
  ASSERT_TRUE(elsewhere.execute("BEGIN; INSERT INTO other VALUES (1); SELECT * FROM t"));
  ASSERT_TRUE(vacuum_like.execute("BEGIN; LOCK TABLE other IN SHARE UPDATE EXCLUSIVE MODE"));
  auto wanted = request("t", {"id"}, {"id"});
  wanted.first = true;
  const auto error = refused(wanted);
  EXPECT_EQ(error.code, "writers");
  EXPECT_EQ(error.verdict, Verdict::Retry);
  EXPECT_THAT(error.message, HasSubstr("pid " + std::to_string(writer.backend_pid()) + " (shop, open for "));
  EXPECT_EQ(error.message.find("INSERT"), std::string::npos);
  EXPECT_EQ(error.message.find(std::to_string(elsewhere.backend_pid())), std::string::npos);
  EXPECT_EQ(value("SELECT string_agg(tablename, ' ') FROM pg_publication_tables WHERE pubname = 'walbridge'"), "t")
      << "published before it waits";
  EXPECT_EQ(transactions_of_backfill(), "0");

  // Who comes later writes when the table is published: nobody waits for them.
  auto later = another();
  ASSERT_TRUE(later.execute("BEGIN; INSERT INTO t VALUES (3)"));
  EXPECT_EQ(refused(wanted).code, "writers");
  ASSERT_TRUE(writer.execute("COMMIT; BEGIN; INSERT INTO t VALUES (4)"));
  EXPECT_THAT(chunk(wanted).lines, ElementsAre("1", "2"));
}

TEST_P(BackfillWritersTest, WaitsForWritersOfALeaf) {
  run("CREATE TABLE r (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE r1 PARTITION OF r FOR VALUES FROM (0) "
      "TO "
      "(10); CREATE TABLE r2 PARTITION OF r FOR VALUES FROM (10) TO (20)");
  auto writer = another();
  ASSERT_TRUE(writer.execute("BEGIN; INSERT INTO r2 VALUES (11)"));
  auto wanted = request("r", {"id"}, {"id"});
  wanted.first = true;
  EXPECT_THAT(refused(wanted).message, HasSubstr("pid " + std::to_string(writer.backend_pid())));
  ASSERT_TRUE(writer.execute("ROLLBACK"));
  EXPECT_TRUE(chunk(wanted).lines.empty());
  EXPECT_EQ(
      value("SELECT string_agg(tablename, ' ' ORDER BY 1) FROM pg_publication_tables WHERE pubname = 'walbridge'"),
      "r1 r2");
}

TEST_P(BackfillWritersTest, WaitsForPreparedTransactions) {
  run("CREATE TABLE t (id int PRIMARY KEY)");
  const auto gid = unique("it's ");
  const auto quoted = sql().quote_literal(gid);
  run("BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION " + quoted);
  auto wanted = request("t", {"id"}, {"id"});
  wanted.first = true;
  auto error = refused(wanted);
  EXPECT_EQ(error.code, "writers");
  EXPECT_THAT(error.message, HasSubstr("prepared transaction " + quoted + " (open for "));
  run("COMMIT PREPARED " + quoted);
  EXPECT_THAT(chunk(wanted).lines, ElementsAre("1"));

  // One that is prepared while we wait is still the one that wrote.
  auto writer = another();
  ASSERT_TRUE(writer.execute("BEGIN; INSERT INTO t VALUES (2)"));
  EXPECT_THAT(refused(wanted).message, HasSubstr("pid " + std::to_string(writer.backend_pid())));
  ASSERT_TRUE(writer.execute("PREPARE TRANSACTION " + quoted));
  error = refused(wanted);
  EXPECT_EQ(error.code, "writers");
  EXPECT_THAT(error.message, HasSubstr("prepared transaction"));
  writer = Connection();
  EXPECT_EQ(refused(wanted).code, "writers");
  run("ROLLBACK PREPARED " + quoted);
  EXPECT_THAT(chunk(wanted).lines, ElementsAre("1"));
}

// A commit that waits for a standby is in the log, and not yet visible.
TEST_P(BackfillWritersTest, WaitsForACommitThatWaitsForAStandby) {
  run("CREATE TABLE t (id int PRIMARY KEY); ALTER PUBLICATION walbridge ADD TABLE t; SET synchronous_commit = local");
  auto writer = another();
  auto wanted = request("t", {"id"}, {"id"});
  wanted.first = true;
  {
    StandbyThatNeverAnswers standby(*this);
    // The server's processes take the setting up one after the other, so the commit is tried until one hangs.
    int id = 0;
    EXPECT_TRUE(eventually([&] {
      while (PQisBusy(writer.raw()) == 0 && PQgetResult(writer.raw()) != nullptr) {
      }
      PQsendQuery(writer.raw(), ("INSERT INTO t VALUES (" + std::to_string(++id) + ")").c_str());
      for (int tries = 0; tries < 20; ++tries) {
        if (value("SELECT wait_event FROM pg_stat_activity WHERE pid = " + std::to_string(writer.backend_pid())) ==
            "SyncRep") {
          return true;
        }
        PQconsumeInput(writer.raw());
        usleep(5'000);
      }
      return false;
    }));
    EXPECT_EQ(value("SELECT count(*) FROM t WHERE id = " + std::to_string(id)), "0") << "not visible";
    for (int tries = 0; tries < 3; ++tries) {
      const auto error = refused(wanted);
      EXPECT_EQ(error.code, "writers");
      EXPECT_THAT(error.message, HasSubstr("pid " + std::to_string(writer.backend_pid())));
    }
    wanted.first = false;
    EXPECT_EQ(chunk(wanted).lines.size(), static_cast<std::size_t>(id - 1)) << "what the wait is for";
    wanted.first = true;
    EXPECT_EQ(refused(wanted).code, "writers");
  }
  EXPECT_TRUE(eventually([&] { return static_cast<bool>(source_->open(wanted)); }));
  const auto piece = source_->next();
  ASSERT_TRUE(piece);
  EXPECT_EQ(std::to_string(piece->rows), value("SELECT max(id) FROM t")) << "it has the row that was waited for";
}

// ---- the publication ----

TEST_P(BackfillWritersTest, PublishesOnlyWhereItMayAndWhereUpdatesGoOnWorking) {
  run("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE bare (id int)");
  auto wanted = request("bare", {"id"}, {});
  wanted.first = true;
  auto error = refused(wanted);
  EXPECT_EQ(error.code, "replica-identity");
  EXPECT_EQ(error.verdict, Verdict::Operator);
  run("INSERT INTO bare VALUES (1); UPDATE bare SET id = 2");

  wanted = request("t", {"id"}, {"id"});
  wanted.first = true;
  run("COMMENT ON PUBLICATION walbridge IS NULL");
  for (const bool create : {true, false}) {
    config_.source.create_publication = create;
    source_ = source_pg::open_backfill_source(config_);
    error = refused(wanted);
    EXPECT_EQ(error.code, "publication");
    EXPECT_EQ(error.verdict, Verdict::Operator);
    EXPECT_EQ(error.remedy, R"(ALTER PUBLICATION "walbridge" ADD TABLE ONLY "public"."t")");
  }
  run(error.remedy);
  EXPECT_TRUE(source_->open(wanted));
}

TEST_P(BackfillWritersTest, NamesWhoKeepsItFromPublishing) {
  run("CREATE TABLE t (id int PRIMARY KEY)");
  auto other = another();
  ASSERT_TRUE(other.execute("BEGIN; LOCK TABLE t IN SHARE UPDATE EXCLUSIVE MODE"));
  auto wanted = request("t", {"id"}, {"id"});
  wanted.first = true;
  const auto error = refused(wanted);
  EXPECT_EQ(error.verdict, Verdict::Retry) << describe(error);
  EXPECT_EQ(error.code, "55P03");
  EXPECT_THAT(error.message, HasSubstr("pid " + std::to_string(other.backend_pid()) + " (shop, open for "));
  ASSERT_TRUE(other.execute("ROLLBACK"));
  EXPECT_TRUE(source_->open(wanted));
}

WALBRIDGE_EVERY_POSTGRES(BackfillWritersTest);

}  // namespace
}  // namespace walbridge::live
