// What a publisher carries: whole rows, under the names they have at the source. Caches' names, types and rules are the
// appliers'; all it takes is that the source tells of a table's changes.
#include <fmt/format.h>

#include "config/load.h"
#include "mapping/plan_key.h"
#include "mapping/table_plan.h"
#include "mapping/table_rules.h"

namespace walbridge::mapping {
namespace {

Result<PublishedTable> published(const SourceTable& table, const config::Config& config) {
  WALBRIDGE_TRY(refuse_unlogged(table));
  WALBRIDGE_TRY_AS(const auto rules, merge_rules(config, table));
  if (!rules.append) WALBRIDGE_TRY(identity_columns(table));
  return PublishedTable{&table, {}, rules.append};
}

}  // namespace

TopicPlan plan_topic(std::span<const SourceTable> tables, const config::Config& config) {
  TopicPlan plan;
  for (const auto& table : tables) {
    const auto name = table.qualified_name();
    if (!config::selects(config.tables, name)) continue;
    if (auto carried = published(table, config)) {
      plan.tables.push_back(*std::move(carried));
    } else {
      plan.refused.push_back({name, table.oid, std::move(carried.error())});
    }
  }
  return plan;
}

const PublishedTable* TopicPlan::find(std::uint32_t oid) const {
  for (const auto& each : tables) {
    if (each.table->oid == oid) return &each;
  }
  return nullptr;
}

}  // namespace walbridge::mapping
