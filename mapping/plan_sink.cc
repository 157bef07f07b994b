// All tables of one sink: selection, compilation, and the names they share.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "config/load.h"
#include "mapping/names.h"
#include "mapping/plan_compiler.h"
#include "mapping/schema_hash.h"
#include "mapping/table_plan.h"

namespace walbridge::mapping {

namespace {

struct Compiled {
  const SourceTable* source;
  std::shared_ptr<const TablePlan> plan;
  std::vector<std::string> index_names{};  // as they are to be, one for each of its indexes
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

// A table whose name is taken. `other`: who has it, or wants it as well.
Error collision(const SourceTable& source, const std::string& other, std::string free) {
  return {Verdict::PoisonRow, "name-collision",
          fmt::format("{} and {} are one name to SQLite, which ignores case", source.qualified_name(), other),
          fmt::format("name one of them in a rule: {{match: {}, as: {}}}", yaml_quoted(source.qualified_name()),
                      yaml_quoted(free))};
}

// Names in the cache whose tables are not planned now: refused, or kept after their source was dropped.
std::map<std::string, std::uint32_t> names_of_others(const std::vector<Compiled>& all, const SettledNames& settled) {
  std::set<std::uint32_t> planned;
  for (const auto& each : all) planned.insert(each.source->oid);
  std::map<std::string, std::uint32_t> names;
  for (const auto& [oid, name] : settled) {
    if (!planned.contains(oid)) names.emplace(fold_name(name), oid);
  }
  return names;
}

// Of tables whose names are one to SQLite the one that has the name in the cache keeps it. Without such a one all are
// refused: which of them should have the name is not ours to say.
std::vector<Compiled> refuse_collisions(std::vector<Compiled> all, const SettledNames& settled,
                                        std::vector<RefusedTable>& refused) {
  std::map<std::string, std::vector<std::size_t>> by_name;
  for (std::size_t i = 0; i < all.size(); ++i) by_name[fold_name(all[i].plan->cache().name)].push_back(i);
  const auto others = names_of_others(all, settled);
  const auto has_it = [&](std::size_t i) {
    const auto found = settled.find(all[i].source->oid);
    return found != settled.end() && fold_name(found->second) == fold_name(all[i].plan->cache().name);
  };
  std::vector<bool> keeps(all.size(), true);
  for (const auto& [name, group] : by_name) {
    const auto holder = std::find_if(group.begin(), group.end(), has_it);
    const bool taken = holder == group.end() && others.count(name) != 0;
    if (group.size() == 1 && !taken) continue;
    for (const auto i : group) {
      if (holder != group.end() && *holder == i) continue;
      const auto& source = *all[i].source;
      const std::size_t other = holder != group.end() ? *holder : group.front() == i ? group.back() : group.front();
      const auto other_name = taken ? "a table that the cache keeps" : all[other].source->qualified_name();
      auto error = collision(source, other_name, free_name(source, by_name));
      if (taken) error.remedy += "; or drop the old copy in the cache, which on_ddl.drop_table: drop does by itself";
      refused.push_back({source.qualified_name(), source.oid, std::move(error)});
      keeps[i] = false;
    }
  }
  std::vector<Compiled> kept;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (keeps[i]) kept.push_back(std::move(all[i]));
  }
  return kept;
}

// An index whose name clashes with a table or another index gets its table's name in front. All of a clashing group
// do, so that a name does not depend on the order of tables.
void name_indexes(std::vector<Compiled>& all) {
  std::set<std::string> taken;
  std::map<std::string, int> uses;
  for (auto& each : all) {
    taken.insert(fold_name(each.plan->cache().name));
    each.index_names.clear();
    for (const auto& index : each.plan->cache().indexes) {
      ++uses[fold_name(index.name)];
      each.index_names.push_back(index.name);
    }
  }
  const auto tables = taken;
  const auto clashes = [&](const std::string& name) {
    return tables.count(fold_name(name)) != 0 || uses.at(fold_name(name)) > 1 || !reserved_prefix(name).empty();
  };
  std::vector<std::pair<const TablePlan*, std::string*>> renamed;
  for (auto& each : all) {
    for (auto& name : each.index_names) {
      if (clashes(name)) {
        renamed.emplace_back(each.plan.get(), &name);
      } else {
        taken.insert(fold_name(name));
      }
    }
  }
  for (const auto& [plan, index_name] : renamed) {
    const auto wanted = plan->cache().name + "_" + *index_name;
    std::string name = wanted;
    for (int n = 2; taken.count(fold_name(name)) != 0; ++n) name = fmt::format("{}_{}", wanted, n);
    taken.insert(fold_name(name));
    *index_name = name;
  }
}

bool has_index_names(const TablePlan& plan, const std::vector<std::string>& names) {
  const auto& indexes = plan.cache().indexes;
  return std::equal(indexes.begin(), indexes.end(), names.begin(), names.end(),
                    [](const CacheIndex& index, const std::string& name) { return index.name == name; });
}

// The plan with the names its indexes have among all tables: `before` if that is it already.
std::shared_ptr<const TablePlan> with_index_names(const Compiled& compiled,
                                                  const std::shared_ptr<const TablePlan>& before) {
  for (const auto& made : {before, compiled.plan}) {
    if (made != nullptr && has_index_names(*made, compiled.index_names)) return made;
  }
  auto plan = std::make_shared<TablePlan>(*compiled.plan);
  auto& cache = PlanCompiler::cache(*plan);
  for (std::size_t i = 0; i < cache.indexes.size(); ++i) cache.indexes[i].name = compiled.index_names[i];
  cache.schema_hash = schema_hash(shape_of(*plan));
  return plan;
}

const PlanMemory::Entry& compile(const SourceTable& table, const config::Config& config, const config::Sink& sink,
                                 PlanMemory& memory) {
  auto& entry = memory.entries[table.oid];
  const bool known = entry.compiled != nullptr || !entry.refusal.code.empty();
  if (known && !table.json.empty() && entry.description == table.json) return entry;
  entry = {table.json, nullptr, nullptr, {}};
  if (auto plan = PlanCompiler::compile(table, config, sink)) {
    entry.compiled = *std::move(plan);
  } else {
    entry.refusal = std::move(plan.error());
  }
  return entry;
}

}  // namespace

SinkPlan plan_sink(std::span<const SourceTable> tables, const config::Config& config, const config::Sink& sink,
                   const SettledNames& settled, PlanMemory* memory) {
  SinkPlan result;
  PlanMemory only_now;
  auto& entries = memory == nullptr ? only_now : *memory;
  std::vector<Compiled> compiled;
  std::set<std::uint32_t> seen;
  for (const auto& table : tables) {
    if (!selected(table, config, sink)) continue;
    seen.insert(table.oid);
    const auto& entry = compile(table, config, sink, entries);
    if (entry.compiled != nullptr) {
      compiled.push_back({&table, entry.compiled});
    } else {
      result.refused.push_back({table.qualified_name(), table.oid, entry.refusal});
    }
  }
  std::erase_if(entries.entries, [&](const auto& entry) { return !seen.contains(entry.first); });
  compiled = refuse_collisions(std::move(compiled), settled, result.refused);
  name_indexes(compiled);
  for (const auto& each : compiled) {
    auto& plan = entries.entries.at(each.source->oid).plan;
    plan = with_index_names(each, plan);
    result.tables.push_back(plan);
  }
  return result;
}

}  // namespace walbridge::mapping
