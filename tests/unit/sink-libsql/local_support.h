// A directory of its own, a small table and a sink on a file in it, for the tests of the local sink.
#pragma once

#include <sqlite3.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sink-libsql/open.h"

namespace walbridge::sink_libsql {

inline CacheTable numbers_table() {
  CacheTable table;
  table.source_oid = 1;
  table.source_name = "public.numbers";
  table.name = "numbers";
  table.columns = {{"id", "INTEGER", CacheColumn::Form::Plain}, {"name", "TEXT", CacheColumn::Form::Plain}};
  table.key = {0};
  table.rowid_key = true;
  table.schema_hash = "h";
  return table;
}

inline TableRecord live_record(const CacheTable& table) {
  TableRecord record;
  record.source_oid = table.source_oid;
  record.source_name = table.source_name;
  record.cache_name = table.name;
  record.state = TableState::Live;
  record.schema_hash = table.schema_hash;
  record.snapshot_lsn.value = 1;
  return record;
}

inline Checkpoint position(std::uint64_t lsn) {
  Checkpoint checkpoint;
  checkpoint.commit_lsn.value = checkpoint.end_lsn.value = lsn;
  return checkpoint;
}

inline std::string said(const Status& status) { return status ? "ok" : describe(status.error()); }

class LocalFile : public ::testing::Test {
 protected:
  LocalFile() {
    std::string pattern = (std::filesystem::temp_directory_path() / "walbridge-local-XXXXXX").string();
    EXPECT_NE(nullptr, ::mkdtemp(pattern.data()));
    directory_ = pattern;
  }
  ~LocalFile() override { std::filesystem::remove_all(directory_); }

  std::string path() const { return (directory_ / "cache.db").string(); }
  std::string side() const { return path() + ".walbridge-load"; }

  std::unique_ptr<Sink> make_sink(const std::string& path) const {
    config::Sink settings;
    settings.name = "main";
    settings.url = "file:" + path;
    auto sink = open_sink(settings, "main");
    EXPECT_TRUE(sink);
    return *std::move(sink);
  }
  std::unique_ptr<Sink> opened() const {
    auto sink = make_sink(path());
    const auto state = sink->open();
    EXPECT_TRUE(state) << (state ? "" : describe(state.error()));
    return sink;
  }

  // Loads `rows` rows 1.. into `table`.
  Status load(Sink& sink, const CacheTable& table, std::int64_t rows) const {
    const CacheTable* const tables[] = {&table};
    WALBRIDGE_TRY(sink.begin_load(tables));
    LoadBlock block;
    block.table = &table;
    for (std::int64_t i = 1; i <= rows; ++i) {
      block.values.push_back(SqlValue::of(i));
      block.values.push_back(SqlValue::text("name"));
    }
    block.rows = static_cast<std::size_t>(rows);
    WALBRIDGE_TRY(sink.load(block));
    const TableRecord records[] = {live_record(table)};
    return sink.finish_load(records, "source", position(1));
  }

  Status upsert(Sink& sink, const CacheTable& table, std::int64_t id, std::string_view name = "streamed") const {
    const SqlValue values[] = {SqlValue::of(id), SqlValue::text(name)};
    CacheChange change;
    change.table = &table;
    change.values = values;
    return sink.apply(change);
  }

  // One value read through another handle; nullopt when the statement fails.
  std::optional<std::string> ask(const std::string& sql) const { return ask(path(), sql); }
  static std::optional<std::string> ask(const std::string& path, const std::string& sql) {
    sqlite3* db = nullptr;
    std::optional<std::string> answer;
    const auto keep = [](void* into, int columns, char** values, char**) {
      auto& text = *static_cast<std::optional<std::string>*>(into);
      if (columns > 0 && values[0] != nullptr) text = values[0];
      return 0;
    };
    if (sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK) {
      answer = "";
      sqlite3_busy_timeout(db, 2000);
      if (sqlite3_exec(db, sql.c_str(), keep, &answer, nullptr) != SQLITE_OK) answer.reset();
    }
    sqlite3_close(db);
    return answer;
  }
  static void write_file(const std::string& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
  }

  std::filesystem::path directory_;
};

// A handle of somebody else's that stays open.
class Stranger {
 public:
  explicit Stranger(const std::string& path) { sqlite3_open(path.c_str(), &db_); }
  ~Stranger() { sqlite3_close(db_); }
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;
  int run(const std::string& sql) { return sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr); }

 private:
  sqlite3* db_ = nullptr;
};

}  // namespace walbridge::sink_libsql
