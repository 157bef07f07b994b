#include "mapping/temporal_text.h"

#include <cstring>
#include <limits>

#include "mapping/number_text.h"

namespace walbridge::mapping {

namespace {

// A reader of fixed-width digits over one text; every step checks what is left.
class Digits {
 public:
  explicit Digits(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool two(std::int32_t& out, std::int32_t most) {
    if (end_ - at_ < 2 || !is_digit(at_[0]) || !is_digit(at_[1])) return false;
    out = (at_[0] - '0') * 10 + (at_[1] - '0');
    at_ += 2;
    return out <= most;
  }
  // 4 to 7 digits
  bool year(std::int32_t& out) {
    std::int32_t value = 0;
    int digits = 0;
    for (; at_ != end_ && digits < 7 && is_digit(*at_); ++at_, ++digits) value = value * 10 + (*at_ - '0');
    out = value;
    return digits >= 4;
  }
  // 1 to 6 digits as microseconds
  bool micros(std::int32_t& out) {
    std::int32_t value = 0;
    int digits = 0;
    for (; at_ != end_ && digits < 6 && is_digit(*at_); ++at_, ++digits) value = value * 10 + (*at_ - '0');
    for (int i = digits; i < 6; ++i) value *= 10;
    out = value;
    return digits > 0;
  }
  bool take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view text) {
    if (static_cast<std::size_t>(end_ - at_) < text.size() || std::memcmp(at_, text.data(), text.size()) != 0) {
      return false;
    }
    at_ += text.size();
    return true;
  }
  bool done() const { return at_ == end_; }
  const char* at() const { return at_; }

 private:
  const char* at_;
  const char* end_;
};

std::string_view between(const char* from, const char* to) { return {from, static_cast<std::size_t>(to - from)}; }

bool read_date(Digits& in, Civil& out) {
  const char* const start = in.at();
  if (!in.year(out.year) || !in.take('-') || !in.two(out.month, 12) || !in.take('-') || !in.two(out.day, 31)) {
    return false;
  }
  out.date_text = between(start, in.at());
  return out.month > 0 && out.day > 0;
}

bool read_clock(Digits& in, Civil& out) {
  const char* const start = in.at();
  if (!in.two(out.hour, 24) || !in.take(':') || !in.two(out.minute, 59) || !in.take(':') || !in.two(out.second, 60)) {
    return false;
  }
  out.clock_text = between(start, in.at());
  out.fraction = {};
  out.micros = 0;
  if (!in.take('.')) return true;
  const char* const fraction = in.at();
  if (!in.micros(out.micros)) return false;
  out.fraction = between(fraction, in.at());
  return true;
}

bool read_era(Digits& in, Civil& out) {
  if (in.take(" BC")) {
    out.before_christ = true;
    out.year = 1 - out.year;
  }
  return in.done();
}

}  // namespace

bool parse_date(std::string_view text, Civil& out) {
  Digits in(text);
  return read_date(in, out) && read_era(in, out);
}

bool parse_timestamp(std::string_view text, bool with_offset, Civil& out) {
  Digits in(text);
  if (!read_date(in, out) || !in.take(' ') || !read_clock(in, out)) return false;
  if (with_offset && !in.take("+00")) return false;
  return read_era(in, out);
}

bool parse_time(std::string_view text, bool with_offset, Civil& out) {
  Digits in(text);
  if (!read_clock(in, out)) return false;
  if (!with_offset) return in.done();
  const bool west = in.take('-');
  if (!west && !in.take('+')) return false;
  std::int32_t hours = 0;
  std::int32_t minutes = 0;
  std::int32_t seconds = 0;
  if (!in.two(hours, 99)) return false;
  if (in.take(':') && !in.two(minutes, 59)) return false;
  if (in.take(':') && !in.two(seconds, 59)) return false;
  out.offset_seconds = (hours * 3600 + minutes * 60 + seconds) * (west ? -1 : 1);
  return in.done();
}

// Days from the civil calendar: years start in March so that the leap day comes last.
std::int64_t unix_seconds(const Civil& at) {
  const std::int64_t year = at.year - (at.month <= 2 ? 1 : 0);
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (at.month + (at.month > 2 ? -3 : 9)) + 2) / 5 + at.day - 1;
  const std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return (era * 146097 + day_of_era - 719468) * 86400 + seconds_of_day(at);
}

std::int64_t seconds_of_day(const Civil& at) { return at.hour * 3600 + at.minute * 60 + at.second; }

void TemporalText::append(std::string_view text) {
  const std::size_t room = buffer_.size() - size_;
  const std::size_t count = text.size() < room ? text.size() : room;
  if (count == 0) return;  // memcpy takes no null pointer, not even of no bytes
  std::memcpy(buffer_.data() + size_, text.data(), count);
  size_ += count;
}

void TemporalText::number(std::int64_t value, std::size_t width) {
  std::array<char, 20> digits{};
  std::size_t at = digits.size();
  do {
    digits[--at] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while ((value > 0 || digits.size() - at < width) && at > 0);
  append({digits.data() + at, digits.size() - at});
}

void TemporalText::date(const Civil& at) {
  if (!at.before_christ && at.date_text.size() == 10) return append(at.date_text);
  const auto month_and_day = at.date_text.substr(at.date_text.size() - 6);
  if (at.year >= 0 && at.year <= 9999) {
    number(at.year, 4);
  } else {
    append(at.year > 0 ? "+" : "-");
    number(at.year > 0 ? at.year : -at.year, 6);
  }
  append(month_and_day);
}

void TemporalText::fraction(const Civil& at, std::size_t digits) {
  append(".");
  const auto kept = at.fraction.substr(0, digits);
  append(kept);
  append(std::string_view("000000").substr(0, digits - kept.size()));
}

void TemporalText::offset(std::int32_t seconds) {
  append(seconds < 0 ? "-" : "+");
  if (seconds < 0) seconds = -seconds;
  number(seconds / 3600, 2);
  append(":");
  number(seconds / 60 % 60, 2);
  if (seconds % 60 != 0) {
    append(":");
    number(seconds % 60, 2);
  }
}

namespace {

// "-12" or "6.789000" and the unit letter after it; at most 15 digits.
bool read_component(std::string_view text, std::size_t& at, std::int64_t& whole, std::int64_t& micros, char& unit) {
  const bool negative = at < text.size() && text[at] == '-';
  if (negative) ++at;
  std::int64_t value = 0;
  int digits = 0;
  for (; at < text.size() && digits < 15 && is_digit(text[at]); ++at, ++digits) value = value * 10 + (text[at] - '0');
  if (digits == 0) return false;
  micros = 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    int decimals = 0;
    for (; at < text.size() && decimals < 6 && is_digit(text[at]); ++at, ++decimals) {
      micros = micros * 10 + (text[at] - '0');
    }
    if (decimals == 0) return false;
    for (; decimals < 6; ++decimals) micros *= 10;
  }
  if (at == text.size()) return false;
  unit = text[at++];
  whole = negative ? -value : value;
  if (negative) micros = -micros;
  return micros == 0 || unit == 'S';
}

}  // namespace

bool parse_interval(std::string_view text, Interval& out) {
  if (text.size() < 2 || text[0] != 'P') return false;
  bool in_time = false;
  for (std::size_t at = 1; at < text.size();) {
    if (text[at] == 'T' && !in_time) {
      in_time = true;
      ++at;
      continue;
    }
    std::int64_t whole = 0;
    std::int64_t micros = 0;
    char unit = 0;
    if (!read_component(text, at, whole, micros, unit)) return false;
    std::int64_t* field = nullptr;
    switch (unit) {
      case 'Y':
        field = in_time ? nullptr : &out.years;
        break;
      case 'M':
        field = in_time ? &out.minutes : &out.months;
        break;
      case 'W':
        field = in_time ? nullptr : &out.weeks;
        break;
      case 'D':
        field = in_time ? nullptr : &out.days;
        break;
      case 'H':
        field = in_time ? &out.hours : nullptr;
        break;
      case 'S':
        field = in_time ? &out.seconds : nullptr;
        break;
      default:
        break;
    }
    if (field == nullptr) return false;
    *field = whole;
    if (unit == 'S') out.micros = micros;
  }
  return true;
}

std::int64_t interval_micros(const Interval& interval) {
  __extension__ using Wide = __int128;  // components of 15 digits cannot overflow it
  constexpr Wide kSecond = 1'000'000;
  constexpr Wide kDay = 86'400 * kSecond;
  const Wide days = (static_cast<Wide>(interval.years) * 12 + interval.months) * 30 +
                    static_cast<Wide>(interval.weeks) * 7 + interval.days;
  const Wide seconds =
      static_cast<Wide>(interval.hours) * 3600 + static_cast<Wide>(interval.minutes) * 60 + interval.seconds;
  const Wide total = days * kDay + seconds * kSecond + interval.micros;
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  if (total > kMax) return kMax;
  if (total < kMin) return kMin;
  return static_cast<std::int64_t>(total);
}

}  // namespace walbridge::mapping
