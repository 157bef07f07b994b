#include "pipeline/api/timestamp.h"

#include <chrono>

#include <fmt/format.h>

namespace walbridge {

std::string to_iso(Timestamp at) {
  using namespace std::chrono;
  const sys_time<microseconds> instant{microseconds{at.micros}};
  const auto day = floor<days>(instant);
  const year_month_day date{day};
  const hh_mm_ss time{instant - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}+00:00", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                     time.minutes().count(), time.seconds().count(), time.subseconds().count());
}

}  // namespace walbridge
