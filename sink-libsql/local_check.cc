#include "sink-libsql/local_check.h"

#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "sink-libsql/local_file.h"
#include "sink-libsql/local_load.h"
#include "sink-libsql/sqlite_error.h"

namespace walbridge::sink_libsql {
namespace {

constexpr std::uint64_t kLittleSpace = 256U << 20;

Finding from_error(const std::string& subject, const Error& error) {
  return {Finding::Severity::Error, error.code, subject, error.message, error.remedy};
}

void check_content(const LocalIdentity& cache, const std::string& subject, std::span<const CacheTable* const> tables,
                   std::vector<Finding>& findings) {
  if (::access(cache.path.c_str(), W_OK) != 0) {
    findings.push_back(from_error(subject, file_error(errno, "cache " + cache.path)));
    return;
  }
  auto db = SqliteHandle::open(cache.path, SqliteHandle::Mode::ReadOnly, cache.name);
  const auto state = db ? read_state(**db, cache.stream) : Result<SinkState>(db.error());
  if (!state) {
    findings.push_back(from_error(subject, state.error()));
    return;
  }
  const auto system_tables = (*db)->integer(kSystemTablesExist);
  for (const auto* table : tables) {
    // Without system tables nothing in the file can be ours, and there is no list of owners to ask.
    const auto name_taken = (*db)->integer("SELECT count(*) FROM sqlite_master WHERE lower(name) = lower(?1)",
                                           {SqlValue::text(table->name)});
    if (!name_taken || *name_taken == 0) continue;
    const auto loadable = system_tables && *system_tables > 0
                              ? require_loadable(**db, cache, *table)
                              : Status(table_exists_error(cache, *table, Owner::Stranger));
    if (!loadable) findings.push_back(from_error(subject, loadable.error()));
  }
}

}  // namespace

std::vector<Finding> check_local(const LocalIdentity& cache, const std::string& subject,
                                 std::span<const CacheTable* const> tables) {
  std::vector<Finding> findings;
  if (const auto writable = require_directory(cache.path); !writable) {
    findings.push_back(from_error(subject, writable.error()));
    return findings;
  }
  const auto there = look_at(cache.path);
  if (!there) {
    findings.push_back(from_error(subject, there.error()));
  } else if (*there && !(*there)->regular) {
    findings.push_back(
        {Finding::Severity::Error, "path", subject, cache.path + " is not a file", "give the sink's url another path"});
  } else if (*there && (*there)->bytes > 0) {
    check_content(cache, subject, tables, findings);
  }
  for (const auto* table : tables) {
    if (const auto possible = require_jsonb(*table); !possible)
      findings.push_back(from_error(subject, possible.error()));
  }
  if (const auto free = free_bytes(directory_of(cache.path)); free && *free < kLittleSpace) {
    findings.push_back({Finding::Severity::Warning, "disk-space", subject,
                        fmt::format("{} MiB are free in {}", *free >> 20U, directory_of(cache.path)),
                        "free space, or put the cache on another disk"});
  }
  if (findings.empty()) {
    findings.push_back({Finding::Severity::Ok, "cache", subject,
                        fmt::format("{} can be written with SQLite {}", cache.path, sqlite3_libversion()), ""});
  }
  return findings;
}

}  // namespace walbridge::sink_libsql
