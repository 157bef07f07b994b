// Whether SQLite takes a table of the plan, found out in an empty database in memory: what rules write as computed
// columns and indexes is SQLite's own language, and only it can read it. No cache is touched. Any thread.
#pragma once

#include <optional>
#include <string>

#include "pipeline/api/cache_table.h"

namespace walbridge::sink_libsql {

struct TrialRefusal {
  std::string what;     // "computed column total", "index orders_total"; empty: the table itself
  std::string message;  // SQLite's
  int line = 0;         // of the rule, as the plan says
};

// None: nothing speaks against it. `elsewhere`: it goes to a server, which may know functions, modules and syntax that
// the SQLite in here does not; those are left for the server to judge.
std::optional<TrialRefusal> try_table(const CacheTable& table, bool elsewhere);

}  // namespace walbridge::sink_libsql
