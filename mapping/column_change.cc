#include "mapping/column_change.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "mapping/enum_labels.h"
#include "mapping/offers.h"
#include "mapping/plan_compiler.h"
#include "pipeline/api/cache_sql.h"

namespace walbridge::mapping {

namespace {

Error copy(std::string why) { return {Verdict::PoisonRow, "copy", std::move(why), {}}; }

// A text of value_basis(): the type, the encoding, and what else the values depend on.
struct Basis {
  std::string type;
  std::string encoding;
  std::string rest;
};

// Without an enum's labels, which are compared by themselves.
Basis split(const std::string& whole) {
  Basis basis;
  const bool labels = whole.compare(0, 5, "enum/") == 0;
  const auto text = labels ? whole.substr(0, whole.find("/labels")) : whole;
  // A composite type's name may hold a slash; nothing behind it can.
  const auto composite = text.rfind(')');
  const auto first = text.find('/', composite == std::string::npos ? 0 : composite);
  if (first == std::string::npos) return {text, {}, {}};
  const auto second = text.find('/', first + 1);
  basis.type = text.substr(0, first);
  basis.encoding = text.substr(first + 1, second == std::string::npos ? second : second - first - 1);
  if (second != std::string::npos) basis.rest = text.substr(second);
  return basis;
}

bool is_number(const Basis& basis) { return basis.type == "decimal" && basis.encoding == "default"; }

// Numerics as Postgres prints them.
bool is_numeric_text(const Basis& basis) {
  return (basis.type == "numeric" && (basis.encoding == "default" || basis.encoding == "text")) ||
         (basis.type == "decimal" && basis.encoding == "text");
}

bool is_plain_text(const Basis& basis) {
  return (basis.type == "text" || basis.type == "citext") && basis.encoding == "default";
}

// Decimals that every value of `was` is printed with, if it is printed with as many as a value of `now`.
std::optional<int> common_scale(const PgType& was, const PgType& now) {
  NumericModifier old_modifier;
  NumericModifier new_modifier;
  if (was.kind != "numeric" || now.kind != "numeric" || !numeric_modifier(was.typmod, old_modifier)) return {};
  if (old_modifier.scale < 0) return {};
  if (numeric_modifier(now.typmod, new_modifier) && new_modifier.scale != old_modifier.scale) return {};
  return old_modifier.scale;
}

std::string words(const std::string& encoding) { return encoding == "default" ? "the default" : encoding; }

Error changed_values(const std::string& name, const SourceColumn& was, const SourceColumn& now, const Basis& before,
                     const Basis& after) {
  if (was.type && now.type && was.type->sql != now.type->sql) {
    return copy(fmt::format("column {} is {} now, it was {}", name, now.type->sql, was.type->sql));
  }
  if (before.encoding != after.encoding) {
    return copy(
        fmt::format("column {}: encoding changed from {} to {}", name, words(before.encoding), words(after.encoding)));
  }
  if (before.type != after.type) return copy(fmt::format("column {}: its type has other parts now", name));
  return copy(fmt::format("column {}: its values are made in another way (specials, scale or a mask's key)", name));
}

Result<Recode> enum_recode(const std::string& name, const SourceColumn& was, const SourceColumn& now,
                           const Encoder& encoder) {
  Recode recode;
  const auto old_type = without_domains(was.type);
  const auto new_type = without_domains(now.type);
  if (old_type->kind != "enum" || new_type->kind != "enum") {
    if (!holds_renamed_label(*old_type, *new_type)) return recode;
    return copy(fmt::format("column {} holds labels of an enum inside its values, and one was renamed", name));
  }
  if (encoder.uses_labels) {
    if (auto ranks = changed_ranks(*old_type, *new_type)) {
      for (const auto& [from, to] : *ranks) recode.cases.emplace_back(std::to_string(from), std::to_string(to));
      return recode;
    }
    return copy(fmt::format("column {}: its enum is another one", name));
  }
  for (const auto& [from, to] : renamed_labels(*old_type, *new_type)) {
    recode.cases.emplace_back(literal_sql(SqlValue::text(from)), literal_sql(SqlValue::text(to)));
  }
  if (recode.changes() && encoder.encoding != "default") {
    return copy(fmt::format("column {}: a label of its enum was renamed, and it is masked or cut", name));
  }
  return recode;
}

Result<ColumnChange> value_change(ColumnChange change, const std::string& name, const TableShape::Column& before,
                                  const SourceColumn& was, const SourceColumn& now, const std::string& basis,
                                  const Encoder& encoder) {
  if (!was.type || !now.type) return copy(fmt::format("column {} has a type nobody describes", name));
  const auto old_basis = split(before.encoding);
  const auto new_basis = split(basis);
  const bool same = old_basis.type == new_basis.type && old_basis.encoding == new_basis.encoding;
  const bool alike = same || (is_plain_text(old_basis) && is_plain_text(new_basis)) ||
                     (is_numeric_text(old_basis) && is_numeric_text(new_basis));
  if (alike && old_basis.rest == new_basis.rest) {
    WALBRIDGE_TRY_AS(change.recode, enum_recode(name, was, now, encoder));
    return change;
  }
  if (is_number(old_basis) && is_numeric_text(new_basis) && old_basis.rest == new_basis.rest) {
    if (const auto scale = common_scale(*without_domains(was.type), *without_domains(now.type))) {
      change.recode.decimals = *scale;
      return change;
    }
  }
  return changed_values(name, was, now, old_basis, new_basis);
}

Result<SqlValue> value_of_old_rows(const SourceTable& was, const SourceColumn& column, const Encoder& encoder,
                                   Arena& arena) {
  if (find_column(was, column.attnum) != nullptr) {
    return copy(fmt::format("column {} was not carried before", column.name));
  }
  if (!column.missing) {
    // Without a default they hold NULL; with one that is not in the catalog each row has its own.
    if (column.expression.empty() && !column.identity) return SqlValue::null();
    return copy(fmt::format("column {} is new, and every old row has a value of its own", column.name));
  }
  SqlValue value;
  if (const Fault fault = encoder.encode(*column.missing, arena, value)) {
    return copy(fmt::format("column {} is new, and the value of its old rows {}", column.name, fault));
  }
  if (value.kind == SqlValue::Kind::Text || value.kind == SqlValue::Kind::Blob) value.bytes = arena.copy(value.bytes);
  return value;
}

}  // namespace

std::string Recode::sql(const std::string& column) const {
  if (decimals >= 0) {
    return fmt::format("CASE typeof({0}) WHEN 'text' THEN {0} WHEN 'null' THEN NULL ELSE printf('%.{1}f', {0}) END",
                       column, decimals);
  }
  if (cases.empty()) return column;
  std::string text = "CASE " + column;
  for (const auto& [from, to] : cases) text += fmt::format(" WHEN {} THEN {}", from, to);
  return fmt::format("{} ELSE {} END", text, column);
}

std::string Recode::where(const std::string& column) const {
  std::string list;
  for (const auto& [from, to] : cases) list += (list.empty() ? "" : ", ") + from;
  return list.empty() ? column + " IS NOT NULL" : column + " IN (" + list + ")";
}

const SourceColumn* find_column(const SourceTable& table, std::int16_t attnum) {
  const auto found = std::find_if(table.columns.begin(), table.columns.end(),
                                  [&](const SourceColumn& each) { return each.attnum == attnum; });
  return found == table.columns.end() ? nullptr : &*found;
}

Result<ColumnChange> column_change(const TableShape& before, const SourceTable& was, const TablePlan& after,
                                   const TableShape& shape, const SourceTable& now, std::size_t position,
                                   Arena& arena) {
  const auto& column = shape.columns[position];
  ColumnChange change;
  const auto found = std::find_if(before.columns.begin(), before.columns.end(), [&](const TableShape::Column& each) {
    return each.attnum == column.attnum && each.role == column.role;
  });
  const bool hidden = position >= after.columns().size();
  if (found == before.columns.end()) {
    const auto* source = hidden ? nullptr : find_column(now, column.attnum);
    if (source == nullptr) return copy(fmt::format("column {} was not there before", column.name));
    WALBRIDGE_TRY_AS(change.fill, value_of_old_rows(was, *source, PlanCompiler::encoder(after, position), arena));
    return change;
  }
  change.before = static_cast<int>(found - before.columns.begin());
  change.declared_anew = found->decl != column.decl;
  if (hidden) return change;
  const auto* old_source = find_column(was, column.attnum);
  const auto* new_source = find_column(now, column.attnum);
  if (old_source == nullptr || new_source == nullptr) {
    return copy(fmt::format("column {} is not the one that was copied", column.name));
  }
  return value_change(std::move(change), column.name, *found, *old_source, *new_source, column.encoding,
                      PlanCompiler::encoder(after, position));
}

}  // namespace walbridge::mapping
