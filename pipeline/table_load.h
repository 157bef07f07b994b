// One table on its way into an empty cache table: which parts to copy, and one part being copied. No threads here:
// snapshot_runner drives many of these at once.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "mapping/table_plan.h"
#include "pipeline/api/source.h"

namespace walbridge::pipeline {

// Read by status while the load runs.
struct TableProgress {
  std::string source_name;
  double estimated_rows = 0;
  std::atomic<std::uint64_t> rows{0};
  std::atomic<bool> done{false};
};

struct TableLoad {
  std::shared_ptr<const mapping::TablePlan> plan;
  SourceTable source;
  TableProgress* progress = nullptr;
};

// Fails with Retry when the table, as the snapshot sees it, is not what the plan was made from.
Status fits_snapshot(const TableLoad& load, const Relation& seen);

// One COPY of one part, mapped into blocks. One thread.
class PartCopy {
 public:
  static Result<PartCopy> open(const TableLoad& load, const CopyPart& part, SnapshotReader& reader);

  // Fills `block`, which is empty, up to about a quarter of a MiB; false: the part has ended (block may hold rows).
  Result<bool> fill(LoadBlock& block);

 private:
  PartCopy(mapping::BoundPlan bound, std::unique_ptr<CopyStream> stream)
      : bound_(std::move(bound)), stream_(std::move(stream)) {}
  mapping::BoundPlan bound_;
  std::unique_ptr<CopyStream> stream_;
  std::vector<WireValue> row_;
};

}  // namespace walbridge::pipeline
