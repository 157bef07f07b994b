#include "pipeline/table_load.h"

#include <algorithm>

namespace walbridge::pipeline {
namespace {
constexpr std::size_t kBlockBytes = 192 * 1024;
constexpr std::size_t kBlockValues = 8192;
}  // namespace

Status fits_snapshot(const TableLoad& load, const Relation& seen) {
  for (const auto& planned : load.plan->columns()) {
    const auto column = std::find_if(seen.columns.begin(), seen.columns.end(),
                                     [&](const Relation::Column& c) { return c.name == planned.source_name; });
    if (column == seen.columns.end() || column->type_oid != planned.type_oid || column->typmod != planned.typmod) {
      return Error{Verdict::Retry,
                   "relation-changed",
                   "table " + load.source.qualified_name() + ", column " + planned.source_name +
                       ": changed while the snapshot was prepared",
                   {},
                   load.plan->cache().name};
    }
  }
  return Done{};
}

Result<PartCopy> PartCopy::open(const TableLoad& load, const CopyPart& part, SnapshotReader& reader) {
  WALBRIDGE_TRY_AS(auto stream, reader.copy(part, load.plan->copy_columns()));
  return PartCopy(load.plan->bind_copy(part.oid), std::move(stream));
}

Result<bool> PartCopy::fill(LoadBlock& block) {
  block.table = &bound_.plan().cache();
  // What was read, not what the arena holds: a recycled block keeps its memory.
  std::size_t bytes = 0;
  while (block.values.size() < kBlockValues && bytes < kBlockBytes) {
    WALBRIDGE_TRY_AS(const bool more, stream_->next(row_));
    if (!more) return false;
    for (const auto& value : row_) bytes += value.text.size();
    WALBRIDGE_TRY(bound_.map_copy(row_, block));
  }
  return true;
}

}  // namespace walbridge::pipeline
