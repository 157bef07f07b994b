// BoundPlan: which rows belong into the cache, and those that go: filter, soft delete, TRUNCATE.
#include <fmt/format.h>

#include "mapping/encoder.h"
#include "mapping/row_filter.h"
#include "mapping/table_plan.h"

namespace walbridge::mapping {

Result<BoundPlan::Passes> BoundPlan::passes(std::span<const WireValue> row, std::span<const WireValue> fallback,
                                            Arena& scratch) const {
  if (!plan_->filter_) return Passes::Yes;
  if (row.size() < wire_width_) return bad_row("has fewer values than the table has columns");
  RowFilter::Truth truth = RowFilter::Truth::Null;
  std::size_t column = 0;
  if (const Fault fault = plan_->filter_->evaluate({row, filter_position_, fallback}, scratch, truth, column)) {
    const auto& cache = plan_->cache_;
    return Error{Verdict::PoisonRow, "bad-value",
                 fmt::format("a value of column {} of {}, which `where` reads, {}",
                             plan_->filter_->columns[column].name, cache.source_name, fault),
                 "correct the value at the source or leave the column out of `where`, then restart walbridge",
                 cache.name};
  }
  if (truth == RowFilter::Truth::NotSent) return Passes::Unknown;
  return truth == RowFilter::Truth::True ? Passes::Yes : Passes::No;
}

// Of a row whose old values did not come, the key is what it was.
Result<BoundPlan::Passes> BoundPlan::old_passes(const RowChange& change, Arena& scratch) const {
  if (!plan_->filter_) return Passes::Yes;
  if (change.old_kind == RowChange::Old::Full) return passes(change.old_row, {}, scratch);
  if (!filter_in_key_) return Passes::Unknown;
  const bool has_old = change.old_kind == RowChange::Old::Key;
  if (!has_old && change.op == RowChange::Op::Delete) return Passes::Unknown;
  return passes(has_old ? change.old_row : change.new_row, {}, scratch);
}

Status BoundPlan::map_filtered_update(const RowChange& change, const ChangeContext& context, Arena& scratch,
                                      std::vector<CacheChange>& out, bool& incomplete) const {
  const bool full = change.old_kind == RowChange::Old::Full;
  WALBRIDGE_TRY_AS(const Passes before, old_passes(change, scratch));
  // An unchanged value of the key comes with the old key, any other one only with the whole old row.
  const bool has_key = change.old_kind == RowChange::Old::Key && filter_in_key_;
  WALBRIDGE_TRY_AS(const Passes now,
                   passes(change.new_row, full || has_key ? change.old_row : std::span<const WireValue>(), scratch));
  if (now == Passes::No) {
    return before == Passes::No ? Status{} : map_removal(change, context, before == Passes::Yes, scratch, out);
  }
  const std::size_t first = out.size();
  if (now == Passes::Unknown) {
    incomplete = true;
    return leave_old_key(change, scratch, out);
  }
  if (plan_->cache_.key.empty() && before == Passes::No) {
    const auto values = scratch.array<SqlValue>(plan_->cache_.columns.size());
    WALBRIDGE_TRY(encode_row(change.new_row, scratch, values));
    WALBRIDGE_TRY(fill_unchanged(change.old_row, scratch, values));
    push(CacheChange::Op::Insert, values, {}, out);
    return {};
  }
  WALBRIDGE_TRY(map_update(change, scratch, out));
  if (before == Passes::Yes) return {};
  // An Update expects the row, which the cache may not have.
  for (std::size_t i = first; i < out.size(); ++i) {
    if (out[i].op == CacheChange::Op::Update) incomplete = true;
  }
  if (out.size() == first) incomplete = true;
  if (!incomplete) return {};
  out.resize(first);
  return leave_old_key(change, scratch, out);
}

// The row is to be fetched under its new key; under the old one nothing is there any more.
Status BoundPlan::leave_old_key(const RowChange& change, Arena& scratch, std::vector<CacheChange>& out) const {
  const auto& key = plan_->cache_.key;
  if (key.empty() || change.old_kind == RowChange::Old::None || same_key_text(change)) return {};
  const auto match = scratch.array<SqlValue>(key.size());
  WALBRIDGE_TRY(encode_key(change.old_row, scratch, match));
  push(CacheChange::Op::Delete, {}, match, out);
  return {};
}

// When the transaction that deletes committed, as the column's encoding writes an instant.
SqlValue BoundPlan::deleted_mark(const ChangeContext& context, Arena& scratch) const {
  std::string wire = to_iso(context.committed_at);  // 2026-11-21T10:00:00.120000+00:00
  wire[wire.find('T')] = ' ';
  wire.resize(wire.size() - std::string_view("+00:00").size());
  while (wire.back() == '0') wire.pop_back();
  if (wire.back() == '.') wire.pop_back();
  wire += "+00";
  SqlValue mark;
  const Fault fault = plan_->soft_delete_encoder_->encode(wire, scratch, mark);
  if (fault != nullptr) mark = SqlValue::of(context.committed_at.micros);
  if (mark.kind == SqlValue::Kind::Text) mark.bytes = scratch.copy(mark.bytes);
  return mark;
}

std::optional<CacheChange> BoundPlan::truncate(const ChangeContext& context, Arena& scratch) const {
  if (plan_->on_ddl_.truncate == config::OnTruncate::Ignore) return std::nullopt;
  CacheChange change;
  change.op = CacheChange::Op::Truncate;
  change.table = &plan_->cache_;
  if (plan_->leaf_column_ >= 0 && heap_oid_ != plan_->cache_.source_oid) {
    change.leaf_column = plan_->leaf_column_;
    change.leaf = heap_oid_;
  }
  if (plan_->soft_delete_column_ >= 0) {
    change.op = CacheChange::Op::SoftTruncate;
    const auto values = scratch.array<SqlValue>(plan_->cache_.columns.size());
    values[static_cast<std::size_t>(plan_->soft_delete_column_)] = deleted_mark(context, scratch);
    change.values = values;
  }
  return change;
}

std::vector<std::string> BoundPlan::key_of(std::span<const WireValue> row) const {
  std::vector<std::string> key;
  for (const auto position : plan_->cache_.key) {
    const auto at = wire_position_[position];
    key.emplace_back(at < row.size() ? row[at].text : std::string_view());
  }
  return key;
}

}  // namespace walbridge::mapping
