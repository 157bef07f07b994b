// What a remote cache holds besides rows: its tables, views and indexes, and whose they are. One read request each.
#pragma once

#include <string>

#include "pipeline/api/cache_table.h"
#include "pipeline/api/result.h"
#include "sink-libsql/cache_catalog.h"
#include "sink-libsql/hrana_connection.h"
#include "sink-libsql/hrana_rows.h"

namespace walbridge::sink_libsql {

struct RemoteSchema {
  CacheCatalog catalog;
  std::string fingerprint;
};
// Without system tables nothing in the cache is this stream's.
Result<RemoteSchema> read_schema(HranaConnection& connection, const std::string& stream);
// A step that fails when the schema is no longer the one with this fingerprint.
void write_schema_check(HranaBatch& batch, StepPurposes& purposes, const std::string& fingerprint);

// A step that fails when something in the cache has this table's name and is not this stream's.
void write_ownership_check(HranaBatch& batch, StepPurposes& purposes, const std::string& stream,
                           const CacheTable& table);

}  // namespace walbridge::sink_libsql
