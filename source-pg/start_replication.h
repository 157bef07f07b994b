// What happens on a replication connection before the first byte of the stream: the guards of I6 that Postgres itself
// lacks (it silently skips from a slot that is ahead, and to a position that does not exist yet), and the command.
// Blocking; one thread.
#pragma once

#include <chrono>
#include <string>

#include "pipeline/api/lsn.h"
#include "pipeline/api/result.h"
#include "source-pg/connection.h"

namespace walbridge::source_pg {

// Gap: "future-lsn" when the server's log ends before `from`; "slot-ahead" when the slot has already confirmed a
// position behind it; "42704" or "slot-lost" when there is nothing to stream from. Operator: a slot that is not ours.
Status check_position(Connection& connection, const std::string& slot, Lsn from);

// Sets the session's wal_sender_timeout where the server lets us and returns the one in force; zero: never.
Result<std::chrono::milliseconds> set_sender_timeout(Connection& connection, std::chrono::milliseconds wanted);

// Afterwards the connection is in CopyBoth.
Status start_replication(Connection& connection, const config::Source& source, Lsn from);

}  // namespace walbridge::source_pg
