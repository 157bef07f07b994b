// The indexes of a cache table: those of the source as far as SQLite has a form of them, and those of the rules. Their
// names are made one of a kind among all tables later, by plan_sink(). Pure.
#pragma once

#include "mapping/plan_parts.h"
#include "pipeline/api/result.h"

namespace walbridge::mapping {

// Fills cache.indexes, after plan_generated(); what is lost of the source's goes to not_carried. Fails when an index of
// the rules cannot be made.
Status plan_indexes(PlanParts& parts);

}  // namespace walbridge::mapping
