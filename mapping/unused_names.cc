#include "mapping/unused_names.h"

#include <algorithm>
#include <string>

#include "config/load.h"

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

}  // namespace

std::vector<Finding> unused_names(std::span<const SourceTable> tables, const config::Config& config) {
  std::vector<Finding> findings;
  for (const auto& pattern : config.tables.include) {
    if (matching(tables, pattern).empty()) {
      findings.push_back(unused(config, 0, "tables.include", "`" + pattern + "` matches no table"));
    }
  }
  for (const auto& rule : config.rules) {
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
  }
  return findings;
}

}  // namespace walbridge::mapping
