#include "mapping/plan_compiler.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "mapping/encoder.h"
#include "mapping/names.h"
#include "mapping/plan_key.h"
#include "mapping/schema_hash.h"

namespace walbridge::mapping {

namespace {

constexpr std::size_t kMostColumns = 2000;  // SQLITE_MAX_COLUMN
constexpr const char* kLeafColumn = "_walbridge_leaf";

bool contains(const std::vector<std::int16_t>& attnums, std::int16_t attnum) {
  return std::find(attnums.begin(), attnums.end(), attnum) != attnums.end();
}

}  // namespace

Result<std::shared_ptr<TablePlan>> PlanCompiler::compile(const SourceTable& source, const config::Config& config) {
  PlanCompiler compiler(source, config);
  WALBRIDGE_TRY(compiler.run());
  return compiler.plan_;
}

Error PlanCompiler::refuse(const char* code, std::string message, std::string remedy) const {
  return {Verdict::PoisonRow, code, std::move(message), std::move(remedy)};
}

Status PlanCompiler::run() {
  WALBRIDGE_TRY(refuse_kind());
  WALBRIDGE_TRY_AS(rules_, merge_rules(config_, source_));
  WALBRIDGE_TRY_AS(key_, choose_key(source_, rules_));
  WALBRIDGE_TRY(name_table());
  WALBRIDGE_TRY(plan_columns());
  WALBRIDGE_TRY(add_leaf_column());
  WALBRIDGE_TRY(check_column_names());
  WALBRIDGE_TRY(check_date_encodings());
  WALBRIDGE_TRY(place_key());
  plan_indexes();
  finish();
  return {};
}

Status PlanCompiler::refuse_kind() const {
  if (source_.persistence == 'u') {
    return refuse("unlogged",
                  fmt::format("{} is unlogged: its changes are not in the stream", source_.qualified_name()),
                  "ALTER TABLE ... SET LOGGED, or exclude the table");
  }
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

void PlanCompiler::leave_out(const SourceColumn& column, const char* reason) {
  plan_->left_out_.push_back(column.name);
  plan_->not_carried_.push_back({"column", column.name, reason});
}

Status PlanCompiler::plan_columns() {
  plan_->only_ = rules_.only;
  plan_->omit_ = rules_.omit;
  for (const auto& column : source_.columns) {
    if (column.generated) {
      leave_out(column, "generated: the stream does not carry it reliably");
    } else if (!lets_through(rules_.only, rules_.omit, column.name)) {
      leave_out(column, "left out by the rules");
    } else {
      WALBRIDGE_TRY(plan_column(column));
    }
  }
  if (carried_.empty()) {
    return refuse("no-columns", fmt::format("no column of {} is left to carry", source_.qualified_name()),
                  "widen `only` or narrow `omit` in the rules, or exclude the table");
  }
  return {};
}

Status PlanCompiler::plan_column(const SourceColumn& column) {
  const auto where = fmt::format("column {} of {}", column.name, source_.qualified_name());
  if (!column.type) {
    return refuse("unknown-type", fmt::format("{} has a type that the catalog does not describe", where),
                  "omit the column in a rule");
  }
  auto chosen = chosen_encoding(rules_, config_, column);
  if (chosen.name.empty() && !is_known_type(*without_domains(column.type))) {
    if (config_.unknown_types == config::UnknownTypes::Omit) chosen.name = "omit";
    if (config_.unknown_types == config::UnknownTypes::Error) chosen.name = "error";
  }
  if (chosen.name == "omit") {
    leave_out(column, "its type is left out");
    return {};
  }
  if (chosen.name == "error") {
    return refuse("unknown-type",
                  fmt::format("{} has type {}, which the configuration refuses", where, column.type->sql),
                  "choose an encoding for it (types: or columns: type), or omit the column");
  }
  EncodingChoice choice;
  choice.name = chosen.name;
  choice.profile = config_.profile;
  choice.specials = config_.specials;
  choice.key = contains(key_, column.attnum);
  auto compiled = compile_encoder(column.type, choice);
  if (!compiled) {
    return refuse(compiled.error().code.c_str(), fmt::format("{}: {}", where, compiled.error().message),
                  compiled.error().remedy);
  }
  auto encoder = *std::move(compiled);
  const auto rule = rules_.columns.find(column.name);
  CacheColumn cache;
  cache.name = rule != rules_.columns.end() && rule->second.as ? *rule->second.as : column.name;
  cache.decl = encoder->decl;
  cache.form = encoder->form;
  if (!encoder->imprecise.empty()) plan_->not_carried_.push_back({"precision", column.name, encoder->imprecise});
  plan_->cache_.columns.push_back(std::move(cache));
  plan_->columns_.push_back(
      {column.name, column.type->oid, column.type->typmod, column.type->sql, encoder->encoding, !column.not_null});
  plan_->copy_columns_.push_back(column.name);
  plan_->encoders_.push_back(std::move(encoder));
  carried_.push_back(column.attnum);
  chosen_by_column_.push_back(chosen.by_column);
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
    std::string free = plan_->cache_.columns[first].name;
    for (int n = 2; seen.count(fold_name(free)) != 0; ++n) {
      free = fmt::format("{}_{}", plan_->cache_.columns[first].name, n);
    }
    return refuse(
        "name-collision",
        fmt::format("columns {} and {} of {} are one name to SQLite, which ignores case",
                    plan_->columns_[first].source_name, plan_->columns_[i].source_name, source_.qualified_name()),
        remedy(plan_->columns_[first].source_name, free));
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

void PlanCompiler::plan_indexes() {
  for (const auto& index : source_.indexes) {
    const auto skip = [&](std::string reason) {
      plan_->not_carried_.push_back({"index", index.name, std::move(reason)});
    };
    CacheIndex cache;
    cache.name = index.name;
    std::string missing;
    bool repeats_key = index.key.size() == key_.size();
    const auto add = [&](std::int16_t attnum, bool descending) {
      const int position = position_of(attnum);
      if (position < 0) {
        missing = attnum == 0 ? "it has an expression" : "a column of it is not carried";
        return;
      }
      const auto column = static_cast<std::uint16_t>(position);
      const bool there = std::any_of(cache.parts.begin(), cache.parts.end(),
                                     [&](const CacheIndex::Part& part) { return part.column == column; });
      if (!there) cache.parts.push_back({column, descending});
    };
    for (std::size_t i = 0; i < index.key.size(); ++i) {
      repeats_key = repeats_key && index.key[i].attnum == key_[i] && !index.key[i].descending;
      add(index.key[i].attnum, index.key[i].descending);
    }
    if (repeats_key && !index.partial) continue;  // the cache's own primary key
    for (const auto attnum : index.included) add(attnum, false);
    if (index.method != "btree" && index.method != "hash") {
      skip(fmt::format("SQLite has no counterpart of {}", index.method));
    } else if (index.partial) {
      skip("it is partial");
    } else if (!missing.empty()) {
      skip(missing);
    } else if (!cache.parts.empty()) {
      plan_->cache_.indexes.push_back(std::move(cache));
    }
  }
}

void PlanCompiler::finish() {
  plan_->schema_ = source_.schema;
  plan_->table_ = source_.name;
  plan_->leaves_ = source_.leaves;
  plan_->replica_identity_ = source_.replica_identity;
  SchemaHash hash;
  hash.add(plan_->cache_.name);
  for (std::size_t i = 0; i < plan_->columns_.size(); ++i) {
    const auto& column = plan_->columns_[i];
    const auto& cache = plan_->cache_.columns[i];
    hash.add(column.source_name);
    hash.add(std::int64_t{column.type_oid});
    hash.add(std::int64_t{column.typmod});
    hash.add(cache.name);
    hash.add(cache.decl);
    hash.add(column.encoding);
    const auto& encoder = *plan_->encoders_[i];
    hash.add(static_cast<std::int64_t>(encoder.specials));
    if (!encoder.uses_labels) continue;
    for (const auto& label : encoder.type->labels) hash.add(label);
  }
  hash.add("key");
  for (const auto position : plan_->cache_.key) hash.add(std::int64_t{position});
  hash.add(std::int64_t{plan_->cache_.rowid_key});
  hash.add(std::int64_t{plan_->leaf_column_});
  plan_->cache_.schema_hash = hash.hex();
}

}  // namespace walbridge::mapping
