// Bulk loads: hidden until the swap, repeated after lost answers without doubling, owned names only.
#include <gmock/gmock.h>

#include "tests/unit/sink-libsql/remote_fixture.h"

namespace walbridge::testing {
namespace {

using ::testing::HasSubstr;

class RemoteLoads : public RemoteSinkTest {
 protected:
  RemoteLoads() {
    log_.source_oid = 20000;
    log_.source_name = "public.log";
    log_.name = "log";
    log_.columns = {{"line", "TEXT", CacheColumn::Form::Plain}};
    log_.schema_hash = "l";
  }

  std::unique_ptr<Sink> opened_sink() {
    auto sink = make_sink();
    EXPECT_TRUE(sink->open());
    return sink;
  }

  static void add_row(LoadBlock& block, std::initializer_list<SqlValue> values) {
    for (auto value : values) {
      if (value.kind == SqlValue::Kind::Text || value.kind == SqlValue::Kind::Blob)
        value.bytes = block.arena.copy(value.bytes);
      block.values.push_back(value);
    }
    ++block.rows;
  }
  LoadBlock items(std::int64_t from, std::int64_t count, const std::string& name = "n") {
    LoadBlock block;
    block.table = &items_;
    for (auto id = from; id < from + count; ++id)
      add_row(block, {SqlValue::of(id), SqlValue::text(name), SqlValue::null()});
    return block;
  }
  LoadBlock lines(int count) {
    LoadBlock block;
    block.table = &log_;
    for (int i = 0; i < count; ++i) add_row(block, {SqlValue::text("same")});
    return block;
  }
  Status finish(Sink& sink, std::vector<const CacheTable*> tables, std::uint64_t lsn = 100) {
    std::vector<TableRecord> records;
    for (const auto* table : tables) records.push_back(live_record(*table));
    return sink.finish_load(records, "source", at_lsn(lsn));
  }

  CacheTable log_;
};

TEST_F(RemoteLoads, NothingIsVisibleBeforeTheSwap) {
  auto sink = opened_sink();
  const CacheTable* tables[] = {&items_, &log_};
  items_.indexes = {{CacheIndex::Kind::Plain, "by_name", {"\"name\" DESC"}}};
  expect_ok(sink->begin_load(tables));
  expect_ok(sink->load(items(0, 50'000)));
  expect_ok(sink->load(lines(3)));
  EXPECT_EQ(rows("SELECT count(*) FROM sqlite_master WHERE name IN ('items', 'log')"), "0");
  expect_ok(finish(*sink, {&items_, &log_}));
  EXPECT_EQ(rows("SELECT count(*) FROM items"), "50000");
  EXPECT_EQ(rows("SELECT count(*) FROM log"), "3");
  EXPECT_EQ(rows("SELECT name FROM sqlite_master WHERE name LIKE '_walbridge_load%'"), "");
  EXPECT_EQ(rows("SELECT tbl_name FROM sqlite_master WHERE name = 'by_name'"), "items");
  EXPECT_EQ(rows("SELECT source_id, commit_lsn FROM _walbridge_checkpoint"), "source|100");
  expect_ok(sink->begin());
  upsert(*sink, 50'000, "streamed");
  expect_ok(sink->commit(at_lsn(200)));
}

TEST_F(RemoteLoads, LostAnswersNeitherLoseNorDouble) {
  // A table without a key would show every doubled row. Three attempts are made at once, then the caller repeats.
  for (const auto kind : {Fate::Kind::ExecuteAndHalf, Fate::Kind::CutUnread, Fate::Kind::ExecuteAndCut}) {
    run_sql(
        "DROP TABLE IF EXISTS log; DROP TABLE IF EXISTS _walbridge_checkpoint; DROP TABLE IF EXISTS _walbridge_tables");
    auto sink = opened_sink();
    const CacheTable* tables[] = {&log_};
    const auto stumble = [&] {
      for (int i = 0; i < 7; ++i) next({kind, {}, -1, {}});
    };
    const auto repeat = [&](auto deed) {
      for (int i = 0; i < 20; ++i) {
        const Status done = deed();
        if (done) return;
        ASSERT_EQ(done.error().verdict, Verdict::Retry) << describe(done.error());
      }
      FAIL() << "never done";
    };
    stumble();
    repeat([&] { return sink->begin_load(tables); });
    const auto block = lines(45'000);
    stumble();
    repeat([&] { return sink->load(block); });
    stumble();
    repeat([&] { return finish(*sink, {&log_}); });
    EXPECT_EQ(rows("SELECT count(*) FROM log"), "45000");
    EXPECT_EQ(rows("SELECT commit_lsn FROM _walbridge_checkpoint"), "100");
  }
}

TEST_F(RemoteLoads, PoisonedTableLeavesTheOthers) {
  auto sink = opened_sink();
  const CacheTable* tables[] = {&items_, &log_};
  expect_ok(sink->begin_load(tables));
  expect_ok(sink->load(lines(5)));
  expect_ok(sink->load(items(0, 10)));
  const auto doubled = sink->load(items(5, 20'000));
  ASSERT_FALSE(doubled);
  EXPECT_EQ(doubled.error().verdict, Verdict::PoisonRow);
  EXPECT_EQ(doubled.error().table, "items");
  expect_ok(sink->load(lines(5)));
  expect_ok(finish(*sink, {&items_, &log_}));
  EXPECT_EQ(rows("SELECT count(*) FROM log"), "10");
}

TEST_F(RemoteLoads, ATableThatCannotComputeItselfLeavesTheOthers) {
  auto sink = opened_sink();
  items_.computed = {{"a", "INTEGER", "b + 1"}, {"b", "INTEGER", "a + 1"}};
  const CacheTable* tables[] = {&items_, &log_};
  expect_ok(sink->begin_load(tables));
  expect_ok(sink->load(lines(5)));
  const auto told = finish(*sink, {&items_, &log_});
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().verdict, Verdict::PoisonRow);
  EXPECT_EQ(told.error().table, "items");
  auto stopped = live_record(items_);
  stopped.state = TableState::Stopped;
  const TableRecord records[] = {stopped, live_record(log_)};
  expect_ok(sink->finish_load(records, "source", at_lsn(100)));
  EXPECT_EQ(rows("SELECT count(*) FROM log"), "5");
  EXPECT_EQ(rows("SELECT count(*) FROM sqlite_master WHERE name = 'items'"), "0");
}

TEST_F(RemoteLoads, PoisonFoundAtTheEndIsToldOnce) {
  auto sink = opened_sink();
  const CacheTable* tables[] = {&items_, &log_};
  expect_ok(sink->begin_load(tables));
  expect_ok(sink->load(lines(5)));
  expect_ok(sink->load(items(0, 10)));
  expect_ok(sink->load(items(5, 10)));
  const auto told = finish(*sink, {&items_, &log_});
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().verdict, Verdict::PoisonRow);
  EXPECT_EQ(told.error().table, "items");
  expect_ok(finish(*sink, {&items_, &log_}));
  EXPECT_EQ(rows("SELECT count(*) FROM log"), "5");
}

TEST_F(RemoteLoads, ReloadReplacesUnderViewsAndKeepsIndexNames) {
  auto sink = filled_sink();
  run_sql(
      "CREATE VIEW names AS SELECT name FROM items; CREATE VIEW upper_names AS SELECT upper(name) AS u FROM names;"
      "CREATE TABLE other (a); CREATE INDEX taken ON other (a)");
  items_.indexes = {{CacheIndex::Kind::Plain, "taken", {"\"name\""}}, {CacheIndex::Kind::Plain, "mine", {"\"name\""}}};
  const CacheTable* tables[] = {&items_};
  for (int round = 0; round < 2; ++round) {
    expect_ok(sink->begin_load(tables));
    expect_ok(sink->load(items(round, 2, "ann")));
    expect_ok(finish(*sink, {&items_}, 200));
    EXPECT_EQ(rows("SELECT u FROM upper_names"), "ANN\nANN");
    EXPECT_EQ(rows("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'items' ORDER BY 1"),
              "items_taken\nmine");
  }
}

TEST_F(RemoteLoads, StrangersTableIsNotReplaced) {
  for (const auto* stranger : {"CREATE TABLE ITEMS (a)", "CREATE VIEW items AS SELECT 1"}) {
    run_sql("DROP TABLE IF EXISTS _walbridge_checkpoint; DROP TABLE IF EXISTS _walbridge_tables");
    run_sql(stranger);
    auto sink = opened_sink();
    const CacheTable* tables[] = {&items_};
    const auto begun = sink->begin_load(tables);
    ASSERT_FALSE(begun);
    EXPECT_EQ(begun.error().code, "table-exists");
    EXPECT_EQ(begun.error().verdict, Verdict::Operator);
    EXPECT_THAT(sink->check(tables).back().code, "table-exists");
    if (std::string(stranger).find("TABLE") != std::string::npos) run_sql("DROP TABLE items");
  }
}

TEST_F(RemoteLoads, CrashedLoadIsRemovedByTheNext) {
  {
    auto sink = opened_sink();
    const CacheTable* tables[] = {&log_};
    expect_ok(sink->begin_load(tables));
    expect_ok(sink->load(lines(25'000)));
  }
  run_sql("CREATE TABLE _walbridge_load_7_other (a)");
  auto sink = opened_sink();
  const CacheTable* tables[] = {&items_};
  expect_ok(sink->begin_load(tables));
  EXPECT_EQ(rows("SELECT name FROM sqlite_master WHERE name GLOB '_walbridge_load_*' ORDER BY 1"),
            "_walbridge_load_16384_walbridge\n_walbridge_load_7_other");
}

TEST_F(RemoteLoads, RemoveLeavesOnlyWhatIsNotOurs) {
  auto sink = filled_sink();
  run_sql("CREATE TABLE foreign_one (a)");
  const auto state = sink->peek();
  ASSERT_TRUE(state);
  auto records = state->tables;
  records.push_back({});
  records.back().cache_name = "foreign_one";
  expect_ok(sink->remove(records));
  EXPECT_EQ(rows("SELECT name FROM sqlite_master"), "foreign_one");
  expect_ok(sink->remove(records));
  EXPECT_FALSE(sink->peek()->checkpoint);
}

TEST_F(RemoteLoads, RemoveKeepsOtherStreams) {
  auto sink = filled_sink();
  const auto other = sink_libsql::open_remote_sink(config_, "other");
  ASSERT_TRUE((*other)->open());
  expect_ok(sink->remove(sink->peek()->tables));
  EXPECT_EQ(rows("SELECT stream FROM _walbridge_checkpoint"), "other");
  EXPECT_EQ(rows("SELECT count(*) FROM sqlite_master WHERE name = 'items'"), "0");
}

TEST_F(RemoteLoads, PeekChangesNothing) {
  auto sink = make_sink();
  const auto state = sink->peek();
  ASSERT_TRUE(state);
  EXPECT_FALSE(state->checkpoint);
  EXPECT_EQ(rows("SELECT count(*) FROM sqlite_master"), "0");
}

TEST_F(RemoteLoads, CheckTellsWhatTheServerLacks) {
  auto sink = make_sink();
  const auto findings = sink->check({});
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].severity, Finding::Severity::Error);
  EXPECT_THAT(findings[0].message, HasSubstr("jsonb")) << "SQLite before 3.45 has none";
  EXPECT_EQ(rows("SELECT count(*) FROM sqlite_master"), "0");
}

}  // namespace
}  // namespace walbridge::testing
