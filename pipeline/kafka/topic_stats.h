// How far an applier has read its topic, for metrics and status. Written by the reader thread, read by anybody.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>

#include "pipeline/api/error.h"

namespace walbridge::kafka {

// What to do when nobody publishes.
inline constexpr const char* kStartPublisher =
    "see that a `walbridge run` with `kafka.role: publish` runs and has this topic";

struct TopicStats {
  std::atomic<std::int64_t> next_offset{-1};  // of the record to be read next
  std::atomic<std::int64_t> end_offset{-1};   // behind the last record, as the broker last said
  std::atomic<bool> at_end{false};
  std::atomic<std::int64_t> heard_micros{0};        // wall clock when a record of the publisher was last read
  std::atomic<std::int64_t> produced_micros{0};     // when the last record read was produced
  std::atomic<std::int64_t> committed_micros{0};    // commit time of the last transaction read
  std::atomic<std::int64_t> publish_lag_micros{0};  // of that transaction: from commit to produced
  mutable std::mutex mutex;
  std::optional<Error> waits_for;  // guarded; brokers, topic or publisher, without which nothing goes on
};

}  // namespace walbridge::kafka
