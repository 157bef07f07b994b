// Rows into changes: the hot path. Per value one indirect call; nothing is allocated outside `scratch`.
#include <algorithm>

#include <fmt/format.h>

#include "mapping/encoder.h"
#include "mapping/table_plan.h"

namespace walbridge::mapping {

namespace {

using Kind = SqlValue::Kind;

bool same_value(const SqlValue& a, const SqlValue& b) {
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case Kind::Integer:
      return a.integer == b.integer;
    case Kind::Real:
      return a.real == b.real;
    case Kind::Text:
    case Kind::Blob:
      return a.bytes == b.bytes;
    case Kind::Null:
    case Kind::Absent:
      return true;
  }
  return false;
}

bool has_absent(std::span<const SqlValue> values) {
  return std::any_of(values.begin(), values.end(), [](const SqlValue& value) { return value.kind == Kind::Absent; });
}

}  // namespace

Error BoundPlan::bad_value(std::size_t column, const char* fault) const {
  const auto& planned = plan_->columns_[column];
  return {Verdict::PoisonRow, "bad-value",
          fmt::format("a value of column {} of {} ({}) {}", planned.source_name, plan_->cache_.source_name,
                      planned.source_type, fault),
          "correct the value at the source, choose another encoding for the column (columns: type) or omit it, then "
          "restart walbridge",
          plan_->cache_.name};
}

Error BoundPlan::bad_row(const char* what) const {
  return {Verdict::PoisonRow, "bad-row", fmt::format("a change of {} {}", plan_->cache_.source_name, what),
          "restart walbridge: it copies the table again", plan_->cache_.name};
}

Status BoundPlan::encode_value(std::size_t column, const WireValue& wire, Arena& scratch, SqlValue& out) const {
  switch (wire.kind) {
    case WireValue::Kind::Null:
      out = SqlValue::null();
      return {};
    case WireValue::Kind::Unchanged:
      out = SqlValue();
      return {};
    case WireValue::Kind::Text:
      break;
  }
  if (const Fault fault = plan_->encoders_[column]->encode(wire.text, scratch, out)) return bad_value(column, fault);
  return {};
}

// `out` has one place per cache column; the hidden leaf column and the mark of a soft delete come last.
Status BoundPlan::encode_row(std::span<const WireValue> row, Arena& scratch, std::span<SqlValue> out) const {
  if (row.size() < wire_width_) return bad_row("has fewer values than the table has columns");
  const std::size_t columns = wire_position_.size();
  for (std::size_t i = 0; i < columns; ++i) {
    const WireValue& wire = row[wire_position_[i]];
    if (wire.kind == WireValue::Kind::Text) {
      if (const Fault fault = plan_->encoders_[i]->encode(wire.text, scratch, out[i])) return bad_value(i, fault);
    } else if (wire.kind == WireValue::Kind::Null) {
      out[i] = SqlValue::null();
    }
  }
  if (plan_->leaf_column_ >= 0) out[columns] = SqlValue::of(std::int64_t{heap_oid_});
  if (plan_->soft_delete_column_ >= 0) out[static_cast<std::size_t>(plan_->soft_delete_column_)] = SqlValue::null();
  return {};
}

Status BoundPlan::encode_key(std::span<const WireValue> row, Arena& scratch, std::span<SqlValue> out) const {
  if (row.size() < wire_width_) return bad_row("came without the old row that names it");
  const auto& key = plan_->cache_.key;
  for (std::size_t i = 0; i < key.size(); ++i) {
    WALBRIDGE_TRY(encode_value(key[i], row[wire_position_[key[i]]], scratch, out[i]));
    if (out[i].kind == Kind::Null) return bad_value(key[i], "is NULL, and the column is part of the key");
    if (out[i].kind == Kind::Absent) return bad_value(key[i], "was not sent, and the column is part of the key");
  }
  return {};
}

bool BoundPlan::same_key_text(const RowChange& change) const {
  for (const auto column : plan_->cache_.key) {
    const auto& old_value = change.old_row[wire_position_[column]];
    const auto& new_value = change.new_row[wire_position_[column]];
    if (new_value.kind == WireValue::Kind::Unchanged) continue;
    if (old_value.kind != new_value.kind || old_value.text != new_value.text) return false;
  }
  return true;
}

Status BoundPlan::fill_unchanged(std::span<const WireValue> old_row, Arena& scratch, std::span<SqlValue> values) const {
  for (std::size_t i = 0; i < wire_position_.size(); ++i) {
    if (values[i].kind != Kind::Absent) continue;
    WALBRIDGE_TRY(encode_value(i, old_row[wire_position_[i]], scratch, values[i]));
  }
  return {};
}

void BoundPlan::push(CacheChange::Op op, std::span<const SqlValue> values, std::span<const SqlValue> match,
                     std::vector<CacheChange>& out) const {
  CacheChange change;
  change.op = op;
  change.table = &plan_->cache_;
  change.values = values;
  change.match = match;
  out.push_back(change);
}

Status BoundPlan::map(const RowChange& change, const ChangeContext& context, Arena& scratch,
                      std::vector<CacheChange>& out, bool& incomplete) const {
  incomplete = false;
  if (change.op == RowChange::Op::Insert) return map_insert(change, scratch, out, incomplete);
  if (plan_->append_only_) return {};
  if (change.old_kind != RowChange::Old::None && change.old_row.size() < wire_width_) {
    return bad_row("has an old row with fewer values than the table has columns");
  }
  if (change.op == RowChange::Op::Delete) {
    WALBRIDGE_TRY_AS(const Passes before, old_passes(change, scratch));
    if (before == Passes::No) return {};
    return map_removal(change, context, before == Passes::Yes, scratch, out);
  }
  if (plan_->filter_) return map_filtered_update(change, context, scratch, out, incomplete);
  return map_update(change, scratch, out);
}

Status BoundPlan::map_insert(const RowChange& change, Arena& scratch, std::vector<CacheChange>& out,
                             bool& incomplete) const {
  WALBRIDGE_TRY_AS(const Passes now, passes(change.new_row, {}, scratch));
  if (now == Passes::No) return {};
  const auto values = scratch.array<SqlValue>(plan_->cache_.columns.size());
  WALBRIDGE_TRY(encode_row(change.new_row, scratch, values));
  if (now == Passes::Unknown || has_absent(values)) {
    // Postgres itself makes an insert of an update that enters the filter of its publication.
    if (!plan_->filter_) return bad_row("is an insert without all its values");
    incomplete = true;
    return {};
  }
  push(plan_->cache_.key.empty() ? CacheChange::Op::Insert : CacheChange::Op::Upsert, values, {}, out);
  return {};
}

Status BoundPlan::map_update(const RowChange& change, Arena& scratch, std::vector<CacheChange>& out) const {
  const auto values = scratch.array<SqlValue>(plan_->cache_.columns.size());
  WALBRIDGE_TRY(encode_row(change.new_row, scratch, values));
  if (change.old_kind == RowChange::Old::Full) WALBRIDGE_TRY(fill_unchanged(change.old_row, scratch, values));
  return plan_->cache_.key.empty() ? map_keyless_update(change, values, scratch, out)
                                   : map_keyed_update(change, values, scratch, out);
}

Status BoundPlan::map_keyed_update(const RowChange& change, std::span<SqlValue> values, Arena& scratch,
                                   std::vector<CacheChange>& out) const {
  const auto& key = plan_->cache_.key;
  const bool has_old = change.old_kind != RowChange::Old::None;
  const bool complete = !has_absent(values);
  if (complete && (!has_old || same_key_text(change))) {  // by far the most frequent
    push(CacheChange::Op::Upsert, values, {}, out);
    return {};
  }
  // An old row comes when the key changed, or when a key value is too long to be sent twice.
  const auto match = scratch.array<SqlValue>(key.size());
  WALBRIDGE_TRY(encode_key(has_old ? change.old_row : change.new_row, scratch, match));
  bool moved = false;
  for (std::size_t i = 0; i < key.size(); ++i) {
    auto& value = values[key[i]];
    if (value.kind == Kind::Absent) value = match[i];
    moved = moved || !same_value(value, match[i]);
  }
  if (!has_absent(values)) {
    if (moved) push(CacheChange::Op::Delete, {}, match, out);
    push(CacheChange::Op::Upsert, values, {}, out);
    return {};
  }
  if (plan_->soft_delete_column_ >= 0) {
    values[static_cast<std::size_t>(plan_->soft_delete_column_)] = SqlValue();
    if (moved) {  // a row that went softly may still hold the new key
      const auto ghost = scratch.array<SqlValue>(key.size());
      for (std::size_t i = 0; i < key.size(); ++i) ghost[i] = values[key[i]];
      push(CacheChange::Op::Delete, {}, ghost, out);
    }
  }
  if (!moved) {
    for (const auto column : key) values[column] = SqlValue();
    const bool sets_something =
        std::any_of(values.begin(), values.end(), [](const SqlValue& value) { return value.kind != Kind::Absent; });
    if (!sets_something) return {};
  }
  push(CacheChange::Op::Update, values, match, out);
  return {};
}

Status BoundPlan::map_keyless_update(const RowChange& change, std::span<SqlValue> values, Arena& scratch,
                                     std::vector<CacheChange>& out) const {
  if (change.old_kind != RowChange::Old::Full) return bad_row("came without the old row that names it");
  const auto match = scratch.array<SqlValue>(plan_->cache_.columns.size());
  WALBRIDGE_TRY(encode_row(change.old_row, scratch, match));
  if (has_absent(match)) return bad_row("has an old row without all its values");
  push(CacheChange::Op::Update, values, match, out);
  return {};
}

// A delete, or an update after which the row no longer belongs into the cache. `surely_there`: the cache has the row.
Status BoundPlan::map_removal(const RowChange& change, const ChangeContext& context, bool surely_there, Arena& scratch,
                              std::vector<CacheChange>& out) const {
  const auto& cache = plan_->cache_;
  const bool has_old = change.old_kind != RowChange::Old::None;
  if (!has_old && change.op == RowChange::Op::Delete) return bad_row("is a delete without the old row that names it");
  if (!cache.key.empty()) {
    const auto match = scratch.array<SqlValue>(cache.key.size());
    WALBRIDGE_TRY(encode_key(has_old ? change.old_row : change.new_row, scratch, match));
    if (plan_->soft_delete_column_ < 0) {
      push(CacheChange::Op::Delete, {}, match, out);
      return {};
    }
    const auto values = scratch.array<SqlValue>(cache.columns.size());
    values[static_cast<std::size_t>(plan_->soft_delete_column_)] = deleted_mark(context, scratch);
    push(CacheChange::Op::Update, values, match, out);
    out.back().may_miss = !surely_there;
    return {};
  }
  if (change.old_kind != RowChange::Old::Full) return bad_row("came without the old row that names it");
  const auto match = scratch.array<SqlValue>(cache.columns.size());
  WALBRIDGE_TRY(encode_row(change.old_row, scratch, match));
  if (has_absent(match)) return bad_row("has an old row without all its values");
  push(CacheChange::Op::Delete, {}, match, out);
  return {};
}

Status BoundPlan::map_copy(std::span<const WireValue> row, LoadBlock& block) const {
  const auto& cache = plan_->cache_;
  WALBRIDGE_TRY_AS(const Passes now, passes(row, {}, block.arena));
  if (now == Passes::No) return {};
  const std::size_t first = block.values.size();
  block.table = &cache;
  block.values.resize(first + cache.columns.size());
  const std::span<SqlValue> values(block.values.data() + first, cache.columns.size());
  if (auto encoded = encode_row(row, block.arena, values); !encoded) {
    block.values.resize(first);
    return encoded;
  }
  for (std::size_t i = 0; i < wire_position_.size(); ++i) {
    auto& value = values[i];
    if (value.kind == Kind::Absent) {
      block.values.resize(first);
      return bad_value(i, "was not sent");
    }
    if (value.kind != Kind::Text && value.kind != Kind::Blob) continue;
    // What still points into the wire must outlive it; the arena's own and static text already do.
    const auto& wire = row[wire_position_[i]].text;
    const auto from = reinterpret_cast<std::uintptr_t>(wire.data());
    const auto at = reinterpret_cast<std::uintptr_t>(value.bytes.data());
    if (at - from <= wire.size()) value.bytes = block.arena.copy(value.bytes);
  }
  ++block.rows;
  return {};
}

}  // namespace walbridge::mapping
