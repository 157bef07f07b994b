// Tells whether a backlog flows, by the bytes of the last millisecond and not of the last read: a sender that is woken
// for every message sends little at a time, however much there is. One thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace walbridge::source_pg {

class Backlog {
 public:
  // How long a backlog is left to grow between two reads: on few cores the wake-ups that an eager reader causes the
  // sender are what limits both.
  static constexpr std::int64_t kWaitUs = 1'000;
  // Less in a millisecond is none, and data wakes the reader at once again.
  static constexpr std::size_t kLeastBytes = 2 * 1024;

  void restart() { *this = Backlog(); }

  // A read that ended at `now_us`.
  void took(std::size_t bytes, std::int64_t now_us) {
    read_us_ = now_us;
    bytes_ += bytes;
    if (now_us - since_us_ < kWaitUs) return;
    flows_ = bytes_ >= kLeastBytes;
    since_us_ = now_us;
    bytes_ = 0;
  }

  bool flows() const { return flows_; }
  // How long it should still be left to grow; 0 when none flows.
  std::int64_t wait_us(std::int64_t now_us) const {
    return flows_ ? std::max<std::int64_t>(read_us_ + kWaitUs - now_us, 0) : 0;
  }

 private:
  bool flows_ = false;
  std::int64_t read_us_ = 0;
  std::int64_t since_us_ = 0;
  std::size_t bytes_ = 0;  // taken since then
};

}  // namespace walbridge::source_pg
