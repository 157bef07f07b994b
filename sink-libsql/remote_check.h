// What `check` finds out about a remote cache. Changes nothing there: its one transaction is rolled back.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "pipeline/api/cache_table.h"
#include "pipeline/api/finding.h"
#include "sink-libsql/hrana_connection.h"

namespace walbridge::sink_libsql {

std::vector<Finding> check_remote(HranaConnection& connection, const std::string& subject, const std::string& stream,
                                  std::span<const CacheTable* const> tables);

}  // namespace walbridge::sink_libsql
