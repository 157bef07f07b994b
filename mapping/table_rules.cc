#include "mapping/table_rules.h"

#include <algorithm>

#include <fmt/format.h>

#include "config/load.h"

namespace walbridge::mapping {

namespace {

bool is_glob(const std::string& text) { return text.find_first_of("*?") != std::string::npos; }

bool has_column(const SourceTable& source, const std::string& name) {
  return std::any_of(source.columns.begin(), source.columns.end(), [&](const auto& each) { return each.name == name; });
}

Status check_names(const config::Rule& rule, const SourceTable& source) {
  if (is_glob(rule.match)) return {};  // made for many tables: not each has every column
  const auto check = [&](const std::string& name) -> Status {
    if (is_glob(name) || has_column(source, name)) return {};
    return Error{Verdict::PoisonRow, "unknown-column",
                 fmt::format("the rule for {} names a column {} that it does not have", source.qualified_name(), name),
                 "correct the column's name in the rule, or remove it"};
  };
  for (const auto& [name, column] : rule.columns) WALBRIDGE_TRY(check(name));
  for (const auto& name : rule.only) WALBRIDGE_TRY(check(name));
  for (const auto& name : rule.omit) WALBRIDGE_TRY(check(name));
  return {};
}

// Which rows there are, and what schema changes do to them.
void merge_rows(const config::Rule& rule, TableRules& into) {
  if (rule.where) into.where = rule.where;
  if (rule.append) into.append = *rule.append;
  if (rule.soft_delete) into.soft_delete = *rule.soft_delete;
  if (rule.on_drop_table) into.on_ddl.drop_table = *rule.on_drop_table;
  if (rule.on_drop_column) into.on_ddl.drop_column = *rule.on_drop_column;
  if (rule.on_truncate) into.on_ddl.truncate = *rule.on_truncate;
  if (rule.on_rewrite) into.on_ddl.rewrite = *rule.on_rewrite;
}

// What the cache has and the source has not.
void merge_additions(const config::Rule& rule, TableRules& into) {
  for (const auto& computed : rule.computed) {
    const auto same = std::find_if(into.computed.begin(), into.computed.end(),
                                   [&](const config::ComputedRule& each) { return each.name == computed.name; });
    if (same == into.computed.end()) {
      into.computed.push_back(computed);
    } else {
      *same = computed;
    }
  }
  into.indexes.insert(into.indexes.end(), rule.indexes.begin(), rule.indexes.end());
}

void merge(const config::Rule& rule, TableRules& into) {
  if (rule.as) into.as = rule.as;
  if (!rule.only.empty()) into.only = rule.only;
  if (!rule.key.empty()) into.key = rule.key;
  into.omit.insert(into.omit.end(), rule.omit.begin(), rule.omit.end());
  for (const auto& [type, encoding] : rule.types) into.types[type] = encoding;
  for (const auto& [name, column] : rule.columns) {
    auto& merged = into.columns[name];
    if (column.as) merged.as = column.as;
    if (column.type) merged.type = column.type;
    if (column.mask) {
      merged.mask = column.mask;
      merged.mask_key = column.mask_key;
      merged.keep = column.keep;
    }
    if (column.truncate) merged.truncate = column.truncate;
    if (column.order_key) merged.order_key = column.order_key;
    merged.place = column.place;
  }
  merge_rows(rule, into);
  merge_additions(rule, into);
}

// Names people know besides the catalog's own and the standard's.
const char* everyday_name(const std::string& kind) {
  if (kind == "int2") return "smallint";
  if (kind == "int4") return "int";
  if (kind == "int8") return "bigint";
  if (kind == "float4") return "real";
  if (kind == "float8") return "double";
  if (kind == "bool") return "boolean";
  if (kind == "numeric") return "decimal";
  if (kind == "bpchar") return "char";
  return nullptr;
}

void add(std::vector<std::string>& names, std::string name) {
  if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
}

// "timestamp(3) with time zone" is "(3)" and "timestamp with time zone"; arrays and domains keep their whole name.
void add_scalar_names(const PgType& type, TypeNames& names) {
  const auto open = type.sql.find('(');
  const auto close = type.sql.find(')', open == std::string::npos ? 0 : open);
  std::string modifier;
  std::string plain = type.sql;
  if (open != std::string::npos && close != std::string::npos) {
    modifier = type.sql.substr(open, close - open + 1);
    plain.erase(open, close - open + 1);
  }
  // The one-byte type "char" must not answer to the name everybody gives char(n).
  const std::string kind = type.kind == "char" ? "\"char\"" : type.kind;
  const char* const everyday = everyday_name(type.kind);
  if (!modifier.empty()) {
    add(names.specific, type.sql);
    add(names.specific, plain + modifier);
    add(names.specific, kind + modifier);
    if (everyday != nullptr) add(names.specific, everyday + modifier);
  }
  add(names.general, plain);
  add(names.general, kind);
  if (everyday != nullptr) add(names.general, everyday);
}

void add_user_names(const PgType& type, TypeNames& names) {
  add(names.specific, type.sql);
  const auto dot = type.sql.rfind('.');
  add(names.specific, dot == std::string::npos ? "public." + type.sql : type.sql.substr(dot + 1));
}

}  // namespace

Result<TableRules> merge_rules(const config::Config& config, const SourceTable& source) {
  TableRules merged;
  merged.on_ddl = config.on_ddl;
  for (const auto& rule : config.rules) {
    if (!config::glob_matches(rule.match, source.qualified_name())) continue;
    WALBRIDGE_TRY(check_names(rule, source));
    merge(rule, merged);
  }
  return merged;
}

bool matches_any(const std::vector<std::string>& globs, const std::string& name) {
  return std::any_of(globs.begin(), globs.end(), [&](const auto& glob) { return config::glob_matches(glob, name); });
}

bool lets_through(const std::vector<std::string>& only, const std::vector<std::string>& omit,
                  const std::string& column) {
  return (only.empty() || matches_any(only, column)) && !matches_any(omit, column);
}

TypeNames type_names(const PgType& type) {
  TypeNames names;
  if (type.kind == "domain" && type.base) {
    add_user_names(type, names);
    const auto base = type_names(*type.base);
    for (const auto& name : base.specific) add(names.specific, name);
    names.general = base.general;
    return names;
  }
  if (type.kind == "array" && type.element) {
    add(names.specific, type.sql);
    for (const auto& name : type_names(*type.element).general) add(names.specific, name + "[]");
    add(names.general, "array");
    return names;
  }
  if (type.kind == "enum" || type.kind == "composite" || type.kind == "range" || type.kind == "multirange") {
    add_user_names(type, names);
    add(names.general, type.kind);
    return names;
  }
  add_scalar_names(type, names);
  if (type.sql.find('.') != std::string::npos) add(names.general, type.sql.substr(type.sql.rfind('.') + 1));
  return names;
}

ChosenEncoding chosen_encoding(const TableRules& rules, const config::Config& config, const SourceColumn& column) {
  if (const auto rule = rules.columns.find(column.name); rule != rules.columns.end() && rule->second.type) {
    return {*rule->second.type, true};
  }
  const auto names = type_names(*column.type);
  for (const auto* types : {&rules.types, &config.types}) {
    for (const auto* candidates : {&names.specific, &names.general}) {
      for (const auto& name : *candidates) {
        if (const auto found = types->find(name); found != types->end()) return {found->second, false};
      }
    }
  }
  return {};
}

}  // namespace walbridge::mapping
