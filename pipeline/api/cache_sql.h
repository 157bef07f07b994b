// The SQLite text of a cache table's schema: what `plan --format sql` shows is what a sink executes. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/api/cache_table.h"

namespace walbridge {

std::string quote_identifier(std::string_view name);

// CREATE TABLE with `table_name` instead of table.name (a load fills a hidden copy). Nothing but the key constrains.
std::string create_table_sql(const CacheTable& table, std::string_view table_name);

// Statements that make an index called `name` on `table`: one, or for FullText the FTS5 table, its triggers and its
// first content. `table` needs a rowid key for FullText.
std::vector<std::string> create_index_sql(const CacheTable& table, const CacheIndex& index, std::string_view name);
std::vector<std::string> drop_index_sql(const CacheIndex& index, std::string_view name);
// One of the three triggers of a FullText index: `event` is INSERT, UPDATE or DELETE.
std::string full_text_trigger_name(std::string_view event, std::string_view index_name);

// The column as ALTER TABLE … ADD COLUMN takes it; `fill` becomes the DEFAULT that old rows read.
std::string add_column_sql(std::string_view table, const CacheColumn& column, const SqlValue& fill);
std::string add_computed_sql(std::string_view table, const ComputedColumn& computed);

// A constant as SQL text.
std::string literal_sql(const SqlValue& value);

// The table that a backfill fills before it takes the place of the one readers see. It outlives a restart.
std::string backfill_table_name(std::string_view stream, std::uint32_t source_oid);
bool is_backfill_table(std::string_view stream, std::string_view table_name);
// The source table it is for; none when it is not this stream's, or no such table.
std::optional<std::uint32_t> backfill_table_oid(std::string_view stream, std::string_view table_name);

}  // namespace walbridge
