#include "cli/plan_changes.h"

#include <algorithm>
#include <unordered_map>

#include "mapping/alteration.h"
#include "mapping/client_schema.h"
#include "mapping/table_shape.h"
#include "pipeline/api/source_json.h"
#include "pipeline/lane_tables.h"

namespace walbridge::cli {
namespace {

std::string describe(const SchemaStep& step) {
  using Kind = SchemaStep::Kind;
  switch (step.kind) {
    case Kind::CreateTable:
      return "makes table " + step.table;
    case Kind::DropTable:
      return "drops table " + step.table;
    case Kind::RenameTable:
      return "renames " + step.table + " to " + step.to;
    case Kind::AddColumn:
      return "adds column " + step.column.name;
    case Kind::AddComputed:
      return "adds computed column " + step.computed.name;
    case Kind::DropColumn:
      return "drops column " + step.name;
    case Kind::RenameColumn:
      return "renames column " + step.name + " to " + step.to;
    case Kind::CreateIndex:
      return "makes index " + step.index.name;
    case Kind::DropIndex:
      return "drops index " + step.index.name;
    case Kind::Execute:
      break;
  }
  return "rewrites rows";
}

std::string describe(const std::vector<SchemaStep>& steps) {
  // A rebuild goes through a table of another name: its single steps tell a reader nothing.
  const bool rebuilt = std::any_of(steps.begin(), steps.end(),
                                   [](const SchemaStep& step) { return step.kind == SchemaStep::Kind::CreateTable; });
  if (rebuilt) return "rebuilt from its own rows";
  std::string text;
  for (const auto& step : steps) text += (text.empty() ? "" : ", ") + describe(step);
  return text;
}

TableChange change_of(const mapping::TablePlan& plan, const SourceTable* now, const TableRecord& record) {
  TableChange change{plan.cache().source_name, plan.cache().name, "unchanged", {}};
  const auto copied = [&](std::string why) {
    change.change = "copied";
    change.detail = std::move(why);
    return change;
  };
  if (record.state == TableState::Stopped) {
    return copied(pipeline::LaneTables::is_relic(record) ? "it was not carried before"
                                                         : "it is stopped: " + record.reason);
  }
  if (record.state == TableState::Pending)
    return copied(record.reason.empty() ? "its copy is not done" : record.reason);
  const bool same_hash = record.schema_hash == plan.cache().schema_hash;
  if (record.shape.empty() || now == nullptr) {
    return same_hash ? change : copied("its shape changed, and the cache does not say what it was");
  }
  const auto before = mapping::shape_from_json(record.shape);
  if (!before) return same_hash ? change : copied("its shape changed, and the cache does not say what it was");
  const auto was =
      record.description.empty() ? Result<SourceTable>(Error{}) : source_table_from_json(record.description);
  const auto alteration = mapping::alter_table(*before, was ? *was : *now, plan, *now, plan.on_ddl());
  if (alteration.copy_again) return copied(alteration.reason);
  if (alteration.steps.empty() && alteration.new_leaves.empty()) return change;
  change.change = "altered";
  change.detail = describe(alteration.steps);
  if (!alteration.new_leaves.empty()) {
    change.detail += (change.detail.empty() ? "" : ", ") + std::string("copies ") +
                     std::to_string(alteration.new_leaves.size()) + " new partitions";
  }
  return change;
}

}  // namespace

mapping::SettledNames settled_names(const SinkState& state) {
  mapping::SettledNames names;
  for (const auto& record : state.tables) {
    if (!pipeline::LaneTables::is_relic(record)) names[record.source_oid] = record.cache_name;
  }
  return names;
}

std::vector<TableChange> plan_changes(const mapping::SinkPlan& plan, std::span<const SourceTable> tables,
                                      const SinkState& state) {
  std::unordered_map<std::uint32_t, const SourceTable*> sources;
  for (const auto& table : tables) sources.emplace(table.oid, &table);
  std::unordered_map<std::uint32_t, const TableRecord*> records;
  for (const auto& record : state.tables) records.emplace(record.source_oid, &record);
  std::vector<TableChange> changes;
  for (const auto& table : plan.tables) {
    const auto oid = table->cache().source_oid;
    const auto record = records.find(oid);
    if (record == records.end()) {
      changes.push_back({table->cache().source_name, table->cache().name, "new", {}});
      continue;
    }
    const auto source = sources.find(oid);
    changes.push_back(change_of(*table, source == sources.end() ? nullptr : source->second, *record->second));
    records.erase(record);
  }
  for (const auto& record : state.tables) {
    if (records.count(record.source_oid) == 0 || !mapping::in_service(record)) continue;
    changes.push_back({record.source_name, record.cache_name, "left", {}});
  }
  return changes;
}

std::string describe(const TableChange& change) {
  if (change.change == "altered") return "altered in place: " + change.detail;
  if (change.change == "copied") return "copied again: " + change.detail;
  if (change.change == "left") return "no longer carried";
  return change.change;
}

}  // namespace walbridge::cli
