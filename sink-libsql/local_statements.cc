#include "sink-libsql/local_statements.h"

#include <algorithm>
#include <utility>

#include "pipeline/api/cache_sql.h"
#include "sink-libsql/local_sql.h"
#include "sink-libsql/sqlite_error.h"
#include "sink-libsql/system_tables.h"

namespace walbridge::sink_libsql {
namespace {

// A prepared statement takes some KiB: with thousands of tables they must not pile up.
constexpr std::size_t kMostStatements = 1000;

const char* deed_of(CacheChange::Op op) {
  switch (op) {
    case CacheChange::Op::Insert:
      return "insert into";
    case CacheChange::Op::Upsert:
      return "upsert into";
    case CacheChange::Op::Update:
      return "update of";
    case CacheChange::Op::Delete:
      return "delete from";
    case CacheChange::Op::Truncate:
    case CacheChange::Op::SoftTruncate:
      return "truncate of";
  }
  return "change of";
}

Error poison(const CacheTable& table, std::string code, std::string message, std::string remedy) {
  return {Verdict::PoisonRow, std::move(code), "table " + table.name + ": " + std::move(message), std::move(remedy),
          table.name};
}

bool must_hit_one_row(const CacheChange& change) {
  if (change.op == CacheChange::Op::Update) return !change.may_miss;
  return change.op == CacheChange::Op::Delete && change.table->key.empty();
}

bool truncates(const CacheChange& change) {
  return change.op == CacheChange::Op::Truncate || change.op == CacheChange::Op::SoftTruncate;
}

bool is_column(const CacheTable& table, std::string_view part) {
  constexpr std::string_view kDescending = " DESC";
  if (part.ends_with(kDescending)) part.remove_suffix(kDescending.size());
  return std::any_of(table.columns.begin(), table.columns.end(),
                     [&](const CacheColumn& column) { return quote_identifier(column.name) == part; });
}

// Of rules or of the source: run by SQLite for every row.
bool has_expressions(const CacheTable& table) {
  const auto computes = [&](const CacheIndex& index) {
    return !index.where.empty() || !std::all_of(index.parts.begin(), index.parts.end(),
                                                [&](const std::string& part) { return is_column(table, part); });
  };
  return !table.computed.empty() || std::any_of(table.indexes.begin(), table.indexes.end(), computes);
}

// A path that came from a row is quoted behind these words.
std::string outline(std::string_view message) {
  const auto path = message.find("JSON path");
  return std::string(path == std::string_view::npos ? message : message.substr(0, path + 9));
}

bool finds_by_rowid(const CacheChange& change) {
  return change.table->key.empty() && (change.op == CacheChange::Op::Update || change.op == CacheChange::Op::Delete);
}

}  // namespace

void LocalStatements::begin() {
  by_address_.clear();
  last_table_ = nullptr;
  if (prepared_ > kMostStatements) forget();
}

void LocalStatements::forget() {
  by_address_.clear();
  last_table_ = nullptr;
  by_table_.clear();
  prepared_ = 0;
}

Status LocalStatements::apply(const CacheChange& change) {
  WALBRIDGE_TRY_AS(auto* const statement, statement_for(change));
  auto outcome = bind(statement, change);
  if (outcome) outcome = step(statement, change);
  sqlite3_reset(statement);
  return outcome;
}

LocalStatements::TableStatements& LocalStatements::statements_of(const CacheTable& table) {
  if (&table == last_table_) return *last_statements_;
  auto& statements = by_address_[&table];
  if (statements == nullptr) {
    statements = &by_table_[std::to_string(table.source_oid) + " " + table.schema_hash + " " + table.name];
  }
  last_table_ = &table;
  last_statements_ = statements;
  return *statements;
}

Result<sqlite3_stmt*> LocalStatements::statement_for(const CacheChange& change) {
  const CacheTable& table = *change.table;
  auto& statements = statements_of(table);
  if (change.op == CacheChange::Op::Upsert) {
    if (statements.upsert) return statements.upsert.get();
    return make(statements.upsert, upsert_sql(table), table);
  }
  if (change.op == CacheChange::Op::Insert) {
    if (statements.insert) return statements.insert.get();
    return make(statements.insert, insert_sql(table, table.name), table);
  }
  constexpr std::string_view kOpLetters = "iuUdts";  // in the order of CacheChange::Op
  mask_.assign(1, kOpLetters[static_cast<std::size_t>(change.op)]);
  if (truncates(change)) mask_ += std::to_string(change.leaf_column);
  if (change.op != CacheChange::Op::Truncate) {
    for (const auto& value : change.values) mask_ += value.kind == SqlValue::Kind::Absent ? '-' : '+';
    for (const auto& value : change.match) mask_ += value.kind == SqlValue::Kind::Absent ? '-' : '=';
  }
  auto& slot = statements.masked[mask_];
  if (slot) return slot.get();
  if (finds_by_rowid(change) && rowid_name(table).empty()) {
    return poison(table, "no-rowid-name", "columns are named rowid, _rowid_ and oid, so that no row can be told apart",
                  "rename one of these columns in the cache with `as`, or give the table a key");
  }
  switch (change.op) {
    case CacheChange::Op::Update:
      return make(slot, update_sql(table, change.values, change.match), table);
    case CacheChange::Op::Delete:
      return make(slot, delete_sql(table, change.match), table);
    case CacheChange::Op::SoftTruncate:
      return make(slot, soft_truncate_sql(table, change.values, change.leaf_column), table);
    default:
      return make(slot, truncate_sql(table, change.leaf_column), table);
  }
}

Result<sqlite3_stmt*> LocalStatements::make(Statement& slot, const std::string& sql, const CacheTable& table) {
  auto made = db_.prepare(sql, true);
  if (!made) return failure(table, "prepare a change of");
  slot = *std::move(made);
  ++prepared_;
  return slot.get();
}

// What is present of `values`, then of `match`; of a truncation last its leaf.
Status LocalStatements::bind(sqlite3_stmt* statement, const CacheChange& change) {
  int position = 0;
  int outcome = SQLITE_OK;
  const bool whole_rows = change.op == CacheChange::Op::Insert || change.op == CacheChange::Op::Upsert;
  for (const auto* values : {&change.values, &change.match}) {
    if (change.op == CacheChange::Op::Truncate) break;
    for (const auto& value : *values) {
      if (outcome != SQLITE_OK) break;
      if (!whole_rows && value.kind == SqlValue::Kind::Absent) continue;
      outcome = bind_value(statement, ++position, value);
    }
    if (whole_rows) break;  // an upsert finds its row by `values`
  }
  if (truncates(change) && change.leaf_column >= 0 && outcome == SQLITE_OK)
    outcome = sqlite3_bind_int64(statement, ++position, change.leaf);
  if (outcome == SQLITE_MISUSE) {
    return poison(*change.table, "value-absent", std::string(deed_of(change.op)) + " the table lacks a column's value",
                  "set REPLICA IDENTITY FULL on the source table, then load the table again");
  }
  if (outcome != SQLITE_OK) return failure(*change.table, deed_of(change.op));
  return {};
}

Status LocalStatements::step(sqlite3_stmt* statement, const CacheChange& change) {
  if (const int outcome = sqlite3_step(statement); outcome != SQLITE_DONE) {
    if ((outcome & 0xFF) == SQLITE_ERROR && has_expressions(*change.table)) {
      return poison(*change.table, "expression-failed",
                    "SQLite cannot compute a column or index of this row: " + outline(sqlite3_errmsg(db_.raw())),
                    "correct the expression in the rule so that it takes every row, then load the table again");
    }
    // The one function in our statements that looks at a value.
    if (outcome == SQLITE_ERROR && std::string_view(sqlite3_errmsg(db_.raw())) == "malformed JSON") {
      return poison(*change.table, "malformed-json", "a json value is not one for SQLite's jsonb()",
                    "write the column as text (`type: text`), then load the table again");
    }
    return failure(*change.table, deed_of(change.op));
  }
  if (must_hit_one_row(change) && sqlite3_changes(db_.raw()) == 0) {
    return poison(
        *change.table, "row-missing",
        std::string(deed_of(change.op)) + " the table: the row that changed at the source is not in the cache",
        "something else wrote to the cache table: stop that, then load the table again");
  }
  return {};
}

// A table that has lost its place in the schema stops alone; a whole schema that is gone is a replaced cache.
Error LocalStatements::failure(const CacheTable& table, const char* deed) {
  Error error = db_.last_error(std::string(deed) + " table " + table.name);
  if (error.code == "SQLITE_ERROR") {
    const auto ours = db_.integer(kSystemTablesExist);
    if (ours && *ours == 0) return replaced_error(cache_, "the tables of walbridge are gone");
    error.verdict = Verdict::PoisonRow;
    error.code = "table-altered";
    error.remedy = "the cache table was dropped or altered by something else: load the table again";
  }
  if (error.verdict == Verdict::PoisonRow) error.table = table.name;
  return error;
}

}  // namespace walbridge::sink_libsql
