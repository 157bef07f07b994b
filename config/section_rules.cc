// `rules`.
#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "config/sections.h"

namespace walbridge::config {
namespace {

constexpr auto kModes = std::to_array<std::string_view>({"append", "mirror"});
constexpr auto kDeletes = std::to_array<std::string_view>({"hard", "soft"});
constexpr auto kWholeFileOnly = std::to_array<std::string_view>({"specials", "unknown"});

void refuse_repeated(const Field& field, const std::vector<std::string>& names) {
  for (std::size_t i = 1; i < names.size(); ++i) {
    const auto end = names.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find(names.begin(), end, names[i]) != end) field.problem("names a column twice");
  }
}

bool is_declared_type(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ' ' ||
           c == '(' || c == ')' || c == ',';
  });
}

std::vector<ComputedRule> read_computed(const Field& field) {
  std::vector<ComputedRule> all;
  if (!field.check_map()) return all;
  for (const Field& entry : field.entries()) {
    ComputedRule computed;
    computed.name = entry.key();
    computed.place.line = entry.line();
    if (!entry.check_map()) continue;
    const Field type = entry.required("type", "write the declared type, e.g. TEXT");
    if (auto declared = type.text()) {
      if (!is_declared_type(*declared)) type.problem("is not a declared type like TEXT or DECIMAL(10,2)");
      computed.type = *std::move(declared);
    }
    const Field sql = entry.required("sql", "write a SQLite expression over the cache's columns");
    if (auto expression = sql.text()) {
      if (expression->find_first_not_of(' ') == std::string::npos) sql.problem("is empty");
      computed.sql = *std::move(expression);
    }
    all.push_back(std::move(computed));
  }
  return all;
}

// Which rows there are.
void read_row_rules(const Field& field, Rule& rule) {
  const Field where = field.child("where");
  rule.where = where.text();
  if (rule.where && rule.where->find_first_not_of(' ') == std::string::npos) where.problem("is empty");
  if (const auto at = field.child("mode").choice(kModes)) rule.append = *at == 0;
  const Field removal = field.child("delete");
  if (removal.is_map()) {
    if (removal.check_map()) {
      rule.soft_delete = removal.required("soft", "name the column, or write `delete: hard`").text();
    }
  } else if (const auto at = removal.choice(kDeletes)) {
    rule.soft_delete = "";
    if (*at == 1) removal.problem("needs a column for the time of the delete; write `delete: { soft: deleted_at }`");
  }
  if (rule.append.value_or(false) && !rule.soft_delete.value_or("").empty()) {
    removal.problem("goes with `mode: append` in no way: deletes are not taken there");
  }
}

Rule read_rule(const Field& field) {
  Rule rule;
  rule.place.line = field.line();
  if (!field.check_map()) return rule;
  const Field match = field.required("match", "say which tables the rule is for, e.g. public.users or \"*.*\"");
  if (auto glob = read_table_glob(match)) rule.match = *std::move(glob);
  rule.as = read_name_template(field.child("as"));
  rule.only = read_column_names(field.child("only"));
  rule.omit = read_column_names(field.child("omit"));
  const Field key = field.child("key");
  rule.key = read_column_names(key);
  refuse_repeated(key, rule.key);
  const Field types = field.child("types");
  if (types.check_map()) {
    for (const std::string_view word : kWholeFileOnly) {
      if (types.child(word).present())
        types.child(word).problem("is for the whole file; write it in the top-level `types`");
    }
    read_type_encodings(types, rule.types);
  }
  read_column_rules(field.child("columns"), rule.columns);
  read_row_rules(field, rule);
  rule.computed = read_computed(field.child("computed"));
  rule.indexes = read_index_rules(field.child("indexes"));
  const OnDdlRule on_ddl = read_on_ddl(field.child("on_ddl"));
  rule.on_drop_table = on_ddl.drop_table;
  rule.on_drop_column = on_ddl.drop_column;
  rule.on_truncate = on_ddl.truncate;
  rule.on_rewrite = on_ddl.rewrite;
  return rule;
}

}  // namespace

void read_rules(const Field& root, Config& config) {
  for (const Field& field : root.child("rules").items()) config.rules.push_back(read_rule(field));
}

}  // namespace walbridge::config
