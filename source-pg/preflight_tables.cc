#include <unordered_map>
#include <unordered_set>

#include "source-pg/oid_array.h"
#include "source-pg/preflight.h"
#include "source-pg/publication.h"

namespace walbridge::source_pg {
namespace {

using Severity = Finding::Severity;

// One row per heap, because privileges, identity and persistence are each partition's own. The usable index: as
// RelationGetReplicaIndex() finds it; without one the source's own UPDATE and DELETE fail once the table is published.
constexpr const char* kHeaps = R"(
SELECT c.oid, c.relkind, c.relpersistence, c.relreplident,
       EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisvalid AND i.indimmediate
               AND ((c.relreplident = 'd' AND i.indisprimary) OR (c.relreplident = 'i' AND i.indisreplident))),
       EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND NOT i.indimmediate),
       pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE'),
       pg_catalog.has_table_privilege(c.oid, 'SELECT'),
       pg_catalog.row_security_active(c.oid),
       pg_catalog.pg_has_role(c.relowner, 'USAGE'),
       pg_catalog.pg_get_userbyid(c.relowner), current_user,
       (SELECT k.relname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class k ON k.oid = i.indexrelid
        WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attnotnull
                          AND a.attnum = ANY ((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1]))
        ORDER BY k.relname LIMIT 1),
       pg_catalog.current_setting('server_version_num')::pg_catalog.int4 >= 180000
         AND EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attgenerated <> '' AND NOT a.attisdropped),
       coalesce((SELECT o.rolsuper FROM pg_catalog.pg_roles o WHERE o.oid = c.relowner), false)
FROM pg_catalog.pg_class c WHERE c.oid = ANY($1::pg_catalog.oid[]))";

enum Column {
  kOid,
  kKind,
  kPersistence,
  kIdentity,
  kUsable,
  kDeferrable,
  kSchemaUsage,
  kSelect,
  kRowSecurity,
  kOwns,
  kOwner,
  kUser,
  kUniqueIndex,
  kUnpublishedGenerated,
  kOwnerIsSuperuser
};

struct HeapCheck {
  const Rows& rows;
  int row;
  Heap heap;
  std::vector<Finding>& findings;

  std::string quoted() const { return quote_name(heap.schema, heap.name); }
  std::string user() const { return quote_name(rows.text(row, kUser)); }
  bool flag(Column column) const { return rows.flag(row, column); }
  char letter(Column column) const { return rows.text(row, column).front(); }
  void add(Severity severity, std::string code, std::string message, std::string fix) const {
    findings.push_back({severity, std::move(code), heap.qualified_name(), std::move(message), std::move(fix)});
  }
};

void check_identity(const HeapCheck& check) {
  const char identity = check.letter(kIdentity);
  // 18 refuses what earlier versions let pass: "Replica identity must not contain unpublished generated columns".
  if (identity == 'f' && check.flag(kUnpublishedGenerated)) {
    check.add(Severity::Error, "generated-identity",
              "has REPLICA IDENTITY FULL and a generated column: once published, the source's own UPDATE and DELETE on "
              "it fail",
              "ALTER TABLE " + check.quoted() + " REPLICA IDENTITY DEFAULT (with a primary key), or exclude the table");
    return;
  }
  if (identity == 'f' || check.flag(kUsable)) return;
  std::string why = "has no primary key";
  if (identity == 'n') why = "has REPLICA IDENTITY NOTHING";
  if (identity == 'i') why = "has lost the index of its REPLICA IDENTITY";
  if (identity == 'd' && check.flag(kDeferrable)) why = "has a deferrable primary key, which cannot identify rows";
  const auto index = check.rows.string(check.row, kUniqueIndex);
  const auto use = index.empty() ? std::string("FULL") : "USING INDEX " + quote_name(index);
  check.add(
      Severity::Error, "replica-identity", why + ": once published, the source's own UPDATE and DELETE on it fail",
      "ALTER TABLE " + check.quoted() + " REPLICA IDENTITY " + use + " (or add a primary key, or exclude the table)");
}

void check_owner(const HeapCheck& check) {
  const auto owner = quote_name(check.rows.text(check.row, kOwner));
  const std::string otherwise = "let " + owner + " create the publication and set source.publication.create: false)";
  if (!check.flag(kOwnerIsSuperuser)) {
    check.add(Severity::Error, "owner", "only its owner " + owner + " may add it to a publication",
              "GRANT " + owner + " TO " + check.user() + " (or " + otherwise);
    return;
  }
  // Nobody should make a superuser of the bridge for this.
  check.add(Severity::Error, "owner", "only its owner, the superuser " + owner + ", may add it to a publication",
            "ALTER TABLE " + check.quoted() + " OWNER TO " + check.user() +
                " (or to the application's role, and GRANT that to " + check.user() + "; or " + otherwise);
}

void check_access(const HeapCheck& check, bool must_own) {
  if (!check.flag(kSchemaUsage)) {
    check.add(Severity::Error, "privilege", "the role may not use schema " + check.heap.schema,
              "GRANT USAGE ON SCHEMA " + quote_name(check.heap.schema) + " TO " + check.user());
  }
  if (!check.flag(kSelect)) {
    check.add(Severity::Error, "privilege", "the role may not read it",
              "GRANT SELECT ON " + check.quoted() + " TO " + check.user());
  }
  if (check.flag(kRowSecurity)) {
    check.add(Severity::Error, "row-security",
              "row security hides rows from the role, so a snapshot would not be complete",
              "ALTER ROLE " + check.user() + " BYPASSRLS");
  }
  if (must_own && !check.flag(kOwns)) check_owner(check);
}

void check_kind(const HeapCheck& check) {
  if (check.letter(kPersistence) == 'u') {
    check.add(Severity::Error, "unlogged", "is unlogged: its changes are not in the log",
              "ALTER TABLE " + check.quoted() + " SET LOGGED (or exclude it)");
  }
  if (check.letter(kKind) == 'f') {
    check.add(Severity::Error, "foreign-partition", "is a foreign table: its changes are not in this server's log",
              "exclude the partitioned table, or detach this partition");
  }
}

void check_columns(const SourceTable& table, std::vector<Finding>& findings) {
  std::string generated;
  std::string first;
  for (const auto& column : table.columns) {
    if (!column.generated) continue;
    if (first.empty()) first = column.name;
    generated += (generated.empty() ? "" : ", ") + column.name;
  }
  if (generated.empty()) return;
  findings.push_back({Severity::Warning, "generated-columns", table.qualified_name(),
                      "generated columns are not in the stream: " + generated +
                          "; the cache computes those whose expression means the same in SQLite, and has no others",
                      "see `walbridge plan` for which; compute another in a rule: { match: " + table.qualified_name() +
                          ", computed: { " + first +
                          ": { type: TEXT, sql: \"…SQLite…\" } } }, or leave it out: omit: [" + first + "]"});
}

// The publication is to be made or changed by us, so the role must own what is added.
bool adds_to_publication(const PublicationState& state, const config::Source& source) {
  return source.create_publication && (!state.exists || (state.ours && !state.all_tables));
}

}  // namespace

std::vector<Finding> preflight_tables(Connection& connection, const config::Source& source,
                                      std::span<const PublishedTable> tables) {
  std::vector<Finding> findings;
  const auto publication = read_publication(connection, source.publication);
  if (!publication) return {finding_of(publication.error())};
  const bool adds = adds_to_publication(*publication, source);

  std::unordered_map<std::uint32_t, Heap> heaps;
  std::vector<std::uint32_t> oids;
  std::unordered_set<std::uint32_t> inserts_only;
  for (const auto& table : tables) {
    for (auto& heap : heaps_of(*table.table)) {
      oids.push_back(heap.oid);
      if (belongs_to_append(table)) inserts_only.insert(heap.oid);
      heaps.emplace(heap.oid, std::move(heap));
    }
  }
  const auto rows = connection.query(kHeaps, {oid_array(oids)}, "checking tables");
  if (!rows) return {finding_of(rows.error())};
  for (int row = 0; row < rows->size(); ++row) {
    const auto& heap = heaps.at(static_cast<std::uint32_t>(rows->integer(row, kOid)));
    const HeapCheck check{*rows, row, heap, findings};
    check_kind(check);
    if (!inserts_only.contains(heap.oid)) check_identity(check);
    check_access(check, adds);
  }
  for (const auto& table : tables) check_columns(*table.table, findings);
  if (findings.empty()) {
    findings.push_back(
        {Severity::Ok, "tables", "source", std::to_string(tables.size()) + " tables can be replicated", ""});
  }
  return findings;
}

}  // namespace walbridge::source_pg
