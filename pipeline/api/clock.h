// The engine's only way to ask for the time, so that a simulator can own it.
#pragma once

#include <cstdint>

#include "pipeline/api/timestamp.h"

namespace walbridge {

class Clock {
 public:
  virtual ~Clock() = default;
  // Monotonic milliseconds from an arbitrary start; for timeouts and pacing.
  virtual std::int64_t now_ms() const = 0;
  // Wall clock; for lag and checkpoints only, never for ordering.
  virtual Timestamp wall() const = 0;
};

}  // namespace walbridge
