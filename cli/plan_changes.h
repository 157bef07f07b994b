// What a run would do to a cache that exists: per table, from what the cache says it holds and what is planned now.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "mapping/table_plan.h"
#include "pipeline/api/sink.h"

namespace walbridge::cli {

struct TableChange {
  std::string source;
  std::string cache;
  std::string change;  // "unchanged" | "new" | "altered" | "copied" | "left"
  std::string detail;  // the steps, or why the rows are copied again
};

// The names tables of this cache have already.
mapping::SettledNames settled_names(const SinkState& state);

std::vector<TableChange> plan_changes(const mapping::SinkPlan& plan, std::span<const SourceTable> tables,
                                      const SinkState& state);

// "altered in place: adds column a", "copied again: the key changed"
std::string describe(const TableChange& change);

}  // namespace walbridge::cli
