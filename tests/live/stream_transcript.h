// Drives a replication stream as the reader does and keeps what it yields as short lines ("insert t 1,one"), so that a
// test compares text. Every wait is for a condition, with a deadline. One thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "pipeline/api/source.h"

namespace walbridge::live {

class StreamTranscript {
 public:
  explicit StreamTranscript(Source& source) : source_(source) {}

  // Takes data until `enough`, an error or the deadline. Returns whether it was enough.
  bool take_until(const std::function<bool()>& enough, std::chrono::seconds at_most = std::chrono::seconds(30)) {
    const auto deadline = std::chrono::steady_clock::now() + at_most;
    while (!enough()) {
      if (error || std::chrono::steady_clock::now() > deadline) return false;
      Chunk chunk;
      const auto took = source_.poll(chunk, budget_bytes);
      for (const Event& event : chunk.events) std::visit([this](const auto& known) { on(known); }, event);
      most_events = std::max(most_events, chunk.events.size());
      if (!took) {
        error = took.error();
        continue;
      }
      if (const auto confirmed = source_.confirm(durable); !confirmed) error = confirmed.error();
      if (!*took) source_.wait(std::chrono::milliseconds(50), true);
    }
    return true;
  }

  bool take_transactions(std::size_t count) {
    return take_until([this, count] { return transactions >= count; });
  }

  std::vector<std::string> lines;
  std::vector<SchemaNews> news;  // in the order of their lines
  std::optional<Error> error;
  Lsn durable;    // what confirm() says
  Lsn committed;  // end_lsn of the last commit
  Lsn idle;
  std::size_t transactions = 0;
  std::size_t budget_bytes = 1 << 20;
  std::size_t most_events = 0;  // of one poll

 private:
  static std::string numbered(const char* what, std::size_t count) {
    return count == 0 ? std::string() : what + std::string(":") + std::to_string(count);
  }
  static std::string row(std::span<const WireValue> values) {
    std::string text;
    for (const WireValue& value : values) {
      if (!text.empty()) text += ",";
      if (value.kind == WireValue::Kind::Null) text += "null";
      if (value.kind == WireValue::Kind::Unchanged) text += "unchanged";
      if (value.text.size() > 100) {
        text += std::to_string(value.text.size()) + " bytes";
      } else {
        text += value.text;
      }
    }
    return text;
  }

  void on(const TxBegin&) {}
  void on(const RowChange& change) {
    static const char* const kNames[] = {"insert ", "update ", "delete "};
    std::string line = kNames[static_cast<int>(change.op)] + change.relation->name;
    if (change.old_kind != RowChange::Old::None) line += " from " + row(change.old_row);
    if (!change.new_row.empty()) line += " " + row(change.new_row);
    lines.push_back(line);
  }
  void on(const Truncated& truncated) {
    std::string line = "truncate";
    for (const Relation* relation : truncated.relations) line += " " + relation->name;
    lines.push_back(line);
  }
  void on(const SchemaChanged& changed) {
    std::string line = "schema " + changed.news->tag;
    for (const auto& table : changed.news->tables) {
      line += " " + table->name + "(";
      for (const auto& column : table->columns) line += (&column == table->columns.data() ? "" : ",") + column.name;
      line += ")";
    }
    line += numbered(" gone", changed.news->gone.size()) + numbered(" rewritten", changed.news->rewritten.size()) +
            numbered(" requested", changed.news->requested.size()) + (changed.news->incomplete ? " incomplete" : "");
    lines.push_back(line);
    news.push_back(*changed.news);
  }
  void on(const BackfillMark& mark) { lines.push_back("mark " + std::to_string(mark.chunk)); }
  void on(const TxCommit& commit) {
    ++transactions;
    committed = commit.end_lsn;
  }
  void on(const IdlePosition& position) { idle = position.lsn; }

  Source& source_;
};

}  // namespace walbridge::live
