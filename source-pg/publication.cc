#include "source-pg/publication.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "source-pg/oid_array.h"

namespace walbridge::source_pg {
namespace {

constexpr std::string_view kComment = "created by walbridge";
constexpr std::string_view kFilters = "; filters";
constexpr std::size_t kNamesInMessage = 5;
constexpr std::size_t kLongestName = 63;

constexpr const char* kPublication =
    "SELECT p.puballtables, p.pubviaroot, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate, "
    "pg_catalog.obj_description(p.oid, 'pg_publication') FROM pg_catalog.pg_publication p WHERE p.pubname = $1";

// The view resolves FOR ALL TABLES and FOR TABLES IN SCHEMA.
constexpr const char* kPublished =
    "SELECT c.oid FROM pg_catalog.pg_publication_tables t JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname "
    "JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename WHERE t.pubname = $1";

// The stored tree, because the expression as SQL changes with every renamed column.
constexpr const char* kFiltered =
    "SELECT c.oid, n.nspname || '.' || c.relname, r.prqual::pg_catalog.text, r.prqual IS NOT NULL, r.prattrs IS NOT "
    "NULL "
    "FROM pg_catalog.pg_publication p "
    "JOIN pg_catalog.pg_publication_rel r ON r.prpubid = p.oid JOIN pg_catalog.pg_class c ON c.oid = r.prrelid "
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE p.pubname = $1 AND (r.prqual IS NOT NULL OR r.prattrs IS NOT NULL) ORDER BY 2";

std::string names_of(const std::vector<Heap>& heaps) {
  std::string names;
  for (std::size_t i = 0; i < heaps.size() && i < kNamesInMessage; ++i)
    names += (i == 0 ? "" : ", ") + heaps[i].qualified_name();
  if (heaps.size() > kNamesInMessage) names += " and " + std::to_string(heaps.size() - kNamesInMessage) + " more";
  return names;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::string table_list(const std::vector<Heap>& heaps) {
  std::string list;
  for (const auto& heap : heaps) {
    // ONLY: inheritance children are tables of their own.
    list += (list.empty() ? "ONLY " : ", ONLY ") + quote_name(heap.schema, heap.name);
  }
  return list;
}

// Takes "16385:0123…:4567…" from the front of `text`.
bool take_filter(std::string_view& text, PublicationNote& note) {
  std::uint32_t oid = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), oid);
  if (failure != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (!text.starts_with(':')) return false;
  text.remove_prefix(1);
  const auto word = text.substr(0, text.find_first_of(" ;"));
  const auto middle = word.find(':');
  if (middle == std::string_view::npos) return false;
  note.filters[oid] = {std::string(word.substr(0, middle)), std::string(word.substr(middle + 1))};
  text.remove_prefix(word.size());
  return true;
}

bool is_ours(const PublicationState& state, std::uint32_t heap, const std::string& placed) {
  const auto found = state.note.filters.find(heap);
  return found != state.note.filters.end() && found->second.placed == placed;
}

// Kinds of change that the publication is to carry and does not.
std::vector<std::string> lacking_operations(const PublicationState& state, bool append) {
  auto lacking = state.not_published;
  if (append)
    std::erase_if(lacking, [](const auto& operation) { return operation == "update" || operation == "delete"; });
  return lacking;
}

void add_whole(const PublicationState& state, bool append, std::unordered_set<std::uint32_t>& heaps) {
  if (!lacking_operations(state, append).empty()) return;
  for (const auto heap : state.heaps) {
    if (!is_narrowed(state, heap)) heaps.insert(heap);
  }
}

Result<PublicationState> read_one(Connection& connection, const std::string& name) {
  const std::string doing = "reading publication " + name;
  PublicationState state;
  WALBRIDGE_TRY_AS(const auto rows, connection.query(kPublication, {name}, doing));
  state.exists = rows.size() > 0;
  if (!state.exists) return state;
  state.all_tables = rows.flag(0, 0);
  state.via_root = rows.flag(0, 1);
  constexpr const char* kOperations[] = {"insert", "update", "delete", "truncate"};
  for (int i = 0; i < 4; ++i) {
    if (!rows.flag(0, 2 + i)) state.not_published.emplace_back(kOperations[i]);
  }
  state.note = parse_note(rows.text(0, 6));
  state.ours = state.note.ours;
  WALBRIDGE_TRY_AS(const auto published, connection.query(kPublished, {name}, doing));
  for (int row = 0; row < published.size(); ++row)
    state.heaps.push_back(static_cast<std::uint32_t>(published.integer(row, 0)));
  if (connection.server_version() >= kFirstWithFilters) {
    WALBRIDGE_TRY_AS(const auto filtered, connection.query(kFiltered, {name}, doing));
    for (int row = 0; row < filtered.size(); ++row) {
      const auto heap = static_cast<std::uint32_t>(filtered.integer(row, 0));
      if (filtered.flag(row, 3)) state.filters[heap] = {filtered.string(row, 1), fingerprint(filtered.text(row, 2))};
      if (filtered.flag(row, 4)) state.column_lists.insert(heap);
    }
  }
  return state;
}

// The problem of one of the two publications, `heaps` being what belongs into it.
std::string problem_of(const PublicationState& state, const std::string& name, bool append,
                       const std::vector<Heap>& heaps, bool partitions, std::string& fix) {
  if (!state.exists) {
    fix = create_publication_sql(name, heaps, append);
    return "publication " + name + " does not exist";
  }
  if (const auto lacking = lacking_operations(state, append); !lacking.empty()) {
    fix = "ALTER PUBLICATION " + quote_name(name) + " SET (publish = '" +
          (append ? "insert, truncate" : "insert, update, delete, truncate") + "')";
    return "publication " + name + " does not publish " + joined(lacking);
  }
  if (state.via_root && partitions) {
    fix = "ALTER PUBLICATION " + quote_name(name) + " SET (publish_via_partition_root = false)";
    return "publication " + name + " publishes partitions as their root, which loses TRUNCATE of a partition";
  }
  std::vector<std::string> foreign;
  for (const auto& [heap, filter] : state.filters) {
    if (!is_ours(state, heap, filter.placed)) foreign.push_back(filter.table);
  }
  if (!foreign.empty()) {
    fix = "publish these tables without WHERE; filter columns and tables in walbridge's own rules";
    return "publication " + name + " filters rows of " + joined(foreign) + ", which a snapshot cannot repeat";
  }
  const std::unordered_set<std::uint32_t> published(state.heaps.begin(), state.heaps.end());
  auto missing = heaps;
  std::erase_if(missing, [&](const Heap& heap) { return published.contains(heap.oid); });
  if (missing.empty()) return {};
  fix = add_tables_sql(name, missing);
  return "publication " + name + " lacks " + names_of(missing);
}

}  // namespace

std::vector<Heap> heaps_of(const SourceTable& table) {
  std::vector<Heap> heaps;
  if (table.kind != 'p') heaps.push_back({table.oid, table.schema, table.name});
  for (const auto& leaf : table.leaves) heaps.push_back({leaf.oid, leaf.schema, leaf.name});
  return heaps;
}

std::vector<Heap> heaps_of(std::span<const SourceTable* const> tables) {
  std::vector<Heap> heaps;
  for (const auto* table : tables) {
    auto more = heaps_of(*table);
    heaps.insert(heaps.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
  return heaps;
}

std::string append_publication_name(const std::string& name) {
  constexpr std::string_view kSuffix = "_append";
  return name.substr(0, kLongestName - kSuffix.size()) + std::string(kSuffix);
}

bool has_usable_identity(const SourceTable& table) {
  const auto any = [&](const auto& fits) { return std::any_of(table.indexes.begin(), table.indexes.end(), fits); };
  switch (table.replica_identity) {
    case ReplicaIdentity::Full:
      return true;
    case ReplicaIdentity::Nothing:
      return false;
    case ReplicaIdentity::Index:
      return any([](const SourceIndex& index) { return index.replica_identity && index.immediate; });
    case ReplicaIdentity::Default:
      return any([](const SourceIndex& index) { return index.primary && index.immediate; });
  }
  return false;
}

// FNV-1a: told apart is what changed by accident, not what somebody forged.
std::string fingerprint(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return fmt::format("{:016x}", hash);
}

// "created by walbridge for slot shop; filters 16385:0123…:4567… 16390:…"
PublicationNote parse_note(std::string_view comment) {
  PublicationNote note;
  note.ours = comment.starts_with(kComment);
  if (!note.ours) return note;
  if (const auto at = comment.find(kFilters); at != std::string_view::npos) {
    auto rest = comment.substr(at + kFilters.size());
    while (rest.starts_with(' ')) {
      rest.remove_prefix(1);
      if (!take_filter(rest, note)) break;
    }
  }
  return note;
}

std::string to_comment(const PublicationNote& note, const std::string& slot) {
  auto comment = std::string(kComment) + " for slot " + slot;
  if (!note.filters.empty()) comment += kFilters;
  for (const auto& [heap, filter] : note.filters)
    comment += fmt::format(" {}:{}:{}", heap, filter.wanted, filter.placed);
  return comment;
}

Result<PublicationState> read_publication(Connection& connection, const std::string& name) {
  WALBRIDGE_TRY_AS(auto state, read_one(connection, name));
  WALBRIDGE_TRY_AS(auto append, read_one(connection, append_publication_name(name)));
  if (append.exists) state.append = std::make_shared<const PublicationState>(std::move(append));
  return state;
}

bool is_narrowed(const PublicationState& state, std::uint32_t heap) {
  // Whoever made a publication may list columns in it; we never do.
  if (state.ours && state.column_lists.contains(heap)) return true;
  const auto filter = state.filters.find(heap);
  return filter != state.filters.end() && !is_ours(state, heap, filter->second.placed);
}

std::string publication_problem(const PublicationState& state, const std::string& name,
                                std::span<const PublishedTable> tables, std::string& fix) {
  std::vector<Heap> heaps[2];
  bool partitions = false;
  for (const auto& table : tables) {
    auto& into = heaps[belongs_to_append(table) ? 1 : 0];
    auto more = heaps_of(*table.table);
    into.insert(into.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    partitions = partitions || table.table->kind == 'p';
  }
  if (auto problem = problem_of(state, name, false, heaps[0], partitions, fix); !problem.empty()) return problem;
  if (heaps[1].empty()) return {};
  return problem_of(state.append ? *state.append : PublicationState{}, append_publication_name(name), true, heaps[1],
                    partitions, fix);
}

std::string create_publication_sql(const std::string& name, const std::vector<Heap>& heaps, bool append) {
  return "CREATE PUBLICATION " + quote_name(name) + (heaps.empty() ? "" : " FOR TABLE " + table_list(heaps)) +
         " WITH (" + (append ? "publish = 'insert, truncate', " : "") + "publish_via_partition_root = false)";
}

std::string add_tables_sql(const std::string& name, const std::vector<Heap>& heaps) {
  return "ALTER PUBLICATION " + quote_name(name) + " ADD TABLE " + table_list(heaps);
}

Result<std::vector<std::uint32_t>> unpublished(Connection& connection, const config::Source& source,
                                               std::span<const SourceTable* const> tables) {
  WALBRIDGE_TRY_AS(const auto state, read_publication(connection, source.publication));
  std::unordered_set<std::uint32_t> published;
  add_whole(state, false, published);
  if (state.append) add_whole(*state.append, true, published);
  std::unordered_map<std::uint32_t, std::uint32_t> table_of;  // by heap
  std::vector<std::uint32_t> missing;
  for (const auto* table : tables) {
    for (const auto& heap : heaps_of(*table)) {
      if (published.contains(heap.oid) || !table_of.emplace(heap.oid, table->oid).second) continue;
      missing.push_back(heap.oid);
    }
  }
  if (missing.empty()) return missing;
  WALBRIDGE_TRY_AS(const auto rows,
                   connection.query("SELECT c.oid FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'p') AND "
                                    "c.oid = ANY($1::pg_catalog.oid[])",
                                    {oid_array(missing)}, "reading publication " + source.publication));
  std::set<std::uint32_t> found;
  for (int row = 0; row < rows.size(); ++row)
    found.insert(table_of.at(static_cast<std::uint32_t>(rows.integer(row, 0))));
  return std::vector<std::uint32_t>(found.begin(), found.end());
}

Status verify_publication(Connection& connection, const config::Source& source,
                          std::span<const PublishedTable> tables) {
  WALBRIDGE_TRY_AS(const auto state, read_publication(connection, source.publication));
  std::string fix;
  const auto problem = publication_problem(state, source.publication, tables, fix);
  if (problem.empty()) return Done{};
  return Error{Verdict::Gap, "publication", problem + ", so changes may have been left out of the stream",
               fix + "; then run `walbridge destroy --caches`, then `walbridge run` to copy everything again"};
}

}  // namespace walbridge::source_pg
