// SnapshotSource over a replication connection that makes the slot, exports its snapshot and then stays untouched: the
// snapshot lives until that connection's next command. Readers are connections of their own, so is the one that asks
// for sizes. begin() and end() belong to one thread; reader() and parts() may be called from any in between.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "config/config.h"
#include "pipeline/api/source.h"
#include "source-pg/connection.h"

namespace walbridge::source_pg {

class SlotSnapshot final : public SnapshotSource {
 public:
  // `longest_wait`: for each transaction that writes while the slot is made, as lock_timeout takes it.
  explicit SlotSnapshot(config::Source source, std::string longest_wait = "60s")
      : source_(std::move(source)), longest_wait_(std::move(longest_wait)) {}

  Result<SnapshotPoint> begin(SlotUse use) override;
  Result<std::unique_ptr<SnapshotReader>> reader() override;
  Result<std::vector<CopyPart>> parts(const SourceTable& table, std::uint64_t part_bytes) override;
  Result<std::vector<SourceTable>> describe_tables() override;
  void end() noexcept override;

 private:
  Result<SnapshotPoint> create_slot(Connection& connection, SlotUse use);
  Error with_open_writers(Error error);

  config::Source source_;
  std::string longest_wait_;
  Connection exporter_;
  std::string snapshot_;
  std::mutex sizes_mutex_;
  Connection sizes_;
};

// Cuts a heap of `pages` pages into parts of at most `pages_per_part`; the last has no end, because heaps grow.
std::vector<CopyPart> cut_heap(const CopyPart& whole, std::uint64_t pages_per_part);

// The name of a temporary twin of `slot`: unique while the backend lives, and at most 63 bytes.
std::string twin_slot_name(const std::string& slot, int backend_pid);

}  // namespace walbridge::source_pg
