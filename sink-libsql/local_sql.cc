#include "sink-libsql/local_sql.h"

#include <algorithm>
#include <array>
#include <vector>

#include "pipeline/api/cache_sql.h"

namespace walbridge::sink_libsql {
namespace {

bool equal_ignoring_ascii_case(std::string_view a, std::string_view b) {
  const auto folded = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return folded(x) == folded(y); });
}

bool present(const SqlValue& value) { return value.kind != SqlValue::Kind::Absent; }

std::string parameter(const CacheColumn& column, int number) {
  const std::string plain = "?" + std::to_string(number);
  return column.form == CacheColumn::Form::Jsonb ? "jsonb(" + plain + ")" : plain;
}

bool is_key(const CacheTable& table, std::size_t column) {
  return std::find(table.key.begin(), table.key.end(), column) != table.key.end();
}

// Two keys that are equal to SQLite may still differ in bytes, so that the key itself must be written.
bool equal_keys_may_differ(const CacheColumn& column) { return column.decl.find("COLLATE") != std::string::npos; }

// A chain of ANDs nests as deep as it is long and SQLite stops at 1000: join as a balanced tree.
std::string conjunction(std::span<const std::string> terms) {
  if (terms.empty()) return "1";
  if (terms.size() == 1) return terms.front();
  const auto half = terms.size() / 2;
  const std::string left = conjunction(terms.first(half)), right = conjunction(terms.subspan(half));
  return terms.size() <= 16 ? left + " AND " + right : "(" + left + ") AND (" + right + ")";
}

std::string where_match(const CacheTable& table, ColumnMask match, int first_number) {
  std::vector<std::string> terms;
  int number = first_number;
  for (std::size_t i = 0; i < match.size(); ++i) {
    if (!present(match[i])) continue;
    const auto& column = table.columns[table.key.empty() ? i : table.key[i]];
    // Without a key the row must be this very one: NULLs match, and no collation may blur it.
    terms.push_back(quote_identifier(column.name) + (table.key.empty() ? " IS " : " = ") + parameter(column, number++) +
                    (table.key.empty() ? " COLLATE BINARY" : ""));
  }
  if (!table.key.empty()) return " WHERE " + conjunction(terms);
  const std::string rowid{rowid_name(table)};
  return " WHERE " + rowid + " = (SELECT " + rowid + " FROM " + quote_identifier(table.name) + " WHERE " +
         conjunction(terms) + " LIMIT 1)";
}

}  // namespace

std::string insert_sql(const CacheTable& table, std::string_view table_name) {
  std::string names, values;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const char* separator = i > 0 ? ", " : "";
    names += separator + quote_identifier(table.columns[i].name);
    values += separator + parameter(table.columns[i], static_cast<int>(i) + 1);
  }
  return "INSERT INTO " + quote_identifier(table_name) + " (" + names + ") VALUES (" + values + ")";
}

std::string upsert_sql(const CacheTable& table) {
  std::string key, assignments;
  for (const auto column : table.key) {
    key += (key.empty() ? "" : ", ") + quote_identifier(table.columns[column].name);
  }
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (is_key(table, i) && !equal_keys_may_differ(table.columns[i])) continue;
    const auto name = quote_identifier(table.columns[i].name);
    assignments += (assignments.empty() ? "" : ", ") + name + " = excluded." + name;
  }
  return insert_sql(table, table.name) + " ON CONFLICT (" + key + ") DO " +
         (assignments.empty() ? "NOTHING" : "UPDATE SET " + assignments);
}

std::string update_sql(const CacheTable& table, ColumnMask values, ColumnMask match) {
  std::string assignments;
  int number = 1;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!present(values[i])) continue;
    assignments += (assignments.empty() ? "" : ", ") + quote_identifier(table.columns[i].name) + " = " +
                   parameter(table.columns[i], number++);
  }
  // An update that carries no column still says that its row must exist.
  if (assignments.empty()) {
    const auto name = quote_identifier(table.columns.front().name);
    assignments = name + " = " + name;
  }
  return "UPDATE " + quote_identifier(table.name) + " SET " + assignments + where_match(table, match, number);
}

std::string delete_sql(const CacheTable& table, ColumnMask match) {
  return "DELETE FROM " + quote_identifier(table.name) + where_match(table, match, 1);
}

std::string truncate_sql(const CacheTable& table, std::int32_t leaf_column) {
  std::string sql = "DELETE FROM " + quote_identifier(table.name);
  if (leaf_column < 0) return sql;
  return sql + " WHERE " + quote_identifier(table.columns[static_cast<std::size_t>(leaf_column)].name) + " = ?1";
}

std::string soft_truncate_sql(const CacheTable& table, ColumnMask values, std::int32_t leaf_column) {
  const auto marked = std::find_if(values.begin(), values.end(), present);
  if (marked == values.end()) return {};
  const auto& column = table.columns[static_cast<std::size_t>(marked - values.begin())];
  auto sql = "UPDATE " + quote_identifier(table.name) + " SET " + quote_identifier(column.name) + " = " +
             parameter(column, 1) + " WHERE " + quote_identifier(column.name) + " IS NULL";
  if (leaf_column < 0) return sql;
  return sql + " AND " + quote_identifier(table.columns[static_cast<std::size_t>(leaf_column)].name) + " = ?2";
}

std::string_view rowid_name(const CacheTable& table) {
  for (const std::string_view name : std::array{"rowid", "_rowid_", "oid"}) {
    const bool taken = std::any_of(table.columns.begin(), table.columns.end(), [&](const CacheColumn& column) {
      return equal_ignoring_ascii_case(column.name, name);
    });
    if (!taken) return name;
  }
  return {};
}

}  // namespace walbridge::sink_libsql
