// The one SQL text that describes tables as JSON (pipeline/api/source_json.h): run as it is for a reading of the
// catalog, and the body of walbridge.describe() that the event triggers call. Equal catalogs give equal descriptions.
// Pure.
//
// Every operator in it takes exactly the types that it is given, so that nothing in a schema of the search path can
// take its place; the search path itself decides how types and expressions print and must be kSearchPath.
#pragma once

#include <string>
#include <string_view>

namespace walbridge::source_pg {

// What the canonical session has, with temporary objects last.
inline constexpr const char* kSearchPath = "public, pg_temp";

// A query over the tables to which the relations of `asked` (a query that yields one column "oid") belong: a partition
// leads to its root, what is no table of its own to nothing. Left out: system, Neon's and walbridge's own schemas,
// temporary tables, tables that belong to an extension. Columns: oid oid, d jsonb, rows float8 (pg_class.reltuples
// summed over the leaves, < 0: unknown), heaps oid[] (the table or its leaves, without foreign ones). In order of
// schema and name.
std::string describe_sql(std::string_view asked);

// All relations there are, to be asked for.
inline constexpr const char* kEveryTable =
    "SELECT c.oid FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition";

}  // namespace walbridge::source_pg
