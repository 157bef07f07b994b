// A cache that follows recorded states of a source as a lane does: plans every table anew, alters what can be altered
// and copies the rest. What it must hold is what a fresh copy of the last state holds.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "mapping/alteration.h"
#include "mapping/table_shape.h"
#include "pipeline/api/source_json.h"
#include "tests/unit/mapping/sqlite_cache.h"

namespace walbridge::mapping::testing {

struct RecordedTable {
  SourceTable source;
  std::map<std::string, std::int64_t> files;  // of each heap: a rewrite changes it
  struct Row {
    std::uint32_t heap = 0;
    std::vector<std::optional<std::string>> values;  // of columns that are not generated
  };
  std::vector<Row> rows;
};
using RecordedState = std::vector<RecordedTable>;

struct RecordedCase {
  std::string id;
  std::vector<std::string> statements;  // between the states
  std::vector<RecordedState> states;
};

inline RecordedTable recorded_table(const nlohmann::json& json) {
  RecordedTable table;
  auto parsed = source_table_from_json(json.at("d").dump());
  if (!parsed) throw std::runtime_error(parsed.error().message);
  table.source = *std::move(parsed);
  table.files = json.at("files").get<std::map<std::string, std::int64_t>>();
  for (const auto& row : json.at("rows")) {
    RecordedTable::Row made;
    made.heap = row.at(0).get<std::uint32_t>();
    for (std::size_t i = 1; i < row.size(); ++i) {
      made.values.push_back(row[i].is_null() ? std::nullopt : std::optional(row[i].get<std::string>()));
    }
    table.rows.push_back(std::move(made));
  }
  table.source.estimated_rows = static_cast<double>(table.rows.size());
  return table;
}

inline RecordedCase recorded_case(const nlohmann::json& json) {
  RecordedCase made;
  made.id = json.at("id");
  made.statements = json.at("pg").get<std::vector<std::string>>();
  for (const auto& state : json.at("states")) {
    RecordedState tables;
    for (const auto& table : state) tables.push_back(recorded_table(table));
    made.states.push_back(std::move(tables));
  }
  return made;
}

// Rows of one table into the cache table `name`; `heaps`: only of these, empty: of all.
inline void copy_rows(SqliteCache& cache, const RecordedTable& table, const TablePlan& plan, const std::string& name,
                      const std::vector<std::uint32_t>& heaps = {}) {
  std::map<std::string, std::size_t> places;
  for (const auto& column : table.source.columns) {
    if (!column.generated) places.emplace(column.name, places.size());
  }
  LoadBlock block;
  for (const auto& row : table.rows) {
    if (!heaps.empty() && std::find(heaps.begin(), heaps.end(), row.heap) == heaps.end()) continue;
    std::vector<WireValue> wire;
    for (const auto& column : plan.copy_columns()) {
      const auto& value = row.values.at(places.at(column));
      wire.push_back({value ? WireValue::Kind::Text : WireValue::Kind::Null, value ? *value : std::string_view()});
    }
    if (auto mapped = plan.bind_copy(row.heap).map_copy(wire, block); !mapped) {
      throw std::runtime_error(mapped.error().message);
    }
  }
  cache.insert(under_name(plan.cache(), name), block);
}

class FollowedCache {
 public:
  FollowedCache(config::Config config, config::Sink sink) : config_(std::move(config)), sink_(std::move(sink)) {}

  // `moved_rows`: the statement was one that the stream carries as rows.
  void reach(const RecordedState& state, bool moved_rows) {
    for (auto known = known_.begin(); known != known_.end();) {
      known = find(state, known->first) == nullptr ? leave(known) : std::next(known);
    }
    const auto plans = plan(state);
    refused_ = plans.refused;
    for (const auto& planned : plans.tables) {
      const auto& table = *find(state, planned->cache().source_oid);
      const auto known = known_.find(table.source.oid);
      if (known == known_.end()) {
        cache.create(planned->cache());
        copy_rows(cache, table, *planned, planned->cache().name);
        known_.emplace(table.source.oid, Known{table, shape_of(*planned), planned});
      } else {
        follow(known->second, table, planned, moved_rows);
      }
    }
  }

  SinkPlan plan(const RecordedState& state) const {
    SettledNames settled;
    for (const auto& [oid, known] : known_) settled[oid] = known.shape.name;
    std::vector<SourceTable> sources;
    for (const auto& table : state) sources.push_back(table.source);
    return plan_sink(sources, config_, sink_, settled);
  }

  const std::vector<RefusedTable>& refused() const { return refused_; }
  TableShape shape(std::uint32_t oid) const { return known_.at(oid).shape; }

  SqliteCache cache;
  std::vector<std::string> copied;  // why, one sentence per copy of a table that was there
  std::vector<std::string> notes;
  std::size_t steps = 0;

 private:
  struct Known {
    RecordedTable table;
    TableShape shape;
    std::shared_ptr<const TablePlan> plan;
  };

  static const RecordedTable* find(const RecordedState& state, std::uint32_t oid) {
    for (const auto& table : state) {
      if (table.source.oid == oid) return &table;
    }
    return nullptr;
  }

  std::map<std::uint32_t, Known>::iterator leave(std::map<std::uint32_t, Known>::iterator known) {
    if (config_.on_ddl.drop_table == config::KeepOrDrop::Drop) {
      for (const auto& step : drop_table(known->second.shape)) cache.apply(step);
    }
    return known_.erase(known);
  }

  static bool rewritten(const RecordedTable& was, const RecordedTable& now) {
    for (const auto& [heap, file] : now.files) {
      const auto old = was.files.find(heap);
      if (old != was.files.end() && old->second != file) return true;
    }
    return false;
  }

  void follow(Known& known, const RecordedTable& now, const std::shared_ptr<const TablePlan>& plan, bool moved_rows) {
    auto alteration = alter_table(known.shape, known.table.source, *plan, now.source, plan->on_ddl());
    notes.insert(notes.end(), alteration.notes.begin(), alteration.notes.end());
    if (alteration.copy_again || rewritten(known.table, now)) {
      copied.push_back(alteration.copy_again ? alteration.reason : "rewritten");
      const std::string filled = "_walbridge_fill";
      cache.execute(create_table_sql(plan->cache(), filled));
      copy_rows(cache, now, *plan, filled);
      const auto swap = swap_in(&known.shape, *plan, filled, "'2024-01-01T00:00:00Z'", &now.source);
      for (const auto& step : swap.steps) cache.apply(step);
      alteration.shape = swap.shape;
    } else {
      for (const auto& step : alteration.steps) cache.apply(step);
      steps += alteration.steps.size();
      if (!alteration.new_leaves.empty()) copy_rows(cache, now, *plan, plan->cache().name, alteration.new_leaves);
    }
    if (moved_rows) {
      cache.execute("DELETE FROM " + quote_identifier(plan->cache().name));
      copy_rows(cache, now, *plan, plan->cache().name);
    }
    known = Known{now, alteration.shape, plan};
  }

  config::Config config_;
  config::Sink sink_;
  std::map<std::uint32_t, Known> known_;
  std::vector<RefusedTable> refused_;
};

}  // namespace walbridge::mapping::testing
