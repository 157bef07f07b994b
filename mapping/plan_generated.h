// Columns that SQLite computes: the source's generated columns as far as SQLite can repeat them, and those of the
// rules. Pure.
#pragma once

#include "mapping/plan_parts.h"
#include "pipeline/api/result.h"

namespace walbridge::mapping {

// Fills cache.computed; a generated column that cannot be repeated goes to not_carried with its expression. Fails when
// a column of the rules clashes with another one.
Status plan_generated(PlanParts& parts);

}  // namespace walbridge::mapping
