// The local sink when its file is not what it should be: missing, foreign, locked, damaged, exchanged.
#include <sys/resource.h>

#include <csignal>

#include "tests/unit/sink-libsql/local_support.h"

namespace walbridge::sink_libsql {
namespace {

class LocalTrouble : public LocalFile {
 protected:
  // A cache with ten rows, open for streaming.
  std::unique_ptr<Sink> streaming() {
    auto sink = opened();
    EXPECT_EQ("ok", said(load(*sink, table_, 10)));
    return sink;
  }
  Status commit_one(Sink& sink, std::uint64_t lsn) {
    WALBRIDGE_TRY(sink.begin());
    WALBRIDGE_TRY(upsert(sink, table_, 100));
    return sink.commit(position(lsn));
  }
  CacheTable table_ = numbers_table();
};

TEST_F(LocalTrouble, MissingDirectoryIsNamed) {
  const auto sink = make_sink((directory_ / "none" / "cache.db").string());
  const auto state = sink->open();
  ASSERT_FALSE(state);
  EXPECT_EQ("path", state.error().code);
  EXPECT_EQ(Verdict::Operator, state.error().verdict);
  EXPECT_FALSE(state.error().remedy.empty());
  EXPECT_EQ(Finding::Severity::Error, sink->check({}).at(0).severity);
}

TEST_F(LocalTrouble, DirectoryIsNotACache) {
  const auto state = make_sink(directory_.string())->open();
  ASSERT_FALSE(state);
  EXPECT_EQ("path", state.error().code);
}

TEST_F(LocalTrouble, UrlWithoutAPathIsRefused) {
  config::Sink settings;
  settings.url = "file:";
  const auto sink = open_sink(settings, "main");
  ASSERT_FALSE(sink);
  EXPECT_EQ("config", sink.error().code);
}

TEST_F(LocalTrouble, FileThatIsNoDatabaseIsLeftAlone) {
  const std::string letter(5000, 'x');
  write_file(path(), letter);
  const auto sink = make_sink(path());
  const auto state = sink->open();
  ASSERT_FALSE(state);
  EXPECT_EQ("SQLITE_NOTADB", state.error().code);
  EXPECT_EQ(Verdict::Operator, state.error().verdict);
  EXPECT_EQ("SQLITE_NOTADB", sink->check({}).at(0).code);
  EXPECT_EQ(letter.size(), std::filesystem::file_size(path()));
}

TEST_F(LocalTrouble, LockedCacheIsARetryThatKeepsTheCall) {
  const auto sink = streaming();
  Stranger other(path());
  ASSERT_EQ(SQLITE_OK, other.run("BEGIN IMMEDIATE"));
  const auto busy = sink->begin();
  ASSERT_FALSE(busy);
  EXPECT_EQ(Verdict::Retry, busy.error().verdict);
  ASSERT_EQ(SQLITE_OK, other.run("ROLLBACK"));
  EXPECT_EQ("ok", said(commit_one(*sink, 2)));
}

TEST_F(LocalTrouble, LockedCacheIsARetryOfOpen) {
  static_cast<void>(streaming());
  Stranger other(path());
  ASSERT_EQ(SQLITE_OK, other.run("BEGIN IMMEDIATE"));
  const auto state = make_sink(path())->open();
  ASSERT_FALSE(state);
  EXPECT_EQ(Verdict::Retry, state.error().verdict);
}

TEST_F(LocalTrouble, ReadersDoNotHoldUpTheStream) {
  const auto sink = streaming();
  Stranger reader(path());
  ASSERT_EQ(SQLITE_OK, reader.run("BEGIN; SELECT * FROM numbers"));
  EXPECT_EQ("ok", said(commit_one(*sink, 2)));
}

struct Exchange {
  const char* name;
  void (*deed)(const std::string& path);
};

class LocalExchange : public LocalTrouble, public ::testing::WithParamInterface<Exchange> {};

TEST_P(LocalExchange, IsNoticedAtTheCommit) {
  const auto sink = streaming();
  ASSERT_EQ("ok", said(commit_one(*sink, 2)));
  ASSERT_EQ("ok", said(sink->begin()));
  ASSERT_EQ("ok", said(upsert(*sink, table_, 200)));
  GetParam().deed(path());
  const auto failed = sink->commit(position(3));
  ASSERT_FALSE(failed);
  EXPECT_EQ(Verdict::Gap, failed.error().verdict);
  EXPECT_EQ("cache-replaced", failed.error().code);
  EXPECT_FALSE(failed.error().remedy.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Ways, LocalExchange,
    ::testing::Values(Exchange{"Deleted", [](const std::string& path) { std::filesystem::remove(path); }},
                      Exchange{"Renamed",
                               [](const std::string& path) { std::filesystem::rename(path, path + ".old"); }},
                      Exchange{"Emptied", [](const std::string& path) { std::filesystem::resize_file(path, 0); }},
                      Exchange{"LogDeleted", [](const std::string& path) { std::filesystem::remove(path + "-wal"); }},
                      Exchange{"Replaced",
                               [](const std::string& path) {
                                 std::filesystem::copy_file(path, path + ".copy");
                                 std::filesystem::rename(path + ".copy", path);
                               }}),
    [](const auto& instance) { return instance.param.name; });

TEST_F(LocalTrouble, DroppedSystemTablesAreAReplacedCache) {
  const auto sink = streaming();
  ASSERT_TRUE(
      ask("DROP VIEW _walbridge_freshness; DROP TABLE _walbridge_checkpoint; DROP TABLE _walbridge_tables; "
          "DROP TABLE numbers"));
  const auto failed = commit_one(*sink, 2);
  ASSERT_FALSE(failed);
  EXPECT_EQ(Verdict::Gap, failed.error().verdict);
  EXPECT_EQ("cache-replaced", failed.error().code);
}

TEST_F(LocalTrouble, DroppedTableStopsAlone) {
  const auto sink = streaming();
  ASSERT_TRUE(ask("DROP TABLE numbers"));
  ASSERT_EQ("ok", said(sink->begin()));
  ASSERT_EQ("ok", said(upsert(*sink, table_, 1)));  // waits for the others of its transaction
  const auto failed = sink->commit(position(2));
  ASSERT_FALSE(failed);
  EXPECT_EQ(Verdict::PoisonRow, failed.error().verdict);
  EXPECT_EQ("table-altered", failed.error().code);
  EXPECT_EQ("numbers", failed.error().table);
  EXPECT_NE("ok", said(sink->commit(position(2)))) << "the transaction is lost";
}

TEST_F(LocalTrouble, ForeignConstraintIsPoisonAndHasNoEffect) {
  const auto sink = streaming();
  ASSERT_TRUE(ask("CREATE UNIQUE INDEX one_name ON numbers (name) WHERE name <> 'name'"));
  ASSERT_EQ("ok", said(sink->begin()));
  ASSERT_EQ("ok", said(upsert(*sink, table_, 1, "secret")));
  ASSERT_EQ("ok", said(upsert(*sink, table_, 2, "secret")));
  const auto failed = sink->commit(position(2));
  ASSERT_FALSE(failed);
  EXPECT_EQ(Verdict::PoisonRow, failed.error().verdict);
  EXPECT_EQ("numbers", failed.error().table);
  EXPECT_EQ(std::string::npos, describe(failed.error()).find("secret"));
  sink->abandon();
  EXPECT_EQ("0", ask("SELECT count(*) FROM numbers WHERE name = 'secret'"));
}

TEST_F(LocalTrouble, TextInAnIntegerKeyIsPoison) {
  const auto sink = streaming();
  ASSERT_EQ("ok", said(sink->begin()));
  const SqlValue values[] = {SqlValue::text("not a number"), SqlValue::null()};
  CacheChange change;
  change.table = &table_;
  change.values = values;
  ASSERT_EQ("ok", said(sink->apply(change)));
  const auto failed = sink->commit(position(2));
  ASSERT_FALSE(failed);
  EXPECT_EQ(Verdict::PoisonRow, failed.error().verdict);
}

// The file system refuses to let the log grow: nothing of the transaction is in, and the cache goes on afterwards.
TEST_F(LocalTrouble, FileThatCannotGrowLosesNothing) {
  const auto sink = streaming();
  rlimit before{};
  ASSERT_EQ(0, getrlimit(RLIMIT_FSIZE, &before));
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{static_cast<rlim_t>(std::filesystem::file_size(path()) + 4096), before.rlim_max};
  ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &tight));
  const std::string wide(1 << 20, 'x');
  Status failed = sink->begin();
  if (failed) failed = upsert(*sink, table_, 300, wide);
  if (failed) failed = sink->commit(position(2));
  ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &before));
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(failed);
  EXPECT_EQ(Verdict::Operator, failed.error().verdict);
  EXPECT_FALSE(failed.error().remedy.empty());
  sink->abandon();
  const auto state = sink->open();
  ASSERT_TRUE(state) << describe(state.error());
  EXPECT_EQ(position(1), state->checkpoint);
  EXPECT_EQ("10", ask("SELECT count(*) FROM numbers"));
  EXPECT_EQ("ok", said(commit_one(*sink, 2)));
}

TEST_F(LocalTrouble, CallsOutOfOrderAreRefused) {
  const auto sink = make_sink(path());
  EXPECT_EQ("call-order", sink->begin().error().code);
  ASSERT_TRUE(sink->open());
  EXPECT_EQ("not-loaded", sink->begin().error().code);
  EXPECT_EQ("not-loaded", sink->commit(position(1)).error().code);
}

TEST_F(LocalTrouble, PeekChangesNothing) {
  EXPECT_TRUE(make_sink(path())->peek());
  EXPECT_TRUE(std::filesystem::is_empty(directory_));
  ASSERT_EQ(SQLITE_OK, Stranger(path()).run("CREATE TABLE precious (x)"));
  const auto state = make_sink(path())->peek();
  ASSERT_TRUE(state);
  EXPECT_FALSE(state->checkpoint);
  EXPECT_EQ("1", ask("SELECT count(*) FROM sqlite_master"));
}

TEST_F(LocalTrouble, FullDurabilityIsASetting) {
  config::Sink settings;
  settings.name = "main";
  settings.url = "file:" + path();
  settings.durability = config::Durability::Full;
  settings.batch_rows = 77;
  auto sink = open_sink(settings, "main");
  ASSERT_TRUE(sink);
  EXPECT_EQ(77U, (*sink)->limits().rows_per_commit);
  ASSERT_TRUE((*sink)->open());
  ASSERT_EQ("ok", said(load(**sink, table_, 1)));
  EXPECT_EQ("ok", said(commit_one(**sink, 2)));
}

// The log is copied back between transactions: it must not grow with the stream.
TEST_F(LocalTrouble, LogStaysBounded) {
  const auto sink = streaming();
  std::uintmax_t largest = 0;
  for (std::uint64_t lsn = 2; lsn < 90; ++lsn) {
    const std::string wide(4000, lsn % 2 == 0 ? 'x' : 'y');  // SQLite does not write a row that stays the same
    ASSERT_EQ("ok", said(sink->begin()));
    for (std::int64_t i = 0; i < 500; ++i) ASSERT_EQ("ok", said(upsert(*sink, table_, i, wide)));
    ASSERT_EQ("ok", said(sink->commit(position(lsn))));
    largest = std::max(largest, std::filesystem::file_size(path() + "-wal"));
  }
  EXPECT_GT(largest, std::uintmax_t{100} << 20U);
  EXPECT_LT(largest, std::uintmax_t{160} << 20U);
}

}  // namespace
}  // namespace walbridge::sink_libsql
