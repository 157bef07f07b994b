#include "sink-libsql/change_window.h"

#include <algorithm>
#include <tuple>

namespace walbridge::sink_libsql {
namespace {

using Op = CacheChange::Op;
using Kind = SqlValue::Kind;

// Equality in SQLite must mean equality here, or two changes of one row could change places: NOCASE and RTRIM keys and
// those of numeric affinity are left out.
bool is_plain_key(const CacheColumn& column) {
  return column.decl == "TEXT" || column.decl == "BLOB" || column.decl == "INTEGER" || column.decl == "BIGINT" ||
         column.decl == "SMALLINT";
}

const SqlValue& key_value(const CacheChange& change, std::size_t part) {
  return change.op == Op::Upsert ? change.values[change.table->key[part]] : change.match[part];
}

// Of the first key column only: rows that share it keep the order of their arrival.
std::uint64_t order_of(const SqlValue& value) {
  if (value.kind == Kind::Integer) return static_cast<std::uint64_t>(value.integer) ^ (1ULL << 63U);
  std::uint64_t prefix = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    const auto byte = i < value.bytes.size() ? static_cast<unsigned char>(value.bytes[i]) : 0U;
    prefix = prefix << 8U | byte;
  }
  return prefix;
}

bool same(const SqlValue& a, const SqlValue& b) {
  if (a.kind != b.kind) return false;
  if (a.kind == Kind::Integer) return a.integer == b.integer;
  if (a.kind == Kind::Text || a.kind == Kind::Blob) return a.bytes == b.bytes;
  return false;
}

bool same_row(const CacheChange& a, const CacheChange& b) {
  for (std::size_t part = 0; part < a.table->key.size(); ++part) {
    if (!same(key_value(a, part), key_value(b, part))) return false;
  }
  return true;
}

std::span<const SqlValue> keep(Arena& arena, std::span<const SqlValue> values) {
  auto kept = arena.array<SqlValue>(values.size());
  std::copy(values.begin(), values.end(), kept.begin());
  for (auto& value : kept) {
    if (value.kind == Kind::Text || value.kind == Kind::Blob) value.bytes = arena.copy(value.bytes);
  }
  return kept;
}

}  // namespace

bool ChangeWindow::takes(const CacheChange& change) {
  const auto& table = *change.table;
  if (table.key.empty() || !is_plain_key(table.columns[table.key.front()])) return false;
  if (change.op == Op::Upsert || change.op == Op::Delete) return true;
  if (change.op != Op::Update) return false;
  for (std::size_t part = 0; part < table.key.size(); ++part) {
    const auto& set = change.values[table.key[part]];
    if (set.kind != Kind::Absent && !same(set, change.match[part])) return false;
  }
  return true;
}

void ChangeWindow::add(const CacheChange& change) {
  auto& kept = changes_.emplace_back(change);
  kept.values = keep(arena_, change.values);
  kept.match = keep(arena_, change.match);
  order_.push_back({change.table, order_of(key_value(kept, 0)), static_cast<std::uint32_t>(changes_.size() - 1)});
}

Status ChangeWindow::drain(const std::function<Status(const CacheChange&)>& apply) {
  std::sort(order_.begin(), order_.end(), [](const Place& a, const Place& b) {
    return std::tuple(a.table, a.key, a.change) < std::tuple(b.table, b.key, b.change);
  });
  Status outcome;
  for (std::size_t i = 0; i < order_.size() && outcome; ++i) {
    const auto& change = changes_[order_[i].change];
    if (i + 1 < order_.size()) {
      const auto& next = changes_[order_[i + 1].change];
      const bool whole = next.op == Op::Upsert || next.op == Op::Delete;
      if (whole && next.table == change.table && order_[i + 1].key == order_[i].key && same_row(change, next)) continue;
    }
    outcome = apply(change);
  }
  clear();
  return outcome;
}

void ChangeWindow::clear() {
  order_.clear();
  changes_.clear();
  arena_.clear();
}

}  // namespace walbridge::sink_libsql
