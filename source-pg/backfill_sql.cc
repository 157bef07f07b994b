#include "source-pg/backfill_sql.h"

#include <algorithm>

namespace walbridge::source_pg {
namespace {

using Quote = std::function<std::string(std::string_view)>;

Error bad_request(const ChunkRequest& request, const std::string& what) {
  return Error{Verdict::Operator, "backfill-request", "copying " + request.table->qualified_name() + ": " + what,
               "report it: the plan and the table's description disagree"};
}

// "('5'::bigint, 'x'::text)"
std::string row_of(const std::vector<const SourceColumn*>& key, const RowKey& values, const Quote& quote) {
  std::string row;
  for (std::size_t i = 0; i < key.size(); ++i)
    row += (i == 0 ? "" : ", ") + quote(values[i]) + "::" + key[i]->type->sql;
  return "(" + row + ")";
}

std::string names(const std::vector<const SourceColumn*>& columns) {
  std::string list;
  for (const auto* column : columns) list += (list.empty() ? "" : ", ") + quote_name(column->name);
  return list;
}

Result<std::vector<const SourceColumn*>> find_columns(const ChunkRequest& request,
                                                      const std::vector<std::string>& wanted) {
  std::vector<const SourceColumn*> found;
  for (const auto& name : wanted) {
    const auto& columns = request.table->columns;
    const auto column =
        std::find_if(columns.begin(), columns.end(), [&](const auto& each) { return each.name == name; });
    if (column == columns.end()) return bad_request(request, "it has no column " + name);
    found.push_back(&*column);
  }
  return found;
}

// IN (VALUES …) and not a list: the planner turns it into one look into the index for each.
std::string condition(const ChunkRequest& request, const std::vector<const SourceColumn*>& key, const Quote& quote) {
  if (!request.only.empty()) {
    std::string rows;
    for (const auto& values : request.only) rows += (rows.empty() ? "" : ", ") + row_of(key, values, quote);
    return " WHERE (" + names(key) + ") IN (VALUES " + rows + ")";
  }
  if (request.after.empty()) return {};
  return " WHERE (" + names(key) + ") > " + row_of(key, request.after, quote);
}

}  // namespace

std::optional<Heap> relation_of(const ChunkRequest& request) {
  const auto& table = *request.table;
  if (request.leaf == 0) return Heap{table.oid, table.schema, table.name};
  for (const auto& leaf : table.leaves) {
    if (leaf.oid == request.leaf) return Heap{leaf.oid, leaf.schema, leaf.name};
  }
  return std::nullopt;
}

Result<std::string> chunk_sql(const ChunkRequest& request, const Quote& quote) {
  WALBRIDGE_TRY_AS(const auto columns, find_columns(request, request.columns));
  WALBRIDGE_TRY_AS(const auto key, find_columns(request, request.key));
  const auto relation = relation_of(request);
  if (!relation) return bad_request(request, "it has no partition " + std::to_string(request.leaf));
  const auto fits = [&](const RowKey& values) { return values.size() == key.size(); };
  if ((!request.after.empty() && !fits(request.after)) ||
      !std::all_of(request.only.begin(), request.only.end(), fits) || (key.empty() && !request.only.empty())) {
    return bad_request(request, "a key of the wrong width");
  }
  const bool all_leaves = request.table->kind == 'p' && request.leaf == 0;
  auto sql = "SELECT " + names(columns) + (columns.empty() ? "" : ", ") + "tableoid FROM " +
             (all_leaves ? "" : "ONLY ") + quote_name(relation->schema, relation->name) +
             condition(request, key, quote);
  if (key.empty()) return sql;
  sql += " ORDER BY " + names(key);
  if (request.only.empty()) sql += " LIMIT " + std::to_string(request.most_rows + 1);
  return sql;
}

}  // namespace walbridge::source_pg
