// Chunks against real servers: their order and exactness for every kind of key, what they refuse, and that nothing of
// them stays open.
#include "source-pg/backfill.h"

#include <gmock/gmock.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/live/backfill_database.h"

namespace walbridge::live {
namespace {

using source_pg::Connection;
using std::chrono::steady_clock;
using testing::ElementsAre;
using testing::HasSubstr;

using BackfillTest = BackfillDatabase;

// Every kind of key: the chunks together are the table in the order of its key, each row once.
TEST_P(BackfillTest, FollowsTheKeyWhateverItsType) {
  run("CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy'); CREATE DOMAIN code AS text; CREATE SCHEMA \"Odd one\"; CREATE "
      "DOMAIN \"Odd one\".\"Num\" AS numeric(12,3)");
  const auto collation = value(
      "SELECT quote_ident(collname) FROM pg_collation WHERE collname IN ('und-x-icu', 'C.utf8', 'C.UTF-8', 'C') ORDER "
      "BY collname DESC LIMIT 1");
  struct Case {
    std::string name;
    std::string columns;
    std::string key;
    std::string rows;  // of i = 1 … 200
  };
  const Case cases[] = {
      {"ints", "k int", "k", "i * 7 - 500"},
      {"bigints", "k bigint", "k", "(i - 100) * 90000000000000000"},
      {"texts", "k text COLLATE " + collation, "k",
       "(ARRAY['a','A','ä','Z','z','_','''','\\','é','10','9',' '])[1 + i % 12] || i"},
      {"chars", "k char(8)", "k", "to_hex(i * 13)"},
      {"uuids", "k uuid", "k", "md5(i::text)::uuid"},
      {"numerics", "k numeric", "k",
       "CASE i WHEN 200 THEN 'NaN'::numeric WHEN 199 THEN 'Infinity' ELSE (i - 100) / 7.0 END"},
      {"floats", "k float8", "k", "CASE i WHEN 200 THEN 'NaN'::float8 ELSE (i - 100) / 3.0 END"},
      {"times", "k timestamptz", "k", "'2020-01-01 00:00:00.123456+02'::timestamptz + i * interval '7.5 hours'"},
      {"dates", "k date", "k", "CASE i WHEN 1 THEN '-infinity'::date ELSE '0044-03-15 BC'::date + i * 5000 END"},
      {"byteas", "k bytea", "k", "decode(md5(i::text), 'hex')"},
      {"domains", "k \"Odd one\".\"Num\"", "k", "i / 10.0"},
      {"inets", "k inet", "k", "'10.0.0.0'::inet + i * 300"},
      {"pairs", "a code, k int", "a, k", "'group ' || i % 7, i"},
      {"enums", "a mood, k int, \"B c\" text", "a, \"B c\", k",
       "(ARRAY['sad','ok','happy'])[1 + i % 3]::mood, i, (i % 5)::text"},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.name);
    run("CREATE TABLE " + each.name + " (" + each.columns + ", v text, PRIMARY KEY (" + each.key + "))");
    run("INSERT INTO " + each.name + " SELECT " + each.rows + ", nullif('value ' || i, 'value 5') FROM " +
        "generate_series(1, 200) i");
    auto wanted = request(each.name, {}, {});
    for (const auto& column : wanted.table->columns) wanted.columns.push_back(column.name);
    const auto& columns = wanted.table->columns;
    for (const auto& part : wanted.table->indexes.at(0).key) {
      for (const auto& column : columns) {
        if (column.attnum == part.attnum) wanted.key.push_back(column.name);
      }
    }
    wanted.most_rows = 13;
    EXPECT_EQ(all(wanted), query_lines("SELECT * FROM " + each.name + " ORDER BY " + each.key));
    wanted.most_rows = 200;  // the limit is the table's end
    const auto whole = chunk(wanted);
    EXPECT_EQ(whole.lines.size(), 200U);
    EXPECT_TRUE(whole.ends_table);
  }
}

TEST_P(BackfillTest, EndsAChunkByRowsOrBytes) {
  run("CREATE TABLE t (id int PRIMARY KEY, pad text); INSERT INTO t SELECT i, repeat('x', 100000) FROM "
      "generate_series(1, 100) i");
  auto wanted = request("t", {"id", "pad"}, {"id"});
  wanted.most_bytes = 1'000'000;
  auto read = chunk(wanted);
  EXPECT_EQ(read.lines.size(), 10U);
  EXPECT_FALSE(read.ends_table);
  EXPECT_EQ(read.last, RowKey{"10"});
  wanted.most_bytes = 1;
  EXPECT_EQ(chunk(wanted).lines.size(), 1U) << "never none";
  wanted.most_bytes = 1ULL << 40;
  wanted.most_rows = 99;
  read = chunk(wanted);
  EXPECT_EQ(read.lines.size(), 99U);
  EXPECT_FALSE(read.ends_table);
  EXPECT_GT(read.pieces.size(), 5U);
  for (const auto& piece : read.pieces) {
    EXPECT_LE(piece.arena.reserved(), 3U << 20);
    EXPECT_EQ(piece.snapshot.xmax, read.pieces.front().snapshot.xmax);
  }
  EXPECT_EQ(all(wanted).size(), 100U);
  wanted.after = {"100"};
  read = chunk(wanted);
  EXPECT_TRUE(read.lines.empty());
  EXPECT_TRUE(read.ends_table);
}

TEST_P(BackfillTest, ReadsEveryByteAsTheStreamHasIt) {
  run("CREATE TABLE t (id int PRIMARY KEY, s text, at timestamptz, during interval, x float8, b bytea, a text[])");
  run("INSERT INTO t VALUES (1, E'tab\\there\\nnew\\\\line', '2020-01-01 00:00:00.5+02', '1 year 2 days', 0.1, "
      "'\\x00ff', '{a,NULL,\"b c\"}'), (2, '', NULL, NULL, 'NaN', '', '{}')");
  const auto read = chunk(request("t", {"id", "s", "at", "during", "x", "b", "a"}, {"id"}));
  EXPECT_THAT(read.lines,
              ElementsAre("1|tab\there\nnew\\line|2019-12-31 22:00:00.5+00|P1Y2D|0.1|\\x00ff|{a,NULL,\"b c\"}",
                          "2||~|~|NaN|\\x|{}"));
}

TEST_P(BackfillTest, UsesTheIndexOfTheKey) {
  run("CREATE TABLE t (a int, b text, v text, PRIMARY KEY (a, b)); INSERT INTO t SELECT i % 10, i::text, 'v' FROM "
      "generate_series(1, 500) i; ANALYZE t");
  run("CREATE TABLE r (id int PRIMARY KEY) PARTITION BY HASH (id); CREATE TABLE r0 PARTITION OF r FOR VALUES WITH "
      "(MODULUS 2, REMAINDER 0); CREATE TABLE r1 PARTITION OF r FOR VALUES WITH (MODULUS 2, REMAINDER 1); INSERT INTO "
      "r "
      "SELECT generate_series(1, 500); ANALYZE r");
  auto wanted = request("t", {"v"}, {"a", "b"});
  wanted.after = {"5", "7"};
  wanted.most_rows = 20;
  EXPECT_EQ(chunk(wanted).lines.size(), 20U);
  wanted.only = {{"5", "5"}, {"6", "6"}, {"6", "7"}};
  EXPECT_EQ(chunk(wanted).lines.size(), 2U);
  auto rooted = request("r", {"id"}, {"id"});
  rooted.after = {"100"};
  rooted.most_rows = 20;
  EXPECT_EQ(chunk(rooted).lines.size(), 20U);
  source_.reset();  // a session's counts are told when it ends; the one scan of the table is that of making its index
  const std::string counts =
      "SELECT string_agg(relname || ' ' || seq_scan || ' ' || (idx_scan > 0), ', ' ORDER BY relname) FROM "
      "pg_stat_user_tables WHERE relname IN ('t', 'r0', 'r1')";
  EXPECT_TRUE(eventually([&] { return value(counts) == "r0 1 true, r1 1 true, t 1 true"; })) << value(counts);
}

TEST_P(BackfillTest, ReadsRowsThatCameBetweenChunksAndNotThoseThatWent) {
  run("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, 'old' FROM generate_series(10, 100, 10) i");
  auto wanted = request("t", {"id", "v"}, {"id"});
  wanted.most_rows = 3;
  const auto lines = all(wanted, [this](int chunks) {
    if (chunks == 1) run("DELETE FROM t WHERE id IN (10, 40, 50); INSERT INTO t VALUES (5, 'behind'), (45, 'new')");
    if (chunks == 2) run("UPDATE t SET id = 200 WHERE id = 90; UPDATE t SET v = 'changed' WHERE id IN (20, 100)");
  });
  EXPECT_THAT(lines, ElementsAre("10|old", "20|old", "30|old", "45|new", "60|old", "70|old", "80|old", "100|changed",
                                 "200|old"));
}

TEST_P(BackfillTest, ReadsATableWithoutAKeyInOneSnapshot) {
  run("CREATE TABLE t (v text); ALTER TABLE t REPLICA IDENTITY FULL; INSERT INTO t SELECT repeat('x', 100000) || i % "
      "50 "
      "FROM generate_series(1, 100) i");
  auto wanted = request("t", {"v"}, {});
  wanted.most_rows = 1;
  wanted.most_bytes = 1;
  ASSERT_TRUE(source_->open(wanted));
  std::size_t rows = 0;
  int pieces = 0;
  for (bool more = true; more; ++pieces) {
    const auto piece = source_->next();
    ASSERT_TRUE(piece) << describe(piece.error());
    rows += piece->rows;
    more = !piece->ends_chunk;
    EXPECT_EQ(piece->ends_table, piece->ends_chunk);
    run("INSERT INTO t VALUES ('late'); DELETE FROM t WHERE v LIKE '%7'");
  }
  EXPECT_EQ(rows, 100U);
  EXPECT_GT(pieces, 5);
}

TEST_P(BackfillTest, NamesTheLeafOfEachRow) {
  run("CREATE TABLE r (id int, at int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at); CREATE TABLE r1 PARTITION OF r "
      "FOR "
      "VALUES FROM (0) TO (10); CREATE TABLE r2 PARTITION OF r FOR VALUES FROM (10) TO (20) PARTITION BY LIST (id); "
      "CREATE TABLE r2x PARTITION OF r2 DEFAULT; CREATE TABLE r3 (at int NOT NULL, extra int, id int NOT NULL, PRIMARY "
      "KEY (id, at)); ALTER TABLE r3 DROP COLUMN extra; ALTER TABLE r ATTACH PARTITION r3 FOR VALUES FROM (20) TO "
      "(30); "
      "INSERT INTO r SELECT i, i % 30 FROM generate_series(1, 90) i");
  auto wanted = request("r", {"id", "at"}, {"id", "at"});
  wanted.most_rows = 40;
  const auto read = chunk(wanted);
  ASSERT_EQ(read.lines.size(), 40U);
  const auto oids = query_lines("SELECT tableoid, id, at FROM r ORDER BY id, at LIMIT 40");
  for (std::size_t row = 0; row < 40; ++row)
    EXPECT_EQ(std::to_string(read.heaps[row]) + "|" + read.lines[row], oids[row]);
  EXPECT_EQ(all(wanted).size(), 90U);
  wanted.leaf = static_cast<std::uint32_t>(std::stoul(value("SELECT 'r3'::regclass::oid")));
  EXPECT_EQ(all(wanted), query_lines("SELECT id, at FROM r3 ORDER BY id, at"));
  EXPECT_EQ(chunk(wanted).pieces.front().seen.name, "r3");

  run("CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child () INHERITS (parent); INSERT INTO parent VALUES "
      "(1); "
      "INSERT INTO child VALUES (2)");
  EXPECT_THAT(chunk(request("parent", {"id"}, {"id"})).lines, ElementsAre("1"));

  wanted = request("r", {"id"}, {"id", "at"});
  run("CREATE TABLE r4 PARTITION OF r FOR VALUES FROM (30) TO (40)");
  auto error = refused(wanted);
  EXPECT_EQ(error.code, "relation-changed");
  EXPECT_EQ(error.verdict, Verdict::Retry);
  run("ALTER TABLE r DETACH PARTITION r4; ALTER TABLE r DETACH PARTITION r1");
  EXPECT_EQ(refused(wanted).code, "relation-changed");
}

TEST_P(BackfillTest, ReadsJustTheRowsAskedFor) {
  run("CREATE TABLE t (id numeric PRIMARY KEY, v text); INSERT INTO t SELECT i, 'v' || i FROM generate_series(1, 50) "
      "i");
  auto wanted = request("t", {"id", "v"}, {"id"});
  wanted.only = {{"7"}, {"3"}, {"51"}, {"3.0"}};
  wanted.most_rows = 1;
  const auto read = chunk(wanted);
  EXPECT_THAT(read.lines, ElementsAre("3|v3", "7|v7"));
  EXPECT_TRUE(read.ends_table);
}

TEST_P(BackfillTest, SaysThatTheTableIsNotWhatThePlanMeant) {
  run("CREATE DOMAIN price AS numeric(10,2)");
  const std::string changes[] = {
      "ALTER TABLE t ADD COLUMN late int",
      "ALTER TABLE t DROP COLUMN v",
      "ALTER TABLE t RENAME COLUMN v TO w",
      "ALTER TABLE t ALTER COLUMN v TYPE varchar(9)",
      "ALTER TABLE t ALTER COLUMN p TYPE numeric(10,2)",  // the domain's own type
      "ALTER TABLE t RENAME TO u",
      "DROP TABLE t",
      "ALTER TABLE t RENAME TO u; CREATE TABLE t (id int PRIMARY KEY, v varchar(5), p price)",
      "CREATE SCHEMA other; ALTER TABLE t SET SCHEMA other"};
  for (const auto& change : changes) {
    SCOPED_TRACE(change);
    run("CREATE TABLE t (id int PRIMARY KEY, v varchar(5), p price)");
    auto wanted = request("t", {"v", "p", "id"}, {"id"});
    const auto read = chunk(wanted);
    ASSERT_EQ(read.pieces.size(), 1U);
    const auto& seen = read.pieces.front().seen;
    EXPECT_EQ(seen.oid, wanted.table->oid);
    ASSERT_EQ(seen.columns.size(), 3U);
    EXPECT_EQ(seen.columns[0].typmod, 9);
    EXPECT_EQ(std::to_string(seen.columns[1].type_oid), value("SELECT 'price'::regtype::oid")) << "not its base";
    EXPECT_TRUE(seen.columns[2].key);
    run(change);
    for (const bool first : {false, true}) {
      wanted.first = first;
      const auto error = refused(wanted);
      EXPECT_EQ(error.code, "relation-changed") << describe(error);
      EXPECT_EQ(error.verdict, Verdict::Retry);
    }
    EXPECT_EQ(transactions_of_backfill(), "0");
    run("DROP TABLE IF EXISTS t, u, other.t");
  }
}

TEST_P(BackfillTest, LeavesNoTransactionOpen) {
  run("CREATE TABLE t (id int PRIMARY KEY, pad text); INSERT INTO t SELECT i, repeat('x', 10000) FROM "
      "generate_series(1, 1000) i");
  auto wanted = request("t", {"id", "pad"}, {"id"});
  wanted.most_bytes = 1ULL << 40;
  ASSERT_TRUE(source_->open(wanted));
  ASSERT_TRUE(source_->next());
  EXPECT_EQ(transactions_of_backfill(), "1");
  source_->close();
  EXPECT_EQ(transactions_of_backfill(), "0");
  EXPECT_EQ(source_->next().error().verdict, Verdict::Retry);

  ASSERT_TRUE(source_->open(wanted));
  ASSERT_TRUE(source_->mark(wanted.id)) << "gives up the chunk";
  EXPECT_EQ(transactions_of_backfill(), "0");

  // A chunk that ended holds nothing, also when the mark is still to come.
  wanted.most_rows = 5;
  chunk(wanted);
  EXPECT_EQ(transactions_of_backfill(), "0");
  run("SET lock_timeout = '1s'");
  run("ALTER TABLE t ADD COLUMN c int");

  ASSERT_TRUE(source_->open(request("t", {"id"}, {"id"})));
  run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'walbridge backfill' AND "
      "datname "
      "= current_database()");
  Error error;
  EXPECT_TRUE(eventually([&] {
    const auto piece = source_->next();
    if (piece) return false;
    error = piece.error();
    return true;
  }));
  EXPECT_EQ(error.verdict, Verdict::Retry) << describe(error);
  EXPECT_EQ(chunk(request("t", {"id"}, {"id"})).lines.size(), 1000U) << "connects again";
}

TEST_P(BackfillTest, DoesNotWaitLongForALock) {
  run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  const auto wanted = request("t", {"id"}, {"id"});
  auto other = another();
  ASSERT_TRUE(other.execute("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE"));
  const auto start = steady_clock::now();
  const auto error = refused(wanted);
  EXPECT_EQ(error.verdict, Verdict::Retry) << describe(error);
  EXPECT_EQ(error.code, "55P03");
  EXPECT_LT(steady_clock::now() - start, std::chrono::seconds(15));
  EXPECT_EQ(transactions_of_backfill(), "0");
}

TEST_P(BackfillTest, RowSecurityFailsInsteadOfThinning) {
  run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2); ALTER TABLE t ENABLE ROW LEVEL SECURITY; "
      "CREATE POLICY p ON t USING (id = 1)");
  const auto wanted = request("t", {"id"}, {"id"});
  auto weak = config_;
  weak.source = source_for(role("weak", ""));
  run("GRANT SELECT ON t TO " + unique("weak"));
  source_ = source_pg::open_backfill_source(weak);
  const auto error = refused(wanted);
  EXPECT_EQ(error.code, "42501") << describe(error);
  EXPECT_EQ(error.verdict, Verdict::Operator);
  run("REASSIGN OWNED BY " + unique("weak") + " TO postgres; DROP OWNED BY " + unique("weak"));
}

TEST_P(BackfillTest, ItsMarkComesBehindWhatItsSnapshotSaw) {
  run("CREATE TABLE t (id int PRIMARY KEY); ALTER PUBLICATION walbridge ADD TABLE t");
  const auto from =
      parse_lsn(value("SELECT lsn FROM pg_create_logical_replication_slot('" + config_.source.slot + "', 'pgoutput')"));
  ASSERT_TRUE(from);
  run("INSERT INTO t VALUES (1)");
  const auto xid = value("SELECT xmin FROM t");
  const auto read = chunk(request("t", {"id"}, {"id"}));
  const auto& snapshot = read.pieces.front().snapshot;
  EXPECT_TRUE(snapshot.sees(static_cast<std::uint32_t>(std::stoul(xid))));
  run("INSERT INTO t VALUES (2)");
  EXPECT_FALSE(snapshot.sees(static_cast<std::uint32_t>(std::stoul(value("SELECT xmin FROM t WHERE id = 2")))));
  ASSERT_TRUE(source_->mark(42));
  source_->trust("forged");
  ASSERT_TRUE(source_->mark(43));

  auto stream = source_pg::open_source(config_);
  stream->trust("token");
  ASSERT_TRUE(stream->start(*from));
  std::vector<std::string> lines;
  EXPECT_TRUE(eventually([&] {
    Chunk chunk;
    EXPECT_TRUE(stream->poll(chunk, 1 << 20));
    for (const auto& event : chunk.events) {
      if (const auto* row = std::get_if<RowChange>(&event)) lines.push_back("row " + std::string(row->new_row[0].text));
      if (const auto* mark = std::get_if<BackfillMark>(&event)) lines.push_back("mark " + std::to_string(mark->chunk));
    }
    return lines.size() >= 3;
  }));
  EXPECT_THAT(lines, ElementsAre("row 1", "row 2", "mark 42"));
}

WALBRIDGE_EVERY_POSTGRES(BackfillTest);

}  // namespace
}  // namespace walbridge::live
