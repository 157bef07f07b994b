#include "source-pg/admin.h"

#include <gmock/gmock.h>

#include <map>
#include <string>
#include <vector>

#include "source-pg/open.h"
#include "source-pg/slot.h"
#include "tests/live/pg_database.h"

namespace walbridge::source_pg {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class AdminTest : public live::PgDatabase {
 protected:
  std::unique_ptr<SourceAdmin> admin() const { return open_source_admin(config_); }

  // The tables called `names`, alive until the next call.
  std::vector<PublishedTable> tables(const std::vector<std::string>& names) {
    auto described = admin()->describe_tables();
    EXPECT_TRUE(described) << (described ? "" : describe(described.error()));
    described_ = described ? *std::move(described) : std::vector<SourceTable>{};
    std::vector<PublishedTable> chosen;
    for (const auto& name : names) {
      for (const auto& table : described_) {
        if (table.name == name) chosen.push_back({&table});
      }
    }
    EXPECT_EQ(chosen.size(), names.size());
    return chosen;
  }

  std::string published() {
    return value(
        "SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_publication_tables WHERE pubname = 'walbridge'");
  }

  void create_slot(const std::string& plugin = "pgoutput") {
    run("SELECT pg_create_logical_replication_slot('" + config_.source.slot + "', '" + plugin + "')");
  }

  static std::map<std::string, Finding> by_code(const std::vector<Finding>& findings) {
    std::map<std::string, Finding> map;
    for (const auto& finding : findings) map[finding.code + " " + finding.subject] = finding;
    return map;
  }

 private:
  std::vector<SourceTable> described_;
};

TEST_P(AdminTest, IdentityNamesSystemTimelineDatabaseAndSlot) {
  const auto identity = admin()->identity();
  ASSERT_TRUE(identity) << describe(identity.error());
  EXPECT_EQ(*identity,
            value("SELECT system_identifier FROM pg_control_system()") + "/1/" + name_ + "/" + config_.source.slot);
}

TEST_P(AdminTest, OnlyOneHoldsTheLock) {
  auto first = admin();
  ASSERT_TRUE(first->lock());
  EXPECT_TRUE(first->lock());
  auto second = admin();
  const auto refused = second->lock();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "already-running");
  EXPECT_EQ(refused.error().verdict, Verdict::Operator);
  const auto holder = value(
      "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database "
      "WHERE datname = current_database())");
  EXPECT_THAT(refused.error().message, HasSubstr("pid " + holder + " "));

  config_.source.slot += "_b";
  EXPECT_TRUE(admin()->lock()) << "another slot is another lock";
  first.reset();
  auto freed = second->lock();
  for (int tries = 0; tries < 500 && !freed; ++tries) {
    usleep(10'000);
    freed = second->lock();
  }
  EXPECT_TRUE(freed);
}

TEST_P(AdminTest, TakesTheLockAgainAfterItsConnectionWasKilled) {
  auto first = admin();
  ASSERT_TRUE(first->lock());
  run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'walbridge admin' AND datname = "
      "current_database()");
  // The first call notices the loss, a later one reconnects.
  auto identity = first->identity();
  for (int tries = 0; tries < 500 && !identity; ++tries) {
    EXPECT_EQ(identity.error().verdict, Verdict::Retry) << describe(identity.error());
    usleep(10'000);
    identity = first->identity();
  }
  ASSERT_TRUE(identity);
  EXPECT_FALSE(admin()->lock());
}

TEST_P(AdminTest, CreatesThePublicationWithLeavesAndFollowsThePlan) {
  run("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE child () INHERITS (a)");
  run("CREATE TABLE r (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE r1 PARTITION OF r FOR VALUES FROM (0) "
      "TO (10)");
  const auto source = admin();
  ASSERT_TRUE(source->ensure_publication(tables({"a", "r"})));
  EXPECT_EQ(published(), "a r1") << "neither the inheritance child nor the root";
  EXPECT_TRUE(source->verify_publication(tables({"a", "r"})));

  run("CREATE TABLE r2 PARTITION OF r FOR VALUES FROM (10) TO (20)");
  const auto lacking = source->verify_publication(tables({"a", "r"}));
  ASSERT_FALSE(lacking);
  EXPECT_EQ(lacking.error().verdict, Verdict::Gap);
  EXPECT_THAT(lacking.error().message, HasSubstr("public.r2"));

  ASSERT_TRUE(source->ensure_publication(tables({"b", "r"})));
  EXPECT_EQ(published(), "b r1 r2");
  ASSERT_TRUE(source->ensure_publication(tables({"b", "r"})));
  run("ALTER PUBLICATION walbridge SET (publish = 'insert')");
  EXPECT_EQ(source->verify_publication(tables({"b"})).error().verdict, Verdict::Gap);
  ASSERT_TRUE(source->ensure_publication(tables({"b"})));
  EXPECT_EQ(published(), "b");
  EXPECT_EQ(value("SELECT pubdelete FROM pg_publication WHERE pubname = 'walbridge'"), "t");

  run("DROP PUBLICATION walbridge");
  const auto gone = source->verify_publication(tables({"b"}));
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().verdict, Verdict::Gap);
  EXPECT_THAT(gone.error().message, HasSubstr("does not exist"));
}

TEST_P(AdminTest, LeavesAPublicationOfOthersAlone) {
  run("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); CREATE PUBLICATION walbridge FOR "
      "TABLE a");
  for (const bool create : {true, false}) {
    config_.source.create_publication = create;
    const auto source = admin();
    EXPECT_TRUE(source->ensure_publication(tables({"a"})));
    const auto refused = source->ensure_publication(tables({"a", "b"}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().verdict, Verdict::Operator);
    EXPECT_THAT(refused.error().message, HasSubstr("lacks public.b"));
    EXPECT_THAT(refused.error().remedy, HasSubstr(R"(ALTER PUBLICATION "walbridge" ADD TABLE ONLY "public"."b")"));
    EXPECT_EQ(published(), "a");
    const auto owned = source->owned();
    ASSERT_TRUE(owned);
    EXPECT_TRUE(owned->empty());
    EXPECT_TRUE(source->drop({"publication", "walbridge", "DROP PUBLICATION walbridge"}));
    EXPECT_EQ(published(), "a") << "what is not ours is not dropped";
  }
  run("DROP PUBLICATION walbridge");
  const auto missing = admin()->ensure_publication(tables({"a"}));
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().remedy, StartsWith("CREATE PUBLICATION"));
  run("CREATE PUBLICATION walbridge FOR ALL TABLES");
  EXPECT_TRUE(admin()->ensure_publication(tables({"a", "b"})));
  EXPECT_TRUE(by_code(admin()->preflight(tables({"a"}))).contains("publication-all-tables source"));
  if (version() >= 15) {
    run("DROP PUBLICATION walbridge; CREATE PUBLICATION walbridge FOR TABLE a WHERE (id > 5)");
    EXPECT_THAT(admin()->ensure_publication(tables({"a"})).error().message, HasSubstr("filters rows of public.a"));
    run("DROP PUBLICATION walbridge; CREATE PUBLICATION walbridge FOR TABLES IN SCHEMA public");
    EXPECT_TRUE(admin()->ensure_publication(tables({"a", "b"})));
  }
}

TEST_P(AdminTest, ReportsTheSlot) {
  const auto source = admin();
  auto status = source->slot_status();
  ASSERT_TRUE(status) << describe(status.error());
  EXPECT_FALSE(status->exists);
  EXPECT_TRUE(status->current_lsn);

  create_slot();
  run("SELECT pg_logical_emit_message(true, 'x', repeat('y', 110000))");  // its commit flushes
  status = source->slot_status();
  ASSERT_TRUE(status);
  EXPECT_TRUE(status->exists);
  EXPECT_FALSE(status->active);
  EXPECT_EQ(status->wal_status, "reserved");
  EXPECT_EQ(status->plugin, "pgoutput");
  EXPECT_EQ(status->database, name_);
  EXPECT_LE(status->restart_lsn, status->confirmed_flush_lsn);
  EXPECT_LT(status->confirmed_flush_lsn, status->current_lsn);
  EXPECT_GE(status->retained_bytes, 100000U);
  EXPECT_FALSE(status->safe_bytes);
}

TEST_P(AdminTest, RefusesASlotThatIsNotOurs) {
  create_slot("test_decoding");
  auto refused = admin()->slot_status();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "slot-plugin");
  EXPECT_EQ(refused.error().verdict, Verdict::Operator);
  EXPECT_TRUE(admin()->owned()->empty());

  auto elsewhere = config_;
  elsewhere.source.url = config::Secret(live::url_with(server_, "postgres"));
  run("SELECT pg_drop_replication_slot('" + config_.source.slot + "')");
  create_slot();
  refused = open_source_admin(elsewhere)->slot_status();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "slot-database");
  EXPECT_TRUE(open_source_admin(elsewhere)->owned()->empty());
}

TEST_P(AdminTest, ReportsALostSlotAsAGap) {
  create_slot();
  run_on_server("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'");
  run_on_server("SELECT pg_reload_conf()");
  bool lost = false;
  for (int tries = 0; tries < 60 && !lost; ++tries) {
    run("SELECT pg_logical_emit_message(false, 'x', repeat('y', 1000000))");
    run("SELECT pg_switch_wal()");
    run("CHECKPOINT");
    lost =
        value("SELECT wal_status FROM pg_replication_slots WHERE slot_name = '" + config_.source.slot + "'") == "lost";
  }
  run_on_server("ALTER SYSTEM RESET max_slot_wal_keep_size");
  run_on_server("SELECT pg_reload_conf()");
  ASSERT_TRUE(lost);
  const auto status = admin()->slot_status();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().verdict, Verdict::Gap);
  EXPECT_EQ(status.error().code, "slot-lost");
  const auto owned = admin()->owned();
  ASSERT_TRUE(owned);
  ASSERT_EQ(owned->size(), 1U) << "a lost slot is still ours to drop";
  EXPECT_TRUE(admin()->drop(owned->front()));
}

TEST_P(AdminTest, ListsAndRemovesExactlyWhatItMade) {
  run("CREATE TABLE a (id int PRIMARY KEY); CREATE PUBLICATION theirs FOR TABLE a");
  run("SELECT pg_create_logical_replication_slot('" + unique("theirs") + "', 'pgoutput')");
  const auto source = admin();
  ASSERT_TRUE(source->ensure_publication(tables({"a"})));
  create_slot();
  const auto owned = source->owned();
  ASSERT_TRUE(owned);
  ASSERT_EQ(owned->size(), 3U);
  EXPECT_EQ((*owned)[0].kind, "slot");
  EXPECT_EQ((*owned)[0].drop_sql, "SELECT pg_drop_replication_slot('" + config_.source.slot + "')");
  EXPECT_EQ((*owned)[1].kind, "publication");
  EXPECT_EQ((*owned)[1].drop_sql, "DROP PUBLICATION \"walbridge\"");
  EXPECT_EQ((*owned)[2].drop_sql, "DROP PUBLICATION \"walbridge_append\"");
  for (const auto& object : *owned) {
    const auto dropped = source->drop(object);
    EXPECT_TRUE(dropped) << describe(dropped.error());
    EXPECT_TRUE(source->drop(object)) << "gone already is fine";
  }
  EXPECT_EQ(value("SELECT string_agg(slot_name, ' ') FROM pg_replication_slots WHERE database = current_database()"),
            unique("theirs"));
  EXPECT_EQ(value("SELECT string_agg(pubname, ' ') FROM pg_publication"), "theirs");
}

TEST_P(AdminTest, EndsItsOwnStreamBeforeDroppingAndNobodyElses) {
  run("CREATE PUBLICATION walbridge FOR ALL TABLES");
  create_slot();
  const auto start = "START_REPLICATION SLOT " + config_.source.slot +
                     " LOGICAL 0/0 (proto_version '1', publication_names 'walbridge')";
  for (const std::string name : {"psql", "walbridge/x/stream"}) {
    auto streaming = Connection::open(config_.source, Connection::Kind::Replication, name);
    ASSERT_TRUE(streaming);
    // The server may take a moment to let go of the slot after it was made or last read.
    ExecStatusType answer = PGRES_FATAL_ERROR;
    for (int tries = 0; tries < 500 && answer != PGRES_COPY_BOTH; ++tries) {
      const Rows both(PQexec(streaming->raw(), start.c_str()));
      answer = PQresultStatus(both.raw());
      if (answer == PGRES_FATAL_ERROR) {
        ASSERT_STREQ(PQresultErrorField(both.raw(), PG_DIAG_SQLSTATE), "55006");
      }
      if (answer != PGRES_COPY_BOTH) usleep(10'000);
    }
    ASSERT_EQ(answer, PGRES_COPY_BOTH);
    const auto owned = admin()->owned();
    ASSERT_TRUE(owned);
    ASSERT_EQ(owned->size(), 1U);
    const auto dropped = admin()->drop(owned->front());
    EXPECT_EQ(static_cast<bool>(dropped), name != "psql");
    if (!dropped) {
      EXPECT_EQ(dropped.error().code, "slot-in-use");
      EXPECT_EQ(dropped.error().verdict, Verdict::Operator);
    }
    streaming = Connection();
    for (int tries = 0;
         tries < 500 &&
         value("SELECT bool_or(active) FROM pg_replication_slots WHERE database = current_database()") == "t";
         ++tries) {
      usleep(10'000);
    }
  }
  EXPECT_EQ(value("SELECT count(*) FROM pg_replication_slots WHERE database = current_database()"), "0");
}

TEST_P(AdminTest, PreflightOfAReadySource) {
  run("CREATE TABLE a (id int PRIMARY KEY)");
  for (const auto& finding : admin()->preflight(tables({"a"}))) {
    EXPECT_NE(finding.severity, Finding::Severity::Error) << finding.code << " " << finding.message;
    if (finding.severity == Finding::Severity::Warning) {
      EXPECT_FALSE(finding.fix.empty()) << finding.code;
    }
  }
  const auto findings = by_code(admin()->preflight(tables({"a"})));
  EXPECT_EQ(findings.at("wal-level source").severity, Finding::Severity::Ok);
  EXPECT_EQ(findings.at("slot-keep-size source").severity, Finding::Severity::Warning);
  EXPECT_EQ(findings.at("tables source").severity, Finding::Severity::Ok);
}

TEST_P(AdminTest, PreflightFindsTablesThatPublishingWouldBreak) {
  run("CREATE TABLE bare (id int); CREATE TABLE late (id int PRIMARY KEY DEFERRABLE); CREATE TABLE off (id int PRIMARY "
      "KEY); "
      "ALTER TABLE off REPLICA IDENTITY NOTHING; CREATE TABLE uniq (id int NOT NULL UNIQUE); CREATE TABLE lost (id int "
      "NOT NULL UNIQUE); "
      "ALTER TABLE lost REPLICA IDENTITY USING INDEX lost_id_key; ALTER TABLE lost DROP CONSTRAINT lost_id_key; "
      "CREATE TABLE entire (id int); ALTER TABLE entire REPLICA IDENTITY FULL; CREATE TABLE good (id int PRIMARY KEY, "
      "g int GENERATED ALWAYS AS (id) STORED); "
      "CREATE UNLOGGED TABLE fast (id int PRIMARY KEY)");
  run("CREATE TABLE r (id int, x int) PARTITION BY RANGE (id); CREATE TABLE r1 (id int PRIMARY KEY, x int); CREATE "
      "TABLE r2 (id int, x int); "
      "ALTER TABLE r ATTACH PARTITION r1 FOR VALUES FROM (0) TO (10); ALTER TABLE r ATTACH PARTITION r2 FOR VALUES "
      "FROM (10) TO (20)");
  const std::vector<std::string> broken = {"bare", "late", "off", "uniq", "lost"};
  auto names = broken;
  names.insert(names.end(), {"entire", "good", "fast", "r"});
  const auto chosen = tables(names);
  const auto findings = by_code(admin()->preflight(chosen));
  for (const auto& name : broken) {
    const auto found = findings.find("replica-identity public." + name);
    ASSERT_NE(found, findings.end()) << name;
    EXPECT_EQ(found->second.severity, Finding::Severity::Error);
  }
  EXPECT_THAT(findings.at("replica-identity public.uniq").fix, HasSubstr("USING INDEX \"uniq_id_key\""));
  EXPECT_THAT(findings.at("replica-identity public.bare").fix, HasSubstr("REPLICA IDENTITY FULL"));
  EXPECT_THAT(findings.at("replica-identity public.late").message, HasSubstr("deferrable"));
  EXPECT_FALSE(findings.contains("replica-identity public.entire"));
  EXPECT_FALSE(findings.contains("replica-identity public.good"));
  EXPECT_EQ(findings.at("generated-columns public.good").severity, Finding::Severity::Warning);
  EXPECT_EQ(findings.at("unlogged public.fast").severity, Finding::Severity::Error);
  EXPECT_FALSE(findings.contains("replica-identity public.r1"));
  EXPECT_TRUE(findings.contains("replica-identity public.r2"));

  // The finding tells the truth: what it calls broken fails once published, and its fix mends it.
  run("CREATE PUBLICATION walbridge FOR TABLE bare, late, off, uniq, lost, entire, good");
  for (const auto& name : broken) {
    run("INSERT INTO " + name + " VALUES (1)");
    const auto update = sql().execute("UPDATE " + name + " SET id = 2");
    ASSERT_FALSE(update) << name;
    EXPECT_EQ(update.error().code, "55000");
    const auto& fix = findings.at("replica-identity public." + name).fix;
    run(fix.substr(0, fix.find(" (or ")));
    run("UPDATE " + name + " SET id = 2");
  }
  run("INSERT INTO entire VALUES (1); UPDATE entire SET id = 2; INSERT INTO good VALUES (1); UPDATE good SET id = 2");
}

TEST_P(AdminTest, PreflightFindsWhatTheRoleLacksAndItsFixesWork) {
  run("CREATE SCHEMA shut; CREATE TABLE shut.a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); ALTER TABLE "
      "b ENABLE ROW LEVEL SECURITY");
  const auto user = role("weak", "");
  const auto chosen = tables({"a", "b"});
  auto weak = config_;
  weak.source = source_for(user);
  auto source = open_source_admin(weak);
  auto findings = by_code(source->preflight(chosen));
  for (const std::string key : {"replication-role source", "publication source", "privilege shut.a",
                                "privilege public.b", "row-security public.b", "owner shut.a", "owner public.b"}) {
    ASSERT_TRUE(findings.contains(key)) << key;
    EXPECT_EQ(findings.at(key).severity, Finding::Severity::Error) << key;
    EXPECT_FALSE(findings.at(key).fix.empty()) << key;
  }
  for (const auto& finding : source->preflight(chosen))
    EXPECT_EQ(finding.fix.find("GRANT \"postgres\""), std::string::npos) << "nobody makes a superuser of the bridge";
  const auto refused = source->ensure_publication(chosen);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().verdict, Verdict::Operator);

  // Row security is active only for who may read at all, so the fixes are applied as often as there are any.
  for (int round = 0; round < 3; ++round) {
    for (const auto& finding : source->preflight(chosen)) {
      if (finding.severity != Finding::Severity::Error) continue;
      run(finding.fix.substr(0, finding.fix.find(" (or ")));
    }
  }
  for (const auto& finding : source->preflight(chosen)) {
    EXPECT_NE(finding.severity, Finding::Severity::Error)
        << finding.code << " " << finding.subject << " " << finding.message;
  }
  const auto made = source->ensure_publication(chosen);
  EXPECT_TRUE(made) << describe(made.error());
}

TEST_P(AdminTest, PreflightNamesTransactionsThatANewSlotWouldWaitFor) {
  run("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE w (id int); BEGIN; INSERT INTO w VALUES (1)");
  auto other = Connection::open(config_.source, Connection::Kind::Ordinary, "other");
  ASSERT_TRUE(other);
  const auto writers = describe_open_writers(*other, 0);
  ASSERT_TRUE(writers);
  EXPECT_THAT(*writers, HasSubstr("pid " + std::to_string(sql().backend_pid())));
  run("ROLLBACK");
}

TEST_P(AdminTest, ErrorsOfConnectingAreClearAndHoldNoSecret) {
  auto source = config_.source;
  source.url = config::Secret(live::url_with(server_, "no_such_database") + " password='hunter2'");
  auto refused = Connection::open(source, Connection::Kind::Ordinary, "test");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "3D000");
  EXPECT_EQ(refused.error().verdict, Verdict::Operator);
  EXPECT_EQ(refused.error().message, "database \"no_such_database\" does not exist");

  source.url = config::Secret("host=127.0.0.1 port=1 dbname=x password=hunter2 user=hunter2");
  refused = Connection::open(source, Connection::Kind::Ordinary, "test");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().verdict, Verdict::Retry);
  EXPECT_EQ(refused.error().message.find("hunter2"), std::string::npos);

  source.url = config::Secret(live::url_with(server_, name_, unique("nobody")));
  refused = Connection::open(source, Connection::Kind::Replication, "test");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "28000");
  EXPECT_EQ(refused.error().verdict, Verdict::Operator);
}

TEST_P(AdminTest, BothKindsOfConnectionHaveTheCanonicalSession) {
  run("ALTER DATABASE " + name_ + " SET datestyle = 'German'; ALTER DATABASE " + name_ +
      " SET bytea_output = 'escape'; ALTER DATABASE " + name_ + " SET extra_float_digits = -3; ALTER DATABASE " +
      name_ + " SET intervalstyle = 'sql_standard'; ALTER DATABASE " + name_ +
      " SET statement_timeout = '1s'; ALTER DATABASE " + name_ + " SET search_path = 'pg_catalog'");
  for (const auto kind : {Connection::Kind::Ordinary, Connection::Kind::Replication}) {
    auto connection = Connection::open(config_.source, kind, "test");
    ASSERT_TRUE(connection) << describe(connection.error());
    const auto rows = connection->query(
        "SELECT '2020-01-02 03:04:05+00'::timestamptz, '1 day 02:00:00'::interval, 0.1::float8 + 0.2::float8, "
        "'\\xdead'::bytea, current_setting('statement_timeout'), current_setting('client_encoding')");
    ASSERT_TRUE(rows) << describe(rows.error());
    EXPECT_EQ(rows->text(0, 0), "2020-01-02 03:04:05+00");
    EXPECT_EQ(rows->text(0, 1), "P1DT2H");
    EXPECT_EQ(rows->text(0, 2), "0.30000000000000004");
    EXPECT_EQ(rows->text(0, 3), "\\xdead");
    EXPECT_EQ(rows->text(0, 4), "0");
    EXPECT_EQ(rows->text(0, 5), "UTF8");
  }
}

WALBRIDGE_EVERY_POSTGRES(AdminTest);

}  // namespace
}  // namespace walbridge::source_pg
