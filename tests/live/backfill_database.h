// A database with a source of chunks on it, which a test reads as lines. One thread.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "source-pg/open.h"
#include "tests/live/described_tables.h"
#include "tests/live/pg_database.h"

namespace walbridge::live {

class BackfillDatabase : public PgDatabase {
 protected:
  void SetUp() override {
    PgDatabase::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    source_ = source_pg::open_backfill_source(config_);
    source_->trust("token");
    run("CREATE PUBLICATION walbridge; COMMENT ON PUBLICATION walbridge IS 'created by walbridge for slot x'");
  }
  void TearDown() override {
    source_.reset();
    PgDatabase::TearDown();
  }

  ChunkRequest request(const std::string& table, std::vector<std::string> columns, std::vector<std::string> key) {
    ChunkRequest made;
    made.id = ++last_id_;
    made.table = described_table(config_, table);
    made.columns = std::move(columns);
    made.key = std::move(key);
    made.first = false;
    return made;
  }

  // One chunk, its rows as lines; ends on a failure.
  struct Read {
    std::vector<std::string> lines;
    std::vector<std::uint32_t> heaps;
    std::vector<ChunkPiece> pieces;
    RowKey last;
    bool ends_table = false;
  };
  Read chunk(const ChunkRequest& wanted) {
    Read read;
    const auto opened = source_->open(wanted);
    EXPECT_TRUE(opened) << describe(opened.error());
    for (bool more = static_cast<bool>(opened); more;) {
      auto piece = source_->next();
      EXPECT_TRUE(piece) << describe(piece.error());
      if (!piece) break;
      EXPECT_EQ(piece->id, wanted.id);
      EXPECT_EQ(piece->heaps.size(), piece->rows);
      EXPECT_EQ(piece->values.size(), piece->rows * wanted.columns.size());
      for (std::size_t row = 0; row < piece->rows; ++row) add_row(wanted, *piece, row, read);
      read.heaps.insert(read.heaps.end(), piece->heaps.begin(), piece->heaps.end());
      more = !piece->ends_chunk;
      read.ends_table = piece->ends_table;
      read.pieces.push_back(*std::move(piece));
    }
    return read;
  }

  static void add_row(const ChunkRequest& wanted, const ChunkPiece& piece, std::size_t row, Read& read) {
    std::string line;
    std::map<std::string, std::string> by_column;
    for (std::size_t column = 0; column < wanted.columns.size(); ++column) {
      const auto& value = piece.values[row * wanted.columns.size() + column];
      const std::string text = value.kind == WireValue::Kind::Null ? "~" : std::string(value.text);
      line += (column == 0 ? "" : "|") + text;
      by_column[wanted.columns[column]] = text;
    }
    read.lines.push_back(line);
    read.last.clear();
    for (const auto& name : wanted.key) read.last.push_back(by_column[name]);
  }

  // Chunk after chunk until the table ends; calls `between` after each.
  std::vector<std::string> all(ChunkRequest wanted, const std::function<void(int)>& between = {}) {
    std::vector<std::string> lines;
    for (int chunks = 1;; ++chunks) {
      auto read = chunk(wanted);
      lines.insert(lines.end(), read.lines.begin(), read.lines.end());
      if (HasFailure() || read.ends_table) return lines;
      EXPECT_FALSE(read.lines.empty());
      wanted.after = read.last;
      wanted.id = ++last_id_;
      if (between) between(chunks);
    }
  }

  // As a session of ours prints it, so in the form the stream has.
  std::vector<std::string> query_lines(const std::string& query) {
    std::vector<std::string> lines;
    const auto rows = sql().query(query);
    EXPECT_TRUE(rows) << (rows ? "" : describe(rows.error()));
    if (!rows) return lines;
    for (int row = 0; row < rows->size(); ++row) {
      std::string line;
      for (int column = 0; column < rows->columns(); ++column)
        line += (column == 0 ? "" : "|") + (rows->is_null(row, column) ? "~" : rows->string(row, column));
      lines.push_back(line);
    }
    return lines;
  }

  Error refused(const ChunkRequest& wanted) {
    const auto opened = source_->open(wanted);
    EXPECT_FALSE(opened);
    return opened ? Error{} : opened.error();
  }

  source_pg::Connection another() {
    using source_pg::Connection;
    auto connection = Connection::open(config_.source, Connection::Kind::Ordinary, "shop");
    EXPECT_TRUE(connection) << (connection ? "" : describe(connection.error()));
    return connection ? *std::move(connection) : Connection();
  }

  bool eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      usleep(10'000);
    }
    return true;
  }

  std::string transactions_of_backfill() {
    return value(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'walbridge backfill' AND datname = "
        "current_database() AND (state <> 'idle' OR backend_xmin IS NOT NULL)");
  }

  std::unique_ptr<BackfillSource> source_;
  std::uint64_t last_id_ = 0;
};

}  // namespace walbridge::live
