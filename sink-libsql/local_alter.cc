#include "sink-libsql/local_alter.h"

#include <utility>
#include <vector>

#include "sink-libsql/alter_plan.h"
#include "sink-libsql/sqlite_error.h"
#include "sink-libsql/system_tables.h"

namespace walbridge::sink_libsql {
namespace {

// What a statement can be refused for without anything being wrong with the cache itself.
bool is_refusal(int extended_code) {
  switch (extended_code & 0xFF) {
    case SQLITE_ERROR:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
    case SQLITE_RANGE:
      return true;
    default:
      return false;
  }
}

struct Attempt {
  Status outcome;
  PlannedStatement failed;
  std::string message;  // of a refusal
};

Attempt run(SqliteHandle& db, const LocalIdentity& cache, std::vector<PlannedStatement> statements) {
  for (auto& statement : statements) {
    if (db.execute(statement.sql)) continue;
    // Not the error of execute(): the text of a statement may hold values.
    const int code = sqlite3_extended_errcode(db.raw());
    std::string message = sqlite3_errmsg(db.raw());
    if (!is_refusal(code)) return {db.last_error("alter table " + statement.table), {}, {}};
    const auto ours = db.integer(kSystemTablesExist);
    if (ours && *ours == 0) return {replaced_error(cache.name, "the tables of walbridge are gone"), {}, {}};
    auto error = schema_refused(statement.table, message);
    return {std::move(error), std::move(statement), std::move(message)};
  }
  return {};
}

}  // namespace

Result<CacheCatalog> read_catalog(SqliteHandle& db, const std::string& stream) {
  std::vector<SchemaObject> objects;
  WALBRIDGE_TRY(db.query(kReadSchema, {}, [&](sqlite3_stmt* row) {
    objects.push_back({column_text(row, 0), column_text(row, 1), column_text(row, 2), column_text(row, 3)});
  }));
  std::vector<std::string> own;
  WALBRIDGE_TRY(
      db.query(kOwnTables, {SqlValue::text(stream)}, [&](sqlite3_stmt* row) { own.push_back(column_text(row, 0)); }));
  return CacheCatalog(stream, std::move(objects), std::move(own));
}

Status alter_local(SqliteHandle& db, const LocalIdentity& cache, std::span<const SchemaStep> steps) {
  AlterLessons lessons;
  WALBRIDGE_TRY_AS(const auto before, read_catalog(db, cache.stream));
  for (;;) {
    auto catalog = before;
    WALBRIDGE_TRY_AS(auto statements, AlterPlan(catalog, lessons).statements(steps));
    WALBRIDGE_TRY(db.execute("SAVEPOINT walbridge_alter"));
    auto attempt = run(db, cache, std::move(statements));
    if (!attempt.outcome) WALBRIDGE_TRY(db.execute("ROLLBACK TO walbridge_alter"));
    WALBRIDGE_TRY(db.execute("RELEASE walbridge_alter"));
    if (attempt.outcome) break;
    if (attempt.message.empty() || !lessons.learn(attempt.failed, attempt.message, before)) return attempt.outcome;
  }
  lessons.tell(cache.name);
  return {};
}

Status alter_new(SqliteHandle& db, const LocalIdentity& cache, const std::string& table,
                 std::span<const SchemaStep> steps) {
  AlterLessons lessons;
  WALBRIDGE_TRY_AS(auto catalog, read_catalog(db, cache.stream));
  catalog.claim(table);
  WALBRIDGE_TRY_AS(auto statements, AlterPlan(catalog, lessons).statements(steps));
  return run(db, cache, std::move(statements)).outcome;
}

}  // namespace walbridge::sink_libsql
