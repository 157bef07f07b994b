// Which columns name a row of the cache: chosen from what the source sends with UPDATE and DELETE. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "mapping/table_rules.h"
#include "pipeline/api/result.h"
#include "pipeline/api/source_table.h"

namespace walbridge::mapping {

// Fails when the source does not tell of the table's changes at all.
Status refuse_unlogged(const SourceTable& source);

// The columns the source sends of an old row; fails when it sends none.
Result<std::vector<std::int16_t>> identity_columns(const SourceTable& source);

// attnums in key order; empty: replica identity FULL and no key, rows are matched by all their columns; or rows are
// only added (mode append), and then nothing has to name them.
Result<std::vector<std::int16_t>> choose_key(const SourceTable& source, const TableRules& rules);

}  // namespace walbridge::mapping
