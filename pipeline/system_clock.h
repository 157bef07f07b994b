// The real Clock.
#pragma once

#include <chrono>

#include "pipeline/api/clock.h"

namespace walbridge::pipeline {

class SystemClock final : public Clock {
 public:
  std::int64_t now_ms() const override {
    using namespace std::chrono;
    return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
  }
  Timestamp wall() const override {
    using namespace std::chrono;
    return {duration_cast<microseconds>(system_clock::now().time_since_epoch()).count()};
  }
};

}  // namespace walbridge::pipeline
