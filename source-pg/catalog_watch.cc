#include "source-pg/catalog_watch.h"

#include <algorithm>
#include <utility>

#include "pipeline/api/source_json.h"
#include "source-pg/announcement.h"
#include "source-pg/catalog.h"
#include "source-pg/describe_sql.h"

namespace walbridge::source_pg {
namespace {

constexpr const char* kDoing = "looking for changes of the schema";

// The version of every catalog row that a description depends on. Statistics are written in place and change none.
constexpr const char* kFingerprint = R"(
SELECT pg_catalog.md5(pg_catalog.string_agg(x.t, '')) FROM (
  SELECT pg_catalog.md5(pg_catalog.string_agg(q.k, ',' ORDER BY q.k)) AS t FROM (
    SELECT 'c' || c.oid::text || ':' || c.xmin::text AS k FROM pg_catalog.pg_class c WHERE c.oid >= 16384::oid
    UNION ALL SELECT 'a' || a.attrelid::text || '.' || a.attnum::text || ':' || a.xmin::text
      FROM pg_catalog.pg_attribute a WHERE a.attrelid >= 16384::oid AND a.attnum > 0
    UNION ALL SELECT 'i' || i.indexrelid::text || ':' || i.xmin::text
      FROM pg_catalog.pg_index i WHERE i.indexrelid >= 16384::oid
    UNION ALL SELECT 'k' || k.oid::text || ':' || k.xmin::text FROM pg_catalog.pg_constraint k WHERE k.oid >= 16384::oid
    UNION ALL SELECT 'd' || d.oid::text || ':' || d.xmin::text FROM pg_catalog.pg_attrdef d
    UNION ALL SELECT 'h' || h.inhrelid::text || ':' || h.xmin::text FROM pg_catalog.pg_inherits h
    UNION ALL SELECT 't' || t.oid::text || ':' || t.xmin::text FROM pg_catalog.pg_type t WHERE t.oid >= 16384::oid
    UNION ALL SELECT 'e' || e.oid::text || ':' || e.xmin::text FROM pg_catalog.pg_enum e
    UNION ALL SELECT 'n' || n.oid::text || ':' || n.xmin::text FROM pg_catalog.pg_namespace n
    UNION ALL SELECT 's' || s.objoid::text || '.' || s.objsubid::text || ':' || s.xmin::text
      FROM pg_catalog.pg_description s WHERE s.objoid >= 16384::oid) q) x)";

constexpr const char* kHeaps = R"(
SELECT c.oid, c.relfilenode, a.attnum, a.xmin, a.atthasmissing, coalesce(d.oid, 0::oid),
  coalesce(c.relfilenode <> c.oid AND pg_catalog.age(c.xmin) <= pg_catalog.age(s.catalog_xmin), false),
  coalesce(pg_catalog.age(a.xmin) <= pg_catalog.age(s.catalog_xmin), false)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
LEFT JOIN pg_catalog.pg_replication_slots s ON s.slot_name = $1
WHERE c.oid >= 16384::oid AND c.relkind = 'r' AND c.relpersistence <> 't' AND a.attnum > 0 AND NOT a.attisdropped)";

// Ends the look's transaction whatever happens.
class View {
 public:
  explicit View(Connection& connection) : connection_(connection) {}
  View(const View&) = delete;
  View& operator=(const View&) = delete;
  ~View() { static_cast<void>(connection_.execute("ROLLBACK")); }
  Status open() {
    return connection_.execute(std::string("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ") + kDescribeSettings,
                               kDoing);
  }

 private:
  Connection& connection_;
};

std::uint32_t oid_at(const Rows& rows, int row, int column) {
  return static_cast<std::uint32_t>(rows.integer(row, column));
}

void mark_described(std::map<std::uint32_t, HeapVersion>& heaps, const SourceTable& table) {
  const auto mark = [&](std::uint32_t oid) {
    if (const auto heap = heaps.find(oid); heap != heaps.end()) heap->second.described_since = true;
  };
  mark(table.oid);
  for (const auto& leaf : table.leaves) mark(leaf.oid);
}

// Where nobody remembers a description any column may have been known.
std::set<int> columns_of(const std::string& description, const HeapVersion& heap) {
  std::set<int> columns;
  if (const auto known = source_table_from_json(description)) {
    for (const auto& column : known->columns) columns.insert(column.attnum);
  } else {
    for (const auto& [attnum, column] : heap.columns) columns.insert(attnum);
  }
  return columns;
}

// Somebody works on it, or it went: the next look sees what became of it.
bool is_for_later(const Error& error) { return error.code == "55P03" || error.code == "catalog-changed"; }

}  // namespace

bool rewritten(const HeapVersion& before, const HeapVersion& after) {
  if (before.file == after.file) return false;
  if (before.described_since) return true;
  return std::any_of(after.columns.begin(), after.columns.end(), [&](const auto& entry) {
    const auto old = before.columns.find(entry.first);
    if (old == before.columns.end() || old->second.row == entry.second.row) return false;
    const bool only_cleared = old->second.missing && !entry.second.missing && entry.second.default_oid != 0 &&
                              entry.second.default_oid == old->second.default_oid;
    return !only_cleared;
  });
}

bool maybe_rewritten(const HeapVersion& now, const std::set<int>& known_columns) {
  return now.young && std::any_of(now.columns.begin(), now.columns.end(), [&](const auto& entry) {
           return entry.second.young && known_columns.contains(entry.first);
         });
}

Result<CatalogWatch::Look> CatalogWatch::look(Connection& connection, bool may_be_same, const std::string& slot) {
  Look look;
  View view(connection);
  WALBRIDGE_TRY(view.open());
  WALBRIDGE_TRY_AS(const auto fingerprint, connection.query(kFingerprint, kDoing));
  look.fingerprint = fingerprint.string(0, 0);
  look.same = may_be_same && look.fingerprint == fingerprint_;
  if (look.same) return look;
  auto rows = connection.query("SELECT t.d::text FROM (" + describe_sql(kEveryTable) + ") t", kDoing);
  if (!rows) return catalog_error(std::move(rows.error()));
  for (int row = 0; row < rows->size(); ++row) {
    WALBRIDGE_TRY_AS(auto table, source_table_from_json(rows->text(row, 0)));
    look.tables.push_back(std::move(table));
  }
  WALBRIDGE_TRY_AS(const auto heaps, connection.query(kHeaps, {slot}, kDoing));
  for (int row = 0; row < heaps.size(); ++row) {
    HeapVersion& heap = look.heaps[oid_at(heaps, row, 0)];
    heap.file = oid_at(heaps, row, 1);
    heap.young = heaps.flag(row, 6);
    heap.columns[static_cast<int>(heaps.integer(row, 2))] = {heaps.string(row, 3), heaps.flag(row, 4),
                                                             oid_at(heaps, row, 5), heaps.flag(row, 7)};
  }
  return look;
}

bool CatalogWatch::rows_rewritten(const SourceTable& table, const Look& now, const Known& known) const {
  const auto described = known.find(table.oid);
  const auto heap_rewritten = [&](std::uint32_t oid) {
    const auto before = heaps_.find(oid);
    const auto after = now.heaps.find(oid);
    if (after == now.heaps.end()) return false;
    if (before != heaps_.end()) return rewritten(before->second, after->second);
    if (!heaps_.empty() || described == known.end()) return false;
    return maybe_rewritten(after->second, columns_of(described->second, after->second));
  };
  if (table.kind == 'r') return heap_rewritten(table.oid);
  return std::any_of(table.leaves.begin(), table.leaves.end(),
                     [&](const SourceLeaf& leaf) { return heap_rewritten(leaf.oid); });
}

Result<CatalogWatch::Known> CatalogWatch::announce_changes(Connection& connection, const std::string& token,
                                                           Known known, const std::string& slot) {
  WALBRIDGE_TRY_AS(auto now, look(connection, !fingerprint_.empty() && known == said_, slot));
  if (now.same) return known;
  bool settled = true;
  std::vector<std::uint32_t> gone;
  for (const auto& [oid, description] : known) {
    const bool there = std::any_of(now.tables.begin(), now.tables.end(),
                                   [oid = oid](const SourceTable& table) { return table.oid == oid; });
    if (!there) gone.push_back(oid);
  }
  for (const auto& table : now.tables) {
    const bool copy = rows_rewritten(table, now, known);
    const auto before = known.find(table.oid);
    if (!copy && before != known.end() && before->second == table.json) continue;
    auto said = announce_table(connection, token, table.oid, copy);
    if (!said && !is_for_later(said.error())) return std::move(said.error());
    if (!said || !*said || (*said)->json != table.json) settled = false;
    if (said && *said && (*said)->json != table.json) mark_described(now.heaps, table);
    if (said && *said) known[(*said)->oid] = std::move((*said)->json);
    if (said && !*said) known.erase(table.oid);
    if (!said) {  // as if not looked at
      for (const auto& leaf : table.leaves) now.heaps.erase(leaf.oid);
      now.heaps.erase(table.oid);
    }
  }
  if (!gone.empty()) WALBRIDGE_TRY(announce_gone(connection, token, gone));
  for (const auto oid : gone) known.erase(oid);
  for (auto& [oid, heap] : heaps_) now.heaps.try_emplace(oid, std::move(heap));
  heaps_ = std::move(now.heaps);
  fingerprint_ = settled ? now.fingerprint : std::string();
  said_ = known;
  return known;
}

void CatalogWatch::announced(const SourceTable& table) { mark_described(heaps_, table); }

}  // namespace walbridge::source_pg
