// Waits until every transaction is over that was writing into a table when it began to be published. What such a
// transaction wrote before that is in no stream, so it must be in the snapshot of the first chunk.
//
// Exact, because a commit releases its locks last: it writes the log, waits for synchronous standbys if there are any,
// becomes visible to new snapshots, and only then lets go (CommitTransaction, FinishPreparedTransaction in Postgres).
// So when none of the remembered transactions holds a lock any more, a snapshot taken afterwards sees all of them. One
// that takes its first lock on the table later writes when the publication already names it. One table; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pipeline/api/result.h"
#include "source-pg/connection.h"

namespace walbridge::source_pg {

class OpenWriters {
 public:
  // `heaps`: the table, or its leaves. The first call remembers; success when all of those are over, Retry "writers"
  // until then.
  Status wait(Connection& connection, const std::vector<std::uint32_t>& heaps, const std::string& table);
  void forget() { remembered_.reset(); }

 private:
  std::optional<std::set<std::string>> remembered_;
  std::vector<std::uint32_t> heaps_;
  std::string server_start_;
};

}  // namespace walbridge::source_pg
