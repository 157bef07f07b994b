// What a remote cache holds besides rows: its tables, views and indexes, and whose they are. One read request each.
#pragma once

#include <string>
#include <vector>

#include "pipeline/api/cache_table.h"
#include "pipeline/api/result.h"
#include "sink-libsql/hrana_connection.h"
#include "sink-libsql/hrana_rows.h"

namespace walbridge::sink_libsql {

struct SchemaObject {
  std::string type;  // "table", "index", "view", "trigger"
  std::string name;
  std::string table;  // the table it belongs to
  std::string sql;    // empty for indexes SQLite made itself
};

Result<std::vector<SchemaObject>> read_schema(HranaConnection& connection);

// A name for `index` that is free once the tables being replaced are gone; its own, or with the table's name in front.
std::string free_index_name(const std::vector<SchemaObject>& schema, const std::vector<std::string>& replaced_tables,
                            const std::vector<std::string>& given, const CacheTable& table, const CacheIndex& index);

// A step that fails when something in the cache has this table's name and is not this stream's.
void write_ownership_check(HranaBatch& batch, StepPurposes& purposes, const std::string& stream,
                           const CacheTable& table);

bool same_name(const std::string& a, const std::string& b);  // as SQLite compares names

}  // namespace walbridge::sink_libsql
