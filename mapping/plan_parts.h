// What plan_generated() and plan_indexes() see of a plan that is being compiled: its columns and key are settled,
// computed columns and indexes are theirs to add. Lives for one compile(); one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "config/config.h"
#include "mapping/encoder.h"
#include "mapping/sqlite_expression.h"
#include "mapping/table_plan.h"
#include "mapping/table_rules.h"
#include "pipeline/api/source_table.h"

namespace walbridge::mapping {

struct PlanParts {
  const SourceTable& source;
  const config::Config& config;
  const config::Sink& sink;
  const TableRules& rules;
  const std::vector<std::int16_t>& key;                      // attnums
  std::span<const PlannedColumn> columns;                    // one per cache column, but for hidden ones at the end
  std::span<const std::shared_ptr<const Encoder>> encoders;  // one per column
  CacheTable& cache;
  std::vector<NotCarried>& not_carried;
  std::vector<KnownColumn> known{};                         // what expressions may read; plan_generated() fills it
  std::vector<std::shared_ptr<const Encoder>> generated{};  // the domains of its computed columns point into them
};

}  // namespace walbridge::mapping
