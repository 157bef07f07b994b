// Our replication slot as the source reports it, and its removal. A slot carries no comment: ours is the one with our
// name, of plugin pgoutput, in this database.
#pragma once

#include <optional>
#include <string>

#include "pipeline/api/result.h"
#include "pipeline/api/source.h"
#include "source-pg/connection.h"

namespace walbridge::source_pg {

// As pg_replication_slots has it, whoever's it is. Columns that a version lacks stay empty.
Result<SlotStatus> read_slot(Connection& connection, const std::string& name);

// What makes this slot useless to us: of another plugin or database (Operator), lost (Gap). Null when usable or
// missing.
std::optional<Error> slot_problem(const SlotStatus& status, const std::string& name, const std::string& database);

// The transactions that keep a new slot waiting, "pid 17 (42 s), prepared transaction x"; empty when there are none.
Result<std::string> describe_open_writers(Connection& connection, int older_than_seconds);

std::string drop_slot_sql(const Connection& connection, const std::string& name);

// Ends our own walsender if it still holds the slot; refuses when somebody else does. A missing slot is success.
Status drop_slot(Connection& connection, const std::string& name);

}  // namespace walbridge::source_pg
