#include "source-pg/backfill_writers.h"

#include "source-pg/lock_holders.h"

namespace walbridge::source_pg {

Status OpenWriters::wait(Connection& connection, const std::vector<std::uint32_t>& heaps, const std::string& table) {
  WALBRIDGE_TRY_AS(const auto start, connection.query("SELECT pg_catalog.pg_postmaster_start_time()", "reading locks"));
  WALBRIDGE_TRY_AS(auto writers, lock_holders(connection, heaps, kWriteLocks));
  // A restart of the server ends all transactions and names the prepared ones anew.
  if (!remembered_ || heaps_ != heaps || server_start_ != start.text(0, 0)) {
    remembered_.emplace();
    for (const auto& writer : writers) remembered_->insert(writer.transaction);
    heaps_ = heaps;
    server_start_ = start.string(0, 0);
  }
  std::erase_if(writers, [&](const LockHolder& writer) { return !remembered_->contains(writer.transaction); });
  remembered_->clear();
  if (writers.empty()) return Done{};
  for (const auto& writer : writers) remembered_->insert(writer.transaction);
  return Error{Verdict::Retry, "writers",
               "copying " + table + " waits for transactions that wrote into it before: " + names_of(writers),
               "end those transactions; walbridge tries again"};
}

}  // namespace walbridge::source_pg
