// What `check` finds at the source, each with the statement or setting that mends it. Reads only.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "pipeline/api/finding.h"
#include "pipeline/api/result.h"
#include "pipeline/api/source.h"
#include "source-pg/connection.h"

namespace walbridge::source_pg {

// The server, the role, the slot and the publication.
std::vector<Finding> preflight_server(Connection& connection, const config::Source& source,
                                      std::span<const PublishedTable> tables);

// The tables as such: keys, privileges, row security, what the stream cannot carry.
std::vector<Finding> preflight_tables(Connection& connection, const config::Source& source,
                                      std::span<const PublishedTable> tables);

// A failure to look, as a finding.
Finding finding_of(const Error& error);

}  // namespace walbridge::source_pg
