// Who the source is (I6): "7312…/1/shop/walbridge", that is system identifier, timeline, database, slot. On Neon the
// branch's timeline follows the number ("1:6fe2…"), because a branch copies everything else.
#pragma once

#include <string>

#include "pipeline/api/result.h"
#include "source-pg/connection.h"

namespace walbridge::source_pg {

Result<std::string> read_identity(Connection& connection, const std::string& slot);

}  // namespace walbridge::source_pg
