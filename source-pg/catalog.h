// Reads what can be replicated from the source's catalog, in one view of it and one round trip. What is left out, and
// how partitions are folded, is describe_sql's.
#pragma once

#include <string>
#include <vector>

#include "pipeline/api/result.h"
#include "pipeline/api/source_table.h"
#include "source-pg/connection.h"

namespace walbridge::source_pg {

// Ordered by schema and name.
Result<std::vector<SourceTable>> describe_tables(Connection& connection);

// The same inside the transaction, and at the snapshot, that the connection is in.
Result<std::vector<SourceTable>> read_tables(Connection& connection);

// Settings of the transaction under which descriptions print as they do everywhere else; for after BEGIN.
extern const char* const kDescribeSettings;

// Retry for what only a catalog that changes under the reader brings about.
Error catalog_error(Error error);

}  // namespace walbridge::source_pg
