// What a cache table is: enough to know, without the rules that made it, how to turn it into another one. Stored with
// the table's record, as JSON, so that a restart with other rules or a newer catalog finds the difference. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mapping/table_plan.h"
#include "pipeline/api/cache_table.h"
#include "pipeline/api/result.h"

namespace walbridge::mapping {

struct TableShape {
  struct Column {
    std::int16_t attnum = 0;  // of the source column; 0: none
    // "", or what makes it another column of the same attnum: "ord"; without one: "leaf", the hidden column of a
    // partitioned table, or "mark", a soft delete's.
    std::string role;
    std::string name;
    std::string decl;
    // Everything its stored values depend on: type, encoding, specials, mask, …. Two columns with the same text hold
    // the same value for the same row.
    std::string encoding;
  };
  std::string name;
  std::vector<Column> columns;
  // What on_ddl.drop_column: keep left of columns that the source dropped: nobody writes them any more. Never in
  // shape_of(), but in Alteration::shape.
  std::vector<Column> kept;
  std::vector<std::uint16_t> key;
  bool rowid_key = false;
  std::vector<ComputedColumn> computed;
  std::vector<CacheIndex> indexes;
  std::string rows;  // what decides which rows there are: filter, mode, soft delete
};

TableShape shape_of(const TablePlan& plan);
std::string to_json(const TableShape& shape);
Result<TableShape> shape_from_json(std::string_view json);

}  // namespace walbridge::mapping
