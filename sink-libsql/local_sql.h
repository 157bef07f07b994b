// The SQL of one change on a local SQLite database, one text per (table, operation, columns present). Parameters are
// numbered in the order LocalStatements binds them. Pure; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "pipeline/api/cache_table.h"

namespace walbridge::sink_libsql {

// ?1.. one per column. `table_name`: the table or its hidden copy.
std::string insert_sql(const CacheTable& table, std::string_view table_name);
// ?1.. one per column; replaces the row that has the key.
std::string upsert_sql(const CacheTable& table);

// Which columns a change carries, one per column of `values` or `match`.
using ColumnMask = std::span<const SqlValue>;

// First the present `values` in column order, then the present `match` in its order.
std::string update_sql(const CacheTable& table, ColumnMask values, ColumnMask match);
// The present `match` in its order.
std::string delete_sql(const CacheTable& table, ColumnMask match);
// All rows, or with `leaf_column` >= 0 those whose value there is ?1.
std::string truncate_sql(const CacheTable& table, std::int32_t leaf_column);
// Gives the column of the one present value ?1 where it is NULL: all rows, or those whose `leaf_column` is ?2.
std::string soft_truncate_sql(const CacheTable& table, ColumnMask values, std::int32_t leaf_column);

// "rowid", "_rowid_" or "oid": one that is no column's name; empty when the table uses all three.
std::string_view rowid_name(const CacheTable& table);

}  // namespace walbridge::sink_libsql
