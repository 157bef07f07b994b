// Descriptions of tables as messages of the stream, sent by this process: what the event triggers do, for when there
// are none, and for when somebody asks. Each is a transaction of its own, under a lock that keeps the table as
// described until the message is in the log. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "pipeline/api/lsn.h"
#include "pipeline/api/result.h"
#include "source-pg/connection.h"

namespace walbridge::source_pg {

// The table to which `oid` belongs, as it is now, and that its rows must be copied again if so. None: there is no such
// table, and that was announced. Retry "55P03": somebody changes it. The result is SourceTable::json.
struct Announced {
  std::uint32_t oid = 0;
  std::string json;
};
Result<std::optional<Announced>> announce_table(Connection& connection, const std::string& token, std::uint32_t oid,
                                                bool copy = false);

// Of tables that are no more.
Status announce_gone(Connection& connection, const std::string& token, std::span<const std::uint32_t> oids);

// Asks for the rows again. Returns a position the message lies below.
Result<Lsn> announce_copy(Connection& connection, const std::string& token, std::span<const std::uint32_t> oids);

}  // namespace walbridge::source_pg
