// Reads the chunks that lanes ask for, one after the other, and marks their ends in the stream. Bounded steps; the
// runner gives it a thread of its own, because a chunk may wait for transactions at the source.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "pipeline/api/clock.h"
#include "pipeline/api/source.h"
#include "pipeline/backfill_desk.h"
#include "pipeline/backoff.h"
#include "pipeline/step.h"

namespace walbridge::pipeline {

class BackfillReader {
 public:
  // `on_stale`: the table is not (any more) what the request says; whoever speaks with the source describes it again.
  BackfillReader(BackfillSource& source, std::vector<BackfillDesk*> desks, const Clock& clock, std::uint64_t seed,
                 std::function<void(std::uint32_t)> on_stale);

  Step step();
  // When an idle reader wants to be stepped again although nobody asks; 0: no wish.
  std::int64_t wake_at_ms() const { return wake_at_ms_; }

 private:
  void retry(const Error& error);
  void give_up();

  BackfillSource& source_;
  std::vector<BackfillDesk*> desks_;
  const Clock& clock_;
  Backoff backoff_;
  std::function<void(std::uint32_t)> on_stale_;

  BackfillDesk* desk_ = nullptr;  // whose chunk is being read
  std::optional<ChunkRequest> request_;
  enum class At { Open, Read, Mark } at_ = At::Open;
  std::int64_t wake_at_ms_ = 0;
  std::int64_t said_ms_ = 0;
  std::int64_t refused_ms_ = 0;  // since when open() has been failing
};

}  // namespace walbridge::pipeline
