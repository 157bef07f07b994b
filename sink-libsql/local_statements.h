// Applies changes to a local SQLite database through prepared statements, made once per (table, operation, columns
// present) and kept. Values are bound, not copied. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "pipeline/api/cache_table.h"
#include "pipeline/api/result.h"
#include "sink-libsql/sqlite_handle.h"

namespace walbridge::sink_libsql {

class LocalStatements {
 public:
  // `cache` is how errors call the database; `db` outlives this.
  LocalStatements(SqliteHandle& db, std::string cache) : db_(db), cache_(std::move(cache)) {}

  // A new transaction: tables seen before may be gone, and others may stand at their addresses.
  void begin();
  // The schema is about to change: a statement may not outlive the shape it was made for.
  void forget();
  // PoisonRow errors leave the transaction open and the change without effect.
  Status apply(const CacheChange& change);

 private:
  struct TableStatements {
    Statement insert, upsert;
    // Update and delete by the presence of each column, one character per value.
    std::unordered_map<std::string, Statement> masked;
  };

  Result<sqlite3_stmt*> statement_for(const CacheChange& change);
  Result<sqlite3_stmt*> make(Statement& slot, const std::string& sql, const CacheTable& table);
  TableStatements& statements_of(const CacheTable& table);
  Status bind(sqlite3_stmt* statement, const CacheChange& change);
  Status step(sqlite3_stmt* statement, const CacheChange& change);
  Error failure(const CacheTable& table, const char* deed);

  SqliteHandle& db_;
  std::string cache_;
  std::unordered_map<std::string, TableStatements> by_table_;  // by oid, name and schema hash
  std::unordered_map<const CacheTable*, TableStatements*> by_address_;
  const CacheTable* last_table_ = nullptr;
  TableStatements* last_statements_ = nullptr;
  std::size_t prepared_ = 0;
  std::string mask_;
};

}  // namespace walbridge::sink_libsql
