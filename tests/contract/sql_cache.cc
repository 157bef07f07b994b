#include "tests/contract/sql_cache.h"

#include <stdexcept>

#include "pipeline/api/cache_sql.h"

namespace walbridge::testing {
namespace {

void require(const std::optional<Rows>& outcome, const std::string& deed) {
  if (!outcome) throw std::runtime_error(deed + " failed");
}

std::string quoted_text(const std::string& text) { return "'" + text + "'"; }  // names without quotes only

}  // namespace

std::optional<Rows> SqlCache::rows(const CacheTable& table) {
  std::string columns;
  for (const auto& column : table.columns) columns += (columns.empty() ? "" : ", ") + quote_identifier(column.name);
  return run("SELECT " + columns + " FROM " + quote_identifier(table.name));
}

void SqlCache::move_stored_commit_lsn(const std::string& stream, std::int64_t commit_lsn) {
  require(run("UPDATE _walbridge_checkpoint SET commit_lsn = " + std::to_string(commit_lsn) +
              " WHERE stream = " + quoted_text(stream)),
          "move the stored commit_lsn");
}

void SqlCache::move_stored_offset(const std::string& stream, std::int64_t offset) {
  require(run("UPDATE _walbridge_checkpoint SET kafka_offset = " + std::to_string(offset) +
              " WHERE stream = " + quoted_text(stream)),
          "move the stored offset");
}

void SqlCache::lose_checkpoint(const std::string& stream) {
  require(run("DELETE FROM _walbridge_checkpoint WHERE stream = " + quoted_text(stream)), "lose the checkpoint");
}

void SqlCache::make_strange_table(const std::string& name) {
  require(run("CREATE TABLE " + quote_identifier(name) + " (x INTEGER)"), "make a table");
}

void SqlCache::make_first_layout() {
  require(
      run("CREATE TABLE old_tables (stream TEXT NOT NULL, source_oid INTEGER NOT NULL, source_name TEXT NOT NULL, "
          "cache_name TEXT NOT NULL, state TEXT NOT NULL, schema_hash TEXT NOT NULL, snapshot_lsn INTEGER NOT NULL, "
          "code TEXT NOT NULL, reason TEXT NOT NULL, stopped_at INTEGER NOT NULL, backfill_frontier TEXT, "
          "PRIMARY KEY (stream, source_oid))"),
      "make the first layout");
  require(run("INSERT INTO old_tables SELECT stream, source_oid, source_name, cache_name, state, schema_hash, "
              "snapshot_lsn, code, reason, stopped_at, NULL FROM _walbridge_tables"),
          "fill the first layout");
  require(run("DROP TABLE _walbridge_tables"), "drop the present layout");
  require(run("ALTER TABLE old_tables RENAME TO _walbridge_tables"), "rename the first layout");
  make_layout_without_kafka();
}

void SqlCache::make_layout_without_kafka() {
  for (const char* column : {"kafka_topic", "kafka_partition", "kafka_offset"}) {
    require(run(std::string("ALTER TABLE _walbridge_checkpoint DROP COLUMN ") + column), "drop a column");
  }
}

void SqlCache::empty_database() {
  // Tables of FTS5 first: their shadows go with them.
  const std::pair<std::string, std::string> kinds[] = {
      {"view", "true"}, {"table", "sql LIKE 'CREATE VIRTUAL%'"}, {"table", "true"}};
  for (const auto& [type, which] : kinds) {
    const auto names = run("SELECT name FROM sqlite_master WHERE type = " + quoted_text(type) + " AND " + which +
                           " AND name NOT GLOB 'sqlite_*' AND name NOT GLOB 'libsql_*' AND name NOT GLOB '__turso*'" +
                           " AND name NOT GLOB '*_shadow'");
    require(names, "list what is in the database");
    for (const auto& row : *names) {
      const auto name = row.front().substr(2);
      require(run("DROP " + type + " " + quote_identifier(name)), "drop " + name);
    }
  }
}

}  // namespace walbridge::testing
