// What walbridge keeps in a local cache, read and written through one SQLite handle. The caller holds the transaction
// these belong to. One thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipeline/api/sink.h"
#include "sink-libsql/sqlite_handle.h"
#include "sink-libsql/system_tables.h"

namespace walbridge::sink_libsql {

// Which cache and which stream in it; `name` is how messages call the cache.
struct LocalIdentity {
  std::string path;
  std::string name;
  std::string stream;
};

// Makes what is missing, columns that an earlier version did not have included.
Status make_system_tables(SqliteHandle& db);

// Makes the stream's row if needed and bumps its epoch; returns what is stored afterwards.
Result<StoredCheckpoint> take_over(SqliteHandle& db, const LocalIdentity& cache);

Result<std::optional<StoredCheckpoint>> read_checkpoint(SqliteHandle& db, const std::string& stream);
Result<std::vector<TableRecord>> read_tables(SqliteHandle& db, const std::string& stream);
// Empty when the file holds no system tables.
Result<SinkState> read_state(SqliteHandle& db, const std::string& stream);

Status write_record(SqliteHandle& db, const std::string& stream, const TableRecord& record);
Status forget_record(SqliteHandle& db, const std::string& stream, std::uint32_t source_oid);

// Moves the stored position from `before` to `wanted`, or fails as fenced or replaced. `prepared` is kept by the
// caller between calls. On success `before` becomes what will be stored when the transaction commits.
Status move_position(SqliteHandle& db, const LocalIdentity& cache, Statement& prepared, StoredCheckpoint& before,
                     const std::string& source_id, const Checkpoint& wanted);

// Still the writer? Fails as fenced or replaced.
Status require_epoch(SqliteHandle& db, const LocalIdentity& cache, std::int64_t epoch);

// Who a table name belongs to in this cache.
enum class Owner { Nobody, ThisStream, OtherStream, Stranger };
Result<Owner> owner_of(SqliteHandle& db, const std::string& stream, const std::string& table_name);
Error table_exists_error(const LocalIdentity& cache, const CacheTable& table, Owner owner);
// Error unless a load of `table` may replace what has its name.
Status require_loadable(SqliteHandle& db, const LocalIdentity& cache, const CacheTable& table);

Status drop_load_tables(SqliteHandle& db, const std::string& stream);
Status drop_orphans(SqliteHandle& db, const std::string& stream, std::span<const TableRecord> records);

}  // namespace walbridge::sink_libsql
