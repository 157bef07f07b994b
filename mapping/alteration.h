// How a cache table follows its source or its rules: the difference between what it is and what a fresh copy would be,
// as schema steps that are exact, or as the verdict that its rows must be copied again. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/config.h"
#include "mapping/table_plan.h"
#include "mapping/table_shape.h"
#include "pipeline/api/arena.h"
#include "pipeline/api/schema_step.h"
#include "pipeline/api/source_table.h"

namespace walbridge::mapping {

struct Alteration {
  std::vector<SchemaStep> steps;  // their `fill` values live in `arena`
  Arena arena{1024};
  bool copy_again = false;                // steps would not do: the rows must come from the source; `steps` is empty
  std::string reason;                     // copy_again: why, in words
  std::vector<std::uint32_t> new_leaves;  // partitions whose rows are still to be copied into the table
  std::vector<std::string> notes;         // what is not carried over, one sentence each; said once, in the log
  TableShape shape;  // what the table is after the steps: shape_of(after), and what it keeps besides
};

// `was` and `now`: the source table before and after; the same object when only rules changed. `after` is compiled from
// `now`. Applied to a table of shape `before` with the rows of `was`, the steps leave exactly what a fresh copy of
// `now` would hold, schema and rows (columns may stand in another order).
Alteration alter_table(const TableShape& before, const SourceTable& was, const TablePlan& after, const SourceTable& now,
                       const config::OnDdl& policy);

// The plan's table under another name, to be filled beside the one readers see.
CacheTable under_name(const CacheTable& table, std::string name);

struct Swap {
  std::vector<SchemaStep> steps;
  TableShape shape;                // what the table is afterwards: shape_of(after), and what it keeps besides
  std::vector<std::string> notes;  // what is not carried over, one sentence each; said once, in the log
};

// Puts the filled table `filled` in the place of the table that readers saw (`before`: its shape; none: there was none)
// and makes its indexes. What the old table has and no copy can have goes along, where a key says which row is which:
// rows that the source deleted, under a soft delete; rows that it no longer has, in mode append (without a key, those
// that equal no copied one); columns that on_ddl.drop_column keeps. Values that are written in another way now are
// NULL in such rows. `deleted_at`: the mark, as an SQL literal, of rows that went while the table was copied; needed
// with a soft delete. `now`: a column that it still has was taken out by a rule, and is not kept.
Swap swap_in(const TableShape* before, const TablePlan& after, const std::string& filled, const std::string& deleted_at,
             const SourceTable* now = nullptr);

// Before a copy whose swap_in() carries rows over (mode append, soft delete): columns that came to the source since,
// with what old rows hold there, into the table that readers see. Those of which nobody knows that stay out, and are
// NULL in the carried rows.
struct Widened {
  std::vector<SchemaStep> steps;  // their `fill` values live in `arena`
  Arena arena{1024};
  TableShape shape;
};
Widened widen_for_carry(const TableShape& before, const SourceTable& was, const TablePlan& after,
                        const SourceTable& now);

// What a table that stops being carried leaves behind under on_ddl.drop_table.
std::vector<SchemaStep> drop_table(const TableShape& before);

}  // namespace walbridge::mapping
