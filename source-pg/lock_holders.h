// The transactions that hold locks on given tables, prepared ones included, as pg_locks shows them. A transaction keeps
// its name there until it is over. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/api/result.h"
#include "source-pg/connection.h"

namespace walbridge::source_pg {

struct LockHolder {
  std::string transaction;  // virtual transaction id; a prepared one keeps that of its session
  std::string who;          // "pid 17 (shop, open for 42 s)", "prepared transaction 'x' (open for 600 s)"
};

// Locks that a transaction which changes rows holds: ROW EXCLUSIVE and stronger. Not SHARE UPDATE EXCLUSIVE and SHARE,
// which VACUUM, ANALYZE and CREATE INDEX take for long and which no change of rows comes with.
inline constexpr const char* kWriteLocks = "{RowExclusiveLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}";
// Locks in the way of ALTER PUBLICATION … ADD TABLE, which takes SHARE UPDATE EXCLUSIVE. Rows may be changed meanwhile.
inline constexpr const char* kLocksAgainstPublishing =
    "{ShareUpdateExclusiveLock,ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}";

// Granted locks of other sessions on `relations`; the oldest transaction first.
Result<std::vector<LockHolder>> lock_holders(Connection& connection, const std::vector<std::uint32_t>& relations,
                                             const char* modes);

// The first few, "pid 17 (shop, open for 42 s), pid 18 … and 3 more".
std::string names_of(const std::vector<LockHolder>& holders);

}  // namespace walbridge::source_pg
