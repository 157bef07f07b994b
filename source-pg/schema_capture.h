// The event triggers that put changes of the schema into the stream: installs, proves, upgrades, watches and removes
// them (schema_capture_sql.h). Invariants: nothing of somebody else's is replaced; several bridges share one install
// and its token; where the role lacks the privilege, nothing is left behind and the mode is Polling. One thread.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "pipeline/api/finding.h"
#include "pipeline/api/result.h"
#include "pipeline/api/source.h"
#include "source-pg/connection.h"

namespace walbridge::source_pg {

// Fails only when the connection does.
Result<CaptureStatus> ensure_capture(Connection& connection, const config::Source& source);
Result<CaptureStatus> capture_status(Connection& connection, const config::Source& source);

// What is ours and no other bridge's too; triggers before the schema.
Result<std::vector<OwnedObject>> owned_capture(Connection& connection, const config::Source& source);

// What ensure_capture() will find, as far as can be told without trying. Reads only.
Finding capture_finding(Connection& connection, const config::Source& source);

}  // namespace walbridge::source_pg
