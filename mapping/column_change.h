// What becomes of one column when its table changes: where its values come from, and how they are made of the old ones.
// Pure; used by alter_table() only.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "mapping/table_plan.h"
#include "mapping/table_shape.h"
#include "pipeline/api/arena.h"
#include "pipeline/api/result.h"
#include "pipeline/api/source_table.h"

namespace walbridge::mapping {

// The new value of a column from its old one, in SQL.
struct Recode {
  std::vector<std::pair<std::string, std::string>> cases;  // literals: what becomes what; others stay
  int decimals = -1;                                       // a number becomes text with so many decimals
  bool changes() const { return !cases.empty() || decimals >= 0; }
  std::string sql(const std::string& column) const;    // `column` is quoted
  std::string where(const std::string& column) const;  // rows it touches
};

struct ColumnChange {
  int before = -1;  // position in the shape; -1: the column is new
  Recode recode;
  bool declared_anew = false;        // its declared type differs
  SqlValue fill = SqlValue::null();  // new: what old rows hold
};

const SourceColumn* find_column(const SourceTable& table, std::int16_t attnum);

// The column at `position` of the plan's cache table, whose shape is `shape`. An error says why its rows must be copied
// again. Bytes of `fill` live in `arena`.
Result<ColumnChange> column_change(const TableShape& before, const SourceTable& was, const TablePlan& after,
                                   const TableShape& shape, const SourceTable& now, std::size_t position, Arena& arena);

}  // namespace walbridge::mapping
