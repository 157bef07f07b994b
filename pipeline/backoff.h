// Jittered exponential pause between attempts. Seeded, so a simulation repeats. One thread.
#pragma once

#include <cstdint>
#include <random>

namespace walbridge::pipeline {

class Backoff {
 public:
  Backoff(std::int64_t first_ms, std::int64_t cap_ms, std::uint64_t seed)
      : first_ms_(first_ms), cap_ms_(cap_ms), ceiling_ms_(first_ms), random_(seed) {}

  // Between half of the present ceiling and all of it; the ceiling doubles up to the cap.
  std::int64_t next_ms() {
    const std::int64_t ceiling = ceiling_ms_;
    ceiling_ms_ = ceiling_ms_ * 2 > cap_ms_ ? cap_ms_ : ceiling_ms_ * 2;
    return std::uniform_int_distribution<std::int64_t>(ceiling / 2, ceiling)(random_);
  }
  void reset() { ceiling_ms_ = first_ms_; }

 private:
  std::int64_t first_ms_;
  std::int64_t cap_ms_;
  std::int64_t ceiling_ms_;
  std::mt19937_64 random_;
};

}  // namespace walbridge::pipeline
