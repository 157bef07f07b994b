// Reads what can be replicated from the source's catalog, in one transaction and one round trip per kind of object.
// Left out: system, Neon's and walbridge's own schemas, temporary tables, tables that belong to an extension.
#pragma once

#include <vector>

#include "pipeline/api/result.h"
#include "pipeline/api/source_table.h"
#include "source-pg/connection.h"

namespace walbridge::source_pg {

// Ordered by schema and name. Partitions are folded into their root.
Result<std::vector<SourceTable>> describe_tables(Connection& connection);

}  // namespace walbridge::source_pg
