// One SQLite connection and its prepared statements: ownership, binding and errors, nothing about walbridge.
// Opened without SQLite's own mutex: one thread at a time. Statements die before their handle.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/api/cache_table.h"
#include "pipeline/api/result.h"

namespace walbridge::sink_libsql {

struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

// Binds one value; text and blobs are not copied and must live until the statement is stepped.
inline int bind_value(sqlite3_stmt* statement, int position, const SqlValue& value) {
  switch (value.kind) {
    case SqlValue::Kind::Integer:
      return sqlite3_bind_int64(statement, position, value.integer);
    case SqlValue::Kind::Real:
      return sqlite3_bind_double(statement, position, value.real);
    case SqlValue::Kind::Text:
      return sqlite3_bind_text64(statement, position, value.bytes.data(), value.bytes.size(), SQLITE_STATIC,
                                 SQLITE_UTF8);
    case SqlValue::Kind::Blob:
      return sqlite3_bind_blob64(statement, position, value.bytes.data(), value.bytes.size(), SQLITE_STATIC);
    case SqlValue::Kind::Null:
      return sqlite3_bind_null(statement, position);
    case SqlValue::Kind::Absent:
      break;
  }
  return SQLITE_MISUSE;
}

class SqliteHandle {
 public:
  enum class Mode { ReadOnly, ReadWrite, Create };

  // `name` is how errors call this cache.
  static Result<std::unique_ptr<SqliteHandle>> open(const std::string& path, Mode mode, std::string name);
  ~SqliteHandle();
  SqliteHandle(const SqliteHandle&) = delete;
  SqliteHandle& operator=(const SqliteHandle&) = delete;

  sqlite3* raw() const { return db_; }
  bool in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }

  // One statement, rows ignored.
  Status execute(const std::string& sql, std::initializer_list<SqlValue> arguments = {});
  // `long_lived`: it will be kept and stepped often.
  Result<Statement> prepare(const std::string& sql, bool long_lived = false);
  // Calls `row` for each row; columns through sqlite3_column_*.
  Status query(const std::string& sql, std::initializer_list<SqlValue> arguments,
               const std::function<void(sqlite3_stmt*)>& row);
  // The first column of the first row as an integer; 0 without a row.
  Result<std::int64_t> integer(const std::string& sql, std::initializer_list<SqlValue> arguments = {});
  Result<std::string> text(const std::string& sql, std::initializer_list<SqlValue> arguments = {});

  // The error SQLite has just reported.
  Error last_error(const std::string& deed) const;

 private:
  SqliteHandle(sqlite3* db, std::string name) : db_(db), name_(std::move(name)) {}
  sqlite3* db_;
  std::string name_;
};

std::string column_text(sqlite3_stmt* statement, int column);

}  // namespace walbridge::sink_libsql
