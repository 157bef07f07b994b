// What a lane has done, for metrics and status. Written by the lane's thread, read by anybody.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "mapping/table_plan.h"
#include "pipeline/api/checkpoint.h"
#include "pipeline/api/error.h"

namespace walbridge::pipeline {

// Upper bounds in seconds of the duration histograms; the last bucket is +Inf.
inline constexpr std::array<double, 14> kDurationBounds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                           0.1,    0.25,  0.5,    1,     2.5,  5,     10};

class DurationHistogram {
 public:
  void observe(double seconds) {
    std::size_t bucket = 0;
    while (bucket < kDurationBounds.size() && seconds > kDurationBounds[bucket]) ++bucket;
    counts_[bucket].fetch_add(1, std::memory_order_relaxed);
    sum_micros_.fetch_add(static_cast<std::int64_t>(seconds * 1e6), std::memory_order_relaxed);
  }
  std::uint64_t count(std::size_t bucket) const { return counts_[bucket].load(std::memory_order_relaxed); }
  double sum_seconds() const { return static_cast<double>(sum_micros_.load(std::memory_order_relaxed)) / 1e6; }

 private:
  std::array<std::atomic<std::uint64_t>, kDurationBounds.size() + 1> counts_{};
  std::atomic<std::int64_t> sum_micros_{0};
};

struct LaneStats {
  std::atomic<std::uint64_t> transactions{0};
  std::atomic<std::uint64_t> inserts{0};
  std::atomic<std::uint64_t> updates{0};
  std::atomic<std::uint64_t> deletes{0};
  std::atomic<std::uint64_t> truncates{0};
  std::atomic<std::uint64_t> batches{0};
  std::atomic<std::int64_t> oldest_pending_micros{0};  // commit time of the oldest transaction taken but not visible
  std::atomic<std::int64_t> failing_since_ms{0};       // 0: the last attempt went well
  std::atomic<std::uint64_t> snapshot_rows{0};
  std::atomic<bool> settled{false};  // what other rules or tables than last time ask for is begun or done
  DurationHistogram apply_seconds;   // one cache transaction, begin to committed
  DurationHistogram commit_to_visible_seconds;

  // Below: guarded by the mutex.
  mutable std::mutex mutex;
  Checkpoint checkpoint;
  std::map<std::string, std::uint64_t> retries;  // by error code
  std::optional<Error> last_error;
  std::vector<TableRecord> tables;  // without descriptions and shapes: this is copied for every look at the status
  std::vector<std::shared_ptr<const SourceTable>> live;  // those that are fed and whole
  std::vector<mapping::RefusedTable> refused;
  // Tables whose shape in the stream nobody has described: whoever speaks with the source announces them.
  std::set<std::uint32_t> undescribed;
  bool all_undescribed = false;

  void note_error(const Error& error) {
    const std::scoped_lock lock(mutex);
    last_error = error;
    if (error.verdict == Verdict::Retry) ++retries[error.code];
  }
  void clear_error() {
    const std::scoped_lock lock(mutex);
    last_error.reset();
  }
};

}  // namespace walbridge::pipeline
