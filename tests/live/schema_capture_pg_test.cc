// Changes of the schema through a real slot, as the event triggers send them.
#include <gmock/gmock.h>

#include <chrono>
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

TEST_P(SchemaCapture, TellsOfTables) {
  ASSERT_NO_FATAL_FAILURE(capture());
  EXPECT_THAT(heard({"CREATE TABLE n (id int PRIMARY KEY, w varchar(10) DEFAULT 'x')"}),
              ElementsAre("schema CREATE TABLE n(id,w)"));
  EXPECT_EQ(last_news().tables[0]->json, described("public.n"));
  EXPECT_THAT(heard({"ALTER TABLE n ADD COLUMN x int DEFAULT 7"}), ElementsAre("schema ALTER TABLE n(id,w,x)"));
  const auto news = last_news();
  EXPECT_EQ(news.tables[0]->columns[2].missing, "7");
  EXPECT_EQ(news.tables[0]->json, described("public.n"));
  EXPECT_THAT(heard({"ALTER TABLE n ADD COLUMN y float8 DEFAULT random()"}),
              ElementsAre("schema ALTER TABLE rewritten:1", "schema ALTER TABLE n(id,w,x,y)"));
  EXPECT_THAT(seen_->news[0].rewritten, ElementsAre(oid("n")));
  EXPECT_THAT(heard({"ALTER TABLE n ALTER w TYPE text"}), ElementsAre("schema ALTER TABLE n(id,w,x,y)"));
  heard({"ALTER TABLE n ALTER w DROP DEFAULT"});
  EXPECT_THAT(heard({"ALTER TABLE n ALTER w TYPE int USING length(w)"}),
              ElementsAre("schema ALTER TABLE rewritten:1", "schema ALTER TABLE n(id,w,x,y)"));
  EXPECT_THAT(heard({"ALTER TABLE n RENAME COLUMN w TO ww"}), ElementsAre("schema ALTER TABLE n(id,ww,x,y)"));
  EXPECT_EQ(last_news().tables[0]->columns[1].attnum, 2);
  EXPECT_EQ(heard({"ALTER TABLE n DROP COLUMN y, ADD COLUMN z numeric(8,3) NOT NULL DEFAULT 1.5"}).back(),
            "schema ALTER TABLE n(id,ww,x,z)");
  EXPECT_THAT(heard({"ALTER TABLE n RENAME TO m"}), ElementsAre("schema ALTER TABLE m(id,ww,x,z)"));
  EXPECT_THAT(heard({"CREATE SCHEMA s; ALTER TABLE m SET SCHEMA s"}), ElementsAre("schema ALTER TABLE m(id,ww,x,z)"));
  EXPECT_THAT(heard({"ALTER SCHEMA s RENAME TO s2"}), ElementsAre("schema ALTER SCHEMA m(id,ww,x,z)"));
  EXPECT_EQ(last_news().tables[0]->schema, "s2");
  EXPECT_THAT(heard({"COMMENT ON TABLE s2.m IS 'first'", "COMMENT ON COLUMN s2.m.x IS 'second'"}),
              ElementsAre("schema COMMENT m(id,ww,x,z)", "schema COMMENT m(id,ww,x,z)"));
  EXPECT_EQ(last_news().tables[0]->json, described("s2.m"));
  const auto m = oid("s2.m");
  EXPECT_THAT(heard({"ALTER TABLE s2.m SET UNLOGGED"}),
              ElementsAre("schema ALTER TABLE rewritten:1", "schema ALTER TABLE m(id,ww,x,z)"));
  EXPECT_EQ(last_news().tables[0]->persistence, 'u');
  EXPECT_THAT(heard({"ALTER TABLE s2.m SET LOGGED"}),
              ElementsAre("schema ALTER TABLE rewritten:1", "schema ALTER TABLE m(id,ww,x,z)"));
  EXPECT_THAT(heard({"ALTER TABLE s2.m REPLICA IDENTITY FULL"}), ElementsAre("schema ALTER TABLE m(id,ww,x,z)"));
  EXPECT_EQ(last_news().tables[0]->replica_identity, ReplicaIdentity::Full);
  EXPECT_THAT(heard({"DROP TABLE s2.m"}), ElementsAre("schema DROP TABLE gone:1"));
  EXPECT_THAT(last_news().gone, ElementsAre(m));
  EXPECT_THAT(heard({"CREATE TABLE s2.a (i int); CREATE TABLE s2.b (i int)", "DROP SCHEMA s2 CASCADE"}).back(),
              "schema DROP SCHEMA gone:2");
  EXPECT_THAT(heard({"CREATE TABLE made AS SELECT 1 AS a", "SELECT 2 AS b INTO made2"}),
              ElementsAre("schema CREATE TABLE AS made(a)", "schema SELECT INTO made2(b)"));
}

TEST_P(SchemaCapture, SaysNothingOfWhatIsNoTable) {
  ASSERT_NO_FATAL_FAILURE(capture());
  EXPECT_THAT(
      heard({"CREATE TEMP TABLE tmp (i int PRIMARY KEY)", "ALTER TABLE tmp ADD COLUMN r float8 DEFAULT random()",
             "DROP TABLE tmp", "CREATE VIEW v AS SELECT 1", "CREATE MATERIALIZED VIEW mv AS SELECT 1 AS a",
             "REFRESH MATERIALIZED VIEW mv", "CREATE SEQUENCE q", "GRANT SELECT ON t TO PUBLIC",
             "CREATE TYPE unused AS ENUM ('a')", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
             "DROP FUNCTION f()", "DROP VIEW v", "VACUUM FULL t", "CLUSTER t USING t_pkey", "CREATE SCHEMA o",
             "DROP SCHEMA o"}),
      IsEmpty());
}

TEST_P(SchemaCapture, TellsOfIndexesAndConstraints) {
  ASSERT_NO_FATAL_FAILURE(capture());
  const auto indexes = [&] {
    std::vector<std::string> names;
    const auto news = last_news();
    for (const auto& table : news.tables) {
      for (const auto& index : table->indexes) names.push_back(index.name);
    }
    return names;
  };
  EXPECT_THAT(heard({"CREATE INDEX i ON t (v)"}), ElementsAre("schema CREATE INDEX t(id,v)"));
  EXPECT_THAT(indexes(), ElementsAre("t_pkey", "i"));
  EXPECT_THAT(heard({"CREATE UNIQUE INDEX CONCURRENTLY j ON t (lower(v)) WHERE id > 0"}),
              ElementsAre("schema CREATE INDEX t(id,v)"));
  EXPECT_THAT(indexes(), ElementsAre("t_pkey", "i", "j"));
  EXPECT_THAT(heard({"ALTER INDEX i RENAME TO k"}), ElementsAre("schema ALTER INDEX t(id,v)"));
  EXPECT_THAT(indexes(), ElementsAre("t_pkey", "j", "k"));
  EXPECT_THAT(heard({"DROP INDEX k"}), ElementsAre("schema DROP INDEX t(id,v)"));
  EXPECT_THAT(indexes(), ElementsAre("t_pkey", "j"));
  EXPECT_THAT(heard({"DROP INDEX CONCURRENTLY j"}), ElementsAre("schema DROP INDEX t(id,v)"));
  EXPECT_THAT(indexes(), ElementsAre("t_pkey"));
  run("CREATE FUNCTION up(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT upper($1)'");
  run("CREATE INDEX e ON t (up(v)); ALTER TABLE t ALTER v SET DEFAULT up('x')");
  heard();
  EXPECT_THAT(heard({"DROP FUNCTION up(text) CASCADE"}), ElementsAre("schema DROP FUNCTION t(id,v)"));
  EXPECT_EQ(last_news().tables[0]->json, described("public.t"));
  EXPECT_EQ(heard({"ALTER TABLE t ADD CONSTRAINT positive CHECK (id > 0)"}).back(), "schema ALTER TABLE t(id,v)");
  EXPECT_EQ(last_news().tables[0]->constraints[0].name, "positive");
  EXPECT_EQ(heard({"ALTER TABLE t RENAME CONSTRAINT positive TO more"}).back(), "schema ALTER TABLE t(id,v)");
  EXPECT_EQ(last_news().tables[0]->constraints[0].name, "more");
  EXPECT_EQ(heard({"ALTER TABLE t DROP CONSTRAINT t_pkey"}).back(), "schema ALTER TABLE t(id,v)");
  EXPECT_THAT(indexes(), IsEmpty());
  run("CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE c (p int REFERENCES parent)");
  heard();
  EXPECT_THAT(heard({"DROP TABLE parent CASCADE"}), ElementsAre("schema DROP TABLE c(p) gone:1"));
  EXPECT_EQ(last_news().tables[0]->json, described("public.c"));
}

TEST_P(SchemaCapture, TellsOfEveryTableThatUsesAType) {
  run("CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN feeling AS mood; CREATE TYPE place AS (m feeling[]); "
      "CREATE TABLE plain (m mood); CREATE TABLE many (m mood[]); CREATE TABLE through (m feeling); "
      "CREATE TABLE deep (p place[]); CREATE TABLE row_of (x plain); CREATE TABLE other (i int)");
  ASSERT_NO_FATAL_FAILURE(capture());
  EXPECT_EQ(heard({"ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'"}).size(), 1U);
  auto news = last_news();
  std::vector<std::string> names;
  for (const auto& table : news.tables) {
    names.push_back(table->name);
    EXPECT_EQ(table->json, described("public." + table->name));
  }
  EXPECT_THAT(names, testing::UnorderedElementsAre("plain", "many", "through", "deep", "row_of"));
  EXPECT_EQ(heard({"ALTER TYPE mood ADD VALUE 'meh' BEFORE 'ok'"}).size(), 1U);
  news = last_news();
  EXPECT_EQ(news.tables.size(), 5U);
  for (const auto& table : news.tables) {
    if (table->name != "plain") continue;
    EXPECT_THAT(table->columns[0].type->labels, ElementsAre("blue", "meh", "ok"));
  }
  EXPECT_EQ(heard({"ALTER TYPE place ADD ATTRIBUTE n int"}).size(), 1U);
  EXPECT_EQ(last_news().tables.at(0)->name, "deep");
  EXPECT_EQ(heard({"ALTER DOMAIN feeling RENAME TO sense"}).size(), 1U);
  EXPECT_EQ(last_news().tables.size(), 2U);
  EXPECT_EQ(heard({"ALTER TABLE plain ADD COLUMN n int"}).size(), 1U);
  EXPECT_EQ(last_news().tables.size(), 2U) << "and the table with a column of its row type";
  EXPECT_EQ(heard({"DROP TYPE mood CASCADE"}).size(), 1U);
  news = last_news();
  for (const auto& table : news.tables) EXPECT_EQ(table->json, described("public." + table->name));
  EXPECT_EQ(described("public.plain").find("mood"), std::string::npos);
}

TEST_P(SchemaCapture, KeepsTheOrderOfRowsAndChanges) {
  ASSERT_NO_FATAL_FAILURE(capture());
  EXPECT_THAT(heard({"BEGIN; INSERT INTO t VALUES (1, 'a'); ALTER TABLE t ADD COLUMN m int; INSERT INTO t VALUES (2, "
                     "'b', 3); ALTER TABLE t RENAME m TO m2; UPDATE t SET m2 = 4 WHERE id = 1; ALTER TABLE t DROP m2; "
                     "INSERT INTO t VALUES (3, 'c'); COMMIT"}),
              ElementsAre("insert t 1,a", "schema ALTER TABLE t(id,v,m)", "insert t 2,b,3",
                          "schema ALTER TABLE t(id,v,m2)", "update t 1,a,4", StartsWith("schema ALTER TABLE t(id,v)"),
                          StartsWith("schema ALTER TABLE t(id,v)"), "insert t 3,c"));
  EXPECT_THAT(heard({"BEGIN; INSERT INTO t VALUES (4, 'd'); SAVEPOINT s; ALTER TABLE t ADD COLUMN w int; RELEASE s; "
                     "INSERT INTO t VALUES (5, 'e', 6); COMMIT"}),
              ElementsAre("insert t 4,d", "schema ALTER TABLE t(id,v,w)", "insert t 5,e,6"))
      << "a message and the row after it stand at one position of the log";
  EXPECT_THAT(
      heard({"BEGIN; ALTER TABLE t ADD COLUMN no int; ROLLBACK",
             "BEGIN; SAVEPOINT s; ALTER TABLE t ADD COLUMN no int; INSERT INTO t VALUES (6, 'f', 7, 8); ROLLBACK "
             "TO s; INSERT INTO t VALUES (7, 'g', 9); COMMIT"}),
      ElementsAre("insert t 7,g,9"));
  EXPECT_THAT(
      heard({"DO $$ BEGIN INSERT INTO t VALUES (8, 'h', 1); BEGIN ALTER TABLE t ADD COLUMN no int; INSERT INTO t "
             "VALUES (9, 'i', 1, 1); RAISE 'x'; EXCEPTION WHEN OTHERS THEN NULL; END; BEGIN ALTER TABLE t DROP w; "
             "INSERT INTO t VALUES (10, 'j'); EXCEPTION WHEN OTHERS THEN NULL; END; INSERT INTO t VALUES (11, "
             "'k'); END $$"}),
      ElementsAre("insert t 8,h,1", "schema ALTER TABLE t(id,v)", "schema ALTER TABLE t(id,v)", "insert t 10,j",
                  "insert t 11,k"));
  EXPECT_THAT(heard({"BEGIN; CREATE TABLE n (i int); DROP TABLE n; COMMIT"}),
              ElementsAre("schema CREATE TABLE n(i)", "schema DROP TABLE gone:1"));
  EXPECT_THAT(heard({"SET session_replication_role = replica", "ALTER TABLE t ADD COLUMN always int",
                     "SET session_replication_role = origin"}),
              ElementsAre("schema ALTER TABLE t(id,v,always)"));
}

TEST_P(SchemaCapture, FoldsPartitionsIntoTheirRoot) {
  run("CREATE TABLE r (id int PRIMARY KEY, v text) PARTITION BY RANGE (id); "
      "CREATE TABLE r1 PARTITION OF r FOR VALUES FROM (0) TO (10); "
      "CREATE TABLE r2 PARTITION OF r FOR VALUES FROM (10) TO (20) PARTITION BY LIST (id); "
      "CREATE TABLE r2a PARTITION OF r2 DEFAULT");
  ASSERT_NO_FATAL_FAILURE(capture());
  const auto leaves = [](const SchemaNews& news, const char* name) {
    std::vector<std::string> names;
    for (const auto& table : news.tables) {
      for (const auto& leaf : table->leaves) {
        if (table->name == name) names.push_back(leaf.name);
      }
    }
    return names;
  };
  EXPECT_THAT(heard({"CREATE TABLE r3 PARTITION OF r FOR VALUES FROM (20) TO (30)"}),
              ElementsAre("schema CREATE TABLE r(id,v)"));
  EXPECT_THAT(leaves(last_news(), "r"), ElementsAre("r1", "r2a", "r3"));
  EXPECT_THAT(heard({"ALTER TABLE r2a REPLICA IDENTITY FULL"}), ElementsAre("schema ALTER TABLE r(id,v)"));
  EXPECT_THAT(heard({"ALTER TABLE r1 SET UNLOGGED"}),
              ElementsAre("schema ALTER TABLE rewritten:1", "schema ALTER TABLE r(id,v)"));
  EXPECT_THAT(seen_->news[seen_->news.size() - 2].rewritten, ElementsAre(oid("r")));
  EXPECT_EQ(last_news().tables[0]->persistence, 'u');
  run("ALTER TABLE r1 SET LOGGED");
  EXPECT_EQ(heard({"ALTER TABLE r ADD COLUMN w int"}).back(), "schema ALTER TABLE r(id,v,w)");
  EXPECT_EQ(heard({"CREATE INDEX ri ON r (v)"}).back(), "schema CREATE INDEX r(id,v,w)");
  EXPECT_EQ(last_news().tables[0]->json, described("public.r"));

  run("CREATE TABLE c (w int, v text, id int PRIMARY KEY)");
  heard();
  EXPECT_THAT(heard({"ALTER TABLE r ATTACH PARTITION c FOR VALUES FROM (100) TO (200)"}),
              ElementsAre("schema ALTER TABLE r(id,v,w) gone:1"));
  auto news = last_news();
  EXPECT_THAT(news.gone, ElementsAre(oid("c")));
  EXPECT_THAT(leaves(news, "r"), ElementsAre("r1", "r2a", "r3", "c"));
  for (const std::string concurrently : {"", " CONCURRENTLY"}) {
    EXPECT_THAT(heard({"ALTER TABLE r DETACH PARTITION c" + concurrently}),
                ElementsAre("schema ALTER TABLE r(id,v,w) c(w,v,id)"));
    EXPECT_THAT(leaves(last_news(), "r"), ElementsAre("r1", "r2a", "r3"));
    heard({"ALTER TABLE r ATTACH PARTITION c FOR VALUES FROM (100) TO (200)"});
  }
  EXPECT_THAT(heard({"BEGIN; SAVEPOINT s; ALTER TABLE r DETACH PARTITION c; RELEASE s; COMMIT"}),
              ElementsAre("schema ALTER TABLE r(id,v,w) c(w,v,id)"));
  EXPECT_THAT(heard({"ALTER TABLE r DETACH PARTITION r2"}), ElementsAre("schema ALTER TABLE r(id,v,w) r2(id,v,w)"));
  EXPECT_THAT(leaves(last_news(), "r2"), ElementsAre("r2a"));
  EXPECT_THAT(heard({"ALTER TABLE r ATTACH PARTITION r2 FOR VALUES FROM (10) TO (20)"}),
              ElementsAre("schema ALTER TABLE r(id,v,w) gone:1"));
  EXPECT_THAT(last_news().gone, ElementsAre(oid("r2")));
  const auto r2a = oid("r2a");
  EXPECT_THAT(heard({"DROP TABLE r2a"}), ElementsAre("schema DROP TABLE r(id,v,w) gone:1"));
  news = last_news();
  EXPECT_THAT(news.gone, ElementsAre(r2a));
  EXPECT_THAT(leaves(news, "r"), ElementsAre("r1", "r3"));
  EXPECT_THAT(heard({"DROP TABLE r"}), ElementsAre(StartsWith("schema DROP TABLE gone:")));
}

TEST_P(SchemaCapture, TellsOfInheritanceAndPublications) {
  run("CREATE TABLE p (a int); CREATE TABLE c (b int) INHERITS (p); CREATE TABLE cc () INHERITS (c)");
  ASSERT_NO_FATAL_FAILURE(capture());
  EXPECT_THAT(heard({"ALTER TABLE p ADD COLUMN n int"}), ElementsAre("schema ALTER TABLE p(a,n) c(a,b,n) cc(a,b,n)"));
  EXPECT_THAT(heard({"CREATE TABLE d () INHERITS (cc)"}), ElementsAre("schema CREATE TABLE cc(a,b,n) d(a,b,n)"));
  EXPECT_TRUE(last_news().tables[0]->has_children);
  EXPECT_THAT(heard({"CREATE PUBLICATION x FOR TABLE t", "ALTER PUBLICATION x ADD TABLE fence",
                     "ALTER PUBLICATION x DROP TABLE fence", "DROP PUBLICATION x"}),
              testing::AllOf(testing::Contains(StartsWith("schema CREATE PUBLICATION")),
                             testing::Contains(StartsWith("schema ALTER PUBLICATION")),
                             testing::Contains("schema DROP PUBLICATION")));
}

TEST_P(SchemaCapture, WorksForRolesWithoutAnyRight) {
  const auto plain = role("plain", "");
  run("GRANT CREATE ON SCHEMA public TO " + plain);
  ASSERT_NO_FATAL_FAILURE(capture());
  auto other = Connection::open(source_for(plain), Connection::Kind::Ordinary, "test");
  ASSERT_TRUE(other) << describe(other.error());
  for (const char* statement : {"CREATE TABLE theirs (i int PRIMARY KEY)", "ALTER TABLE theirs ADD j int DEFAULT 1",
                                "CREATE INDEX ON theirs (j)"}) {
    const auto done = other->execute(statement);
    ASSERT_TRUE(done) << describe(done.error());
  }
  EXPECT_THAT(heard(), ElementsAre("schema CREATE TABLE theirs(i)", "schema ALTER TABLE theirs(i,j)",
                                   "schema CREATE INDEX theirs(i,j)"));
  for (const char* statement :
       {"SELECT walbridge.emit('{}')", "SELECT walbridge.describe('{}')", "SELECT token FROM walbridge.install",
        "DELETE FROM walbridge.install", "SELECT walbridge.on_ddl()"}) {
    EXPECT_FALSE(other->execute(statement)) << statement;
  }
  // Its own operators and types in front of the catalog's change nothing.
  ASSERT_TRUE(
      other->execute("CREATE FUNCTION public.evil(oid, oid) RETURNS boolean LANGUAGE plpgsql AS "
                     "$$ BEGIN RAISE EXCEPTION 'as %', current_user; END $$; CREATE OPERATOR public.= (LEFTARG "
                     "= oid, RIGHTARG = oid, FUNCTION = public.evil)"));
  ASSERT_TRUE(other->execute("SET search_path = public, pg_catalog; ALTER TABLE theirs ADD k int"));
  EXPECT_THAT(heard(), ElementsAre("schema ALTER TABLE theirs(i,j,k)"));
}

TEST_P(SchemaCapture, NeverBreaksAStatement) {
  ASSERT_NO_FATAL_FAILURE(capture());
  run("CREATE OR REPLACE FUNCTION walbridge.describe(wanted oid[]) RETURNS TABLE (oid oid, d jsonb, rows float8) "
      "LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken on purpose'; END $$");
  EXPECT_THAT(
      heard({"BEGIN; INSERT INTO t VALUES (1, 'a'); ALTER TABLE t ADD COLUMN x int; INSERT INTO t VALUES (2, 'b', "
             "3); COMMIT"}),
      ElementsAre("insert t 1,a", "schema ALTER TABLE incomplete", "insert t 2,b,3"));
  EXPECT_EQ(ensure(*admin_).mode, Mode::Triggers) << "an altered install is replaced";
  EXPECT_THAT(heard({"ALTER TABLE t DROP x"}), testing::Contains("schema ALTER TABLE t(id,v)"));
  run("DELETE FROM walbridge.install");
  EXPECT_THAT(heard({"ALTER TABLE t ADD COLUMN y int", "INSERT INTO t VALUES (4, 'd', 5)"}),
              ElementsAre("insert t 4,d,5"));
  run("DROP TABLE walbridge.install; DROP FUNCTION walbridge.emit(jsonb)");
  EXPECT_THAT(heard({"ALTER TABLE t ADD COLUMN z int", "DROP TABLE IF EXISTS nothing", "CREATE TABLE q (i int)"}),
              IsEmpty());
  EXPECT_EQ(value("SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname IN ('y', 'z')"), "2");
}

TEST_P(SchemaCapture, SeesTamperingAndMendsIt) {
  ASSERT_NO_FATAL_FAILURE(capture());
  const auto token = ensure(*admin_).token;
  EXPECT_EQ(token.size(), 64U);
  const auto status = [&] {
    auto now = admin_->capture_status();
    EXPECT_TRUE(now) << (now ? "" : describe(now.error()));
    return now ? *now : CaptureStatus{};
  };
  EXPECT_EQ(status().mode, Mode::Triggers);
  EXPECT_EQ(status().problem, "");
  run("ALTER EVENT TRIGGER walbridge_ddl DISABLE");
  auto now = status();
  EXPECT_EQ(now.mode, Mode::Polling);
  EXPECT_EQ(now.problem, "event trigger walbridge_ddl is disabled");
  EXPECT_EQ(now.token, token) << "what is in the stream is still believed";
  run(now.fix);
  EXPECT_EQ(status().mode, Mode::Triggers);
  for (const std::string harm :
       {"ALTER EVENT TRIGGER walbridge_rewrite ENABLE", "DROP EVENT TRIGGER walbridge_drop",
        "ALTER FUNCTION walbridge.on_ddl() SECURITY INVOKER", "ALTER FUNCTION walbridge.describe(oid[]) RESET ALL",
        "DROP EVENT TRIGGER walbridge_ddl; DROP EVENT TRIGGER walbridge_drop; DROP EVENT TRIGGER walbridge_rewrite; "
        "DROP "
        "FUNCTION walbridge.on_ddl()",
        "DROP EVENT TRIGGER walbridge_ddl; CREATE EVENT TRIGGER walbridge_ddl ON sql_drop EXECUTE FUNCTION "
        "walbridge.on_ddl()",
        "UPDATE walbridge.install SET version = 0, source = 'old'"}) {
    run(harm);
    if (harm.find("version") == std::string::npos) {
      now = status();
      EXPECT_EQ(now.mode, Mode::Polling) << harm;
      EXPECT_FALSE(now.problem.empty() || now.fix.empty()) << harm;
    }
    now = ensure(*admin_);
    EXPECT_EQ(now.mode, Mode::Triggers) << harm << ": " << now.problem;
    EXPECT_EQ(now.token, token);
    EXPECT_EQ(value("SELECT version > 0 FROM walbridge.install"), "t");
  }
  run("UPDATE walbridge.install SET version = 1000, source = 'newer'");
  EXPECT_EQ(ensure(*admin_).mode, Mode::Triggers);
  EXPECT_EQ(value("SELECT version FROM walbridge.install"), "1000") << "a newer install is left alone";
  EXPECT_THAT(heard({"ALTER TABLE t ADD COLUMN x int"}), testing::Contains("schema ALTER TABLE t(id,v,x)"));
  EXPECT_EQ(value("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'walbridge_canary%'"), "0");
}

TEST_P(SchemaCapture, LeavesASchemaOfOthersAlone) {
  run("CREATE SCHEMA walbridge; CREATE TABLE walbridge.mine (i int)");
  auto admin = source_pg::open_source_admin(config_);
  auto status = ensure(*admin);
  EXPECT_EQ(status.mode, Mode::Polling);
  EXPECT_THAT(status.problem, HasSubstr("walbridge did not make it"));
  EXPECT_TRUE(admin->owned()->empty() || admin->owned()->back().kind == "publication");
  EXPECT_EQ(value("SELECT count(*) FROM pg_proc WHERE pronamespace = 'walbridge'::regnamespace"), "0");

  // A schema that somebody prepared in the hope that a superuser installs into it.
  run("DROP SCHEMA walbridge CASCADE");
  const auto sly = role("sly", "");
  run("CREATE SCHEMA walbridge AUTHORIZATION " + sly + "; COMMENT ON SCHEMA walbridge IS 'created by walbridge'");
  status = ensure(*admin);
  EXPECT_EQ(status.mode, Mode::Polling);
  EXPECT_THAT(status.problem, HasSubstr("belongs to a role"));
  EXPECT_EQ(value("SELECT count(*) FROM pg_event_trigger"), "0");
}

TEST_P(SchemaCapture, SeveralBridgesShareOneInstall) {
  ASSERT_NO_FATAL_FAILURE(capture());
  auto second = config_;
  second.source.slot = unique("second");
  second.source.publication = "second";
  auto other = source_pg::open_source_admin(second);
  EXPECT_EQ(ensure(*other).token, ensure(*admin_).token);
  run("SELECT pg_create_logical_replication_slot('" + second.source.slot + "', 'pgoutput')");
  const auto kinds = [](SourceAdmin& admin) {
    std::vector<std::string> found;
    const auto owned = admin.owned();
    EXPECT_TRUE(owned);
    for (const auto& object : *owned) found.push_back(object.kind);
    return found;
  };
  EXPECT_THAT(kinds(*admin_), ElementsAre("slot"));
  EXPECT_TRUE(other->drop({"slot", second.source.slot, ""}));
  EXPECT_THAT(kinds(*admin_), ElementsAre("slot", "event trigger", "event trigger", "event trigger", "schema"));
  run("CREATE PUBLICATION third; COMMENT ON PUBLICATION third IS 'created by walbridge'");
  EXPECT_THAT(kinds(*admin_), ElementsAre("slot")) << "the publication of a bridge whose slot is not there yet";
  run("DROP PUBLICATION third");
  stream_->stop();
  const auto owned = admin_->owned();
  ASSERT_TRUE(owned);
  for (const auto& object : *owned) {
    const auto dropped = admin_->drop(object);
    EXPECT_TRUE(dropped) << describe(dropped.error());
  }
  EXPECT_EQ(value("SELECT count(*) FROM pg_event_trigger"), "0");
  EXPECT_EQ(value("SELECT count(*) FROM pg_namespace WHERE nspname = 'walbridge'"), "0");
}

TEST_P(SchemaCapture, SaysWhatItCosts) {
  const auto per_table = [&](const char* stem, const char* kind) {
    const auto started = std::chrono::steady_clock::now();
    run(std::string("DO $$ BEGIN FOR i IN 1..100 LOOP EXECUTE format('CREATE ") + kind + " TABLE " + stem +
        "%s (id int PRIMARY KEY, a text, b numeric(10,2), c timestamptz)', i); END LOOP; END $$");
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - started).count() / 100;
  };
  per_table("warm", "");
  const double bare = per_table("bare", "");
  const double bare_temporary = per_table("bare_temporary", "TEMP");
  ASSERT_NO_FATAL_FAILURE(capture());
  per_table("warmer", "");
  const double captured = per_table("captured", "");
  const double temporary = per_table("temporary", "TEMP");
  printf("postgres %d: CREATE TABLE %.2f ms, with event triggers %.2f ms; temporary %.2f ms, %.2f ms\n", version(),
         bare, captured, bare_temporary, temporary);
  EXPECT_LT(captured - bare, 100);
}

WALBRIDGE_EVERY_POSTGRES(SchemaCapture);

}  // namespace
}  // namespace walbridge::live
