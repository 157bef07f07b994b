#include "pipeline/table_fill.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace walbridge::pipeline {
namespace {

constexpr std::size_t kFewestRows = 50;
constexpr std::size_t kKeysAtOnce = 200;

std::span<const SqlValue> copy_values(std::span<const SqlValue> from, Arena& arena, std::size_t& bytes) {
  const auto to = arena.array<SqlValue>(from.size());
  for (std::size_t i = 0; i < from.size(); ++i) {
    to[i] = from[i];
    bytes += sizeof(SqlValue) + from[i].bytes.size();
    if (from[i].kind == SqlValue::Kind::Text || from[i].kind == SqlValue::Kind::Blob) {
      to[i].bytes = arena.copy(from[i].bytes);
    }
  }
  return to;
}

}  // namespace

std::string FillProgress::to_json() const {
  return nlohmann::json{{"beside", beside}, {"all", all},   {"after", after}, {"leaves", leaves},
                        {"keys", keys},     {"rows", rows}, {"shape", shape}, {"expected", expected}}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::optional<FillProgress> FillProgress::from_json(const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  try {
    FillProgress progress;
    json.at("beside").get_to(progress.beside);
    json.at("all").get_to(progress.all);
    json.at("after").get_to(progress.after);
    json.at("leaves").get_to(progress.leaves);
    json.at("keys").get_to(progress.keys);
    json.at("rows").get_to(progress.rows);
    json.at("shape").get_to(progress.shape);
    json.at("expected").get_to(progress.expected);
    return progress;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

ChunkRequest TableFill::open_window(std::uint64_t id, std::shared_ptr<const SourceTable> table,
                                    std::vector<std::string> columns, std::vector<std::string> key) {
  request_id_ = id;
  ChunkRequest request;
  request.id = id;
  request.table = std::move(table);
  request.columns = std::move(columns);
  request.key = std::move(key);
  request.most_rows = most_rows_;
  request.first = first_;
  requested_keys_.clear();
  if (progress_.all) {
    request.after = progress_.after;
  } else if (!progress_.leaves.empty()) {
    request.leaf = progress_.leaves.front();
    request.after = progress_.after;
  } else {
    for (const auto& wanted : progress_.keys) {
      if (requested_keys_.size() == kKeysAtOnce) break;
      requested_keys_.push_back(wanted);
    }
    request.only = requested_keys_;
  }
  return request;
}

void TableFill::give_up() {
  if (window_full()) most_rows_ = std::max(kFewestRows, most_rows_ / 2);
  close_window(nullptr);
}

// What was in the window is unproven for the next chunk, unless this snapshot sees it.
void TableFill::close_window(const XidSnapshot* snapshot) {
  for (const auto xid : in_window_) {
    if (snapshot == nullptr || !snapshot->sees(xid)) unproven_.insert(xid);
  }
  in_window_.clear();
  window_.clear();
  arena_->clear();
  window_bytes_held_ = 0;
  request_id_ = 0;
}

void TableFill::heard(std::uint32_t xid) { unproven_.insert(xid); }

void TableFill::heard(std::uint32_t xid, const CacheChange& change) {
  if (!waiting()) return heard(xid);
  in_window_.insert(xid);
  Heard kept{xid, change};
  std::size_t bytes = sizeof(Heard);
  kept.change.values = copy_values(change.values, *arena_, bytes);
  kept.change.match = copy_values(change.match, *arena_, bytes);
  window_bytes_held_ += bytes;
  window_.push_back(kept);
}

void TableFill::fetch_key(RowKey key) { progress_.keys.insert(std::move(key)); }

bool TableFill::proves(const XidSnapshot& snapshot) {
  std::erase_if(unproven_, [&](std::uint32_t xid) { return snapshot.sees(xid); });
  return unproven_.empty();
}

Status TableFill::replay(const XidSnapshot& snapshot, const std::function<Status(const CacheChange&)>& apply) const {
  for (const auto& heard : window_) {
    if (!snapshot.sees(heard.xid)) WALBRIDGE_TRY(apply(heard.change));
  }
  return {};
}

void TableFill::accept(const XidSnapshot& snapshot, std::uint64_t rows, const RowKey& last, bool ends_table) {
  first_ = false;
  progress_.rows += rows;
  if (progress_.all || !progress_.leaves.empty()) {
    passes_ = true;
    if (rows > 0) progress_.after = last;
    if (ends_table) {
      progress_.after.clear();
      if (progress_.all) {
        progress_.all = false;
      } else {
        progress_.leaves.erase(progress_.leaves.begin());
      }
    }
  } else {
    for (const auto& key : requested_keys_) progress_.keys.erase(key);
  }
  close_window(&snapshot);
}

}  // namespace walbridge::pipeline
