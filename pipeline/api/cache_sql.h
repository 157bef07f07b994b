// The SQLite text of a cache table's schema: what `plan --format sql` shows is what a sink executes. Pure.
#pragma once

#include <string>
#include <string_view>

#include "pipeline/api/cache_table.h"

namespace walbridge {

std::string quote_identifier(std::string_view name);

// CREATE TABLE with `table_name` instead of table.name (a load fills a hidden copy). Nothing but the key constrains.
std::string create_table_sql(const CacheTable& table, std::string_view table_name);

// CREATE INDEX for one of table.indexes on the table's final name.
std::string create_index_sql(const CacheTable& table, const CacheIndex& index);

}  // namespace walbridge
