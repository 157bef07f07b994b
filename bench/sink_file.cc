// The local sink alone, beside plain prepared inserts with the same settings: rows per second of a first load, of a
// reload, and of upserts (sequential and random keys, several sizes of transaction).
// Usage: bench-sink-file DIRECTORY [rows]
#include <sqlite3.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "sink-libsql/open.h"

namespace {

using namespace walbridge;
using Clock = std::chrono::steady_clock;

// Wall time says what a user waits, processor time compares even on a busy machine.
struct Start {
  Clock::time_point wall = Clock::now();
  double cpu = cpu_seconds();
  static double cpu_seconds() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
  }
};

constexpr std::size_t kRowsPerBlock = 4096;
const std::string kFiller(84, ' ');

// Like pgbench_accounts: aid, bid, abalance, filler.
CacheTable accounts() {
  CacheTable table;
  table.source_oid = 1;
  table.source_name = "public.accounts";
  table.name = "accounts";
  table.columns = {{"aid", "INTEGER", CacheColumn::Form::Plain},
                   {"bid", "INTEGER", CacheColumn::Form::Plain},
                   {"abalance", "INTEGER", CacheColumn::Form::Plain},
                   {"filler", "TEXT", CacheColumn::Form::Plain}};
  table.key = {0};
  table.rowid_key = true;
  table.schema_hash = "h";
  return table;
}

void require(const Status& status) {
  if (status) return;
  std::fprintf(stderr, "%s\n", describe(status.error()).c_str());
  std::exit(1);
}

void report(const char* what, std::size_t rows, const Start& from) {
  const double seconds = std::chrono::duration<double>(Clock::now() - from.wall).count();
  const double cpu = Start::cpu_seconds() - from.cpu;
  std::printf("%-48s %10.0f rows/s %10.0f rows per CPU second\n", what, static_cast<double>(rows) / seconds,
              static_cast<double>(rows) / cpu);
  std::fflush(stdout);
}

void fill(LoadBlock& block, const CacheTable& table, std::size_t first, std::size_t rows) {
  block.table = &table;
  block.arena.clear();
  block.values.clear();
  block.rows = rows;
  for (std::size_t i = 0; i < rows; ++i) {
    block.values.push_back(SqlValue::of(static_cast<std::int64_t>(first + i)));
    block.values.push_back(SqlValue::of(static_cast<std::int64_t>((first + i) / 100'000)));
    block.values.push_back(SqlValue::of(std::int64_t{0}));
    block.values.push_back(SqlValue::text(block.arena.copy(kFiller)));
  }
}

TableRecord record_of(const CacheTable& table) {
  TableRecord record;
  record.source_oid = table.source_oid;
  record.source_name = table.source_name;
  record.cache_name = table.name;
  record.state = TableState::Live;
  record.schema_hash = table.schema_hash;
  record.snapshot_lsn.value = 1;
  return record;
}

void load(Sink& sink, const CacheTable& table, std::size_t rows, const char* what) {
  const CacheTable* const tables[] = {&table};
  const TableRecord records[] = {record_of(table)};
  const Start from;
  require(sink.begin_load(tables));
  LoadBlock block;
  for (std::size_t first = 0; first < rows; first += kRowsPerBlock) {
    fill(block, table, first, std::min(kRowsPerBlock, rows - first));
    require(sink.load(block));
  }
  Checkpoint checkpoint;
  checkpoint.commit_lsn.value = checkpoint.end_lsn.value = 1;
  require(sink.finish_load(records, "bench", checkpoint));
  report(what, rows, from);
}

void upserts(Sink& sink, const CacheTable& table, std::size_t keys, std::size_t rows, std::size_t per_commit,
             bool random, std::uint64_t& lsn) {
  std::mt19937_64 generator(7);
  const Start from;
  for (std::size_t done = 0; done < rows;) {
    require(sink.begin());
    for (std::size_t i = 0; i < per_commit && done < rows; ++i, ++done) {
      const auto key = random ? generator() % keys : done % keys;
      const SqlValue values[] = {SqlValue::of(static_cast<std::int64_t>(key)), SqlValue::of(std::int64_t{1}),
                                 SqlValue::of(static_cast<std::int64_t>(done)), SqlValue::text(kFiller)};
      CacheChange change;
      change.table = &table;
      change.values = values;
      require(sink.apply(change));
    }
    Checkpoint checkpoint;
    checkpoint.commit_lsn.value = checkpoint.end_lsn.value = ++lsn;
    require(sink.commit(checkpoint));
  }
  const std::string what = std::string("sink upserts, ") + (random ? "random" : "sequential") + " keys, " +
                           std::to_string(per_commit) + " per commit";
  report(what.c_str(), rows, from);
}

// The limit: the same statement, no checkpoint, nothing to be careful about.
void plain(const std::string& path, std::size_t rows, const std::vector<const char*>& settings, bool upsert,
           std::size_t per_commit, const char* what) {
  sqlite3* db = nullptr;
  sqlite3_open(path.c_str(), &db);
  const auto run = [&](const char* sql) { sqlite3_exec(db, sql, nullptr, nullptr, nullptr); };
  for (const char* setting : settings) run(setting);
  run("CREATE TABLE IF NOT EXISTS accounts (aid INTEGER PRIMARY KEY, bid INTEGER, abalance INTEGER, filler TEXT)");
  sqlite3_stmt* statement = nullptr;
  const char* sql = upsert ? "INSERT INTO accounts VALUES (?1, ?2, ?3, ?4) ON CONFLICT (aid) DO UPDATE SET "
                             "bid = excluded.bid, abalance = excluded.abalance, filler = excluded.filler"
                           : "INSERT INTO accounts VALUES (?1, ?2, ?3, ?4)";
  sqlite3_prepare_v2(db, sql, -1, &statement, nullptr);
  std::mt19937_64 generator(7);
  const Start from;
  run("BEGIN");
  for (std::size_t i = 0; i < rows; ++i) {
    sqlite3_bind_int64(statement, 1, static_cast<sqlite3_int64>(upsert ? generator() % 1'000'000 : i));
    sqlite3_bind_int64(statement, 2, 1);
    sqlite3_bind_int64(statement, 3, static_cast<sqlite3_int64>(i));
    sqlite3_bind_text(statement, 4, kFiller.data(), static_cast<int>(kFiller.size()), SQLITE_STATIC);
    sqlite3_step(statement);
    sqlite3_reset(statement);
    if ((i + 1) % per_commit == 0) {
      run("COMMIT");
      run("BEGIN");
    }
  }
  run("COMMIT");
  sqlite3_finalize(statement);
  sqlite3_close(db);
  report(what, rows, from);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench-sink-file DIRECTORY [rows]\n");
    return 2;
  }
  const std::filesystem::path directory = argv[1];
  const std::size_t rows = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 3'000'000;
  const std::size_t changes = rows / 10;
  const auto table = accounts();
  config::Sink settings;
  settings.name = "bench";
  settings.url = "file:" + (directory / "sink.db").string();
  auto opened = sink_libsql::open_sink(settings, "bench");
  if (!opened) return 1;
  auto& sink = **opened;

  plain(directory / "plain-off.db", rows, {"PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF"}, false, rows,
        "plain inserts, no journal, no sync");
  plain(directory / "plain-wal.db", rows, {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL"}, false, 10'000,
        "plain inserts, WAL, 10000 per commit");
  if (!sink.open()) return 1;
  load(sink, table, rows, "sink first load");
  load(sink, table, rows, "sink reload");
  plain(directory / "plain-wal.db", changes,
        {"PRAGMA synchronous = NORMAL", "PRAGMA cache_size = -16384", "PRAGMA wal_autocheckpoint = 32000"}, true,
        10'000, "plain upserts, random keys, 10000 per commit");
  std::uint64_t lsn = 1;
  for (const bool random : {false, true}) {
    for (const std::size_t per_commit : {1U, 100U, 1'000U, 20'000U}) {
      upserts(sink, table, std::min<std::size_t>(rows, 1'000'000), per_commit == 1 ? changes / 4 : changes, per_commit,
              random, lsn);
    }
  }
  return 0;
}
