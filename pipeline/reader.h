// Reads the stream once and hands the same chunks to every attached lane. Never waits for a cache: a lane that takes
// nothing for too long is detached, and later the stream starts again from its checkpoint while the others skip what
// they have (I3). Confirms to the source only what is durable in every cache (I2), also while no data is taken.
// Bounded steps on one thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/api/clock.h"
#include "pipeline/api/source.h"
#include "pipeline/backoff.h"
#include "pipeline/lane_link.h"
#include "pipeline/step.h"

namespace walbridge::pipeline {

struct ReaderOptions {
  std::size_t chunk_bytes = 256 * 1024;
  std::int64_t slow_lane_ms = 10'000;  // how long one full lane may hold up the others
  std::int64_t stuck_ms = 30'000;      // how long the stream stays open with no lane taking anything
  std::int64_t gather_ms = 3'000;      // how long a restart waits for lanes that are still finishing
  std::uint64_t seed = 0;
};

// Read by anybody.
struct ReaderStats {
  std::atomic<bool> streaming{false};
  std::atomic<std::uint64_t> starts{0};
  std::atomic<std::int64_t> silent_ms{0};
  std::atomic<std::uint64_t> received_lsn{0};
  std::atomic<std::uint64_t> confirmed_lsn{0};
  std::atomic<std::uint64_t> server_lsn{0};
  std::atomic<std::uint64_t> transactions{0};
  std::atomic<std::int64_t> last_streaming_micros{0};  // wall clock of the last step with a healthy stream
  mutable std::mutex mutex;
  std::optional<Error> last_error;  // guarded
};

class Reader {
 public:
  Reader(Source& source, const std::vector<LaneLink*>& links, const Clock& clock, ReaderStats& stats,
         ReaderOptions options);

  // An error is not final: step() may be called again and tries anew; Gap and Operator are for a person.
  Result<Step> step();

  // Whether arriving data is a reason to step. Otherwise lanes making room are.
  bool takes_data() const { return takes_data_; }
  std::int64_t wake_at_ms() const { return wake_at_ms_; }

  // Confirms once more and closes the stream.
  void finish();

  // The smallest durable position: the only one ever confirmed. None while a cache that needs the stream has none.
  std::optional<Lsn> frontier() const;

 private:
  Result<Step> start_stream();
  Result<Step> read_chunk();
  void watch_full_lanes();
  void end_stream(const char* reason);
  bool rejoin_due();
  void deliver(std::shared_ptr<Chunk> chunk);
  Status confirm();

  struct Member {
    LaneLink* link;
    bool joins = false;  // counted in the position the stream starts at
    std::int64_t full_since_ms = -1;
    std::int64_t rejoin_not_before_ms = 0;
    std::int64_t rejoin_pause_ms = 0;
    std::int64_t attached_ms = 0;
  };

  Source& source_;
  std::vector<Member> members_;
  const Clock& clock_;
  ReaderStats& stats_;
  const ReaderOptions options_;
  Backoff backoff_;
  bool streaming_ = false;
  bool takes_data_ = false;
  std::int64_t ended_ms_ = 0;
  std::int64_t not_before_ms_ = 0;
  std::int64_t all_full_since_ms_ = -1;
  std::int64_t wake_at_ms_ = 0;
  Timestamp open_transaction_commit_;
  std::shared_ptr<Chunk> spare_;
};

}  // namespace walbridge::pipeline
