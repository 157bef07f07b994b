#include "pipeline/api/cache_sql.h"

namespace walbridge {

std::string quote_identifier(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  quoted += '"';
  return quoted;
}

std::string create_table_sql(const CacheTable& table, std::string_view table_name) {
  std::string sql = "CREATE TABLE " + quote_identifier(table_name) + " (";
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const auto& column = table.columns[i];
    if (i > 0) sql += ", ";
    sql += quote_identifier(column.name) + " " + column.decl;
    if (table.rowid_key) {
      if (table.key.front() == i) sql += " PRIMARY KEY";
      continue;
    }
    // SQLite lets NULL into keys that are not INTEGER PRIMARY KEY.
    for (const auto key : table.key) {
      if (key == i) sql += " NOT NULL";
    }
  }
  if (!table.rowid_key && !table.key.empty()) {
    sql += ", PRIMARY KEY (";
    for (std::size_t i = 0; i < table.key.size(); ++i) {
      if (i > 0) sql += ", ";
      sql += quote_identifier(table.columns[table.key[i]].name);
    }
    sql += ")";
  }
  return sql + ")";
}

std::string create_index_sql(const CacheTable& table, const CacheIndex& index) {
  std::string sql = "CREATE INDEX " + quote_identifier(index.name) + " ON " + quote_identifier(table.name) + " (";
  for (std::size_t i = 0; i < index.parts.size(); ++i) {
    if (i > 0) sql += ", ";
    sql += quote_identifier(table.columns[index.parts[i].column].name);
    if (index.parts[i].descending) sql += " DESC";
  }
  return sql + ")";
}

}  // namespace walbridge
