#include "sink-libsql/local_load.h"

#include <algorithm>

#include "pipeline/api/cache_sql.h"
#include "sink-libsql/local_sql.h"
#include "sink-libsql/sqlite_error.h"

namespace walbridge::sink_libsql {
namespace {

constexpr int kFirstVersionWithJsonb = 3'045'000;

Result<bool> name_taken(SqliteHandle& db, const std::string& name) {
  WALBRIDGE_TRY_AS(const auto count, db.integer("SELECT count(*) FROM sqlite_master WHERE lower(name) = lower(?1)",
                                                {SqlValue::text(name)}));
  return count > 0;
}

// Binds and inserts one row. The hot loop of a snapshot: no allocation, no copy.
int insert_row(sqlite3_stmt* statement, const SqlValue* row, int columns) {
  for (int column = 0; column < columns; ++column) {
    const int bound = bind_value(statement, column + 1, row[column]);
    if (bound != SQLITE_OK) return bound;
  }
  const int outcome = sqlite3_step(statement);
  if (outcome != SQLITE_DONE) return outcome;
  return sqlite3_reset(statement);
}

}  // namespace

Status LoadStatements::add(SqliteHandle& db, const CacheTable& table, const std::string& table_name) {
  WALBRIDGE_TRY_AS(by_oid_[table.source_oid], db.prepare(insert_sql(table, table_name), true));
  return {};
}

Status LoadStatements::insert(SqliteHandle& db, const LoadBlock& block) {
  const auto found = by_oid_.find(block.table->source_oid);
  if (found == by_oid_.end()) {
    return Error{Verdict::Operator, "load-order", "rows for table " + block.table->name + " outside its load",
                 "report this as a bug", block.table->name};
  }
  sqlite3_stmt* const statement = found->second.get();
  const int columns = static_cast<int>(block.table->columns.size());
  const SqlValue* row = block.values.data();
  for (std::size_t i = 0; i < block.rows; ++i, row += columns) {
    if (insert_row(statement, row, columns) == SQLITE_OK) continue;
    Error error = db.last_error("load table " + block.table->name);
    sqlite3_reset(statement);
    error.table = block.table->name;
    return error;
  }
  return {};
}

Status require_jsonb(const CacheTable& table) {
  const auto column = std::find_if(table.columns.begin(), table.columns.end(), [](const CacheColumn& candidate) {
    return candidate.form == CacheColumn::Form::Jsonb;
  });
  if (column == table.columns.end() || sqlite3_libversion_number() >= kFirstVersionWithJsonb) return {};
  return Error{Verdict::Operator, "jsonb",
               "column " + table.name + "." + column->name + " wants jsonb_blob, which SQLite " + sqlite3_libversion() +
                   " cannot make",
               "use SQLite 3.45 or later, or another encoding of this column (`type: text`)", table.name};
}

Status make_indexes(SqliteHandle& db, const CacheTable& table) {
  for (CacheIndex index : table.indexes) {
    WALBRIDGE_TRY_AS(bool taken, name_taken(db, index.name));
    if (taken) {
      index.name = table.name + "_" + index.name;
      WALBRIDGE_TRY_AS(taken, name_taken(db, index.name));
    }
    if (taken) {
      return Error{
          Verdict::Operator, "index-exists",
          "no name is left for an index of table " + table.name + ": " + quote_identifier(index.name) + " is taken",
          "drop or rename what has this name in the cache", table.name};
    }
    WALBRIDGE_TRY(db.execute(create_index_sql(table, index)));
  }
  return {};
}

}  // namespace walbridge::sink_libsql
