// A cache in memory that carries out schema steps the plain way, to see what they leave behind.
#pragma once

#include <sqlite3.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "mapping/table_plan.h"
#include "pipeline/api/cache_sql.h"
#include "pipeline/api/schema_step.h"

namespace walbridge::mapping::testing {

class SqliteCache {
 public:
  using Row = std::vector<std::string>;

  SqliteCache() {
    sqlite3* made = nullptr;
    if (sqlite3_open(":memory:", &made) != SQLITE_OK) throw std::runtime_error("no cache");
    database_.reset(made);
  }

  void execute(const std::string& sql) { query(sql); }

  // Values as literals, so that 1, '1' and 1.0 are three.
  std::vector<Row> query(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database_.get(), sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) fail(sql);
    const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> owner(statement, sqlite3_finalize);
    std::vector<Row> rows;
    int outcome = 0;
    while ((outcome = sqlite3_step(statement)) == SQLITE_ROW) {
      Row row;
      for (int i = 0; i < sqlite3_column_count(statement); ++i) row.push_back(show(statement, i));
      rows.push_back(std::move(row));
    }
    if (outcome != SQLITE_DONE) fail(sql);
    return rows;
  }

  void apply(const SchemaStep& step) {
    const auto table = "ALTER TABLE " + quote_identifier(step.table);
    switch (step.kind) {
      case SchemaStep::Kind::CreateTable:
        return execute(create_table_sql(step.definition, step.table));
      case SchemaStep::Kind::DropTable:
        return execute("DROP TABLE IF EXISTS " + quote_identifier(step.table));
      case SchemaStep::Kind::RenameTable:
        return execute(table + " RENAME TO " + quote_identifier(step.to));
      case SchemaStep::Kind::AddColumn:
        return execute(add_column_sql(step.table, step.column, step.fill));
      case SchemaStep::Kind::AddComputed:
        return execute(add_computed_sql(step.table, step.computed));
      case SchemaStep::Kind::DropColumn:
        return execute(table + " DROP COLUMN " + quote_identifier(step.name));
      case SchemaStep::Kind::RenameColumn:
        return execute(table + " RENAME COLUMN " + quote_identifier(step.name) + " TO " + quote_identifier(step.to));
      case SchemaStep::Kind::CreateIndex:
        return create_index(step.table, step.index);
      case SchemaStep::Kind::DropIndex:
        for (const auto& sql : drop_index_sql(step.index, step.index.name)) execute(sql);
        return;
      case SchemaStep::Kind::Execute:
        return execute(step.sql);
    }
  }

  void create_index(const std::string& table, const CacheIndex& index) {
    CacheTable on;
    on.name = table;
    for (const auto& sql : create_index_sql(on, index, index.name)) execute(sql);
  }

  void create(const CacheTable& table) {
    execute(create_table_sql(table, table.name));
    for (const auto& index : table.indexes) create_index(table.name, index);
  }

  void insert(const CacheTable& table, const LoadBlock& block) {
    const auto width = table.columns.size();
    for (std::size_t row = 0; row < block.rows; ++row) {
      std::string names;
      std::string values;
      for (std::size_t i = 0; i < width; ++i) {
        names += (i == 0 ? "" : ", ") + quote_identifier(table.columns[i].name);
        const auto literal = literal_sql(block.values[row * width + i]);
        const bool jsonb = table.columns[i].form == CacheColumn::Form::Jsonb && literal != "NULL";
        values += (i == 0 ? "" : ", ") + (jsonb ? "jsonb(" + literal + ")" : literal);
      }
      execute("INSERT INTO " + quote_identifier(table.name) + " (" + names + ") VALUES (" + values + ")");
    }
  }

  // Columns as SQLite describes them, in order of their names: the order in the table, and a default that only old rows
  // read, are nobody's business.
  std::vector<Row> columns(const std::string& table) {
    return query("SELECT name, upper(type), \"notnull\", pk, hidden FROM pragma_table_xinfo(" + text(table) +
                 ") ORDER BY name");
  }

  // Name and definition, without the spaces and quotes that ALTER TABLE changes.
  std::vector<Row> indexes(const std::string& table) {
    return query(
        "SELECT name, replace(replace(substr(sql, instr(sql, '(')), ' ', ''), '\"', ''), sql LIKE '% UNIQUE %' "
        "FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = " +
        text(table) + " ORDER BY name");
  }

  // Rows without the hidden leaf column, which holds what Postgres alone decides.
  std::vector<Row> rows(const std::string& table) {
    std::string list;
    for (const auto& column : query("SELECT name FROM pragma_table_xinfo(" + text(table) + ") ORDER BY name")) {
      const auto name = column[0].substr(1, column[0].size() - 2);
      list += (list.empty() ? "" : ", ") + quote_identifier(unquoted(name));
    }
    auto found = query("SELECT " + list + " FROM " + quote_identifier(table));
    std::sort(found.begin(), found.end());
    return found;
  }

  std::set<std::string> tables() {
    std::set<std::string> names;
    for (const auto& row : query("SELECT name FROM sqlite_schema WHERE type = 'table'")) {
      names.insert(unquoted(row[0].substr(1, row[0].size() - 2)));
    }
    return names;
  }

  std::string integrity() { return query("PRAGMA integrity_check")[0][0]; }

 private:
  static std::string text(const std::string& value) { return literal_sql(SqlValue::text(value)); }

  static std::string unquoted(const std::string& quoted) {
    std::string plain;
    for (std::size_t i = 0; i < quoted.size(); ++i) {
      plain += quoted[i];
      if (quoted[i] == '\'') ++i;
    }
    return plain;
  }

  static std::string show(sqlite3_stmt* statement, int column) {
    const auto bytes = [&] {
      const auto* start = static_cast<const char*>(sqlite3_column_blob(statement, column));
      const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
      return size == 0 ? std::string_view("") : std::string_view(start, size);
    };
    switch (sqlite3_column_type(statement, column)) {
      case SQLITE_INTEGER:
        return literal_sql(SqlValue::of(std::int64_t{sqlite3_column_int64(statement, column)}));
      case SQLITE_FLOAT:
        return literal_sql(SqlValue::of(sqlite3_column_double(statement, column)));
      case SQLITE_TEXT:
        return literal_sql(SqlValue::text(bytes()));
      case SQLITE_BLOB:
        return literal_sql(SqlValue::blob(bytes()));
      default:
        return "NULL";
    }
  }

  [[noreturn]] void fail(const std::string& sql) {
    throw std::runtime_error(std::string(sqlite3_errmsg(database_.get())) + " in " + sql);
  }

  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close(database); }
  };
  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace walbridge::mapping::testing
