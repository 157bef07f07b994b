// Start-up, which is also crash recovery: there is no second path. Compares what the source offers with what each
// cache holds, refuses gaps and strangers (I6), loads what is missing at the exact point where the stream will go on,
// and hands each cache to its lane. Runs on one thread, the supervisor's.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "pipeline/api/clock.h"
#include "pipeline/api/sink.h"
#include "pipeline/api/source.h"
#include "pipeline/cache.h"
#include "pipeline/reader.h"

namespace walbridge::pipeline {

// What the command line wires together. Owned by the bridge.
struct BridgeParts {
  std::unique_ptr<SourceAdmin> admin;
  std::unique_ptr<Source> source;
  std::unique_ptr<SnapshotSource> snapshot;
  std::vector<std::unique_ptr<Sink>> sinks;  // in the order of config.sinks
};

class Bridge {
 public:
  Bridge(const config::Config& config, BridgeParts parts, const Clock& clock, bool once);

  // Identity, lock, plan, preflight, publication, slot, and every cache opened as far as it can be.
  Status prepare(const std::atomic<bool>& cancelled);

  // Opens, loads and starts every cache that is due, and calls `started` as soon as one is. Caches that fail are due
  // again later; the error is theirs alone.
  void bring_up_caches(const std::atomic<bool>& cancelled, const std::function<void(Cache&)>& started);

  // The position `--once` drains to: where the source stood when prepare() ran.
  Lsn target() const { return target_; }
  // A slot made by this run that no cache depends on yet is removed again rather than left holding log.
  void drop_unused_slot();

  const config::Config& config() const { return config_; }
  std::vector<std::unique_ptr<Cache>>& caches() { return caches_; }
  const std::vector<std::unique_ptr<Cache>>& caches() const { return caches_; }
  Reader& reader() { return *reader_; }
  Source& source() { return *parts_.source; }
  SourceAdmin& admin() { return *parts_.admin; }
  const ReaderStats& reader_stats() const { return reader_stats_; }
  const std::string& source_id() const { return source_id_; }
  const Clock& clock() const { return clock_; }

 private:
  Status plan_tables();
  Status prepare_publication();
  Status check_slot();
  Status require_room(Cache& cache) const;
  Status open_cache(Cache& cache);
  // Which of the cache's tables must be copied; a Gap when the cache does not belong to this source or slot.
  Result<std::vector<const mapping::TablePlan*>> missing_tables(const Cache& cache) const;
  Status write_stopped_records(Cache& cache);
  void load_caches(const std::vector<Cache*>& due, const std::atomic<bool>& cancelled,
                   const std::function<void(Cache&)>& started);
  Status load_cache(Cache& cache, SnapshotPoint point, const std::atomic<bool>& cancelled);
  Status finish_load(Cache& cache, std::vector<TableRecord>& records, const Checkpoint& checkpoint,
                     const std::atomic<bool>& cancelled);
  void stop_loaded_table(const Cache& cache, TableRecord& record, const Error& error) const;
  std::vector<TableLoad> table_loads(Cache& cache, const std::vector<const mapping::TablePlan*>& missing) const;
  void start_lane(Cache& cache);
  void cache_failed(Cache& cache, const Error& error);
  const SourceTable* source_table(std::uint32_t oid) const;

  const config::Config& config_;
  BridgeParts parts_;
  const Clock& clock_;
  std::string source_id_;
  std::vector<SourceTable> tables_;
  std::vector<std::unique_ptr<Cache>> caches_;
  ReaderStats reader_stats_;
  std::unique_ptr<Reader> reader_;
  SlotStatus slot_;
  bool slot_made_here_ = false;
  Lsn target_;
};

}  // namespace walbridge::pipeline
