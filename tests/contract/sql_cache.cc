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

void SqlCache::lose_checkpoint(const std::string& stream) {
  require(run("DELETE FROM _walbridge_checkpoint WHERE stream = " + quoted_text(stream)), "lose the checkpoint");
}

void SqlCache::make_strange_table(const std::string& name) {
  require(run("CREATE TABLE " + quote_identifier(name) + " (x INTEGER)"), "make a table");
}

void SqlCache::empty_database() {
  for (const std::string type : {"view", "table"}) {
    const auto names = run("SELECT name FROM sqlite_master WHERE type = " + quoted_text(type) +
                           " AND name NOT GLOB 'sqlite_*' AND name NOT GLOB 'libsql_*' AND name NOT GLOB '__turso*'");
    require(names, "list what is in the database");
    for (const auto& row : *names) {
      const auto name = row.front().substr(2);
      require(run("DROP " + type + " " + quote_identifier(name)), "drop " + name);
    }
  }
}

}  // namespace walbridge::testing
