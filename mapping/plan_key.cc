#include "mapping/plan_key.h"

#include <algorithm>

#include <fmt/format.h>

#include "pipeline/api/cache_sql.h"

namespace walbridge::mapping {

namespace {

using Key = std::vector<std::int16_t>;

std::string alter_identity(const SourceTable& source, const char* identity) {
  return fmt::format("ALTER TABLE {}.{} REPLICA IDENTITY {}", quote_identifier(source.schema),
                     quote_identifier(source.name), identity);
}

Error refuse(const char* code, std::string message, std::string remedy) {
  return {Verdict::PoisonRow, code, std::move(message), std::move(remedy)};
}

Key columns_of(const SourceIndex& index) {
  Key key;
  for (const auto& part : index.key) key.push_back(part.attnum);
  return key;
}

bool contains(const Key& key, std::int16_t attnum) { return std::find(key.begin(), key.end(), attnum) != key.end(); }

// A deferrable index lets two rows share a key inside a transaction, which no order of changes survives.
bool proves_rows(const SourceIndex& index) {
  return index.unique && index.immediate && !index.partial && !contains(columns_of(index), 0);
}

const SourceIndex* primary_key(const SourceTable& source) {
  for (const auto& index : source.indexes) {
    if (index.primary && proves_rows(index)) return &index;
  }
  return nullptr;
}

const SourceIndex* identity_index(const SourceTable& source) {
  for (const auto& index : source.indexes) {
    if (index.replica_identity) return &index;
  }
  return nullptr;
}

Result<Key> ruled_key(const SourceTable& source, const TableRules& rules, const Key& identity) {
  const auto name = source.qualified_name();
  Key key;
  for (const auto& wanted : rules.key) {
    const auto column = std::find_if(source.columns.begin(), source.columns.end(),
                                     [&](const SourceColumn& each) { return each.name == wanted; });
    if (column == source.columns.end()) {
      return refuse("bad-key", fmt::format("the key of {} names a column {} that it does not have", name, wanted),
                    "correct `key` in the rule");
    }
    if (!column->not_null) {
      return refuse(
          "bad-key", fmt::format("column {} of {} may be NULL and cannot be part of a key", wanted, name),
          fmt::format("ALTER TABLE {}.{} ALTER COLUMN {} SET NOT NULL, or choose other `key` columns",
                      quote_identifier(source.schema), quote_identifier(source.name), quote_identifier(wanted)));
    }
    if (!contains(identity, column->attnum)) {
      return refuse(
          "bad-key",
          fmt::format("column {} of {} is not in the replica identity, so old rows come without it", wanted, name),
          fmt::format("{}, or choose `key` columns inside the replica identity", alter_identity(source, "FULL")));
    }
    key.push_back(column->attnum);
  }
  const bool unique = std::any_of(source.indexes.begin(), source.indexes.end(), [&](const SourceIndex& index) {
    const auto columns = columns_of(index);
    return proves_rows(index) &&
           std::all_of(columns.begin(), columns.end(), [&](std::int16_t attnum) { return contains(key, attnum); });
  });
  if (!unique) {
    return refuse("bad-key", fmt::format("no unique index of {} proves that its `key` names one row", name),
                  "create a unique index on the key columns, or choose other `key` columns");
  }
  return key;
}

}  // namespace

Status refuse_unlogged(const SourceTable& source) {
  if (source.persistence != 'u') return {};
  return refuse("unlogged", fmt::format("{} is unlogged: its changes are not in the stream", source.qualified_name()),
                "ALTER TABLE ... SET LOGGED, or exclude the table");
}

Result<Key> identity_columns(const SourceTable& source) {
  const auto name = source.qualified_name();
  switch (source.replica_identity) {
    case ReplicaIdentity::Nothing:
      return refuse("no-key", fmt::format("{} has replica identity nothing: updates and deletes name no row", name),
                    fmt::format("{} (or FULL)", alter_identity(source, "DEFAULT")));
    case ReplicaIdentity::Full: {
      Key all;
      for (const auto& column : source.columns) all.push_back(column.attnum);
      return all;
    }
    case ReplicaIdentity::Index:
      if (const auto* index = identity_index(source)) return columns_of(*index);
      return refuse("no-key", fmt::format("the index that was the replica identity of {} is gone", name),
                    fmt::format("{} (or USING INDEX another one)", alter_identity(source, "FULL")));
    case ReplicaIdentity::Default:
      break;
  }
  if (const auto* index = primary_key(source)) return columns_of(*index);
  return refuse("no-key", fmt::format("{} has no primary key that identifies rows at once (none, or deferrable)", name),
                fmt::format("{}, or add a primary key", alter_identity(source, "FULL")));
}

Result<Key> choose_key(const SourceTable& source, const TableRules& rules) {
  if (rules.append) {
    Key all;
    for (const auto& column : source.columns) all.push_back(column.attnum);
    if (!rules.key.empty()) return ruled_key(source, rules, all);
    const auto* primary = primary_key(source);
    return primary != nullptr ? columns_of(*primary) : Key{};
  }
  WALBRIDGE_TRY_AS(Key identity, identity_columns(source));
  if (!rules.key.empty()) return ruled_key(source, rules, identity);
  if (source.replica_identity != ReplicaIdentity::Full) return identity;
  const auto* primary = primary_key(source);
  return primary != nullptr ? columns_of(*primary) : Key{};
}

}  // namespace walbridge::mapping
