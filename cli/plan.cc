// `plan`: what the caches will be, and what a run would change in those that are there.
#include <algorithm>
#include <iostream>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/feeds.h"
#include "cli/plan_changes.h"
#include "cli/try_plan.h"
#include "mapping/client_schema.h"
#include "mapping/table_plan.h"
#include "mapping/unused_names.h"
#include "pipeline/api/cache_sql.h"

namespace walbridge::cli {
namespace {

using nlohmann::ordered_json;

// What is said about one sink: its plan, and against what it holds now, if that is known.
struct Planned {
  const config::Sink* sink = nullptr;
  mapping::SinkPlan plan;
  bool looked = false;
  std::optional<Error> unreachable;
  bool filled = false;
  std::string cache_hash;
  std::vector<TableChange> changes;

  const TableChange* change_of(const std::string& source) const {
    for (const auto& change : changes) {
      if (change.source == source) return &change;
    }
    return nullptr;
  }
};

Planned plan_one(const std::vector<SourceTable>& tables, const config::Config& config, const config::Sink& settings,
                 Sink* sink) {
  Planned planned;
  planned.sink = &settings;
  std::optional<SinkState> state;
  if (sink != nullptr) {
    planned.looked = true;
    if (auto peeked = sink->peek()) {
      state = *std::move(peeked);
    } else {
      planned.unreachable = peeked.error();
    }
  }
  planned.plan = mapping::plan_sink(tables, config, settings, state ? settled_names(*state) : mapping::SettledNames{});
  try_plan(planned.plan, config, settings);
  if (!state) return planned;
  planned.filled = state->checkpoint.has_value();
  planned.cache_hash = mapping::schema_hash(state->tables);
  if (planned.filled) planned.changes = plan_changes(planned.plan, tables, *state);
  return planned;
}

// ---- JSON ----

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
      if (!planned.role.empty()) column["role"] = planned.role;
    }
    json["columns"].push_back(column);
  }
  for (const auto& computed : cache.computed) {
    json["columns"].push_back({{"name", computed.name}, {"type", computed.decl}, {"computed", computed.sql}});
  }
  for (const auto key : cache.key) json["key"].push_back(cache.columns[key].name);
  for (const auto& index : cache.indexes) {
    ordered_json sql = ordered_json::array();
    for (auto& statement : create_index_sql(cache, index, index.name)) sql.push_back(std::move(statement));
    json["indexes"].push_back({{"name", index.name}, {"sql", sql.size() == 1 ? sql[0] : sql}});
  }
  if (!plan.rows().empty()) json["rows"] = plan.rows();
  for (const auto& left : plan.not_carried()) {
    json[left.in_part ? "notes" : "not_carried"].push_back(
        {{"what", left.what}, {"name", left.name}, {"reason", left.reason}});
  }
  return json;
}

ordered_json error_json(const Error& error) {
  return {{"code", error.code}, {"reason", error.message}, {"remedy", error.remedy}};
}

ordered_json sink_json(const Planned& planned) {
  ordered_json json{{"name", planned.sink->name},
                    {"url", planned.sink->url},
                    {"schema_hash", mapping::schema_hash(planned.plan)},
                    {"tables", ordered_json::array()},
                    {"refused", ordered_json::array()}};
  for (const auto& table : planned.plan.tables) json["tables"].push_back(table_json(*table));
  for (const auto& refused : planned.plan.refused) {
    ordered_json row{{"source", refused.source_name}};
    row.update(error_json(refused.error));
    json["refused"].push_back(std::move(row));
  }
  if (!planned.looked) return json;
  json["cache"] = {{"reachable", !planned.unreachable}, {"filled", planned.filled}};
  if (planned.unreachable) json["cache"]["error"] = error_json(*planned.unreachable);
  if (!planned.filled) return json;
  json["cache"]["schema_hash"] = planned.cache_hash;
  json["changes"] = ordered_json::array();
  for (const auto& change : planned.changes) {
    json["changes"].push_back(
        {{"source", change.source}, {"cache", change.cache}, {"change", change.change}, {"detail", change.detail}});
  }
  return json;
}

// ---- text ----

std::size_t characters(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// Filled with spaces to `width` characters, at least one.
void pad(std::string& line, std::size_t width) {
  const auto have = characters(line);
  line.append(have < width ? width - have : 1, ' ');
}

constexpr std::size_t kTypeAt = 30;
constexpr std::size_t kSourceAt = 52;

std::string column_line(const std::string& name, const std::string& decl, const std::string& from) {
  std::string line = "    " + name;
  pad(line, kTypeAt);
  line += decl;
  if (!from.empty()) {
    pad(line, kSourceAt);
    line += from;
  }
  return line;
}

std::string origin(const mapping::PlannedColumn& column) {
  if (column.role == "ord") return "sorts as " + column.source_name;
  auto text = "<- " + column.source_type;
  if (column.encoding != "default") text += " as " + column.encoding;
  return text;
}

std::string index_line(const CacheIndex& index) {
  static constexpr const char* kKinds[] = {"index", "unique index", "vector index", "full-text table"};
  std::string line = std::string("    ") + kKinds[static_cast<std::size_t>(index.kind)] + " " + index.name + " (";
  for (std::size_t i = 0; i < index.parts.size(); ++i) line += (i == 0 ? "" : ", ") + index.parts[i];
  line += ")";
  return index.where.empty() ? line : line + " where " + index.where;
}

void print_table(const mapping::TablePlan& plan, const TableChange* change) {
  const auto& cache = plan.cache();
  std::cout << "\n  " << cache.source_name << " -> " << quote_identifier(cache.name);
  if (cache.key.empty())
    std::cout << (plan.append_only() ? "  (rows are only added)" : "  (no key: rows match by all columns)");
  if (change != nullptr) std::cout << "  [" << describe(*change) << "]";
  std::cout << "\n";
  if (!plan.rows().empty()) std::cout << "    rows: " << plan.rows() << "\n";
  for (std::size_t i = 0; i < cache.columns.size(); ++i) {
    const auto& column = cache.columns[i];
    const bool leaf = plan.leaf_column() == static_cast<std::int32_t>(i);
    const auto from = i < plan.columns().size() ? origin(plan.columns()[i])
                      : leaf                    ? std::string("the partition it is from")
                                                : std::string("when it was deleted");
    auto line = column_line(column.name, column.decl, from);
    if (std::find(cache.key.begin(), cache.key.end(), i) != cache.key.end()) line += "  key";
    std::cout << line << "\n";
  }
  for (const auto& computed : cache.computed) {
    std::cout << column_line(computed.name, computed.decl, "= " + computed.sql) << "\n";
  }
  for (const auto& index : cache.indexes) std::cout << index_line(index) << "\n";
  for (const auto& left : plan.not_carried()) {
    std::cout << (left.in_part ? "    note: " : "    not carried: ") << left.what << " " << left.name << " ("
              << left.reason << ")\n";
  }
}

void print_text(const Planned& planned) {
  std::cout << "sink " << planned.sink->name << " (" << planned.sink->url << ")\n";
  if (planned.unreachable) {
    std::cout << "  cannot look what it holds: " << planned.unreachable->message << "\n";
  } else if (planned.looked && !planned.filled) {
    std::cout << "  empty: a run fills it\n";
  }
  for (const auto& table : planned.plan.tables) print_table(*table, planned.change_of(table->cache().source_name));
  for (const auto& refused : planned.plan.refused) {
    std::cout << "\n  refused: " << refused.source_name << ": " << refused.error.message << " [" << refused.error.code
              << "]\n";
    if (!refused.error.remedy.empty()) std::cout << "    what to do: " << refused.error.remedy << "\n";
  }
  std::cout << "\n";
  for (const auto& change : planned.changes) {
    if (change.change == "left")
      std::cout << "  no longer carried: " << change.source << " -> " << change.cache << "\n";
  }
  std::cout << "  " << planned.plan.tables.size() << " tables carried, " << planned.plan.refused.size()
            << " refused, schema " << mapping::schema_hash(planned.plan) << "\n";
  if (!planned.filled) return;
  struct Word {
    const char* change;
    const char* said;
  };
  static constexpr Word kWords[] = {{"unchanged", "unchanged"},
                                    {"new", "new"},
                                    {"altered", "altered in place"},
                                    {"copied", "copied again"},
                                    {"left", "no longer carried"}};
  std::string line = "  a run leaves:";
  for (const auto& word : kWords) {
    const auto count = std::count_if(planned.changes.begin(), planned.changes.end(),
                                     [&](const TableChange& change) { return change.change == word.change; });
    if (count > 0) line += " " + std::to_string(count) + " " + word.said + ",";
  }
  line.pop_back();
  std::cout << line << "\n";
}

void print_sql(const Planned& planned, const std::vector<SourceTable>& tables, const config::Config& config) {
  std::cout << "-- sink " << planned.sink->name << "\n"
            << mapping::client_schema(mapping::ClientFormat::Sql, planned.plan, tables, config, planned.sink->name);
  for (const auto& refused : planned.plan.refused) {
    std::cout << "-- refused: " << refused.source_name << ": " << refused.error.message << "\n";
  }
}

ordered_json topic_json(const config::Kafka& kafka, const mapping::TopicPlan& plan) {
  ordered_json json{{"topic", kafka.topic}, {"published", ordered_json::array()}, {"refused", ordered_json::array()}};
  for (const auto& table : plan.tables) json["published"].push_back(table.table->qualified_name());
  for (const auto& refused : plan.refused) {
    json["refused"].push_back(
        {{"table", refused.source_name}, {"code", refused.error.code}, {"reason", refused.error.message}});
  }
  return json;
}

void print_topic(const config::Kafka& kafka, const mapping::TopicPlan& plan) {
  std::cout << "topic " << kafka.topic << ": " << plan.tables.size() << " tables, with all rows and columns\n";
  for (const auto& table : plan.tables) std::cout << "  " << table.table->qualified_name() << "\n";
  for (const auto& refused : plan.refused) {
    std::cout << "  " << refused.source_name << " is not published: " << refused.error.message << " ["
              << refused.error.code << "]\n";
  }
  std::cout << "\n";
}

}  // namespace

int plan(const config::Config& config, const PlanOptions& options) {
  auto admin = open_source_admin(config);
  const auto tables = admin->describe_tables();
  if (!tables) return fail(tables.error());
  const auto unused = mapping::unused_names(*tables, config);
  std::vector<std::unique_ptr<Sink>> sinks;
  if (options.caches) {
    if (auto opened = open_sinks(config)) sinks = *std::move(opened);
  }
  ordered_json json{{"sinks", ordered_json::array()}, {"warnings", ordered_json::array()}};
  bool refused_any = false;
  if (config.publishes()) {
    const auto published = mapping::plan_topic(*tables, config);
    refused_any = published.tables.empty() || (!config.applies() && !published.refused.empty());
    if (options.format == "json") {
      json["kafka"] = topic_json(*config.kafka, published);
    } else if (options.format == "text") {
      print_topic(*config.kafka, published);
    }
  }
  for (std::size_t i = 0; i < config.sinks.size(); ++i) {
    const auto planned = plan_one(*tables, config, config.sinks[i], sinks.empty() ? nullptr : sinks[i].get());
    refused_any = refused_any || !planned.plan.refused.empty() || planned.plan.tables.empty();
    if (options.format == "json") {
      json["sinks"].push_back(sink_json(planned));
      continue;
    }
    if (i > 0) std::cout << "\n";
    options.format == "sql" ? print_sql(planned, *tables, config) : print_text(planned);
  }
  if (options.format == "json") {
    for (const auto& finding : unused)
      json["warnings"].push_back({{"code", finding.code}, {"message", finding.message}});
    std::cout << json.dump(2, ' ', false, ordered_json::error_handler_t::replace) << "\n";
  }
  if (options.format == "text") {
    for (const auto& finding : unused) std::cout << "warning: " << finding.message << " [" << finding.code << "]\n";
  }
  return refused_any ? kFoundSomething : kDone;
}

}  // namespace walbridge::cli
