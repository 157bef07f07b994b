#include "sink-libsql/sqlite_handle.h"

#include <utility>

#include "sink-libsql/sqlite_error.h"

namespace walbridge::sink_libsql {
namespace {

// Our own statements are known by their first words; the rest may be long.
std::string deed_of(const std::string& sql) { return sql.size() <= 60 ? sql : sql.substr(0, 57) + "..."; }

}  // namespace

Result<std::unique_ptr<SqliteHandle>> SqliteHandle::open(const std::string& path, Mode mode, std::string name) {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (mode == Mode::ReadOnly) flags |= SQLITE_OPEN_READONLY;
  if (mode != Mode::ReadOnly) flags |= SQLITE_OPEN_READWRITE;
  if (mode == Mode::Create) flags |= SQLITE_OPEN_CREATE;
  sqlite3* db = nullptr;
  // SQLite's own accounting takes a lock at every allocation; nobody here asks for it. Only before its first use.
  static const int without_accounting = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(without_accounting);
  const int outcome = sqlite3_open_v2(path.c_str(), &db, flags, nullptr);
  std::unique_ptr<SqliteHandle> handle(new SqliteHandle(db, std::move(name)));
  if (db == nullptr) return sqlite_error(SQLITE_NOMEM, "out of memory", "cache " + handle->name_ + ": open");
  if (outcome != SQLITE_OK) return handle->last_error("open");
  return handle;
}

SqliteHandle::~SqliteHandle() { sqlite3_close_v2(db_); }

Status SqliteHandle::execute(const std::string& sql, std::initializer_list<SqlValue> arguments) {
  return query(sql, arguments, [](sqlite3_stmt*) {});
}

Result<Statement> SqliteHandle::prepare(const std::string& sql, bool long_lived) {
  sqlite3_stmt* statement = nullptr;
  const unsigned flags = long_lived ? SQLITE_PREPARE_PERSISTENT : 0;
  if (sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()), flags, &statement, nullptr) != SQLITE_OK) {
    return last_error(deed_of(sql));
  }
  return Statement(statement);
}

Status SqliteHandle::query(const std::string& sql, std::initializer_list<SqlValue> arguments,
                           const std::function<void(sqlite3_stmt*)>& row) {
  WALBRIDGE_TRY_AS(const Statement statement, prepare(sql));
  int position = 0;
  for (const auto& argument : arguments) {
    if (bind_value(statement.get(), ++position, argument) != SQLITE_OK) return last_error(deed_of(sql));
  }
  int outcome = SQLITE_ROW;
  while ((outcome = sqlite3_step(statement.get())) == SQLITE_ROW) row(statement.get());
  if (outcome != SQLITE_DONE) return last_error(deed_of(sql));
  return {};
}

Result<std::int64_t> SqliteHandle::integer(const std::string& sql, std::initializer_list<SqlValue> arguments) {
  std::int64_t value = 0;
  bool first = true;
  WALBRIDGE_TRY(query(sql, arguments, [&](sqlite3_stmt* row) {
    if (std::exchange(first, false)) value = sqlite3_column_int64(row, 0);
  }));
  return value;
}

Result<std::string> SqliteHandle::text(const std::string& sql, std::initializer_list<SqlValue> arguments) {
  std::string value;
  bool first = true;
  WALBRIDGE_TRY(query(sql, arguments, [&](sqlite3_stmt* row) {
    if (std::exchange(first, false)) value = column_text(row, 0);
  }));
  return value;
}

Error SqliteHandle::last_error(const std::string& deed) const {
  return sqlite_error(sqlite3_extended_errcode(db_), sqlite3_errmsg(db_), "cache " + name_ + ": " + deed);
}

std::string column_text(sqlite3_stmt* statement, int column) {
  const void* bytes = sqlite3_column_blob(statement, column);  // text comes as its UTF-8 bytes, NUL included
  const int size = sqlite3_column_bytes(statement, column);
  return bytes == nullptr ? std::string()
                          : std::string(static_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

}  // namespace walbridge::sink_libsql
