// Changes of the schema without event triggers: what this process finds and sends.
#include <gmock/gmock.h>

#include <map>
#include <string>
#include <vector>

#include "tests/live/schema_capture_database.h"

namespace walbridge::live {
namespace {

using source_pg::Connection;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using Mode = CaptureStatus::Mode;

class SchemaPolling : public SchemaCapture {
 protected:
  void SetUp() override {
    SchemaCapture::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    role_ = role("bridge", "REPLICATION");
    run("GRANT SELECT ON ALL TABLES IN SCHEMA public TO " + role_ + "; GRANT CREATE ON DATABASE " + name_ + " TO " +
        role_ + "; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO " + role_);
    config_.source = source_for(role_);
  }
  std::map<std::uint32_t, std::string> poll(std::map<std::uint32_t, std::string> known) {
    auto now = admin_->announce_changes(std::move(known));
    EXPECT_TRUE(now) << (now ? "" : describe(now.error()));
    return now ? *std::move(now) : std::map<std::uint32_t, std::string>{};
  }
  std::string role_;
};

TEST_P(SchemaPolling, SaysWhyAndHowToMendIt) {
  auto admin = source_pg::open_source_admin(config_);
  auto status = ensure(*admin);
  EXPECT_EQ(status.mode, Mode::Polling);
  EXPECT_THAT(status.problem, HasSubstr("role " + role_ + " may not create event triggers"));
  EXPECT_EQ(status.token.size(), 64U);
  EXPECT_EQ(ensure(*source_pg::open_source_admin(config_)).token, status.token) << "a restart believes it";
  EXPECT_EQ(value("SELECT count(*) FROM pg_namespace WHERE nspname = 'walbridge'"), "0") << "nothing is left behind";
  auto other = config_;
  other.source.slot += "x";
  EXPECT_NE(ensure(*source_pg::open_source_admin(other)).token, status.token);

  // What the fix says: a superuser for one start.
  run("ALTER ROLE " + role_ + " SUPERUSER");
  status = ensure(*source_pg::open_source_admin(config_));
  EXPECT_EQ(status.mode, Mode::Triggers) << status.problem;
  const auto token = status.token;
  run("ALTER ROLE " + role_ + " NOSUPERUSER");
  admin = source_pg::open_source_admin(config_);
  status = ensure(*admin);
  EXPECT_EQ(status.mode, Mode::Triggers) << status.problem;
  EXPECT_EQ(status.token, token);
  config_.source.event_triggers = false;
  status = ensure(*source_pg::open_source_admin(config_));
  EXPECT_EQ(status.mode, Mode::Polling);
  EXPECT_EQ(status.token, token) << "triggers that are there are still believed";
}

TEST_P(SchemaPolling, UsesTheTriggersOfAnAdmin) {
  auto superuser = config_;
  superuser.source = source_for();
  const auto token = ensure(*source_pg::open_source_admin(superuser)).token;
  auto admin = source_pg::open_source_admin(config_);
  auto status = ensure(*admin);
  EXPECT_EQ(status.mode, Mode::Polling);
  EXPECT_THAT(status.fix, HasSubstr("GRANT SELECT ON walbridge.install"));
  run(status.fix);
  status = ensure(*admin);
  EXPECT_EQ(status.mode, Mode::Triggers) << status.problem;
  EXPECT_EQ(status.token, token);
}

TEST_P(SchemaPolling, AnnouncesWhatChanged) {
  run("CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE m (id int PRIMARY KEY, m mood)");
  ASSERT_NO_FATAL_FAILURE(capture(Mode::Polling));
  auto known = poll({});
  EXPECT_THAT(heard(),
              ElementsAre("schema announced fence(id)", "schema announced m(id,m)", "schema announced t(id,v)"));
  EXPECT_EQ(known.at(oid("t")), described("public.t"));
  known = poll(known);
  EXPECT_THAT(heard(), IsEmpty());
  run("VACUUM FULL t");
  run("INSERT INTO t SELECT i FROM generate_series(1, 100) i; ANALYZE; CLUSTER t USING t_pkey; TRUNCATE t; "
      "GRANT SELECT ON t TO PUBLIC; CREATE TEMP TABLE tmp (i int)");
  known = poll(known);
  EXPECT_THAT(heard(), testing::Not(testing::Contains(StartsWith("schema"))));

  run("ALTER TABLE t ADD COLUMN x int DEFAULT 7; CREATE INDEX ON m (m); CREATE TABLE n (i int)");
  known = poll(known);
  EXPECT_THAT(heard(), ElementsAre("schema announced m(id,m)", "schema announced n(i)", "schema announced t(id,v,x)"));
  EXPECT_EQ(known.at(oid("m")), described("public.m"));
  run("ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'; COMMENT ON TABLE n IS 'new'");
  known = poll(known);
  EXPECT_THAT(heard(), ElementsAre("schema announced m(id,m)", "schema announced n(i)"));
  run("VACUUM FULL t");
  known = poll(known);
  EXPECT_THAT(heard(), ElementsAre("schema announced t(id,v,x)")) << "its missing value went";
  run("ALTER TABLE t ALTER v TYPE text USING upper(v)");
  known = poll(known);
  EXPECT_THAT(heard(), ElementsAre("schema announced t(id,v,x) rewritten:1"));
  const auto n = oid("n");
  run("DROP TABLE n");
  known = poll(known);
  EXPECT_THAT(heard(), ElementsAre("schema announced gone:1"));
  EXPECT_FALSE(known.contains(n));

  run("CREATE TABLE r (id int) PARTITION BY RANGE (id); CREATE TABLE r1 (id int)");
  known = poll(known);
  EXPECT_THAT(heard(), ElementsAre("schema announced r(id)", "schema announced r1(id)"));
  run("ALTER TABLE r ATTACH PARTITION r1 FOR VALUES FROM (0) TO (10)");
  known = poll(known);
  EXPECT_THAT(heard(), ElementsAre("schema announced r(id)", "schema announced gone:1"));
  run("ALTER TABLE r DETACH PARTITION r1");
  known = poll(known);
  EXPECT_THAT(heard(), ElementsAre("schema announced r(id)", "schema announced r1(id)"));
}

// What was described between two looks is what the cache has: the next look must not take it for what it would add.
TEST_P(SchemaPolling, SeesARewriteBehindADescription) {
  ASSERT_NO_FATAL_FAILURE(capture(Mode::Polling));
  auto known = poll({});
  heard();
  run("ALTER TABLE t ADD COLUMN x text DEFAULT md5('x')");
  ASSERT_TRUE(admin_->announce(std::vector<std::uint32_t>{oid("t")}));
  EXPECT_THAT(heard(), ElementsAre("schema announced t(id,v,x)"));
  known[oid("t")] = described("public.t");
  run("ALTER TABLE t ALTER x TYPE text USING 'other'");
  known = poll(known);
  EXPECT_THAT(heard(), ElementsAre("schema announced t(id,v,x) rewritten:1"));
  poll(known);
  EXPECT_THAT(heard(), IsEmpty()) << "once is enough";
}

// A bridge that was away, or has just copied its first snapshot.
TEST_P(SchemaPolling, SeesARewriteBeforeItsFirstLook) {
  run("ALTER TABLE fence ALTER id TYPE int USING id + 0");
  ASSERT_NO_FATAL_FAILURE(capture(Mode::Polling));
  const std::map<std::uint32_t, std::string> known = {{oid("t"), described("public.t")},
                                                      {oid("fence"), described("public.fence")}};
  run("ALTER TABLE t ALTER v TYPE text USING 'other'");
  poll(known);
  EXPECT_THAT(heard(), ElementsAre("schema announced t(id,v) rewritten:1"))
      << "what was rewritten before the slot was made is as the snapshot saw it";
}

TEST_P(SchemaPolling, LeavesATableThatIsJustChangedForLater) {
  ASSERT_NO_FATAL_FAILURE(capture(Mode::Polling));
  auto known = poll({});
  heard();
  run("ALTER TABLE t ADD COLUMN x int");
  auto other = Connection::open(source_for(), Connection::Kind::Ordinary, "test");
  ASSERT_TRUE(other);
  ASSERT_TRUE(other->execute("BEGIN; ALTER TABLE t ADD COLUMN y int"));
  known = poll(known);
  EXPECT_THAT(heard(), IsEmpty());
  const std::vector<std::uint32_t> oids = {oid("t")};
  const auto refused = admin_->announce(oids);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().verdict, Verdict::Retry) << describe(refused.error());
  ASSERT_TRUE(other->execute("COMMIT"));
  known = poll(known);
  EXPECT_THAT(heard(), ElementsAre("schema announced t(id,v,x,y)"));
}

TEST_P(SchemaPolling, AnnouncesAndRequestsWhatItIsAskedFor) {
  run("CREATE TABLE r (id int) PARTITION BY RANGE (id); CREATE TABLE r1 PARTITION OF r FOR VALUES FROM (0) TO (10)");
  run("CREATE TABLE secret (i int); REVOKE ALL ON secret FROM " + role_);
  ASSERT_NO_FATAL_FAILURE(capture(Mode::Polling));
  const auto r1 = oid("r1");
  const std::vector<std::uint32_t> oids = {oid("t"), r1, oid("secret"), 4'000'000'000U};
  ASSERT_TRUE(admin_->announce(oids));
  EXPECT_THAT(heard(), ElementsAre("schema announced t(id,v)", "schema announced r(id) gone:1",
                                   "schema announced secret(i)", "schema announced gone:1"));
  EXPECT_THAT(seen_->news[1].gone, ElementsAre(r1));
  const auto position = admin_->request_copy(std::vector<std::uint32_t>{oids[0]});
  ASSERT_TRUE(position) << describe(position.error());
  EXPECT_THAT(heard(), ElementsAre("schema resync requested:1"));
  EXPECT_LE(*position, seen_->committed);
}

TEST_P(SchemaPolling, CheckSaysWhatIsOn) {
  const auto finding = [&](const config::Config& config) {
    for (auto& found : source_pg::open_source_admin(config)->preflight({})) {
      if (found.code == "schema-capture") return found;
    }
    return Finding{};
  };
  auto found = finding(config_);
  EXPECT_EQ(found.severity, Finding::Severity::Warning);
  EXPECT_THAT(found.message, HasSubstr("copied again"));
  EXPECT_THAT(found.fix, HasSubstr("ALTER ROLE"));
  auto superuser = config_;
  superuser.source = source_for();
  found = finding(superuser);
  EXPECT_EQ(found.severity, Finding::Severity::Ok) << found.message;
  EXPECT_THAT(found.message, HasSubstr("will be installed"));
  EXPECT_EQ(value("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'walbridge%'"), "0")
      << "check installs nothing";
  ASSERT_EQ(ensure(*source_pg::open_source_admin(superuser)).mode, Mode::Triggers);
  found = finding(superuser);
  EXPECT_EQ(found.severity, Finding::Severity::Ok);
  superuser.source.event_triggers = false;
  EXPECT_EQ(finding(superuser).severity, Finding::Severity::Warning);
  EXPECT_THAT(finding(config_).fix, HasSubstr("GRANT"));
}

WALBRIDGE_EVERY_POSTGRES(SchemaPolling);

}  // namespace
}  // namespace walbridge::live
