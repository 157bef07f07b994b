// A database whose schema changes are captured, and its stream: what it says of them, as lines. One thread.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "source-pg/open.h"
#include "source-pg/replication_stream.h"
#include "tests/live/pg_database.h"
#include "tests/live/stream_transcript.h"

namespace walbridge::live {

class SchemaCapture : public PgDatabase {
 protected:
  void SetUp() override {
    PgDatabase::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    run("CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE fence (id int PRIMARY KEY)");
    run("CREATE PUBLICATION walbridge FOR TABLE t, fence");
  }

  void TearDown() override {
    stream_.reset();
    admin_.reset();
    PgDatabase::TearDown();
  }

  CaptureStatus ensure(SourceAdmin& admin) {
    auto status = admin.ensure_capture();
    EXPECT_TRUE(status) << (status ? "" : describe(status.error()));
    return status ? *std::move(status) : CaptureStatus{};
  }

  // Installs, makes the slot and opens the stream.
  void capture(CaptureStatus::Mode expected = CaptureStatus::Mode::Triggers) {
    admin_ = source_pg::open_source_admin(config_);
    const auto status = ensure(*admin_);
    ASSERT_EQ(status.mode, expected) << status.problem;
    const auto from = parse_lsn(
        value("SELECT lsn FROM pg_create_logical_replication_slot('" + config_.source.slot + "', 'pgoutput')"));
    ASSERT_TRUE(from);
    // The stream is opened as the superuser whatever role captures.
    auto source = source_for();
    stream_ = std::make_unique<source_pg::ReplicationStream>(
        source_pg::ReplicationStream::Options{source, unique("stream"), std::chrono::milliseconds(60'000)});
    stream_->trust(status.token);
    const auto started = stream_->start(*from);
    ASSERT_TRUE(started) << describe(started.error());
    seen_ = std::make_unique<StreamTranscript>(*stream_);
  }

  // What the stream yields for these statements, up to a row that follows them.
  std::vector<std::string> heard(const std::vector<std::string>& statements = {}) {
    for (const auto& statement : statements) run(statement);
    const std::string fence = "insert fence " + std::to_string(++fences_);
    run("INSERT INTO fence VALUES (" + std::to_string(fences_) + ")");
    EXPECT_TRUE(seen_->take_until([&] { return !seen_->lines.empty() && seen_->lines.back() == fence; }))
        << (seen_->error ? describe(*seen_->error) : "");
    auto lines = std::move(seen_->lines);
    if (!lines.empty()) lines.pop_back();
    seen_->lines.clear();
    return lines;
  }
  // The last news among what heard() saw since the last call.
  SchemaNews last_news() {
    EXPECT_FALSE(seen_->news.empty());
    auto news = seen_->news.empty() ? SchemaNews{} : seen_->news.back();
    seen_->news.clear();
    return news;
  }
  std::uint32_t oid(const std::string& relation) {
    return static_cast<std::uint32_t>(std::stoul(value("SELECT '" + relation + "'::regclass::oid")));
  }
  // What the catalog says of the table: what news of it must say too.
  std::string described(const std::string& name) {
    const auto tables = source_pg::open_source_admin(config_)->describe_tables();
    EXPECT_TRUE(tables) << (tables ? "" : describe(tables.error()));
    for (const auto& table : *tables) {
      if (table.qualified_name() == name) return table.json;
    }
    return "no table " + name;
  }

  std::unique_ptr<SourceAdmin> admin_;
  std::unique_ptr<source_pg::ReplicationStream> stream_;
  std::unique_ptr<StreamTranscript> seen_;

 private:
  int fences_ = 0;
};

}  // namespace walbridge::live
