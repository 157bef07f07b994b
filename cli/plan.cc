#include <iostream>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/context.h"
#include "mapping/table_plan.h"
#include "pipeline/api/cache_sql.h"
#include "source-pg/open.h"

namespace walbridge::cli {
namespace {

using nlohmann::ordered_json;

ordered_json table_json(const mapping::TablePlan& plan) {
  const auto& cache = plan.cache();
  ordered_json json{{"source", cache.source_name},         {"cache", cache.name},
                    {"schema_hash", cache.schema_hash},    {"columns", ordered_json::array()},
                    {"key", ordered_json::array()},        {"indexes", ordered_json::array()},
                    {"not_carried", ordered_json::array()}};
  for (std::size_t i = 0; i < cache.columns.size(); ++i) {
    ordered_json column{{"name", cache.columns[i].name}, {"type", cache.columns[i].decl}};
    if (i < plan.columns().size()) {
      const auto& planned = plan.columns()[i];
      column["source"] = planned.source_name;
      column["source_type"] = planned.source_type;
      column["encoding"] = planned.encoding;
      column["nullable"] = planned.nullable;
    }
    json["columns"].push_back(column);
  }
  for (const auto key : cache.key) json["key"].push_back(cache.columns[key].name);
  for (const auto& index : cache.indexes)
    json["indexes"].push_back({{"name", index.name}, {"sql", create_index_sql(cache, index)}});
  for (const auto& left : plan.not_carried()) {
    json["not_carried"].push_back({{"what", left.what}, {"name", left.name}, {"reason", left.reason}});
  }
  return json;
}

void print_text(const config::Sink& sink, const mapping::SinkPlan& plan) {
  std::cout << "sink " << sink.name << " (" << sink.url << ")\n";
  for (const auto& table : plan.tables) {
    const auto& cache = table->cache();
    std::cout << "\n  " << cache.source_name << " -> " << quote_identifier(cache.name);
    if (cache.key.empty()) std::cout << "  (no key: rows match by all columns)";
    std::cout << "\n";
    for (std::size_t i = 0; i < cache.columns.size(); ++i) {
      const auto& column = cache.columns[i];
      std::string line = "    " + column.name;
      line.resize(std::max<std::size_t>(line.size() + 1, 30), ' ');
      line += column.decl;
      if (i < table->columns().size()) {
        line.resize(std::max<std::size_t>(line.size() + 1, 52), ' ');
        line += "<- " + table->columns()[i].source_type;
        if (table->columns()[i].encoding != "default") line += " as " + table->columns()[i].encoding;
      }
      for (const auto key : cache.key) {
        if (key == i) line += "  key";
      }
      std::cout << line << "\n";
    }
    for (const auto& index : cache.indexes) std::cout << "    index " << index.name << "\n";
    for (const auto& left : table->not_carried()) {
      std::cout << "    not carried: " << left.what << " " << left.name << " (" << left.reason << ")\n";
    }
  }
  for (const auto& refused : plan.refused) {
    std::cout << "\n  refused: " << refused.source_name << ": " << refused.error.message << " [" << refused.error.code
              << "]\n";
    if (!refused.error.remedy.empty()) std::cout << "    what to do: " << refused.error.remedy << "\n";
  }
  std::cout << "\n  " << plan.tables.size() << " tables carried, " << plan.refused.size() << " refused\n";
}

void print_sql(const config::Sink& sink, const mapping::SinkPlan& plan) {
  std::cout << "-- sink " << sink.name << "\n";
  for (const auto& table : plan.tables) {
    std::cout << create_table_sql(table->cache(), table->cache().name) << ";\n";
    for (const auto& index : table->cache().indexes) std::cout << create_index_sql(table->cache(), index) << ";\n";
  }
  for (const auto& refused : plan.refused) {
    std::cout << "-- refused: " << refused.source_name << ": " << refused.error.message << "\n";
  }
}

}  // namespace

int plan(const config::Config& config, const PlanOptions& options) {
  auto admin = source_pg::open_source_admin(config);
  const auto tables = admin->describe_tables();
  if (!tables) return fail(tables.error());
  ordered_json json{{"sinks", ordered_json::array()}};
  bool refused_any = false;
  bool first = true;
  for (const auto& sink : config.sinks) {
    const auto plan = mapping::plan_sink(*tables, config, sink);
    refused_any = refused_any || !plan.refused.empty() || plan.tables.empty();
    if (options.format == "json") {
      ordered_json entry{{"name", sink.name},
                         {"url", sink.url},
                         {"tables", ordered_json::array()},
                         {"refused", ordered_json::array()}};
      for (const auto& table : plan.tables) entry["tables"].push_back(table_json(*table));
      for (const auto& refused : plan.refused) {
        entry["refused"].push_back({{"source", refused.source_name},
                                    {"code", refused.error.code},
                                    {"reason", refused.error.message},
                                    {"remedy", refused.error.remedy}});
      }
      json["sinks"].push_back(std::move(entry));
      continue;
    }
    if (!first) std::cout << "\n";
    first = false;
    options.format == "sql" ? print_sql(sink, plan) : print_text(sink, plan);
  }
  if (options.format == "json") std::cout << json.dump(2) << "\n";
  return refused_any ? kFoundSomething : kDone;
}

}  // namespace walbridge::cli
