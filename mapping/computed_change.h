// Which computed columns and indexes of a table survive a change of it, and which are made anew. Pure; used by
// alter_table() only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "mapping/table_shape.h"

namespace walbridge::mapping {

// Columns under other names: from, to.
using Renames = std::map<std::string, std::string>;

// SQL text after SQLite renamed the columns in it: quoted identifiers, not strings.
std::string renamed_sql(const std::string& sql, const Renames& renames);

struct DerivedChange {
  std::vector<ComputedColumn> drop_computed;  // in an order in which none is needed any more
  std::vector<ComputedColumn> add_computed;
  std::vector<CacheIndex> drop_indexes;
  std::vector<CacheIndex> create_indexes;
};

// `lost`: stored columns that go.
DerivedChange derived_change(const TableShape& before, const TableShape& after, const Renames& renames,
                             const std::vector<std::string>& lost);

}  // namespace walbridge::mapping
