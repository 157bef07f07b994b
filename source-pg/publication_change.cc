#include "source-pg/publication_change.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "source-pg/lock_holders.h"
#include "source-pg/oid_array.h"
#include "source-pg/publication.h"

namespace walbridge::source_pg {
namespace {

constexpr const char* kLockTimeout = "SET LOCAL lock_timeout = '500ms'";
constexpr int kAttempts = 3;
constexpr auto kPause = std::chrono::milliseconds(200);

// As RelationGetReplicaIndex() finds it.
constexpr const char* kWithoutIdentity = R"(
SELECT n.nspname || '.' || c.relname, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY($1::pg_catalog.oid[]) AND c.relreplident <> 'f'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisvalid AND i.indimmediate
                  AND ((c.relreplident = 'd' AND i.indisprimary) OR (c.relreplident = 'i' AND i.indisreplident)))
ORDER BY 1)";

// Columns that filters of the publication refer to and that the replica identity lacks.
constexpr const char* kUnsafeFilters = R"(
SELECT n.nspname || '.' || c.relname, pg_catalog.string_agg(a.attname, ', ' ORDER BY a.attnum)
FROM pg_catalog.pg_publication p JOIN pg_catalog.pg_publication_rel r ON r.prpubid = p.oid
JOIN pg_catalog.pg_class c ON c.oid = r.prrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_publication_rel'::pg_catalog.regclass AND d.objid = r.oid
  AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = c.oid AND d.refobjsubid > 0
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
WHERE p.pubname = $1 AND p.pubupdate AND r.prqual IS NOT NULL AND c.relreplident <> 'f'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisvalid AND i.indimmediate
                  AND ((c.relreplident = 'd' AND i.indisprimary) OR (c.relreplident = 'i' AND i.indisreplident))
                  AND a.attnum = ANY ((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1]))
GROUP BY 1 ORDER BY 1)";

constexpr const char* kMembers =
    "SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_publication p "
    "JOIN pg_catalog.pg_publication_rel r ON r.prpubid = p.oid JOIN pg_catalog.pg_class c ON c.oid = r.prrelid "
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE p.pubname = $1";

// A heap with the filter it is to have.
struct Wanted {
  Heap heap;
  std::string where;
};

// What is to become of one of the two publications.
struct Target {
  std::string name;
  bool append = false;
  PublicationState now;
  std::vector<Wanted> wanted;
  bool exactly = true;  // otherwise tables are only added
  bool create = false;
};

struct Script {
  std::vector<std::string> statements;
  std::vector<std::uint32_t> added;  // heaps
  std::vector<std::uint32_t> added_with_updates;
};

std::vector<Target> targets_for(const config::Source& source, const PublicationState& state, int server_version,
                                std::span<const PublishedTable> tables) {
  std::vector<Target> targets(2);
  targets[0].name = source.publication;
  targets[0].now = state;
  targets[1].name = append_publication_name(source.publication);
  targets[1].append = true;
  if (state.append) targets[1].now = *state.append;
  for (const auto& table : tables) {
    auto& wanted = targets[belongs_to_append(table) ? 1 : 0].wanted;
    const auto where = server_version >= kFirstWithFilters ? table.where : std::string();
    for (auto& heap : heaps_of(*table.table)) wanted.push_back({std::move(heap), where});
  }
  return targets;
}

bool filter_fits(const Target& target, const Wanted& wanted) {
  if (target.now.column_lists.contains(wanted.heap.oid)) return false;
  const auto placed = target.now.filters.find(wanted.heap.oid);
  if (wanted.where.empty() || placed == target.now.filters.end())
    return wanted.where.empty() && placed == target.now.filters.end();
  const auto note = target.now.note.filters.find(wanted.heap.oid);
  return note != target.now.note.filters.end() && note->second.wanted == fingerprint(wanted.where) &&
         note->second.placed == placed->second.placed;
}

std::string item(const Wanted& wanted) {
  // ONLY: inheritance children are tables of their own.
  return "ONLY " + quote_name(wanted.heap.schema, wanted.heap.name) +
         (wanted.where.empty() ? "" : " WHERE (" + wanted.where + "\n)");  // it may end in a comment
}

void add_list(const std::string& start, const std::vector<std::string>& items, Script& script) {
  if (items.empty()) return;
  std::string list;
  for (const auto& each : items) list += (list.empty() ? "" : ", ") + each;
  script.statements.push_back(start + list);
}

std::string options_sql(const Target& target) {
  return std::string("publish = '") + (target.append ? "insert, truncate" : "insert, update, delete, truncate") +
         "', publish_via_partition_root = false";
}

bool options_fit(const Target& target) {
  const std::size_t expected = target.append ? 2 : 0;  // of an append publication: update and delete, in this order
  const auto& missing = target.now.not_published;
  return !target.now.via_root && missing.size() == expected &&
         (expected == 0 || (missing[0] == "update" && missing[1] == "delete"));
}

// Tables that the publication holds and the plan does not, by name: they may be gone by now.
Status drop_surplus(Connection& connection, const Target& target, std::vector<std::string>& dropped) {
  WALBRIDGE_TRY_AS(const auto rows, connection.query(kMembers, {target.name}, "reading publication " + target.name));
  std::unordered_set<std::uint32_t> keep;
  for (const auto& wanted : target.wanted) keep.insert(wanted.heap.oid);
  for (int row = 0; row < rows.size(); ++row) {
    if (!keep.contains(static_cast<std::uint32_t>(rows.integer(row, 0))))
      dropped.push_back("ONLY " + quote_name(rows.text(row, 1), rows.text(row, 2)));
  }
  return Done{};
}

Status write_script(Connection& connection, const Target& target, Script& script) {
  const auto name = quote_name(target.name);
  if (target.create) {
    script.statements.push_back("CREATE PUBLICATION " + name + " WITH (" + options_sql(target) + ")");
  } else if (target.now.exists && !options_fit(target)) {
    script.statements.push_back("ALTER PUBLICATION " + name + " SET (" + options_sql(target) + ")");
  }
  const std::unordered_set<std::uint32_t> published(target.now.heaps.begin(), target.now.heaps.end());
  std::vector<std::string> dropped;
  std::vector<std::string> added;
  if (target.exactly && target.now.exists) WALBRIDGE_TRY(drop_surplus(connection, target, dropped));
  for (const auto& wanted : target.wanted) {
    const bool member = published.contains(wanted.heap.oid);
    const bool fits = target.exactly ? filter_fits(target, wanted) : !is_narrowed(target.now, wanted.heap.oid);
    if (member && fits) continue;
    if (member) dropped.push_back("ONLY " + quote_name(wanted.heap.schema, wanted.heap.name));
    added.push_back(item(wanted));
    script.added.push_back(wanted.heap.oid);
    if (!target.append) script.added_with_updates.push_back(wanted.heap.oid);
  }
  add_list("ALTER PUBLICATION " + name + " DROP TABLE ", dropped, script);
  add_list("ALTER PUBLICATION " + name + " ADD TABLE ", added, script);
  return Done{};
}

// The application's own UPDATE and DELETE must go on working.
Status refuse_without_identity(Connection& connection, const std::vector<std::uint32_t>& heaps) {
  if (heaps.empty()) return Done{};
  WALBRIDGE_TRY_AS(const auto rows,
                   connection.query(kWithoutIdentity, {oid_array(heaps)}, "reading replica identities"));
  if (rows.size() == 0) return Done{};
  return Error{Verdict::Operator, "replica-identity",
               rows.string(0, 0) +
                   " has no usable replica identity: once published, the source's own UPDATE and DELETE on it fail",
               "ALTER TABLE " + rows.string(0, 1) +
                   " REPLICA IDENTITY FULL (or add a primary key, exclude the table, or set `mode: append` for it)"};
}

Status refuse_unsafe_filters(Connection& connection, const std::string& publication) {
  WALBRIDGE_TRY_AS(const auto rows, connection.query(kUnsafeFilters, {publication}, "checking row filters"));
  if (rows.size() == 0) return Done{};
  return Error{Verdict::Operator, "publication-filter",
               "the row filter of " + rows.string(0, 0) + " refers to columns outside its replica identity (" +
                   rows.string(0, 1) + "): once published, the source's own UPDATE and DELETE on it fail",
               "ALTER TABLE " + rows.string(0, 0) + " REPLICA IDENTITY FULL, or filter by columns of its key"};
}

// After the tables: what the catalog holds now goes into the comment.
Status write_note(Connection& connection, const config::Source& source, const Target& target) {
  WALBRIDGE_TRY_AS(const auto state, read_publication(connection, target.name));
  PublicationNote note{true, {}};
  for (const auto& wanted : target.wanted) {
    const auto heap = wanted.heap.oid;
    const auto placed = state.filters.find(heap);
    if (placed == state.filters.end()) continue;
    const auto known = target.now.note.filters.find(heap);
    if (target.exactly || !target.now.filters.contains(heap) || is_narrowed(target.now, heap)) {
      note.filters[heap] = {fingerprint(wanted.where), placed->second.placed};
    } else if (known != target.now.note.filters.end()) {
      note.filters[heap] = known->second;
    }
  }
  if (!target.exactly) note.filters.insert(target.now.note.filters.begin(), target.now.note.filters.end());
  const auto comment = to_comment(note, source.slot);
  if (target.now.exists && comment == to_comment(target.now.note, source.slot)) return Done{};
  return connection.execute(
      "COMMENT ON PUBLICATION " + quote_name(target.name) + " IS " + connection.quote_literal(comment),
      "changing publication " + target.name);
}

Status change(Connection& connection, const config::Source& source, const std::vector<Target>& targets,
              const Script& script) {
  const auto doing = (targets[0].create ? "creating publication " : "changing publication ") + source.publication;
  WALBRIDGE_TRY(refuse_without_identity(connection, script.added_with_updates));
  for (const auto& statement : script.statements) WALBRIDGE_TRY(connection.execute(statement, doing));
  for (const auto& target : targets) {
    if (!target.create && !target.now.ours) continue;
    if (connection.server_version() >= kFirstWithFilters) WALBRIDGE_TRY(refuse_unsafe_filters(connection, target.name));
    WALBRIDGE_TRY(write_note(connection, source, target));
  }
  return Done{};
}

Status change_together(Connection& connection, const config::Source& source, const std::vector<Target>& targets,
                       const Script& script) {
  const auto doing = "changing publication " + source.publication;
  WALBRIDGE_TRY(connection.execute("BEGIN", doing));
  auto outcome = connection.execute(kLockTimeout, doing);
  if (outcome) outcome = change(connection, source, targets, script);
  if (outcome) return connection.execute("COMMIT", doing);
  static_cast<void>(connection.execute("ROLLBACK"));
  return outcome;
}

Error with_blockers(Connection& connection, Error error, const std::string& publication,
                    const std::vector<std::uint32_t>& heaps) {
  error.message = "changing publication " + publication + ": other transactions hold locks on its tables";
  const auto holders = lock_holders(connection, heaps, kLocksAgainstPublishing);
  if (holders && !holders->empty()) error.message += ": " + names_of(*holders);
  error.remedy = "end those transactions; walbridge tries again";
  return error;
}

Error too_late(const Target& append) {
  return Error{Verdict::Operator, "publication",
               append.wanted.front().heap.qualified_name() + " belongs into publication " + append.name +
                   ", which does not exist and which the slot must not be older than",
               "ALTER TABLE " + quote_name(append.wanted.front().heap.schema, append.wanted.front().heap.name) +
                   " REPLICA IDENTITY FULL, or start over with `walbridge destroy --caches`, then `walbridge run`"};
}

Result<bool> slot_exists(Connection& connection, const std::string& slot) {
  WALBRIDGE_TRY_AS(const auto rows, connection.query("SELECT FROM pg_catalog.pg_replication_slots WHERE slot_name = $1",
                                                     {slot}, "reading slot " + slot));
  return rows.size() > 0;
}

Status refused(const PublicationState& state, const config::Source& source, std::span<const PublishedTable> tables) {
  std::string fix;
  const auto problem = publication_problem(state, source.publication, tables, fix);
  if (problem.empty()) return Done{};
  const std::string why =
      source.create_publication ? "; walbridge did not create it and leaves it alone" : "; publication.create is false";
  return Error{Verdict::Operator, "publication", problem + why, fix};
}

Result<bool> change_publications(Connection& connection, const config::Source& source,
                                 std::span<const PublishedTable> tables, bool exactly) {
  WALBRIDGE_TRY_AS(const auto state, read_publication(connection, source.publication));
  const bool may = source.create_publication && (state.exists ? state.ours && !state.all_tables : exactly);
  if (!may) {
    WALBRIDGE_TRY(refused(state, source, tables));
    return false;
  }
  auto targets = targets_for(source, state, connection.server_version(), tables);
  targets[0].create = !state.exists;
  if (!state.append) {
    targets[1].create = targets[0].create;
    if (!targets[1].create) {
      WALBRIDGE_TRY_AS(const bool late, slot_exists(connection, source.slot));
      if (late && !targets[1].wanted.empty()) return too_late(targets[1]);
      targets[1].create = !late && exactly;
    }
  }
  Script script;
  for (auto& target : targets) {
    target.exactly = exactly;
    if (target.append && state.append && !state.append->ours) continue;
    WALBRIDGE_TRY(write_script(connection, target, script));
  }
  if (!script.statements.empty()) {
    auto outcome = change_together(connection, source, targets, script);
    for (int left = exactly ? kAttempts - 1 : 0; left > 0 && !outcome && outcome.error().code == "55P03"; --left) {
      std::this_thread::sleep_for(kPause);
      outcome = change_together(connection, source, targets, script);
    }
    if (!outcome && outcome.error().code == "55P03")
      return with_blockers(connection, std::move(outcome.error()), source.publication, script.added);
    if (!outcome) return std::move(outcome.error());
  }
  return !script.added.empty();
}

}  // namespace

Status ensure_publication(Connection& connection, const config::Source& source,
                          std::span<const PublishedTable> tables) {
  WALBRIDGE_TRY(change_publications(connection, source, tables, true));
  WALBRIDGE_TRY_AS(const auto state, read_publication(connection, source.publication));
  return refused(state, source, tables);
}

Result<bool> publish_table(Connection& connection, const config::Source& source, const PublishedTable& table) {
  const PublishedTable tables[] = {table};
  return change_publications(connection, source, tables, false);
}

}  // namespace walbridge::source_pg
