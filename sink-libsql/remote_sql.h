// The SQL of row changes for a remote cache, in the dialect sqld and tursodb share. Rows travel either as one JSON
// array of arrays bound to ?1, or one row as typed arguments. Only bound arguments carry data. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "pipeline/api/cache_table.h"

namespace walbridge::sink_libsql::remote_sql {

enum class Carrier { JsonRows, Typed };

// INSERT of whole rows into `table_name`.
std::string insert_rows(const CacheTable& table, std::string_view table_name, Carrier carrier);
// Replaces the row with the same key; rewrites nothing when the row is the same already.
std::string upsert_rows(const CacheTable& table, Carrier carrier);
// A key of one column travels as [k, k, ..], a longer one as [[k1, k2], ..].
std::string delete_rows(const CacheTable& table);
// Sets `columns`; a JSON row holds the key first, typed arguments the new values first, then the key.
std::string update_rows(const CacheTable& table, std::span<const std::uint16_t> columns, Carrier carrier);
// One row that equals the typed arguments in all of `matched`; for tables without a key.
std::string delete_one(const CacheTable& table, std::span<const std::uint16_t> matched);
std::string update_one(const CacheTable& table, std::span<const std::uint16_t> columns,
                       std::span<const std::uint16_t> matched);

// Fails the step unless the one before changed ?1 rows.
extern const char* const kRequireChanges;

// A declared collation other than BINARY: equal keys may differ in their bytes.
bool has_collation(const CacheColumn& column);

}  // namespace walbridge::sink_libsql::remote_sql
