// The preflight of a local cache. Looks, and changes nothing. One thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "pipeline/api/finding.h"
#include "sink-libsql/local_state.h"

namespace walbridge::sink_libsql {

std::vector<Finding> check_local(const LocalIdentity& cache, const std::string& subject,
                                 std::span<const CacheTable* const> tables);

}  // namespace walbridge::sink_libsql
