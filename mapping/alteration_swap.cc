// The end of a copy: the filled table takes the place of the one readers saw.
#include <algorithm>

#include <fmt/format.h>

#include "mapping/alteration.h"
#include "mapping/schema_steps.h"
#include "pipeline/api/cache_sql.h"

namespace walbridge::mapping {

namespace {

const TableShape::Column* find(const TableShape& shape, const TableShape::Column& column) {
  const auto found = std::find_if(shape.columns.begin(), shape.columns.end(), [&](const TableShape::Column& each) {
    return each.attnum == column.attnum && each.role == column.role;
  });
  return found == shape.columns.end() ? nullptr : &*found;
}

const TableShape::Column* mark_of(const TableShape& shape) {
  const auto found =
      std::find_if(shape.columns.begin(), shape.columns.end(), [](const auto& each) { return each.role == "mark"; });
  return found == shape.columns.end() ? nullptr : &*found;
}

// Deleted rows exist nowhere else. Where the values of a column are written in another way now, theirs are lost; where
// that is a column of the key, so is the row.
std::string carry_deleted(const TableShape& before, const TableShape& after, const std::string& filled) {
  const auto* mark = mark_of(before);
  if (mark == nullptr || mark_of(after) == nullptr || before.key.size() != after.key.size()) return {};
  for (std::size_t i = 0; i < after.key.size(); ++i) {
    const auto& key = after.columns[after.key[i]];
    const auto& old = before.columns[before.key[i]];
    if (key.attnum != old.attnum || key.role != old.role || key.encoding != old.encoding) return {};
  }
  std::string columns;
  std::string values;
  for (const auto& column : after.columns) {
    const auto* old = find(before, column);
    if (old == nullptr || old->encoding != column.encoding) {
      if (column.decl.find(" NOT NULL") != std::string::npos) return {};
      continue;
    }
    columns += (columns.empty() ? "" : ", ") + quote_identifier(column.name);
    values += (values.empty() ? "" : ", ") + quote_identifier(old->name);
  }
  return fmt::format("INSERT OR IGNORE INTO {} ({}) SELECT {} FROM {} WHERE {} IS NOT NULL", quote_identifier(filled),
                     columns, values, quote_identifier(before.name), quote_identifier(mark->name));
}

}  // namespace

std::vector<SchemaStep> swap_in(const TableShape* before, const TablePlan& after, const std::string& filled) {
  std::vector<SchemaStep> list;
  const auto& cache = after.cache();
  if (before != nullptr) {
    if (auto deleted = carry_deleted(*before, shape_of(after), filled); !deleted.empty()) {
      list.push_back(steps::execute(filled, std::move(deleted)));
    }
    list.push_back(steps::drop_table(before->name));
  }
  list.push_back(steps::rename_table(filled, cache.name));
  for (const auto& index : cache.indexes) list.push_back(steps::create_index(cache.name, index));
  return list;
}

}  // namespace walbridge::mapping
