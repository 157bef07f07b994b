// Bulk loads of a local cache. A first fill builds a whole database beside the cache's name and renames it (nothing to
// undo, so no journal); a later one fills hidden tables in the live cache and swaps them in within one transaction.
// Either way readers see nothing before finish(). One thread.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "pipeline/api/sink.h"
#include "sink-libsql/local_state.h"
#include "sink-libsql/local_wal.h"
#include "sink-libsql/sqlite_handle.h"

namespace walbridge::sink_libsql {

class LocalLoad {
 public:
  virtual ~LocalLoad() = default;
  virtual Status begin(std::span<const CacheTable* const> tables) = 0;
  virtual Status load(const LoadBlock& block) = 0;
  // Returns what is stored as the stream's position afterwards. PoisonRow: a table cannot go into service; may be
  // called again with a record that says so.
  virtual Result<StoredCheckpoint> finish(std::span<const TableRecord> records, const std::string& source_id,
                                          const Checkpoint& checkpoint) = 0;
};

// The cache file does not exist or is empty. Destroyed unfinished, it removes what it made.
std::unique_ptr<LocalLoad> make_first_load(const LocalIdentity& cache);

// `db` is the open cache, in which the load has every transaction, and outlives it; `stored` is the position this
// writer holds.
std::unique_ptr<LocalLoad> make_reload(SqliteHandle& db, LocalWal& wal, const LocalIdentity& cache,
                                       const StoredCheckpoint& stored);

// The tables of a load as they are filled: one prepared insert each.
class LoadTables {
 public:
  // Makes `table` under `table_name`; from then on its rows go there. A table that the cache refuses is remembered.
  Status make(SqliteHandle& db, const CacheTable& table, const std::string& table_name);
  Status insert(SqliteHandle& db, const LoadBlock& block);
  void finalize();  // no more rows
  // The first of the live tables that was refused.
  Status require_made(std::span<const TableRecord> records) const;

 private:
  struct Table {
    Statement insert;
    std::optional<Error> refused;
  };
  std::unordered_map<std::uint32_t, Table> by_oid_;
};

// Error when a column wants jsonb() and this SQLite has none.
Status require_jsonb(const CacheTable& table);

// PoisonRow when SQLite cannot compute what an index is to hold of the rows that are there.
Status require_computable(SqliteHandle& db, const CacheTable& table);

// PoisonRow when rows of `table` are equal in a Unique index.
Status require_unique(SqliteHandle& db, const CacheTable& table);

}  // namespace walbridge::sink_libsql
