// Dates and times as Postgres prints them under the canonical session (ISO, YMD, UTC): parsing, arithmetic and the
// digits we write. Pure; nothing allocates.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace walbridge::mapping {

struct Civil {
  std::int32_t year = 0;  // astronomical: 1 BC is 0
  std::int32_t month = 1;
  std::int32_t day = 1;
  std::int32_t hour = 0;
  std::int32_t minute = 0;
  std::int32_t second = 0;
  std::int32_t micros = 0;
  std::int32_t offset_seconds = 0;  // timetz; east is positive
  std::string_view date_text;       // as printed, without BC
  std::string_view clock_text;      // HH:MM:SS
  std::string_view fraction;        // digits after the point, trailing zeros cut by Postgres
  bool before_christ = false;
};

// "2024-01-15", "0044-03-15 BC"
bool parse_date(std::string_view text, Civil& out);
// "2024-01-15 12:34:56.123"; with_offset: followed by "+00", the only one a UTC session prints; then " BC"
bool parse_timestamp(std::string_view text, bool with_offset, Civil& out);
// "12:34:56.5"; with_offset: followed by "+05", "+05:30" or "-03:30:15"
bool parse_time(std::string_view text, bool with_offset, Civil& out);

// Whole seconds since 1970-01-01, rounded down; Civil::micros are on top.
std::int64_t unix_seconds(const Civil& at);
std::int64_t seconds_of_day(const Civil& at);

// Appends into a buffer that holds the longest form of any of them.
class TemporalText {
 public:
  void date(const Civil& at);  // YYYY-MM-DD, or +YYYYYY / -YYYYYY outside 0..9999
  void clock(const Civil& at) { append(at.clock_text); }
  void fraction(const Civil& at, std::size_t digits);  // ".123000": padded or cut
  void offset(std::int32_t seconds);                   // "+05:30", "-03:30:15"
  void append(std::string_view text);
  void number(std::int64_t value, std::size_t width);  // zero-padded, value >= 0
  std::string_view view() const { return {buffer_.data(), size_}; }

 private:
  std::array<char, 192> buffer_;
  std::size_t size_ = 0;
};

// Microseconds of an ISO 8601 interval, months of 30 and days of 24 h (as Postgres compares); saturates at 64 bits.
struct Interval {
  std::int64_t years = 0, months = 0, weeks = 0, days = 0, hours = 0, minutes = 0, seconds = 0, micros = 0;
};
bool parse_interval(std::string_view text, Interval& out);
std::int64_t interval_micros(const Interval& interval);

}  // namespace walbridge::mapping
