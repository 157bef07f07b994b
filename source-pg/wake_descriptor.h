// A descriptor that becomes readable when another thread signals it (eventfd), for use in poll(). signal() is
// thread-safe and never blocks; a signal is kept until clear().
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

namespace walbridge::source_pg {

class WakeDescriptor {
 public:
  WakeDescriptor() : descriptor_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  ~WakeDescriptor() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  WakeDescriptor(const WakeDescriptor&) = delete;
  WakeDescriptor& operator=(const WakeDescriptor&) = delete;

  int get() const { return descriptor_; }  // -1: the process has no descriptors left

  // A write fails only while the counter is full, which wakes as well.
  void signal() noexcept { [[maybe_unused]] const int ignored = eventfd_write(descriptor_, 1); }

  void clear() noexcept {
    eventfd_t count = 0;
    [[maybe_unused]] const int ignored = eventfd_read(descriptor_, &count);
  }

 private:
  int descriptor_;
};

}  // namespace walbridge::source_pg
