#include "mapping/plan_compiler.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "mapping/encoder.h"
#include "mapping/names.h"
#include "mapping/plan_generated.h"
#include "mapping/plan_indexes.h"
#include "mapping/plan_key.h"
#include "mapping/schema_hash.h"
#include "pipeline/api/cache_sql.h"

namespace walbridge::mapping {

namespace {

constexpr std::size_t kMostColumns = 2000;  // SQLITE_MAX_COLUMN
constexpr const char* kLeafColumn = "_walbridge_leaf";

}  // namespace

Result<std::shared_ptr<TablePlan>> PlanCompiler::compile(const SourceTable& source, const config::Config& config,
                                                         const config::Sink& sink) {
  PlanCompiler compiler(source, config, sink);
  WALBRIDGE_TRY(compiler.run());
  return compiler.plan_;
}

Error PlanCompiler::refuse(const char* code, std::string message, std::string remedy) const {
  return {Verdict::PoisonRow, code, std::move(message), std::move(remedy)};
}

Status PlanCompiler::run() {
  WALBRIDGE_TRY(refuse_unlogged(source_));
  WALBRIDGE_TRY_AS(rules_, merge_rules(config_, source_));
  WALBRIDGE_TRY_AS(key_, choose_key(source_, rules_));
  WALBRIDGE_TRY(name_table());
  WALBRIDGE_TRY(plan_columns());
  WALBRIDGE_TRY(add_leaf_column());
  WALBRIDGE_TRY(plan_rows());
  WALBRIDGE_TRY(check_width());
  WALBRIDGE_TRY(check_column_names());
  WALBRIDGE_TRY(check_date_encodings());
  WALBRIDGE_TRY(place_key());
  WALBRIDGE_TRY(plan_rest());
  finish();
  return {};
}

Status PlanCompiler::name_table() {
  auto& cache = plan_->cache_;
  cache.source_oid = source_.oid;
  cache.source_name = source_.qualified_name();
  cache.name = expand_name(rules_.as ? *rules_.as : default_pattern(config_.naming, source_), source_);
  const auto remedy = fmt::format("name it in a rule: {{match: {}, as: {}}}", yaml_quoted(cache.source_name),
                                  yaml_quoted("app_" + source_.name));
  if (cache.name.empty()) {
    return refuse("reserved-name", fmt::format("{} would have an empty name in the cache", cache.source_name), remedy);
  }
  if (const auto prefix = reserved_prefix(cache.name); !prefix.empty()) {
    return refuse("reserved-name",
                  fmt::format("{} would be {} in the cache, and {} is reserved", cache.source_name, cache.name, prefix),
                  remedy);
  }
  return {};
}

Status PlanCompiler::add_leaf_column() {
  auto& columns = plan_->cache_.columns;
  if (source_.kind == 'p') {
    plan_->leaf_column_ = static_cast<std::int32_t>(columns.size());
    CacheColumn leaf;
    leaf.name = kLeafColumn;
    leaf.decl = "INTEGER";
    columns.push_back(std::move(leaf));
  }
  return {};
}

Status PlanCompiler::check_width() const {
  const auto& columns = plan_->cache_.columns;
  if (columns.size() <= kMostColumns) return {};
  return refuse(
      "too-many-columns",
      fmt::format("{} has {} columns, SQLite takes {}", source_.qualified_name(), columns.size(), kMostColumns),
      "leave some out with `only` or `omit`");
}

Status PlanCompiler::check_column_names() const {
  const auto remedy = [&](const std::string& column, const std::string& name) {
    return fmt::format("rename it in a rule: {{match: {}, columns: {{{}: {{as: {}}}}}}}, or omit it",
                       yaml_quoted(source_.qualified_name()), yaml_quoted(column), yaml_quoted(name));
  };
  std::map<std::string, std::size_t> seen;
  for (std::size_t i = 0; i < plan_->columns_.size(); ++i) {
    const auto& name = plan_->cache_.columns[i].name;
    const auto& from = plan_->columns_[i].source_name;
    if (name.empty() || fold_name(name).compare(0, 11, "_walbridge_") == 0) {
      return refuse("reserved-name",
                    fmt::format("column {} of {} would be named \"{}\" in the cache, which is reserved", from,
                                source_.qualified_name(), name),
                    remedy(from, "app" + from));
    }
    seen.emplace(fold_name(name), i);
  }
  for (std::size_t i = 0; i < plan_->columns_.size(); ++i) {
    const auto& name = plan_->cache_.columns[i].name;
    const auto first = seen.at(fold_name(name));
    if (first == i) continue;
    // The one that a rule gave its name is the one to be named otherwise, or the later one: readers know the first.
    const auto named = [&](std::size_t column) {
      const auto rule = rules_.columns.find(plan_->columns_[column].source_name);
      return rule != rules_.columns.end() && rule->second.as.has_value();
    };
    const auto moved = named(first) && !named(i) ? first : i;
    const auto& taken = plan_->cache_.columns[moved].name;
    std::string free = taken;
    for (int n = 2; seen.count(fold_name(free)) != 0; ++n) free = fmt::format("{}_{}", taken, n);
    return refuse("name-collision",
                  fmt::format("columns {} and {} of {} would both be \"{}\" in the cache, which ignores case",
                              plan_->columns_[first].source_name, plan_->columns_[i].source_name,
                              source_.qualified_name(), taken),
                  remedy(plan_->columns_[moved].source_name, free));
  }
  return {};
}

// A client library binds dates in one format; two in a table would compare wrongly without an error.
Status PlanCompiler::check_date_encodings() const {
  int first = -1;
  for (std::size_t i = 0; i < plan_->encoders_.size(); ++i) {
    const auto& kind = plan_->encoders_[i]->type->kind;
    if ((kind != "timestamp" && kind != "timestamptz") || chosen_by_column_[i]) continue;
    if (first < 0) first = static_cast<int>(i);
    const auto& one = plan_->columns_[static_cast<std::size_t>(first)];
    const auto& two = plan_->columns_[i];
    const auto family = [](const std::string& encoding) { return encoding == "utc" ? "default" : encoding; };
    if (family(one.encoding) == family(two.encoding)) continue;
    return refuse(
        "mixed-dates",
        fmt::format("columns {} ({}) and {} ({}) of {} would hold dates in two formats", one.source_name, one.encoding,
                    two.source_name, two.encoding, source_.qualified_name()),
        "set types.timestamp and types.timestamptz to the same encoding, or choose the `type` of each column");
  }
  return {};
}

int PlanCompiler::position_of(std::int16_t attnum) const {
  const auto found = std::find(carried_.begin(), carried_.end(), attnum);
  return found == carried_.end() ? -1 : static_cast<int>(found - carried_.begin());
}

Status PlanCompiler::check_key_column(std::size_t position) const {
  const auto& encoder = *plan_->encoders_[position];
  if (encoder.exact) return {};
  const auto& column = plan_->columns_[position];
  return refuse("key-encoding",
                fmt::format("key column {} of {} ({}) is encoded as {}, which may make two rows one",
                            column.source_name, source_.qualified_name(), column.source_type,
                            encoder.encoding == "default" ? "JSON" : encoder.encoding),
                fmt::format("choose an exact encoding: {{match: {}, columns: {{{}: {{type: {}}}}}}}",
                            yaml_quoted(source_.qualified_name()), yaml_quoted(column.source_name),
                            encoder.encoding == "default" ? "pg_text" : "default"));
}

Status PlanCompiler::place_key() {
  auto& cache = plan_->cache_;
  for (const auto attnum : key_) {
    const int position = position_of(attnum);
    if (position < 0) {
      const auto column = std::find_if(source_.columns.begin(), source_.columns.end(),
                                       [&](const SourceColumn& each) { return each.attnum == attnum; });
      return refuse("key-omitted",
                    fmt::format("column {} of {} is part of the key and cannot be left out",
                                column == source_.columns.end() ? "?" : column->name, source_.qualified_name()),
                    "carry the column, or choose other `key` columns");
    }
    WALBRIDGE_TRY(check_key_column(static_cast<std::size_t>(position)));
    cache.key.push_back(static_cast<std::uint16_t>(position));
  }
  if (cache.key.size() == 1 && plan_->encoders_[cache.key.front()]->rowid_capable) {
    cache.rowid_key = true;
    cache.columns[cache.key.front()].decl = "INTEGER";
  }
  return {};
}

// Computed columns and indexes.
Status PlanCompiler::plan_rest() {
  PlanParts parts{
      source_, config_, sink_, rules_, key_, plan_->columns_, plan_->encoders_, plan_->cache_, plan_->not_carried_};
  WALBRIDGE_TRY(plan_generated(parts));
  return plan_indexes(parts);
}

void PlanCompiler::finish() {
  plan_->schema_ = source_.schema;
  plan_->table_ = source_.name;
  plan_->leaves_ = source_.leaves;
  plan_->replica_identity_ = source_.replica_identity;
  plan_->cache_.schema_hash = schema_hash(shape_of(*plan_));
}

}  // namespace walbridge::mapping
