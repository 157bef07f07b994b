#include "sink-libsql/local_load.h"

#include <algorithm>

#include "pipeline/api/cache_sql.h"
#include "sink-libsql/alter_plan.h"
#include "sink-libsql/local_sql.h"
#include "sink-libsql/sqlite_error.h"

namespace walbridge::sink_libsql {
namespace {

constexpr int kFirstVersionWithJsonb = 3'045'000;

// "a" DESC -> "a"
std::string without_order(const std::string& part) {
  constexpr std::string_view kDescending = " DESC";
  return part.ends_with(kDescending) ? part.substr(0, part.size() - kDescending.size()) : part;
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

Status LoadTables::make(SqliteHandle& db, const CacheTable& table, const std::string& table_name) {
  auto& made = by_oid_[table.source_oid];
  made.refused.reset();
  if (auto created = db.execute(create_table_sql(table, table_name)); !created) {
    if (created.error().code != "SQLITE_ERROR") return created;
    made.refused = schema_refused(table.name, sqlite3_errmsg(db.raw()));
    return {};
  }
  auto insert = db.prepare(insert_sql(table, table_name), true);
  if (insert) {
    made.insert = *std::move(insert);
    return {};
  }
  // Made, but of no use: a computed column that needs itself.
  if (insert.error().code != "SQLITE_ERROR") return std::move(insert.error());
  made.refused = schema_refused(table.name, sqlite3_errmsg(db.raw()));
  return {};
}

void LoadTables::finalize() {
  for (auto& [oid, table] : by_oid_) table.insert.reset();
}

Status LoadTables::require_made(std::span<const TableRecord> records) const {
  for (const auto& [oid, table] : by_oid_) {
    if (table.refused && is_live(records, oid)) return *table.refused;
  }
  return {};
}

Status LoadTables::insert(SqliteHandle& db, const LoadBlock& block) {
  const auto found = by_oid_.find(block.table->source_oid);
  if (found == by_oid_.end() || (!found->second.insert && !found->second.refused)) {
    return Error{Verdict::Operator, "load-order", "rows for table " + block.table->name + " outside its load",
                 "report this as a bug", block.table->name};
  }
  if (found->second.refused) return *found->second.refused;
  sqlite3_stmt* const statement = found->second.insert.get();
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

Status require_unique(SqliteHandle& db, const CacheTable& table) {
  for (const auto& index : table.indexes) {
    if (index.kind != CacheIndex::Kind::Unique) continue;
    std::string parts, present;
    for (const auto& part : index.parts) {
      const auto plain = without_order(part);
      parts += (parts.empty() ? "" : ", ") + plain;
      present += " AND (" + plain + ") IS NOT NULL";  // NULLs are never equal there
    }
    WALBRIDGE_TRY_AS(const auto doubled, db.integer("SELECT EXISTS (SELECT 1 FROM " + quote_identifier(table.name) +
                                                    " WHERE " + (index.where.empty() ? "1" : "(" + index.where + ")") +
                                                    present + " GROUP BY " + parts + " HAVING count(*) > 1)"));
    if (doubled != 0)
      return schema_refused(table.name, "rows are equal in the unique index " + quote_identifier(index.name));
  }
  return {};
}

Status require_computable(SqliteHandle& db, const CacheTable& table) {
  for (const auto& index : table.indexes) {
    if (index.kind == CacheIndex::Kind::Vector) continue;
    std::string computed;
    for (const auto& part : index.parts) {
      const auto plain = without_order(part);
      const bool stored = std::any_of(table.columns.begin(), table.columns.end(), [&](const CacheColumn& column) {
        return quote_identifier(column.name) == plain;
      });
      if (!stored) computed += (computed.empty() ? "count(" : ", count(") + plain + ")";
    }
    if (computed.empty() && index.where.empty()) continue;
    auto looked =
        db.execute("SELECT " + (computed.empty() ? "count(*)" : computed) + " FROM " + quote_identifier(table.name) +
                   " WHERE " + (index.where.empty() ? "1" : "(" + index.where + ")"));
    if (looked) continue;
    if (looked.error().code != "SQLITE_ERROR") return looked;
    return schema_refused(table.name, "index " + quote_identifier(index.name) + ": " + sqlite3_errmsg(db.raw()));
  }
  return {};
}

}  // namespace walbridge::sink_libsql
