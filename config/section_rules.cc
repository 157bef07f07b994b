// `rules`.
#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "config/sections.h"

namespace walbridge::config {
namespace {

constexpr auto kWholeFileOnly = std::to_array<std::string_view>({"specials", "unknown"});

// A list that is written must hold something: an empty `only` could mean all columns or none.
std::vector<std::string> read_names(const Field& field) {
  const std::size_t before = field.reading().problems.size();
  std::vector<std::string> names = field.texts();
  if (field.present() && names.empty() && field.reading().problems.size() == before) {
    field.problem("must list at least one column; leave the key out for the default");
  }
  return names;
}

void refuse_repeated(const Field& field, const std::vector<std::string>& names) {
  for (std::size_t i = 1; i < names.size(); ++i) {
    const auto end = names.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find(names.begin(), end, names[i]) != end) field.problem("names a column twice");
  }
}

void read_columns(const Field& field, std::map<std::string, ColumnRule>& columns) {
  if (!field.check_map()) return;
  for (const Field& entry : field.entries()) {
    ColumnRule column;
    column.place.line = entry.line();
    if (!entry.check_map()) continue;
    column.as = entry.child("as").text();
    column.type = read_encoding(entry.child("type"));
    columns.emplace(entry.key(), std::move(column));
  }
}

Rule read_rule(const Field& field) {
  Rule rule;
  rule.place.line = field.line();
  if (!field.check_map()) return rule;
  const Field match = field.required("match", "say which tables the rule is for, e.g. public.users or \"*.*\"");
  if (auto glob = read_table_glob(match)) rule.match = *std::move(glob);
  rule.as = read_name_template(field.child("as"));
  rule.only = read_names(field.child("only"));
  rule.omit = read_names(field.child("omit"));
  const Field key = field.child("key");
  rule.key = read_names(key);
  refuse_repeated(key, rule.key);
  const Field types = field.child("types");
  if (types.check_map()) {
    for (const std::string_view word : kWholeFileOnly) {
      if (types.child(word).present())
        types.child(word).problem("is for the whole file; write it in the top-level `types`");
    }
    read_type_encodings(types, rule.types);
  }
  read_columns(field.child("columns"), rule.columns);
  return rule;
}

}  // namespace

void read_rules(const Field& root, Config& config) {
  for (const Field& field : root.child("rules").items()) config.rules.push_back(read_rule(field));
}

}  // namespace walbridge::config
