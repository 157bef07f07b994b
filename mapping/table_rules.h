// What the configuration says about one table: every rule that matches, merged top to bottom. Later rules win per key;
// `omit` adds up, so that a rule can never bring back a column that another one hides. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "pipeline/api/pg_type.h"
#include "pipeline/api/result.h"
#include "pipeline/api/source_table.h"

namespace walbridge::mapping {

struct TableRules {
  std::optional<std::string> as;
  std::vector<std::string> only;
  std::vector<std::string> omit;
  std::vector<std::string> key;
  std::map<std::string, std::string> types;
  std::map<std::string, config::ColumnRule> columns;
  std::optional<std::string> where;
  std::vector<config::ComputedRule> computed;  // by name: a later rule's takes the place of an earlier one's
  std::vector<config::IndexRule> indexes;      // of all rules
  bool append = false;
  std::string soft_delete;  // empty: hard
  config::OnDdl on_ddl;
};

// Fails when a rule made for this very table names a column it does not have.
Result<TableRules> merge_rules(const config::Config& config, const SourceTable& source);

bool matches_any(const std::vector<std::string>& globs, const std::string& name);
// Whether `only` and `omit` let a column through.
bool lets_through(const std::vector<std::string>& only, const std::vector<std::string>& omit,
                  const std::string& column);

// An encoding chosen by name. Empty: nobody chose, the profile or the built-in default decides.
struct ChosenEncoding {
  std::string name;
  bool by_column = false;
};
ChosenEncoding chosen_encoding(const TableRules& rules, const config::Config& config, const SourceColumn& column);

// The names a type can be called by under `types:`, the most specific first: numeric(18,8), then numeric.
struct TypeNames {
  std::vector<std::string> specific;
  std::vector<std::string> general;
};
TypeNames type_names(const PgType& type);

}  // namespace walbridge::mapping
