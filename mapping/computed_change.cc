#include "mapping/computed_change.h"

#include <algorithm>

#include "mapping/names.h"
#include "pipeline/api/cache_sql.h"

namespace walbridge::mapping {

namespace {

bool same(const ComputedColumn& a, const ComputedColumn& b) {
  return a.name == b.name && a.decl == b.decl && a.sql == b.sql;
}

// Whether the text may speak of the column. A rule's SQL may write names in any way, so that this says yes too often:
// what is then made anew is the same again.
bool mentions(const std::string& sql, const std::string& column) {
  return fold_name(sql).find(fold_name(column)) != std::string::npos;
}

bool mentions(const CacheIndex& index, const std::string& column) {
  return mentions(index.where, column) || std::any_of(index.parts.begin(), index.parts.end(),
                                                      [&](const std::string& part) { return mentions(part, column); });
}

template <class Thing>
bool mentions_any(const Thing& thing, const std::vector<std::string>& columns) {
  return std::any_of(columns.begin(), columns.end(), [&](const auto& column) { return mentions(thing, column); });
}

CacheIndex renamed(CacheIndex index, const Renames& renames) {
  for (auto& part : index.parts) part = renamed_sql(part, renames);
  index.where = renamed_sql(index.where, renames);
  return index;
}

// SQLite keeps the names inside an FTS5 table or a vector index as they were.
bool follows_renames(const CacheIndex& index) {
  return index.kind == CacheIndex::Kind::Plain || index.kind == CacheIndex::Kind::Unique;
}

}  // namespace

std::string renamed_sql(const std::string& sql, const Renames& renames) {
  std::string result;
  for (std::size_t i = 0; i < sql.size();) {
    const char quote = sql[i];
    if (quote != '"' && quote != '\'') {
      result += sql[i++];
      continue;
    }
    std::string inside;
    std::size_t end = i + 1;
    while (end < sql.size()) {
      if (sql[end] == quote && (end + 1 >= sql.size() || sql[end + 1] != quote)) break;
      inside += sql[end];
      end += sql[end] == quote ? 2U : 1U;
    }
    const auto found = quote == '"' ? renames.find(inside) : renames.end();
    if (found != renames.end()) {
      result += quote_identifier(found->second);
    } else {
      result.append(sql, i, std::min(end + 1, sql.size()) - i);
    }
    i = end + 1;
  }
  return result;
}

DerivedChange derived_change(const TableShape& before, const TableShape& after, const Renames& renames,
                             const std::vector<std::string>& lost) {
  DerivedChange change;
  auto gone = lost;
  std::vector<ComputedColumn> staying;
  for (const auto& old : before.computed) {
    auto moved = old;
    moved.sql = renamed_sql(old.sql, renames);
    const bool wanted = std::any_of(after.computed.begin(), after.computed.end(),
                                    [&](const ComputedColumn& each) { return same(each, moved); });
    if (wanted && !mentions_any(old.sql, gone)) {
      staying.push_back(std::move(moved));
    } else {
      gone.push_back(old.name);
      change.drop_computed.insert(change.drop_computed.begin(), old);
    }
  }
  for (const auto& wanted : after.computed) {
    const bool there =
        std::any_of(staying.begin(), staying.end(), [&](const auto& each) { return same(each, wanted); });
    if (!there) change.add_computed.push_back(wanted);
  }
  const bool table_renamed = before.name != after.name;
  std::vector<CacheIndex> kept;
  for (const auto& old : before.indexes) {
    auto moved = renamed(old, renames);
    const bool follows = follows_renames(old) || (!table_renamed && moved == old);
    const bool wanted = std::find(after.indexes.begin(), after.indexes.end(), moved) != after.indexes.end();
    if (wanted && follows && !mentions_any(old, gone)) {
      kept.push_back(std::move(moved));
    } else {
      change.drop_indexes.push_back(old);
    }
  }
  for (const auto& wanted : after.indexes) {
    if (std::find(kept.begin(), kept.end(), wanted) == kept.end()) change.create_indexes.push_back(wanted);
  }
  return change;
}

}  // namespace walbridge::mapping
