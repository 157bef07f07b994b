// Carries schema steps out in the open transaction of a local cache. One thread.
#pragma once

#include <span>

#include "pipeline/api/result.h"
#include "pipeline/api/schema_step.h"
#include "sink-libsql/cache_catalog.h"
#include "sink-libsql/local_state.h"
#include "sink-libsql/sqlite_handle.h"

namespace walbridge::sink_libsql {

Result<CacheCatalog> read_catalog(SqliteHandle& db, const std::string& stream);

// All of the steps or none. PoisonRow names the table; the transaction goes on.
Status alter_local(SqliteHandle& db, const LocalIdentity& cache, std::span<const SchemaStep> steps);

// The same where nothing of a user's can be in the way and nothing can be undone: on `table` of a database that is
// being made.
Status alter_new(SqliteHandle& db, const LocalIdentity& cache, const std::string& table,
                 std::span<const SchemaStep> steps);

}  // namespace walbridge::sink_libsql
