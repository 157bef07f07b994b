// Loads tables into one cache from an exported snapshot: several COPY threads that map, one thread (the caller's)
// that writes. Parts reach the cache in table and page order, so that keys mostly append, whatever the threads do;
// memory is bounded. Owns its threads; none outlives run().
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "pipeline/api/sink.h"
#include "pipeline/api/source.h"
#include "pipeline/table_load.h"

namespace walbridge::pipeline {

struct SnapshotOptions {
  std::uint32_t workers = 2;
  std::uint64_t part_bytes = 4ULL << 20;  // heap bytes of one COPY
  std::size_t buffer_bytes = 12 << 20;    // mapped rows waiting for the writer
};

// Tables whose rows could not be mapped, by source oid, with the reason: they are not to be swapped in.
using PoisonedTables = std::map<std::uint32_t, Error>;

// Repeats `attempt` while it says Retry, with growing pauses, for at most a minute; a load is too long to be thrown
// away for a moment's outage.
Status insist(const std::function<Status()>& attempt, const std::atomic<bool>& cancelled);

// Between sink.begin_load() and finish_load(). `cancelled` is looked at between blocks.
Result<PoisonedTables> run_snapshot(SnapshotSource& source, Sink& sink, std::span<const TableLoad> loads,
                                    const SnapshotOptions& options, const std::atomic<bool>& cancelled);

}  // namespace walbridge::pipeline
