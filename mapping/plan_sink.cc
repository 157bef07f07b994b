// All tables of one sink: selection, compilation, and the names they share.
#include <map>
#include <set>

#include <fmt/format.h>

#include "config/load.h"
#include "mapping/names.h"
#include "mapping/plan_compiler.h"
#include "mapping/table_plan.h"

namespace walbridge::mapping {

namespace {

struct Compiled {
  const SourceTable* source;
  std::shared_ptr<TablePlan> plan;
};

bool selected(const SourceTable& table, const config::Config& config, const config::Sink& sink) {
  const auto name = table.qualified_name();
  return config::selects(config.tables, name) && (!sink.tables || config::selects(*sink.tables, name));
}

// The name to suggest for a table that collides: one nobody has.
std::string free_name(const SourceTable& source, const std::map<std::string, std::vector<std::size_t>>& taken) {
  const auto wanted = source.schema + "_" + source.name;
  std::string name = wanted;
  for (int n = 2; taken.count(fold_name(name)) != 0; ++n) name = fmt::format("{}_{}", wanted, n);
  return name;
}

// Tables whose names are one to SQLite are all refused: which one should have the name is not ours to say.
std::vector<Compiled> refuse_collisions(std::vector<Compiled> all, std::vector<RefusedTable>& refused) {
  std::map<std::string, std::vector<std::size_t>> by_name;
  for (std::size_t i = 0; i < all.size(); ++i) by_name[fold_name(all[i].plan->cache().name)].push_back(i);
  std::vector<Compiled> kept;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& cache = all[i].plan->cache();
    const auto& group = by_name.at(fold_name(cache.name));
    if (group.size() == 1) {
      kept.push_back(std::move(all[i]));
      continue;
    }
    const std::size_t other = group.front() == i ? group[1] : group.front();
    const auto& source = *all[i].source;
    Error error{Verdict::PoisonRow, "name-collision",
                fmt::format("{} and {} are one name to SQLite, which ignores case", source.qualified_name(),
                            all[other].source->qualified_name()),
                fmt::format("name one of them in a rule: {{match: {}, as: {}}}", yaml_quoted(source.qualified_name()),
                            yaml_quoted(free_name(source, by_name)))};
    refused.push_back({source.qualified_name(), source.oid, std::move(error)});
  }
  return kept;
}

// An index whose name clashes with a table or another index gets its table's name in front. All of a clashing group
// do, so that a name does not depend on the order of tables.
void rename_indexes(const std::vector<Compiled>& all) {
  std::set<std::string> taken;
  std::map<std::string, int> uses;
  for (const auto& each : all) {
    taken.insert(fold_name(each.plan->cache().name));
    for (const auto& index : each.plan->cache().indexes) ++uses[fold_name(index.name)];
  }
  const auto tables = taken;
  const auto clashes = [&](const std::string& name) {
    return tables.count(fold_name(name)) != 0 || uses.at(fold_name(name)) > 1 || !reserved_prefix(name).empty();
  };
  std::vector<std::pair<const TablePlan*, CacheIndex*>> renamed;
  for (const auto& each : all) {
    for (auto& index : PlanCompiler::indexes(*each.plan)) {
      if (clashes(index.name)) {
        renamed.emplace_back(each.plan.get(), &index);
      } else {
        taken.insert(fold_name(index.name));
      }
    }
  }
  for (const auto& [plan, index] : renamed) {
    const auto wanted = plan->cache().name + "_" + index->name;
    std::string name = wanted;
    for (int n = 2; taken.count(fold_name(name)) != 0; ++n) name = fmt::format("{}_{}", wanted, n);
    taken.insert(fold_name(name));
    index->name = name;
  }
}

}  // namespace

SinkPlan plan_sink(std::span<const SourceTable> tables, const config::Config& config, const config::Sink& sink) {
  SinkPlan result;
  std::vector<Compiled> compiled;
  for (const auto& table : tables) {
    if (!selected(table, config, sink)) continue;
    auto plan = PlanCompiler::compile(table, config);
    if (plan) {
      compiled.push_back({&table, *std::move(plan)});
    } else {
      result.refused.push_back({table.qualified_name(), table.oid, std::move(plan.error())});
    }
  }
  compiled = refuse_collisions(std::move(compiled), result.refused);
  rename_indexes(compiled);
  for (auto& each : compiled) result.tables.push_back(std::move(each.plan));
  return result;
}

}  // namespace walbridge::mapping
