#include "sink-libsql/remote_pending.h"

#include "sink-libsql/remote_state.h"

namespace walbridge::sink_libsql {

void RemotePending::alter(std::span<const SchemaStep> steps) {
  auto& kept = stretches_.back().steps;
  kept.assign(steps.begin(), steps.end());
  for (auto& step : kept) {
    if (step.fill.kind == SqlValue::Kind::Text || step.fill.kind == SqlValue::Kind::Blob)
      step.fill.bytes = fills_.copy(step.fill.bytes);
  }
  stretches_.emplace_back();
}

Status RemotePending::write(RemoteTransaction& transaction, RemoteAlter& alter, const std::string& stream) const {
  auto& batch = transaction.batch();
  auto& purposes = transaction.purposes();
  if (alters()) {
    alter.write_check(transaction);
    for (const auto& change : records_) {
      const auto* record = std::get_if<TableRecord>(&change);
      if (record != nullptr && record->snapshot_lsn.value != 0) alter.catalog().claim(record->cache_name);
    }
  }
  for (const auto& stretch : stretches_) {
    stretch.changes.write(batch, purposes);
    if (!stretch.steps.empty()) WALBRIDGE_TRY(alter.write(transaction, stretch.steps));
  }
  for (const auto& change : records_) {
    if (const auto* record = std::get_if<TableRecord>(&change)) {
      write_record(batch, purposes, stream, *record);
    } else {
      write_forget(batch, purposes, stream, std::get<std::uint32_t>(change));
    }
  }
  return {};
}

void RemotePending::clear() {
  stretches_.resize(1);
  stretches_.front().changes.clear();
  stretches_.front().steps.clear();
  fills_.clear();
  records_.clear();
}

}  // namespace walbridge::sink_libsql
