// A remote sink against a scripted server that is a real SQLite underneath, and small values to feed it with.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sink-libsql/remote_sink.h"
#include "tests/unit/sink-libsql/hrana_on_sqlite.h"
#include "tests/unit/sink-libsql/scripted_server.h"

namespace walbridge::testing {

inline CacheTable items_table() {
  CacheTable table;
  table.source_oid = 16384;
  table.source_name = "public.items";
  table.name = "items";
  table.columns = {{"id", "INTEGER", CacheColumn::Form::Plain},
                   {"name", "TEXT", CacheColumn::Form::Plain},
                   {"pic", "BLOB", CacheColumn::Form::Blob}};
  table.key = {0};
  table.rowid_key = true;
  table.schema_hash = "h";
  return table;
}

inline Checkpoint at_lsn(std::uint64_t lsn) {
  Checkpoint checkpoint;
  checkpoint.commit_lsn = Lsn{lsn};
  checkpoint.end_lsn = Lsn{lsn + 8};
  checkpoint.committed_at = Timestamp{1'790'000'000'000'000};
  return checkpoint;
}

inline TableRecord live_record(const CacheTable& table) {
  TableRecord record;
  record.source_oid = table.source_oid;
  record.source_name = table.source_name;
  record.cache_name = table.name;
  record.state = TableState::Live;
  record.schema_hash = table.schema_hash;
  record.snapshot_lsn = Lsn{100};
  return record;
}

class RemoteSinkTest : public ::testing::Test {
 protected:
  // What happens to the next requests, first come first served; afterwards they are simply answered.
  struct Fate {
    enum class Kind { Answer, Reply, ExecuteAndCut, ExecuteAndHalf, CutUnread, FailStep, Hang };
    Kind kind = Kind::Answer;
    ScriptedReply reply{};
    int step = -1;
    std::string code{};
  };

  RemoteSinkTest() : server_([this](const ScriptedRequest& request) { return answer(request); }) {
    config_.name = "main";
    config_.url = server_.url();
  }

  std::unique_ptr<Sink> make_sink() {
    auto sink = sink_libsql::open_remote_sink(config_, "walbridge");
    EXPECT_TRUE(sink);
    return *std::move(sink);
  }

  // Opened, filled with an empty `items`, at LSN 100.
  std::unique_ptr<Sink> filled_sink() {
    auto sink = make_sink();
    const auto opened = sink->open();
    EXPECT_TRUE(opened) << (opened ? "" : describe(opened.error()));
    const CacheTable* tables[] = {&items_};
    expect_ok(sink->begin_load(tables));
    const TableRecord records[] = {live_record(items_)};
    expect_ok(sink->finish_load(records, "source", at_lsn(100)));
    return sink;
  }

  void expect_ok(const Status& status) { EXPECT_TRUE(status) << (status ? "" : describe(status.error())); }

  void upsert(Sink& sink, std::int64_t id, std::string_view name) {
    const SqlValue values[] = {SqlValue::of(id), SqlValue::text(name), SqlValue::blob("\x01\xff")};
    CacheChange change;
    change.op = CacheChange::Op::Upsert;
    change.table = &items_;
    change.values = values;
    expect_ok(sink.apply(change));
  }

  Status update(Sink& sink, std::int64_t id, std::string_view name) {
    const SqlValue values[] = {SqlValue::of(id), SqlValue::text(name), SqlValue{}};
    const SqlValue match[] = {SqlValue::of(id)};
    CacheChange change;
    change.op = CacheChange::Op::Update;
    change.table = &items_;
    change.values = values;
    change.match = match;
    return sink.apply(change);
  }

  std::string rows(const std::string& sql) {
    const std::lock_guard lock(mutex_);
    return database_.rows(sql);
  }
  void run_sql(const std::string& sql) {
    const std::lock_guard lock(mutex_);
    database_.run_sql(sql);
  }
  void next(Fate fate) {
    const std::lock_guard lock(mutex_);
    fates_.push_back(std::move(fate));
  }
  static Fate reply(int status, std::string body) { return {Fate::Kind::Reply, {status, std::move(body)}, -1, {}}; }

  ScriptedReply answer(const ScriptedRequest& request) {
    const std::lock_guard lock(mutex_);
    Fate fate;
    if (!fates_.empty()) {
      fate = fates_.front();
      fates_.pop_front();
    }
    if (request.method == "GET") return {200, "sqld 0.24.32"};
    switch (fate.kind) {
      case Fate::Kind::Answer:
        return {200, database_.answer(request.body)};
      case Fate::Kind::Reply:
        return fate.reply;
      case Fate::Kind::FailStep:
        return {200, database_.answer(request.body, fate.step, fate.code)};
      case Fate::Kind::CutUnread:
        return cut();
      case Fate::Kind::Hang:
        return hang();
      case Fate::Kind::ExecuteAndCut:
        static_cast<void>(database_.answer(request.body));
        return cut();
      case Fate::Kind::ExecuteAndHalf: {
        auto body = database_.answer(request.body);
        const auto half = body.size() / 2;
        return {200, std::move(body), false, half};
      }
    }
    return {500, ""};
  }

  static ScriptedReply cut() {
    ScriptedReply none;
    none.cut_before = true;
    return none;
  }
  static ScriptedReply hang() {
    ScriptedReply none;
    none.hang = true;
    return none;
  }

  CacheTable items_ = items_table();
  config::Sink config_;
  std::mutex mutex_;
  HranaOnSqlite database_;
  std::deque<Fate> fates_;
  ScriptedServer server_;
};

}  // namespace walbridge::testing
