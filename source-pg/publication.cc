#include "source-pg/publication.h"

#include <algorithm>
#include <unordered_set>

namespace walbridge::source_pg {
namespace {

constexpr const char* kComment = "created by walbridge";
constexpr std::size_t kNamesInMessage = 5;

constexpr const char* kPublication =
    "SELECT p.puballtables, p.pubviaroot, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate, "
    "pg_catalog.starts_with(coalesce(pg_catalog.obj_description(p.oid, 'pg_publication'), ''), $2) "
    "FROM pg_catalog.pg_publication p WHERE p.pubname = $1";

// The view resolves FOR ALL TABLES and FOR TABLES IN SCHEMA.
constexpr const char* kPublished =
    "SELECT c.oid FROM pg_catalog.pg_publication_tables t JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname "
    "JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename WHERE t.pubname = $1";

// 15 and later have row filters.
constexpr const char* kFiltered =
    "SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_publication p JOIN pg_catalog.pg_publication_rel r ON "
    "r.prpubid = p.oid "
    "JOIN pg_catalog.pg_class c ON c.oid = r.prrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE p.pubname = $1 AND r.prqual IS NOT NULL ORDER BY 1";
constexpr int kFirstWithFilters = 150000;

std::string table_list(const std::vector<Heap>& heaps) {
  std::string list;
  for (const auto& heap : heaps) {
    // ONLY: inheritance children are tables of their own.
    list += (list.empty() ? "ONLY " : ", ONLY ") + quote_name(heap.schema, heap.name);
  }
  return list;
}

std::string names_of(const std::vector<Heap>& heaps) {
  std::string names;
  for (std::size_t i = 0; i < heaps.size() && i < kNamesInMessage; ++i)
    names += (i == 0 ? "" : ", ") + heaps[i].qualified_name();
  if (heaps.size() > kNamesInMessage) names += " and " + std::to_string(heaps.size() - kNamesInMessage) + " more";
  return names;
}

std::vector<Heap> missing_heaps(const PublicationState& state, std::span<const SourceTable* const> tables) {
  const std::unordered_set<std::uint32_t> published(state.heaps.begin(), state.heaps.end());
  auto heaps = heaps_of(tables);
  std::erase_if(heaps, [&](const Heap& heap) { return published.contains(heap.oid); });
  return heaps;
}

bool has_partitions(std::span<const SourceTable* const> tables) {
  return std::any_of(tables.begin(), tables.end(), [](const SourceTable* table) { return table->kind == 'p'; });
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

// Runs all or none.
Status run_together(Connection& connection, const std::vector<std::string>& statements, const std::string& doing) {
  if (statements.empty()) return Done{};
  std::string script;
  for (const auto& statement : statements) script += statement + ";";
  return connection.execute(script, doing);  // one simple query is one transaction
}

// Tables that ours holds and the plan does not, by name: they may be gone by now.
Result<std::vector<Heap>> surplus_heaps(Connection& connection, const std::string& name,
                                        const std::vector<Heap>& wanted) {
  WALBRIDGE_TRY_AS(
      const auto rows,
      connection.query(
          "SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_publication p "
          "JOIN pg_catalog.pg_publication_rel r ON r.prpubid = p.oid JOIN pg_catalog.pg_class c ON c.oid = r.prrelid "
          "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE p.pubname = $1",
          {name}, "reading publication " + name));
  std::unordered_set<std::uint32_t> keep;
  for (const auto& heap : wanted) keep.insert(heap.oid);
  std::vector<Heap> surplus;
  for (int row = 0; row < rows.size(); ++row) {
    const auto oid = static_cast<std::uint32_t>(rows.integer(row, 0));
    if (!keep.contains(oid)) surplus.push_back({oid, rows.string(row, 1), rows.string(row, 2)});
  }
  return surplus;
}

std::string options_sql(const std::string& name) {
  return "ALTER PUBLICATION " + quote_name(name) +
         " SET (publish = 'insert, update, delete, truncate', publish_via_partition_root = false)";
}

Status mend_ours(Connection& connection, const std::string& name, const PublicationState& state,
                 std::span<const SourceTable* const> tables) {
  const auto wanted = heaps_of(tables);
  const std::string doing = "changing publication " + name;
  std::vector<std::string> statements;
  if (!state.not_published.empty() || state.via_root) statements.push_back(options_sql(name));
  WALBRIDGE_TRY_AS(const auto surplus, surplus_heaps(connection, name, wanted));
  if (!surplus.empty())
    statements.push_back("ALTER PUBLICATION " + quote_name(name) + " DROP TABLE " + table_list(surplus));
  const auto missing = missing_heaps(state, tables);
  if (!missing.empty())
    statements.push_back("ALTER PUBLICATION " + quote_name(name) + " ADD TABLE " + table_list(missing));
  return run_together(connection, statements, doing);
}

}  // namespace

std::vector<Heap> heaps_of(std::span<const SourceTable* const> tables) {
  std::vector<Heap> heaps;
  for (const auto* table : tables) {
    if (table->kind != 'p') heaps.push_back({table->oid, table->schema, table->name});
    for (const auto& leaf : table->leaves) heaps.push_back({leaf.oid, leaf.schema, leaf.name});
  }
  return heaps;
}

Result<PublicationState> read_publication(Connection& connection, const std::string& name) {
  const std::string doing = "reading publication " + name;
  PublicationState state;
  WALBRIDGE_TRY_AS(const auto rows, connection.query(kPublication, {name, kComment}, doing));
  state.exists = rows.size() > 0;
  if (!state.exists) return state;
  state.all_tables = rows.flag(0, 0);
  state.via_root = rows.flag(0, 1);
  constexpr const char* kOperations[] = {"insert", "update", "delete", "truncate"};
  for (int i = 0; i < 4; ++i) {
    if (!rows.flag(0, 2 + i)) state.not_published.emplace_back(kOperations[i]);
  }
  state.ours = rows.flag(0, 6);
  WALBRIDGE_TRY_AS(const auto published, connection.query(kPublished, {name}, doing));
  for (int row = 0; row < published.size(); ++row)
    state.heaps.push_back(static_cast<std::uint32_t>(published.integer(row, 0)));
  if (connection.server_version() >= kFirstWithFilters) {
    WALBRIDGE_TRY_AS(const auto filtered, connection.query(kFiltered, {name}, doing));
    for (int row = 0; row < filtered.size(); ++row) state.filtered.push_back(filtered.string(row, 0));
  }
  return state;
}

std::string publication_problem(const PublicationState& state, const std::string& name,
                                std::span<const SourceTable* const> tables, std::string& fix) {
  if (!state.exists) {
    fix = create_publication_sql(name, heaps_of(tables));
    return "publication " + name + " does not exist";
  }
  if (!state.not_published.empty()) {
    fix = "ALTER PUBLICATION " + quote_name(name) + " SET (publish = 'insert, update, delete, truncate')";
    return "publication " + name + " does not publish " + joined(state.not_published);
  }
  if (state.via_root && has_partitions(tables)) {
    fix = "ALTER PUBLICATION " + quote_name(name) + " SET (publish_via_partition_root = false)";
    return "publication " + name + " publishes partitions as their root, which loses TRUNCATE of a partition";
  }
  if (!state.filtered.empty()) {
    fix = "publish these tables without WHERE; filter columns and tables in walbridge's own rules";
    return "publication " + name + " filters rows of " + joined(state.filtered) + ", which a snapshot cannot repeat";
  }
  const auto missing = missing_heaps(state, tables);
  if (missing.empty()) return {};
  fix = "ALTER PUBLICATION " + quote_name(name) + " ADD TABLE " + table_list(missing);
  return "publication " + name + " lacks " + names_of(missing);
}

std::string create_publication_sql(const std::string& name, const std::vector<Heap>& heaps) {
  return "CREATE PUBLICATION " + quote_name(name) + (heaps.empty() ? "" : " FOR TABLE " + table_list(heaps)) +
         " WITH (publish_via_partition_root = false)";
}

Status ensure_publication(Connection& connection, const config::Source& source,
                          std::span<const SourceTable* const> tables) {
  const auto& name = source.publication;
  WALBRIDGE_TRY_AS(const auto state, read_publication(connection, name));
  if (!state.exists && source.create_publication) {
    const auto comment = "COMMENT ON PUBLICATION " + quote_name(name) + " IS " +
                         connection.quote_literal(std::string(kComment) + " for slot " + source.slot);
    return run_together(connection, {create_publication_sql(name, heaps_of(tables)), comment},
                        "creating publication " + name);
  }
  if (state.ours && source.create_publication && !state.all_tables) return mend_ours(connection, name, state, tables);
  std::string fix;
  const auto problem = publication_problem(state, name, tables, fix);
  if (problem.empty()) return Done{};
  const std::string why =
      source.create_publication ? "; walbridge did not create it and leaves it alone" : "; publication.create is false";
  return Error{Verdict::Operator, "publication", problem + why, fix};
}

Status verify_publication(Connection& connection, const config::Source& source,
                          std::span<const SourceTable* const> tables) {
  WALBRIDGE_TRY_AS(const auto state, read_publication(connection, source.publication));
  std::string fix;
  const auto problem = publication_problem(state, source.publication, tables, fix);
  if (problem.empty()) return Done{};
  return Error{Verdict::Gap, "publication", problem + ", so changes may have been left out of the stream",
               fix + "; then run `walbridge destroy --caches`, then `walbridge run` to copy everything again"};
}

}  // namespace walbridge::source_pg
