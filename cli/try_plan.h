// What only SQLite can tell about a plan: whether it takes the expressions that rules write for it.
#pragma once

#include "config/config.h"
#include "mapping/table_plan.h"

namespace walbridge::cli {

// Tables that SQLite would not make move from the plan's tables to those refused, with the rule's place.
void try_plan(mapping::SinkPlan& plan, const config::Config& config, const config::Sink& sink);

}  // namespace walbridge::cli
