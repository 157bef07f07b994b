#include "mapping/unused_names.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "config/load.h"
#include "mapping/encoder.h"
#include "mapping/names.h"
#include "mapping/table_rules.h"

namespace walbridge::mapping {
namespace {

Finding unused(const config::Config& config, int line, const std::string& key, const std::string& what) {
  const auto place = line > 0 ? config.file + ":" + std::to_string(line) + ": " : std::string();
  return {Finding::Severity::Warning, "unused-name", "configuration", place + key + ": " + what,
          "correct the name, or remove it if it is not needed"};
}

bool any_column(const std::vector<const SourceTable*>& tables, const std::string& pattern) {
  return std::any_of(tables.begin(), tables.end(), [&](const SourceTable* table) {
    return std::any_of(table->columns.begin(), table->columns.end(),
                       [&](const SourceColumn& column) { return config::glob_matches(pattern, column.name); });
  });
}

std::vector<const SourceTable*> matching(std::span<const SourceTable> tables, const std::string& pattern) {
  std::vector<const SourceTable*> matched;
  for (const auto& table : tables) {
    if (config::glob_matches(pattern, table.qualified_name())) matched.push_back(&table);
  }
  return matched;
}

// The names an index of a rule may use: what the cache calls the columns of the table, and what the rules add.
bool any_cache_column(const std::vector<const SourceTable*>& tables, const config::Config& config,
                      const std::string& name) {
  if (any_column(tables, name)) return true;
  const auto wanted = fold_name(name);
  const auto is = [&](const std::string& each) { return fold_name(each) == wanted; };
  return std::any_of(config.rules.begin(), config.rules.end(), [&](const config::Rule& rule) {
    if (rule.soft_delete && is(*rule.soft_delete)) return true;
    if (std::any_of(rule.computed.begin(), rule.computed.end(), [&](const auto& each) { return is(each.name); })) {
      return true;
    }
    return std::any_of(rule.columns.begin(), rule.columns.end(), [&](const auto& each) {
      return (each.second.as && (is(*each.second.as) || is(*each.second.as + "__ord"))) || is(each.first + "__ord");
    });
  });
}

std::string without_direction(const std::string& column) {
  constexpr std::string_view kDescending = " desc";
  return column.ends_with(kDescending) ? column.substr(0, column.size() - kDescending.size()) : column;
}

std::vector<std::string> columns_of(const config::IndexRule& index) {
  std::vector<std::string> columns = index.fts;
  for (const auto& column : index.columns) columns.push_back(without_direction(column));
  if (!index.vector.empty()) columns.push_back(index.vector);
  return columns;
}

// Columns that a rule names one by one. A rule for just one table is refused for them when the table is planned.
void unused_columns(const config::Config& config, const config::Rule& rule,
                    const std::vector<const SourceTable*>& matched, std::vector<Finding>& findings) {
  for (const auto& [name, column] : rule.columns) {
    const bool there = std::any_of(matched.begin(), matched.end(), [&, &wanted = name](const SourceTable* table) {
      return std::any_of(table->columns.begin(), table->columns.end(),
                         [&](const SourceColumn& each) { return each.name == wanted; });
    });
    if (there) continue;
    findings.push_back(
        unused(config, column.place.line, "rules.columns", "`" + name + "` is no column of " + rule.match));
  }
  for (const auto& index : rule.indexes) {
    for (const auto& name : columns_of(index)) {
      if (any_cache_column(matched, config, name)) continue;
      findings.push_back(
          unused(config, index.place.line, "rules.indexes", "`" + name + "` is no column of " + rule.match));
    }
  }
}

// A type that no column has may come later; a name that no type has is misspelt.
bool names_a_type(const std::set<std::string>& in_use, const std::string& name) {
  static constexpr auto kSpelt = std::to_array<std::string_view>({"smallint",
                                                                  "integer",
                                                                  "int",
                                                                  "bigint",
                                                                  "boolean",
                                                                  "decimal",
                                                                  "double",
                                                                  "double precision",
                                                                  "char",
                                                                  "character",
                                                                  "character varying",
                                                                  "bit varying",
                                                                  "time without time zone",
                                                                  "time with time zone",
                                                                  "timestamp without time zone",
                                                                  "timestamp with time zone",
                                                                  "array",
                                                                  "enum",
                                                                  "composite",
                                                                  "range",
                                                                  "multirange"});
  if (in_use.count(name) != 0) return true;
  std::string plain = name;
  const auto open = plain.find('(');
  const auto close = plain.find(')', std::min(open, plain.size()));
  if (open != std::string::npos && close != std::string::npos) plain.erase(open, close - open + 1);
  while (plain.ends_with("[]")) plain.resize(plain.size() - 2);
  if (std::find(kSpelt.begin(), kSpelt.end(), plain) != kSpelt.end()) return true;
  PgType type;
  type.kind = plain;
  return is_known_type(type);
}

void unused_types(const config::Config& config, const std::set<std::string>& in_use,
                  const std::map<std::string, std::string>& types, int line, const std::string& key,
                  std::vector<Finding>& findings) {
  for (const auto& [name, encoding] : types) {
    if (!names_a_type(in_use, name)) findings.push_back(unused(config, line, key, "`" + name + "` is no type"));
  }
}

std::set<std::string> types_in_use(std::span<const SourceTable> tables) {
  std::set<std::string> names;
  for (const auto& table : tables) {
    for (const auto& column : table.columns) {
      if (!column.type) continue;
      const auto of_type = type_names(*column.type);
      names.insert(of_type.specific.begin(), of_type.specific.end());
      names.insert(of_type.general.begin(), of_type.general.end());
    }
  }
  return names;
}

}  // namespace

std::vector<Finding> unused_names(std::span<const SourceTable> tables, const config::Config& config) {
  std::vector<Finding> findings;
  for (const auto& pattern : config.tables.include) {
    if (matching(tables, pattern).empty()) {
      findings.push_back(unused(config, 0, "tables.include", "`" + pattern + "` matches no table"));
    }
  }
  const auto in_use = types_in_use(tables);
  unused_types(config, in_use, config.types, 0, "types", findings);
  for (const auto& rule : config.rules) {
    unused_types(config, in_use, rule.types, rule.place.line, "rules.types", findings);
    const auto matched = matching(tables, rule.match);
    if (matched.empty()) {
      findings.push_back(unused(config, rule.place.line, "rules", "match `" + rule.match + "` matches no table"));
      continue;
    }
    for (const auto* list : {&rule.omit, &rule.only}) {
      for (const auto& pattern : *list) {
        if (any_column(matched, pattern)) continue;
        findings.push_back(unused(config, rule.place.line, list == &rule.omit ? "rules.omit" : "rules.only",
                                  "`" + pattern + "` matches no column of " + rule.match));
      }
    }
    unused_columns(config, rule, matched, findings);
  }
  return findings;
}

}  // namespace walbridge::mapping
