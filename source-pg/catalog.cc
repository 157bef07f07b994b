#include "source-pg/catalog.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <unordered_map>

#include "source-pg/type_catalog.h"

namespace walbridge::source_pg {
namespace {

// cloud_admin is the owner of what Neon itself keeps in a user's database.
constexpr const char* kRelations = R"(
SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence, c.relreplident, c.relispartition,
       CASE WHEN c.relispartition THEN (SELECT i.inhparent FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid) END,
       c.relkind = 'r' AND c.relhassubclass AND EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid),
       c.reltuples, CASE WHEN c.relkind = 'r' THEN pg_catalog.pg_relation_size(c.oid) ELSE 0 END
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE (c.relkind IN ('r', 'p') OR (c.relkind = 'f' AND c.relispartition)) AND c.relpersistence <> 't'
  AND NOT pg_catalog.starts_with(n.nspname::text, 'pg_')
  AND n.nspname NOT IN ('information_schema', 'neon', 'neon_migration', 'walbridge')
  AND pg_catalog.pg_get_userbyid(c.relowner) <> 'cloud_admin'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C")";

// A NOT NULL that was added NOT VALID (18) promises nothing about the rows that are there.
constexpr const char* kColumns = R"(
SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, pg_catalog.format_type(a.atttypid, a.atttypmod),
       a.attnotnull AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = a.attrelid
                                    AND k.contype = 'n' AND NOT k.convalidated AND a.attnum = ANY (k.conkey)),
       a.attgenerated <> '', coalesce(l.collisdeterministic, true)
FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
WHERE a.attrelid = ANY($1::pg_catalog.oid[]) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum)";

constexpr const char* kIndexes = R"(
SELECT i.indrelid, c.relname, m.amname, i.indisprimary, i.indisunique, i.indimmediate, i.indpred IS NOT NULL,
       i.indisreplident, i.indnkeyatts, i.indkey::pg_catalog.text, i.indoption::pg_catalog.text
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_am m ON m.oid = c.relam
WHERE i.indrelid = ANY($1::pg_catalog.oid[]) AND i.indisvalid AND i.indislive
ORDER BY i.indrelid, i.indisprimary DESC, c.relname COLLATE "C")";

constexpr int kDescending = 1;  // INDOPTION_DESC

struct FoundRelation {
  SourceTable table;
  bool partition = false;
  std::uint32_t parent = 0;
};

// One consistent view of the catalog for all queries; rolls back whatever happens.
class CatalogView {
 public:
  explicit CatalogView(Connection& connection) : connection_(connection) {}
  CatalogView(const CatalogView&) = delete;
  CatalogView& operator=(const CatalogView&) = delete;
  ~CatalogView() {
    if (open_) static_cast<void>(connection_.execute("ROLLBACK"));
  }
  Status open() {
    WALBRIDGE_TRY(connection_.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "reading the catalog"));
    open_ = true;
    return Done{};
  }

 private:
  Connection& connection_;
  bool open_ = false;
};

std::uint32_t oid_at(const Rows& rows, int row, int column) {
  return static_cast<std::uint32_t>(rows.integer(row, column));
}

// "1 0 3", as int2vector prints.
std::vector<std::int16_t> numbers_of(std::string_view text) {
  std::vector<std::int16_t> numbers;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    std::int16_t number = 0;
    at = std::from_chars(at, end, number).ptr + 1;
    numbers.push_back(number);
  }
  return numbers;
}

Result<std::vector<FoundRelation>> read_relations(Connection& connection) {
  WALBRIDGE_TRY_AS(const auto rows, connection.query(kRelations, "reading tables"));
  std::vector<FoundRelation> relations;
  relations.reserve(static_cast<std::size_t>(rows.size()));
  for (int row = 0; row < rows.size(); ++row) {
    FoundRelation relation;
    auto& table = relation.table;
    table.oid = oid_at(rows, row, 0);
    table.schema = rows.string(row, 1);
    table.name = rows.string(row, 2);
    table.kind = rows.text(row, 3).front();
    table.persistence = rows.text(row, 4).front();
    table.replica_identity = static_cast<ReplicaIdentity>(rows.text(row, 5).front());
    relation.partition = rows.flag(row, 6);
    relation.parent = oid_at(rows, row, 7);
    table.has_children = rows.flag(row, 8);
    table.estimated_rows = rows.real(row, 9);
    table.bytes = static_cast<std::uint64_t>(rows.integer(row, 10));
    relations.push_back(std::move(relation));
  }
  return relations;
}

// What its leaves are, the root is: they hold the rows, and the stream names them.
void fold_leaf(SourceTable& root, const SourceTable& leaf) {
  const bool first = root.leaves.empty();
  root.leaves.push_back({leaf.oid, leaf.schema, leaf.name});
  if (leaf.persistence == 'u') root.persistence = 'u';
  if (first) {
    root.replica_identity = leaf.replica_identity;
    root.estimated_rows = leaf.estimated_rows;
  } else {
    // Leaves that disagree: the weakest promise, a key, is what all of them can keep; preflight looks at each.
    if (root.replica_identity != leaf.replica_identity) root.replica_identity = ReplicaIdentity::Default;
    root.estimated_rows =
        root.estimated_rows < 0 || leaf.estimated_rows < 0 ? -1 : root.estimated_rows + leaf.estimated_rows;
  }
  root.bytes += leaf.bytes;
}

std::vector<SourceTable> fold_partitions(std::vector<FoundRelation> relations) {
  std::unordered_map<std::uint32_t, std::size_t> position;
  for (std::size_t i = 0; i < relations.size(); ++i) position.emplace(relations[i].table.oid, i);
  for (const auto& relation : relations) {
    if (!relation.partition || relation.table.kind == 'p') continue;
    const FoundRelation* root = &relation;
    while (root->partition) {
      const auto parent = position.find(root->parent);
      if (parent == position.end()) break;
      root = &relations[parent->second];
    }
    if (!root->partition) fold_leaf(relations[position.at(root->table.oid)].table, relation.table);
  }
  std::vector<SourceTable> tables;
  for (auto& relation : relations) {
    if (!relation.partition) tables.push_back(std::move(relation.table));
  }
  return tables;
}

using Positions = std::unordered_map<std::uint32_t, SourceTable*>;

Status read_columns(Connection& connection, const std::string& oids, const Positions& tables) {
  WALBRIDGE_TRY_AS(const auto rows, connection.query(kColumns, {oids}, "reading columns"));
  std::vector<std::uint32_t> type_oids;
  for (int row = 0; row < rows.size(); ++row) type_oids.push_back(oid_at(rows, row, 3));
  std::sort(type_oids.begin(), type_oids.end());
  type_oids.erase(std::unique(type_oids.begin(), type_oids.end()), type_oids.end());
  WALBRIDGE_TRY_AS(auto types, TypeCatalog::read(connection, type_oids));

  for (int row = 0; row < rows.size(); ++row) {
    auto& table = *tables.at(oid_at(rows, row, 0));
    SourceColumn column;
    column.attnum = static_cast<std::int16_t>(rows.integer(row, 1));
    column.name = rows.string(row, 2);
    column.type =
        types.resolve(oid_at(rows, row, 3), static_cast<std::int32_t>(rows.integer(row, 4)), rows.string(row, 5));
    if (!column.type) {
      return Error{Verdict::Retry, "catalog-changed",
                   "the type of " + table.qualified_name() + "." + column.name + " changed while the catalog was read",
                   ""};
    }
    column.not_null = rows.flag(row, 6);
    column.generated = rows.flag(row, 7);
    column.deterministic_collation = rows.flag(row, 8);
    table.columns.push_back(std::move(column));
  }
  return Done{};
}

Status read_indexes(Connection& connection, const std::string& oids, const Positions& tables) {
  WALBRIDGE_TRY_AS(const auto rows, connection.query(kIndexes, {oids}, "reading indexes"));
  for (int row = 0; row < rows.size(); ++row) {
    SourceIndex index;
    index.name = rows.string(row, 1);
    index.method = rows.string(row, 2);
    index.primary = rows.flag(row, 3);
    index.unique = rows.flag(row, 4);
    index.immediate = rows.flag(row, 5);
    index.partial = rows.flag(row, 6);
    index.replica_identity = rows.flag(row, 7);
    const auto key_columns = static_cast<std::size_t>(rows.integer(row, 8));
    const auto attnums = numbers_of(rows.text(row, 9));
    const auto options = numbers_of(rows.text(row, 10));
    for (std::size_t i = 0; i < attnums.size(); ++i) {
      if (i >= key_columns) {
        index.included.push_back(attnums[i]);
      } else {
        index.key.push_back({attnums[i], i < options.size() && (options[i] & kDescending) != 0});
      }
    }
    tables.at(oid_at(rows, row, 0))->indexes.push_back(std::move(index));
  }
  return Done{};
}

}  // namespace

Result<std::vector<SourceTable>> describe_tables(Connection& connection) {
  CatalogView view(connection);
  WALBRIDGE_TRY(view.open());
  WALBRIDGE_TRY_AS(auto relations, read_relations(connection));
  auto tables = fold_partitions(std::move(relations));
  Positions positions;
  std::vector<std::uint32_t> oids;
  for (auto& table : tables) {
    positions.emplace(table.oid, &table);
    oids.push_back(table.oid);
  }
  if (tables.empty()) return tables;
  const auto list = oid_array(oids);
  WALBRIDGE_TRY(read_columns(connection, list, positions));
  WALBRIDGE_TRY(read_indexes(connection, list, positions));
  return tables;
}

}  // namespace walbridge::source_pg
