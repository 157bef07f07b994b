#include "source-pg/snapshot.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "source-pg/admin.h"
#include "source-pg/open.h"
#include "tests/live/pg_database.h"

namespace walbridge::source_pg {
namespace {

using ::testing::HasSubstr;

class SnapshotTest : public live::PgDatabase {
 protected:
  SourceTable table(const std::string& name) {
    auto tables = open_source_admin(config_)->describe_tables();
    EXPECT_TRUE(tables) << (tables ? "" : describe(tables.error()));
    if (tables) {
      for (auto& candidate : *tables) {
        if (candidate.name == name) return candidate;
      }
    }
    ADD_FAILURE() << "no table " << name;
    return {};
  }

  // All rows of the parts, each as its values joined by '|', NULL as '~'.
  static std::vector<std::string> copy(SnapshotReader& reader, const std::vector<CopyPart>& parts,
                                       const std::vector<std::string>& columns) {
    std::vector<std::string> lines;
    std::vector<WireValue> row;
    for (const auto& part : parts) {
      auto stream = reader.copy(part, columns);
      EXPECT_TRUE(stream) << (stream ? "" : describe(stream.error()));
      if (!stream) return lines;
      for (;;) {
        const auto more = (*stream)->next(row);
        EXPECT_TRUE(more) << (more ? "" : describe(more.error()));
        if (!more || !*more) break;
        std::string line;
        for (const auto& value : row) {
          if (!line.empty()) line += '|';
          line += value.kind == WireValue::Kind::Null ? "~" : std::string(value.text);
        }
        lines.push_back(std::move(line));
      }
    }
    return lines;
  }

  std::string slots() {
    return value(
        "SELECT coalesce(string_agg(slot_name || ' ' || temporary, ', '), '') FROM pg_replication_slots WHERE database "
        "= current_database()");
  }
};

TEST_P(SnapshotTest, ShowsTheSourceAtExactlyTheSlotsPoint) {
  run("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'before')");
  auto snapshot = open_snapshot_source(config_);
  const auto point = snapshot->begin(SnapshotSource::SlotUse::CreatePermanent);
  ASSERT_TRUE(point) << describe(point.error());
  EXPECT_EQ(slots(), config_.source.slot + " false");
  EXPECT_EQ(value("SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE database = current_database()"),
            to_string(point->consistent_point));

  run("INSERT INTO t VALUES (2, 'after'); UPDATE t SET v = 'changed' WHERE id = 1");
  auto first = snapshot->reader();
  ASSERT_TRUE(first) << describe(first.error());
  const auto parts = snapshot->parts(table("t"), 1 << 20);
  ASSERT_TRUE(parts);
  const std::vector<std::string> columns = {"v", "id"};
  EXPECT_EQ(copy(**first, *parts, columns), std::vector<std::string>{"before|1"});
  run("DELETE FROM t");
  auto second = snapshot->reader();
  ASSERT_TRUE(second);
  EXPECT_EQ(copy(**second, *parts, columns), std::vector<std::string>{"before|1"});
  // What was not in the snapshot is in the slot: two transactions with rows, and the delete.
  first = Error{};
  second = Error{};
  snapshot->end();
  EXPECT_EQ(slots(), config_.source.slot + " false") << "the slot outlives the snapshot";
}

TEST_P(SnapshotTest, ATemporaryTwinLeavesNothingBehind) {
  run("CREATE TABLE t (id int); INSERT INTO t VALUES (1)");
  run("SELECT pg_create_logical_replication_slot('" + config_.source.slot + "', 'pgoutput')");
  auto snapshot = open_snapshot_source(config_);
  const auto point = snapshot->begin(SnapshotSource::SlotUse::Temporary);
  ASSERT_TRUE(point) << describe(point.error());
  EXPECT_THAT(slots(), HasSubstr("_load_"));
  EXPECT_THAT(slots(), HasSubstr(" true"));
  {
    auto reader = snapshot->reader();
    ASSERT_TRUE(reader);
    EXPECT_EQ(copy(**reader, *snapshot->parts(table("t"), 0), {"id"}), std::vector<std::string>{"1"});
  }
  const auto refused = open_snapshot_source(config_)->begin(SnapshotSource::SlotUse::CreatePermanent);
  ASSERT_FALSE(refused) << "the permanent slot exists";
  EXPECT_EQ(refused.error().code, "42710");
  EXPECT_EQ(refused.error().verdict, Verdict::Operator);
  snapshot->end();
  for (int tries = 0; tries < 500 && slots() != config_.source.slot + " false"; ++tries) usleep(10'000);
  EXPECT_EQ(slots(), config_.source.slot + " false");
}

TEST_P(SnapshotTest, PartsOfEveryTableAreCompleteAndDisjoint) {
  run("CREATE TABLE t (id int PRIMARY KEY, pad text) WITH (autovacuum_enabled = false); INSERT INTO t SELECT i, "
      "repeat('x', 50) FROM generate_series(1, 20000) i");
  run("CREATE TABLE empty (id int); CREATE TABLE parent (id int); CREATE TABLE child () INHERITS (parent); INSERT INTO "
      "parent VALUES (1); INSERT INTO child VALUES (2)");
  run("CREATE TABLE r (id int, at int) PARTITION BY RANGE (at); CREATE TABLE r1 PARTITION OF r FOR VALUES FROM (0) TO "
      "(10); "
      "CREATE TABLE r2 PARTITION OF r FOR VALUES FROM (10) TO (20) PARTITION BY LIST (id); CREATE TABLE r2x PARTITION "
      "OF r2 DEFAULT; "
      "INSERT INTO r SELECT i, i % 20 FROM generate_series(1, 1000) i");
  auto snapshot = open_snapshot_source(config_);
  // The sizes are read before more rows come behind them: those are not in the snapshot, but what is must be read.
  ASSERT_TRUE(snapshot->begin(SnapshotSource::SlotUse::CreatePermanent));
  auto reader = snapshot->reader();
  ASSERT_TRUE(reader);

  const auto parts = snapshot->parts(table("t"), 64 * 1024);
  ASSERT_TRUE(parts);
  EXPECT_GT(parts->size(), 10U);
  run("INSERT INTO t SELECT i, repeat('y', 50) FROM generate_series(20001, 30000) i; UPDATE t SET pad = 'moved' WHERE "
      "id % 3 = 0");
  const auto rows = copy(**reader, *parts, {"id", "pad"});
  EXPECT_EQ(rows.size(), 20000U);
  EXPECT_EQ(std::set<std::string>(rows.begin(), rows.end()).size(), 20000U);
  EXPECT_TRUE(std::all_of(rows.begin(), rows.end(), [](const std::string& row) { return row.ends_with("xxx"); }));

  const auto nothing = snapshot->parts(table("empty"), 1 << 20);
  ASSERT_TRUE(nothing);
  ASSERT_EQ(nothing->size(), 1U);
  EXPECT_FALSE(nothing->front().end_page);
  EXPECT_TRUE(copy(**reader, *nothing, {"id"}).empty());
  EXPECT_EQ(copy(**reader, *snapshot->parts(table("parent"), 1 << 20), {"id"}), std::vector<std::string>{"1"});

  const auto leaves = snapshot->parts(table("r"), 1 << 20);
  ASSERT_TRUE(leaves);
  ASSERT_EQ(leaves->size(), 2U);
  EXPECT_EQ(leaves->front().name, "r1");
  EXPECT_EQ(std::to_string(leaves->back().oid), value("SELECT 'r2x'::regclass::oid"));
  EXPECT_EQ(copy(**reader, *leaves, {"id"}).size(), 1000U);
}

TEST_P(SnapshotTest, CopiesEveryByteThatTextCanHold) {
  run("CREATE TABLE t (id int PRIMARY KEY, s text)");
  run("INSERT INTO t SELECT i, chr(i) || 'a' || chr(i) || E'\\\\' || chr(i) FROM generate_series(1, 300) i");
  run("INSERT INTO t VALUES (1001, NULL), (1002, ''), (1003, E'\\\\N'), (1004, E'\\\\.'), (1005, "
      "E'tab\\there\\nnew\\rline\\\\x41'), (1006, repeat(E'\\\\\\t', 100000))");
  auto snapshot = open_snapshot_source(config_);
  ASSERT_TRUE(snapshot->begin(SnapshotSource::SlotUse::CreatePermanent));
  auto reader = snapshot->reader();
  ASSERT_TRUE(reader);
  auto stream = (*reader)->copy(snapshot->parts(table("t"), 1 << 20)->front(), std::vector<std::string>{"id", "s"});
  ASSERT_TRUE(stream);
  const auto expected = sql().query("SELECT id, s FROM t");  // libpq's rows are not escaped
  ASSERT_TRUE(expected);
  std::vector<WireValue> row;
  int at = 0;
  for (auto more = (*stream)->next(row); more && *more; more = (*stream)->next(row), ++at) {
    ASSERT_LT(at, expected->size());
    ASSERT_EQ(row.size(), 2U);
    EXPECT_EQ(row[0].text, expected->text(at, 0));
    EXPECT_EQ(row[1].kind == WireValue::Kind::Null, expected->is_null(at, 1));
    ASSERT_EQ(row[1].text, expected->text(at, 1)) << "row " << row[0].text;
  }
  EXPECT_EQ(at, expected->size());
}

TEST_P(SnapshotTest, DescribesColumnsWithTheirOwnTypes) {
  run("CREATE DOMAIN price AS numeric(10,2); CREATE TABLE t (gone int, a int, p price, v varchar(7), g int GENERATED "
      "ALWAYS AS (a) STORED); ALTER TABLE t DROP COLUMN gone");
  auto snapshot = open_snapshot_source(config_);
  ASSERT_TRUE(snapshot->begin(SnapshotSource::SlotUse::CreatePermanent));
  const auto planned = table("t");
  // A column added after the snapshot is what the executor sees, whatever the snapshot's catalog says.
  run("ALTER TABLE t ADD COLUMN late text DEFAULT 'x'");
  auto reader = snapshot->reader();
  ASSERT_TRUE(reader);
  const auto relation = (*reader)->describe(planned.oid, "public", "t");
  ASSERT_TRUE(relation) << describe(relation.error());
  ASSERT_EQ(relation->columns.size(), 4U) << "no dropped and no generated column";
  EXPECT_EQ(relation->columns[0].name, "a");
  EXPECT_EQ(relation->columns[1].type_oid, planned.columns[1].type->oid) << "the domain, not its base";
  EXPECT_EQ(relation->columns[2].typmod, 11);
  EXPECT_EQ(relation->columns[3].name, "late");

  run("CREATE TABLE other (id int)");
  const auto replaced = (*reader)->describe(planned.oid + 1000000, "public", "t");
  ASSERT_FALSE(replaced);
  EXPECT_EQ(replaced.error().code, "table-replaced");
}

TEST_P(SnapshotTest, DescribesTheTablesOfItsPoint) {
  run("CREATE TABLE t (id int PRIMARY KEY, v varchar(7)); CREATE TABLE gone (id int); CREATE TABLE r (id int) "
      "PARTITION "
      "BY RANGE (id); CREATE TABLE r1 PARTITION OF r FOR VALUES FROM (0) TO (10)");
  const auto before = open_source_admin(config_)->describe_tables();
  ASSERT_TRUE(before);
  auto snapshot = open_snapshot_source(config_);
  ASSERT_TRUE(snapshot->begin(SnapshotSource::SlotUse::CreatePermanent));
  run("ALTER TABLE t ADD COLUMN late int DEFAULT 5; ALTER TABLE t RENAME COLUMN v TO w; DROP TABLE gone; CREATE TABLE "
      "fresh (id int); CREATE TABLE r2 PARTITION OF r FOR VALUES FROM (10) TO (20)");
  const auto inside = snapshot->describe_tables();
  ASSERT_TRUE(inside) << describe(inside.error());
  const auto outline = [](const std::vector<SourceTable>& tables) {
    std::string text;
    for (const auto& table : tables) {
      text += table.name + "(";
      for (const auto& column : table.columns) text += column.name + " " + column.type->sql + ",";
      text += ") ";
      for (const auto& leaf : table.leaves) text += leaf.name + " ";
    }
    return text;
  };
  EXPECT_EQ(outline(*inside), outline(*before));
  EXPECT_EQ(outline(*inside), "gone(id integer,) r(id integer,) r1 t(id integer,v character varying(7),) ");
  const auto now = open_source_admin(config_)->describe_tables();
  ASSERT_TRUE(now);
  EXPECT_EQ(outline(*now),
            "fresh(id integer,) r(id integer,) r1 r2 t(id integer,w character varying(7),late integer,) ");
  EXPECT_EQ(outline(*snapshot->describe_tables()), outline(*before)) << "as often as it is asked";
  snapshot->end();
  EXPECT_FALSE(snapshot->describe_tables());
}

TEST_P(SnapshotTest, SaysWhichTransactionsKeepTheSlotWaiting) {
  run("CREATE TABLE t (id int); BEGIN; INSERT INTO t VALUES (1)");
  // The 60 s of lock_timeout are the database's business here, so that the test need not wait for them.
  auto snapshot = SlotSnapshot(config_.source, "300ms");
  const auto refused = snapshot.begin(SnapshotSource::SlotUse::CreatePermanent);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().verdict, Verdict::Retry);
  EXPECT_EQ(refused.error().code, "55P03");
  EXPECT_THAT(refused.error().message, HasSubstr("pid " + std::to_string(sql().backend_pid())));
  run("ROLLBACK");
  EXPECT_EQ(slots(), "") << "a failed attempt leaves no slot";
  EXPECT_TRUE(snapshot.begin(SnapshotSource::SlotUse::CreatePermanent));
}

TEST_P(SnapshotTest, AStreamLeftEarlyClosesItsReader) {
  run("CREATE TABLE t (id int, pad text); INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(1, 200000) i");
  auto snapshot = open_snapshot_source(config_);
  ASSERT_TRUE(snapshot->begin(SnapshotSource::SlotUse::CreatePermanent));
  auto reader = snapshot->reader();
  ASSERT_TRUE(reader);
  const auto parts = snapshot->parts(table("t"), 1ULL << 40);
  const std::vector<std::string> columns = {"id"};
  {
    auto stream = (*reader)->copy(parts->front(), columns);
    ASSERT_TRUE(stream);
    std::vector<WireValue> row;
    ASSERT_TRUE(*(*stream)->next(row));
  }
  const auto after = (*reader)->copy(parts->front(), columns);
  ASSERT_FALSE(after);
  EXPECT_EQ(after.error().verdict, Verdict::Retry);
  auto another = snapshot->reader();
  ASSERT_TRUE(another);
  EXPECT_EQ(copy(**another, *parts, columns).size(), 200000U);
}

TEST_P(SnapshotTest, RowSecurityFailsInsteadOfThinning) {
  run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2); ALTER TABLE t ENABLE ROW LEVEL SECURITY; "
      "CREATE POLICY p ON t USING (id = 1)");
  const auto user = role("reader", "REPLICATION");
  run("GRANT SELECT ON t TO " + user);
  config_.source = source_for(user);
  const auto planned = table("t");
  auto snapshot = open_snapshot_source(config_);
  ASSERT_TRUE(snapshot->begin(SnapshotSource::SlotUse::CreatePermanent));
  auto reader = snapshot->reader();
  ASSERT_TRUE(reader);
  const auto refused = (*reader)->copy(snapshot->parts(planned, 1 << 20)->front(), std::vector<std::string>{"id"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "42501");
  EXPECT_THAT(refused.error().message, HasSubstr("public.t"));
}

TEST_P(SnapshotTest, ALostExporterIsARetry) {
  run("CREATE TABLE t (id int)");
  auto snapshot = open_snapshot_source(config_);
  ASSERT_TRUE(snapshot->begin(SnapshotSource::SlotUse::Temporary));
  run("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE temporary AND database = "
      "current_database()");
  Result<std::unique_ptr<SnapshotReader>> reader = Error{};
  for (int tries = 0; tries < 500; ++tries) {  // until the server has taken its snapshot away
    reader = snapshot->reader();
    if (!reader) break;
    usleep(10'000);
  }
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().verdict, Verdict::Retry) << describe(reader.error());
}

// The reader's own cost per row, apart from the server's: CPU seconds of this thread. Set WALBRIDGE_TEST_ROWS to
// measure.
TEST_P(SnapshotTest, ReadsNarrowRowsFast) {
  const char* wanted = std::getenv("WALBRIDGE_TEST_ROWS");
  const std::string count = wanted == nullptr ? "100000" : wanted;
  run("CREATE UNLOGGED TABLE t (id bigint, a int, b text)");
  run("INSERT INTO t SELECT i, i % 1000, 'name ' || i FROM generate_series(1, " + count + ") i");
  auto snapshot = open_snapshot_source(config_);
  ASSERT_TRUE(snapshot->begin(SnapshotSource::SlotUse::CreatePermanent));
  auto reader = snapshot->reader();
  ASSERT_TRUE(reader);
  const std::vector<std::string> columns = {"id", "a", "b"};
  auto stream = (*reader)->copy(snapshot->parts(table("t"), 1ULL << 40)->front(), columns);
  ASSERT_TRUE(stream);
  std::vector<WireValue> row;
  std::size_t rows = 0;
  const auto start = std::chrono::steady_clock::now();
  const auto cpu = std::clock();
  for (auto more = (*stream)->next(row); more && *more; more = (*stream)->next(row)) ++rows;
  const double cpu_seconds = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(std::to_string(rows), count);
  RecordProperty("rows_per_second", std::to_string(static_cast<double>(rows) / seconds.count()));
  RecordProperty("rows_per_cpu_second", std::to_string(static_cast<double>(rows) / cpu_seconds));
  if (wanted != nullptr) {
    std::printf("%zu rows, %.2f M rows/s, %.2f M rows per CPU second of the reader\n", rows,
                static_cast<double>(rows) / seconds.count() / 1e6, static_cast<double>(rows) / cpu_seconds / 1e6);
  }
}

WALBRIDGE_EVERY_POSTGRES(SnapshotTest);

}  // namespace
}  // namespace walbridge::source_pg
