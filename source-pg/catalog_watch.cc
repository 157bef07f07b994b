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
SELECT c.oid, c.relfilenode, a.attnum, a.xmin, a.atthasmissing, coalesce(d.oid, 0::oid)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
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

// Somebody works on it, or it went: the next look sees what became of it.
bool is_for_later(const Error& error) { return error.code == "55P03" || error.code == "catalog-changed"; }

}  // namespace

bool rewritten(const HeapVersion& before, const HeapVersion& after) {
  if (before.file == after.file) return false;
  return std::any_of(after.columns.begin(), after.columns.end(), [&](const auto& entry) {
    const auto old = before.columns.find(entry.first);
    if (old == before.columns.end() || old->second.row == entry.second.row) return false;
    const bool only_cleared = old->second.missing && !entry.second.missing && entry.second.default_oid != 0 &&
                              entry.second.default_oid == old->second.default_oid;
    return !only_cleared;
  });
}

Result<CatalogWatch::Look> CatalogWatch::look(Connection& connection, bool may_be_same) {
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
  WALBRIDGE_TRY_AS(const auto heaps, connection.query(kHeaps, kDoing));
  for (int row = 0; row < heaps.size(); ++row) {
    HeapVersion& heap = look.heaps[oid_at(heaps, row, 0)];
    heap.file = oid_at(heaps, row, 1);
    heap.columns[static_cast<int>(heaps.integer(row, 2))] = {heaps.string(row, 3), heaps.flag(row, 4),
                                                             oid_at(heaps, row, 5)};
  }
  return look;
}

bool CatalogWatch::rows_rewritten(const SourceTable& table, const Look& now) const {
  const auto heap_rewritten = [&](std::uint32_t oid) {
    const auto before = heaps_.find(oid);
    const auto after = now.heaps.find(oid);
    return before != heaps_.end() && after != now.heaps.end() && rewritten(before->second, after->second);
  };
  if (table.kind == 'r') return heap_rewritten(table.oid);
  return std::any_of(table.leaves.begin(), table.leaves.end(),
                     [&](const SourceLeaf& leaf) { return heap_rewritten(leaf.oid); });
}

Result<CatalogWatch::Known> CatalogWatch::announce_changes(Connection& connection, const std::string& token,
                                                           Known known) {
  WALBRIDGE_TRY_AS(auto now, look(connection, !fingerprint_.empty() && known == said_));
  if (now.same) return known;
  bool settled = true;
  std::vector<std::uint32_t> gone;
  for (const auto& [oid, description] : known) {
    const bool there = std::any_of(now.tables.begin(), now.tables.end(),
                                   [oid = oid](const SourceTable& table) { return table.oid == oid; });
    if (!there) gone.push_back(oid);
  }
  for (const auto& table : now.tables) {
    const bool copy = rows_rewritten(table, now);
    const auto before = known.find(table.oid);
    if (!copy && before != known.end() && before->second == table.json) continue;
    auto said = announce_table(connection, token, table.oid, copy);
    if (!said && !is_for_later(said.error())) return std::move(said.error());
    if (!said || !*said || (*said)->json != table.json) settled = false;
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

}  // namespace walbridge::source_pg
