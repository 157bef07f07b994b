// What only a file has: side files, empty files, leftovers of deleted databases, names that are taken.
#include "tests/unit/sink-libsql/local_support.h"

namespace walbridge::sink_libsql {
namespace {

using ::testing::HasSubstr;

class LocalLoading : public LocalFile {};

TEST_F(LocalLoading, FirstLoadLeavesAWalDatabaseAndNothingElse) {
  const auto table = numbers_table();
  {
    const auto sink = opened();
    EXPECT_FALSE(std::filesystem::exists(path()));
    ASSERT_EQ("ok", said(load(*sink, table, 100)));
    EXPECT_FALSE(std::filesystem::exists(side()));
  }
  EXPECT_EQ("100", ask("SELECT count(*) FROM numbers"));
  EXPECT_EQ("wal", ask("PRAGMA journal_mode"));
  EXPECT_EQ("ok", ask("PRAGMA integrity_check"));
}

TEST_F(LocalLoading, CrashLeavesASideFileThatTheNextOpenRemoves) {
  write_file(side(), "half a database");
  write_file(side() + "-journal", "x");
  const auto sink = opened();
  EXPECT_FALSE(std::filesystem::exists(side()));
  EXPECT_FALSE(std::filesystem::exists(side() + "-journal"));
}

TEST_F(LocalLoading, AbandonRemovesTheSideFile) {
  const auto table = numbers_table();
  const CacheTable* const tables[] = {&table};
  const auto sink = opened();
  ASSERT_EQ("ok", said(sink->begin_load(tables)));
  EXPECT_TRUE(std::filesystem::exists(side()));
  sink->abandon();
  EXPECT_TRUE(std::filesystem::is_empty(directory_));
}

// An application may have opened the name before there was a cache; it must see the rows without opening again.
TEST_F(LocalLoading, ReaderOfTheEmptyFileSeesTheRows) {
  write_file(path(), "");
  Stranger reader(path());
  EXPECT_EQ(SQLITE_ERROR, reader.run("SELECT * FROM numbers"));
  const auto table = numbers_table();
  const auto sink = opened();
  ASSERT_EQ("ok", said(load(*sink, table, 10)));
  EXPECT_EQ(SQLITE_OK, reader.run("SELECT * FROM numbers"));
  ASSERT_EQ("ok", said(sink->begin()));
  ASSERT_EQ("ok", said(upsert(*sink, table, 11)));
  ASSERT_EQ("ok", said(sink->commit(position(2))));
  EXPECT_EQ("11", ask("SELECT count(*) FROM numbers"));
  EXPECT_FALSE(std::filesystem::exists(side()));
}

TEST_F(LocalLoading, LogOfADeletedDatabaseIsNotReplayed) {
  const auto table = numbers_table();
  std::string stale_log;
  {
    const auto sink = opened();
    ASSERT_EQ("ok", said(load(*sink, table, 10)));
    ASSERT_EQ("ok", said(sink->begin()));
    ASSERT_EQ("ok", said(upsert(*sink, table, 5, "from the deleted database")));
    ASSERT_EQ("ok", said(sink->commit(position(2))));
    std::ifstream log(path() + "-wal", std::ios::binary);
    stale_log.assign(std::istreambuf_iterator<char>(log), {});
  }
  ASSERT_FALSE(stale_log.empty());
  std::filesystem::remove(path());
  write_file(path() + "-wal", stale_log);
  const auto sink = opened();
  ASSERT_EQ("ok", said(load(*sink, table, 10)));
  EXPECT_EQ("name", ask("SELECT name FROM numbers WHERE id = 5"));
  EXPECT_EQ("ok", ask("PRAGMA integrity_check"));
}

TEST_F(LocalLoading, FileThatAppearedMeanwhileIsNotReplaced) {
  const auto table = numbers_table();
  const CacheTable* const tables[] = {&table};
  const auto sink = opened();
  ASSERT_EQ("ok", said(sink->begin_load(tables)));
  EXPECT_EQ(SQLITE_OK, Stranger(path()).run("CREATE TABLE precious (x)"));
  const auto failed = sink->finish_load({}, "source", position(1));
  ASSERT_FALSE(failed);
  EXPECT_EQ("fenced", failed.error().code);
  EXPECT_EQ("0", ask("SELECT count(*) FROM precious"));
}

TEST_F(LocalLoading, OtherTablesOfTheFileStay) {
  EXPECT_EQ(SQLITE_OK, Stranger(path()).run("CREATE TABLE precious (x); INSERT INTO precious VALUES (7)"));
  const auto table = numbers_table();
  const auto sink = opened();
  ASSERT_EQ("ok", said(load(*sink, table, 10)));
  EXPECT_EQ("7", ask("SELECT x FROM precious"));
  EXPECT_EQ("10", ask("SELECT count(*) FROM numbers"));
}

TEST_F(LocalLoading, TakenIndexNameGetsTheTableInFront) {
  EXPECT_EQ(SQLITE_OK, Stranger(path()).run("CREATE TABLE precious (x); CREATE INDEX By_Name ON precious (x)"));
  auto table = numbers_table();
  table.indexes = {{CacheIndex::Kind::Plain, "by_name", {"\"name\""}}};
  {
    const auto sink = opened();
    ASSERT_EQ("ok", said(load(*sink, table, 10)));
    EXPECT_EQ("numbers_by_name", ask("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'numbers'"));
  }
  EXPECT_EQ(SQLITE_OK, Stranger(path()).run("CREATE TABLE other (x); DROP INDEX numbers_by_name; "
                                            "CREATE INDEX numbers_by_name ON other (x)"));
  const auto sink = opened();
  const auto failed = load(*sink, table, 10);
  ASSERT_FALSE(failed);
  EXPECT_EQ("index-exists", failed.error().code);
  EXPECT_EQ("10", ask("SELECT count(*) FROM numbers"));
}

TEST_F(LocalLoading, DuplicateKeyIsNamedWithoutItsValue) {
  const auto table = numbers_table();
  const CacheTable* const tables[] = {&table};
  const auto sink = opened();
  ASSERT_EQ("ok", said(sink->begin_load(tables)));
  LoadBlock block;
  block.table = &table;
  for (int i = 0; i < 2; ++i) {
    block.values.push_back(SqlValue::of(std::int64_t{424242}));
    block.values.push_back(SqlValue::text("secret"));
  }
  block.rows = 2;
  const auto failed = sink->load(block);
  ASSERT_FALSE(failed);
  EXPECT_EQ("numbers", failed.error().table);
  EXPECT_EQ(Verdict::PoisonRow, failed.error().verdict);
  EXPECT_EQ(std::string::npos, describe(failed.error()).find("secret"));
  EXPECT_EQ(std::string::npos, describe(failed.error()).find("424242"));
}

// Only that table stays out; what is broken half-way could not be undone in a first load.
TEST_F(LocalLoading, ATableThatSqliteCannotComputeLeavesTheOthers) {
  const auto good = numbers_table();
  auto loop = numbers_table();
  loop.source_oid = 2;
  loop.name = "loop";
  loop.computed = {{"a", "INTEGER", "b + 1"}, {"b", "INTEGER", "a + 1"}};
  auto broken = numbers_table();
  broken.source_oid = 3;
  broken.name = "broken";
  broken.indexes = {{CacheIndex::Kind::Plain, "by_part", {"\"name\" ->> '$.x'"}}};
  auto partial = numbers_table();
  partial.source_oid = 4;
  partial.name = "partial";
  partial.indexes = {{CacheIndex::Kind::Plain, "some", {"\"name\""}, "json_extract(name, '$.x') > 1"}};
  const CacheTable* const tables[] = {&good, &loop, &broken, &partial};
  const auto sink = opened();
  ASSERT_EQ("ok", said(sink->begin_load(tables)));
  std::vector<TableRecord> records;
  for (const auto* table : tables) {
    LoadBlock block;
    block.table = table;
    block.values = {SqlValue::of(std::int64_t{1}), SqlValue::text("no json")};
    block.rows = 1;
    records.push_back(live_record(*table));
    const auto loaded = sink->load(block);
    if (loaded) continue;
    EXPECT_EQ(loaded.error().verdict, Verdict::PoisonRow);
    EXPECT_EQ(loaded.error().table, "loop");
    records.back().state = TableState::Stopped;
  }
  std::vector<std::string> stopped;
  for (auto finished = sink->finish_load(records, "source", position(1)); !finished;
       finished = sink->finish_load(records, "source", position(1))) {
    ASSERT_EQ(finished.error().verdict, Verdict::PoisonRow) << describe(finished.error());
    ASSERT_LT(stopped.size(), 4U);
    stopped.push_back(finished.error().table);
    EXPECT_EQ(describe(finished.error()).find("no json"), std::string::npos);
    for (auto& record : records) {
      if (record.cache_name == stopped.back()) record.state = TableState::Stopped;
    }
  }
  EXPECT_THAT(stopped, ::testing::UnorderedElementsAre("broken", "partial"));
  EXPECT_EQ("numbers", ask("SELECT group_concat(name) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE "
                           "'\\_walbridge%' ESCAPE '\\'"));
  EXPECT_EQ("1", ask("SELECT count(*) FROM numbers"));
  EXPECT_EQ("ok", ask("PRAGMA integrity_check"));

  // A row that an index cannot take stops its table, whose other rows stay.
  auto indexed = numbers_table();
  indexed.indexes = broken.indexes;
  ASSERT_EQ("ok", said(sink->begin()));
  SchemaStep step;
  step.kind = SchemaStep::Kind::CreateIndex;
  step.table = "numbers";
  step.definition = indexed;
  step.index = indexed.indexes[0];
  step.index.where = "id > 1";
  ASSERT_EQ("ok", said(sink->alter({&step, 1})));
  const SqlValue values[] = {SqlValue::of(std::int64_t{2}), SqlValue::text("secret")};
  CacheChange change;
  change.table = &indexed;
  change.values = values;
  auto applied = sink->apply(change);
  if (applied) applied = sink->commit(position(2));
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().verdict, Verdict::PoisonRow);
  EXPECT_EQ(applied.error().code, "expression-failed");
  EXPECT_EQ(describe(applied.error()).find("secret"), std::string::npos);
}

TEST_F(LocalLoading, JsonbNeedsANewerSqlite) {
  auto table = numbers_table();
  table.columns[1].form = CacheColumn::Form::Jsonb;
  const CacheTable* const tables[] = {&table};
  const auto sink = opened();
  const auto begun = sink->begin_load(tables);
  if (sqlite3_libversion_number() >= 3'045'000) {
    EXPECT_EQ("ok", said(begun));
    return;
  }
  ASSERT_FALSE(begun);
  EXPECT_EQ("jsonb", begun.error().code);
  EXPECT_THAT(begun.error().message, HasSubstr("numbers.name"));
  EXPECT_EQ("jsonb", sink->check(tables).at(0).code);
}

}  // namespace
}  // namespace walbridge::sink_libsql
