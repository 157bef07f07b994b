#include "sink-libsql/remote_sql.h"

#include <cstring>

#include "pipeline/api/cache_sql.h"
#include "sink-libsql/local_sql.h"

namespace walbridge::sink_libsql::remote_sql {
namespace {

constexpr const char* kRowsAlias = "_walbridge_j";
constexpr const char* kTargetAlias = "_walbridge_t";

// SQLite allows expressions 1,000 deep and parses a chain as a ladder, so wide tables need a balanced tree.
std::string join_balanced(std::span<const std::string> terms, const char* between) {
  if (terms.empty()) return "true";
  if (terms.size() <= 8) {
    std::string joined;
    for (const auto& term : terms) joined += (joined.empty() ? "" : between) + term;
    return joined;
  }
  const auto half = terms.size() / 2;
  return "(" + join_balanced(terms.first(half), between) + ")" + between + "(" +
         join_balanced(terms.subspan(half), between) + ")";
}

std::string converted(const CacheColumn& column, const std::string& expression, Carrier carrier) {
  if (column.form == CacheColumn::Form::Jsonb) return "jsonb(" + expression + ")";
  if (column.form == CacheColumn::Form::Blob && carrier == Carrier::JsonRows) return "unhex(" + expression + ")";
  return expression;
}

std::string json_element(const CacheColumn& column, const std::string& row, std::size_t position) {
  return converted(column, row + "->>" + std::to_string(position), Carrier::JsonRows);
}

std::string argument(const CacheColumn& column, std::size_t number) {
  return converted(column, "?" + std::to_string(number), Carrier::Typed);
}

std::string column_list(const CacheTable& table) {
  std::string list;
  for (const auto& column : table.columns) list += (list.empty() ? "" : ",") + quote_identifier(column.name);
  return list;
}

std::string source_rows(const CacheTable& table, Carrier carrier) {
  std::string values;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (i > 0) values += ",";
    values +=
        carrier == Carrier::JsonRows ? json_element(table.columns[i], "value", i) : argument(table.columns[i], i + 1);
  }
  if (carrier == Carrier::Typed) return " VALUES (" + values + ")";
  // Without WHERE, ON CONFLICT would be read as a join's ON.
  return " SELECT " + values + " FROM json_each(?1) WHERE true";
}

bool is_key(const CacheTable& table, std::size_t column) {
  for (const auto key : table.key) {
    if (key == column) return true;
  }
  return false;
}

std::string exactly(const std::string& column_reference, const CacheColumn& column) {
  return has_collation(column) ? column_reference + " COLLATE BINARY" : column_reference;
}

// "rowid = (SELECT rowid ... LIMIT 1)" for the first row that equals the arguments from ?first on.
std::string one_row_equal(const CacheTable& table, std::span<const std::uint16_t> matched, std::size_t first) {
  std::vector<std::string> terms;
  for (std::size_t i = 0; i < matched.size(); ++i) {
    const auto& column = table.columns[matched[i]];
    terms.push_back(exactly(quote_identifier(column.name), column) + " IS " + argument(column, first + i));
  }
  const std::string rowid(rowid_name(table));
  return rowid + " = (SELECT " + rowid + " FROM " + quote_identifier(table.name) + " WHERE " +
         join_balanced(terms, " AND ") + " LIMIT 1)";
}

std::string typed_assignments(const CacheTable& table, std::span<const std::uint16_t> columns) {
  std::string set;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto& column = table.columns[columns[i]];
    set += (i > 0 ? "," : "") + quote_identifier(column.name) + "=" + argument(column, i + 1);
  }
  return set;
}

}  // namespace

const char* const kRequireChanges = "SELECT CASE WHEN changes() <> ?1 THEN json('row-missing') END";

bool has_collation(const CacheColumn& column) { return strcasestr(column.decl.c_str(), "COLLATE") != nullptr; }

std::string insert_rows(const CacheTable& table, std::string_view table_name, Carrier carrier) {
  return "INSERT INTO " + quote_identifier(table_name) + " (" + column_list(table) + ")" + source_rows(table, carrier);
}

std::string upsert_rows(const CacheTable& table, Carrier carrier) {
  // tursodb knows no alias here and trips over a quoted table's qualified names; bare names mean the stored row. Only a
  // table called "excluded" must be told apart.
  const bool needs_alias = strcasecmp(table.name.c_str(), "excluded") == 0;
  const auto stored = needs_alias ? std::string(kTargetAlias) + "." : std::string();
  std::string sql = "INSERT INTO " + quote_identifier(table.name) +
                    (needs_alias ? std::string(" AS ") + kTargetAlias : "") + " (" + column_list(table) + ")" +
                    source_rows(table, carrier) + " ON CONFLICT (";
  for (std::size_t i = 0; i < table.key.size(); ++i) {
    sql += (i > 0 ? "," : "") + quote_identifier(table.columns[table.key[i]].name);
  }
  std::string set;
  std::vector<std::string> differences;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const auto& column = table.columns[i];
    if (is_key(table, i) && !has_collation(column)) continue;
    const auto name = quote_identifier(column.name);
    set += (set.empty() ? "" : ",") + name + "=excluded." + name;
    differences.push_back(exactly(stored + name, column) + " IS NOT excluded." + name);
  }
  if (set.empty()) return sql + ") DO NOTHING";
  return sql + ") DO UPDATE SET " + set + " WHERE " + join_balanced(differences, " OR ");
}

std::string delete_rows(const CacheTable& table) {
  const auto target = quote_identifier(table.name);
  if (table.key.size() == 1) {
    const auto& column = table.columns[table.key.front()];
    return "DELETE FROM " + target + " WHERE " + quote_identifier(column.name) + " IN (SELECT " +
           converted(column, "value", Carrier::JsonRows) + " FROM json_each(?1))";
  }
  const std::string rowid(rowid_name(table));
  // A row-value IN would use the first key column only (sqld) or scan the table (tursodb).
  std::string sql = "DELETE FROM " + target + " WHERE " + rowid + " IN (SELECT " + kTargetAlias + "." + rowid +
                    " FROM json_each(?1) AS " + kRowsAlias + " CROSS JOIN " + target + " AS " + kTargetAlias +
                    " WHERE ";
  for (std::size_t i = 0; i < table.key.size(); ++i) {
    const auto& column = table.columns[table.key[i]];
    sql += (i > 0 ? " AND " : "") + std::string(kTargetAlias) + "." + quote_identifier(column.name) + "=" +
           json_element(column, std::string(kRowsAlias) + ".value", i);
  }
  return sql + ")";
}

std::string update_rows(const CacheTable& table, std::span<const std::uint16_t> columns, Carrier carrier) {
  const auto row = std::string(kRowsAlias) + ".value";
  std::string sql = "UPDATE " + quote_identifier(table.name) + " AS " + kTargetAlias + " SET ";
  if (carrier == Carrier::Typed) {
    sql += typed_assignments(table, columns) + " WHERE ";
  } else {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const auto& column = table.columns[columns[i]];
      sql += (i > 0 ? "," : "") + quote_identifier(column.name) + "=" + json_element(column, row, table.key.size() + i);
    }
    sql += std::string(" FROM json_each(?1) AS ") + kRowsAlias + " WHERE ";
  }
  for (std::size_t i = 0; i < table.key.size(); ++i) {
    const auto& column = table.columns[table.key[i]];
    sql += (i > 0 ? " AND " : "") + std::string(kTargetAlias) + "." + quote_identifier(column.name) + "=" +
           (carrier == Carrier::Typed ? argument(column, columns.size() + i + 1) : json_element(column, row, i));
  }
  return sql;
}

std::string delete_one(const CacheTable& table, std::span<const std::uint16_t> matched) {
  return "DELETE FROM " + quote_identifier(table.name) + " WHERE " + one_row_equal(table, matched, 1);
}

std::string update_one(const CacheTable& table, std::span<const std::uint16_t> columns,
                       std::span<const std::uint16_t> matched) {
  return "UPDATE " + quote_identifier(table.name) + " SET " + typed_assignments(table, columns) + " WHERE " +
         one_row_equal(table, matched, columns.size() + 1);
}

}  // namespace walbridge::sink_libsql::remote_sql
