// Names in the configuration that match nothing at the source: most likely misspelt, and then a column meant to be left
// out is not. Pure; warnings only, for a table may come later.
#pragma once

#include <span>
#include <vector>

#include "config/config.h"
#include "pipeline/api/finding.h"
#include "pipeline/api/source_table.h"

namespace walbridge::mapping {

std::vector<Finding> unused_names(std::span<const SourceTable> tables, const config::Config& config);

}  // namespace walbridge::mapping
