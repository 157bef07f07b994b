// date, time, timetz, timestamp, timestamptz and interval.
#include <charconv>

#include "mapping/number_text.h"
#include "mapping/offers.h"
#include "mapping/temporal_text.h"

namespace walbridge::mapping {

namespace {

using config::Specials;

constexpr Fault kNotADate = "is not a date or time as a UTC session with ISO dates prints it";
constexpr Fault kSpecialRefused = "holds an infinite date, which `specials: error` refuses";
constexpr Fault kTooFar = "is beyond what 64 bits of its unit hold";

enum class Kind { Date, Timestamp, Timestamptz };

bool parse(Kind kind, std::string_view wire, Civil& out) {
  return kind == Kind::Date ? parse_date(wire, out) : parse_timestamp(wire, kind == Kind::Timestamptz, out);
}

// Infinities sort after every year we write with four digits, so a clamped one becomes the last or first of those.
std::string_view clamped(Kind kind, bool positive) {
  switch (kind) {
    case Kind::Date:
      return positive ? "9999-12-31" : "0001-01-01";
    case Kind::Timestamp:
      return positive ? "9999-12-31 23:59:59.999999" : "0001-01-01 00:00:00";
    case Kind::Timestamptz:
      break;
  }
  return positive ? "9999-12-31 23:59:59.999999+00" : "0001-01-01 00:00:00+00";
}

Fault encode_unparsed(const Encoder& self, Kind kind, std::string_view wire, Arena& scratch, SqlValue& out) {
  const bool positive = wire == "infinity";
  if (!positive && wire != "-infinity") return kNotADate;
  switch (self.specials) {
    case Specials::Text:
      out = SqlValue::text(positive ? std::string_view("infinity") : std::string_view("-infinity"));
      return nullptr;
    case Specials::Null:
      out = SqlValue::null();
      return nullptr;
    case Specials::Error:
      return kSpecialRefused;
    case Specials::Clamp:
      break;
  }
  return self.function(self, clamped(kind, positive), scratch, out);
}

void finish(const TemporalText& text, Arena& scratch, SqlValue& out) {
  out = SqlValue::text(scratch.copy(text.view()));
}

Fault encode_date(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out) {
  Civil at;
  if (!parse_date(wire, at)) return encode_unparsed(self, Kind::Date, wire, scratch, out);
  if (!at.before_christ && wire.size() == 10) {
    out = SqlValue::text(wire);
    return nullptr;
  }
  TemporalText text;
  text.date(at);
  finish(text, scratch, out);
  return nullptr;
}

// Three digits of the second, six when there are micros: sorts, since '+' is below the digits.
template <Kind kind, bool offset>
Fault encode_iso(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out) {
  Civil at;
  if (!parse(kind, wire, at)) return encode_unparsed(self, kind, wire, scratch, out);
  TemporalText text;
  text.date(at);
  text.append("T");
  text.clock(at);
  text.fraction(at, at.fraction.size() > 3 ? 6 : 3);
  if (offset) text.append("+00:00");
  finish(text, scratch, out);
  return nullptr;
}

template <Kind kind>
Fault encode_text_sqlite(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out) {
  Civil at;
  if (!parse(kind, wire, at)) return encode_unparsed(self, kind, wire, scratch, out);
  TemporalText text;
  text.date(at);
  text.append(" ");
  text.clock(at);
  text.fraction(at, 6);
  finish(text, scratch, out);
  return nullptr;
}

template <Kind kind>
Fault encode_text_prisma(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out) {
  Civil at;
  if (!parse(kind, wire, at)) return encode_unparsed(self, kind, wire, scratch, out);
  TemporalText text;
  text.date(at);
  if (kind == Kind::Date) {
    text.append("T00:00:00.000");
  } else {
    text.append("T");
    text.clock(at);
    text.fraction(at, 3);
  }
  text.append("+00:00");
  finish(text, scratch, out);
  return nullptr;
}

bool scaled(std::int64_t seconds, std::int64_t per_second, std::int64_t part, std::int64_t& out) {
  return !__builtin_mul_overflow(seconds, per_second, &out) && !__builtin_add_overflow(out, part, &out);
}

template <Kind kind, std::int64_t per_second>
Fault encode_unix(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out) {
  Civil at;
  if (!parse(kind, wire, at)) return encode_unparsed(self, kind, wire, scratch, out);
  std::int64_t value = 0;
  if (!scaled(unix_seconds(at), per_second, at.micros / (1'000'000 / per_second), value)) return kTooFar;
  out = SqlValue::of(value);
  return nullptr;
}

// Milliseconds; with micros a double, read back from its decimal text so that it is rounded once.
template <Kind kind>
Fault encode_unix_ms_frac(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out) {
  Civil at;
  if (!parse(kind, wire, at)) return encode_unparsed(self, kind, wire, scratch, out);
  std::int64_t millis = unix_seconds(at) * 1000 + at.micros / 1000;
  std::int64_t rest = at.micros % 1000;
  if (rest == 0) {
    out = SqlValue::of(millis);
    return nullptr;
  }
  const bool negative = millis < 0;
  if (negative) {
    millis = -millis - 1;
    rest = 1000 - rest;
  }
  TemporalText text;
  if (negative) text.append("-");
  text.number(millis, 1);
  text.append(".");
  text.number(rest, 3);
  double value = 0;
  if (parse_double(text.view(), value) != DoubleText::Ok) return kNotADate;
  out = SqlValue::of(value);
  return nullptr;
}

// SQLite's julianday().
template <Kind kind>
Fault encode_julian(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out) {
  Civil at;
  if (!parse(kind, wire, at)) return encode_unparsed(self, kind, wire, scratch, out);
  const std::int64_t seconds = unix_seconds(at);
  // The magnitude of any timestamp's micros fits 64 bits without a sign; one rounding on the way to double.
  const auto micros = static_cast<std::uint64_t>(at.micros);
  const double value = seconds >= 0 ? static_cast<double>(static_cast<std::uint64_t>(seconds) * 1'000'000 + micros)
                                    : -static_cast<double>(static_cast<std::uint64_t>(-seconds) * 1'000'000 - micros);
  out = SqlValue::of(value / 86400e6 + 2440587.5);
  return nullptr;
}

Fault encode_epoch_days(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out) {
  Civil at;
  if (!parse_date(wire, at)) return encode_unparsed(self, Kind::Date, wire, scratch, out);
  out = SqlValue::of(unix_seconds(at) / 86400);
  return nullptr;
}

// No fraction or exactly six digits: some readers take ".5" for five microseconds.
template <bool offset>
Fault encode_time(const Encoder&, std::string_view wire, Arena& scratch, SqlValue& out) {
  Civil at;
  if (!parse_time(wire, offset, at)) return kNotADate;
  TemporalText text;
  text.clock(at);
  if (!at.fraction.empty()) text.fraction(at, 6);
  if (offset) text.offset(at.offset_seconds);
  finish(text, scratch, out);
  return nullptr;
}

template <bool offset>
Fault encode_time_micros(const Encoder&, std::string_view wire, Arena&, SqlValue& out) {
  Civil at;
  if (!parse_time(wire, offset, at)) return kNotADate;
  out = SqlValue::of((seconds_of_day(at) - at.offset_seconds) * 1'000'000 + at.micros);
  return nullptr;
}

Fault encode_interval_micros(const Encoder&, std::string_view wire, Arena&, SqlValue& out) {
  Interval interval;
  if (!parse_interval(wire, interval)) return "is not an ISO 8601 interval";
  out = SqlValue::of(interval_micros(interval));
  return nullptr;
}

// One "3 days" of Postgres' own style: a plus sign after a negative part, plural for anything but 1.
void append_unit(TemporalText& text, bool& negative, std::int64_t value, std::string_view unit) {
  if (value == 0) return;
  if (!text.view().empty()) text.append(" ");
  if (value < 0) text.append("-");
  if (value > 0 && negative) text.append("+");
  text.number(value < 0 ? -value : value, 1);
  text.append(" ");
  text.append(unit);
  if (value != 1) text.append("s");
  negative = value < 0;
}

// EncodeInterval() of src/backend/utils/adt/datetime.c, INTSTYLE_POSTGRES.
Fault encode_interval_postgres(const Encoder&, std::string_view wire, Arena& scratch, SqlValue& out) {
  Interval in;
  if (!parse_interval(wire, in)) return "is not an ISO 8601 interval";
  TemporalText text;
  bool negative = false;
  append_unit(text, negative, in.years, "year");
  append_unit(text, negative, in.months, "mon");
  append_unit(text, negative, in.weeks * 7 + in.days, "day");
  const bool has_clock = in.hours != 0 || in.minutes != 0 || in.seconds != 0 || in.micros != 0;
  if (text.view().empty() || has_clock) {
    const bool minus = in.hours < 0 || in.minutes < 0 || in.seconds < 0 || in.micros < 0;
    const auto magnitude = [](std::int64_t value) { return value < 0 ? -value : value; };
    if (!text.view().empty()) text.append(" ");
    if (minus) text.append("-");
    if (!minus && negative) text.append("+");
    text.number(magnitude(in.hours), 2);
    text.append(":");
    text.number(magnitude(in.minutes), 2);
    text.append(":");
    text.number(magnitude(in.seconds), 2);
    if (in.micros != 0) {
      std::int64_t micros = magnitude(in.micros);
      std::size_t digits = 6;
      for (; micros % 10 == 0; micros /= 10) --digits;
      text.append(".");
      text.number(micros, digits);
    }
  }
  finish(text, scratch, out);
  return nullptr;
}

// Digits of the second a column of this typmod can hold.
std::int32_t precision_of(const PgType& type) { return type.typmod >= 0 && type.typmod <= 6 ? type.typmod : 6; }

template <Kind kind>
void offer_timestamp(const PgType& type, Draft& draft) {
  constexpr bool tz = kind == Kind::Timestamptz;
  const auto precision = precision_of(type);
  draft.offers = {{"text", "DATETIME", encode_iso<kind, tz>},
                  {"text_sqlite", "DATETIME", encode_text_sqlite<kind>},
                  {"text_prisma", "DATETIME", encode_text_prisma<kind>, precision <= 3},
                  {"unix_s", "BIGINT", encode_unix<kind, 1>, precision == 0},
                  {"unix_ms", "BIGINT", encode_unix<kind, 1000>, precision <= 3},
                  {"unix_us", "BIGINT", encode_unix<kind, 1'000'000>},
                  {"unix_ms_frac", "NUMERIC", encode_unix_ms_frac<kind>, precision <= 3},
                  {"julian", "REAL", encode_julian<kind>, false}};
  if (!tz) draft.offers.push_back({"utc", "DATETIME", encode_iso<kind, true>});
}

}  // namespace

bool offer_temporals(const PgType& type, Draft& draft) {
  const auto& kind = type.kind;
  auto& offers = draft.offers;
  if (kind == "timestamptz") {
    offer_timestamp<Kind::Timestamptz>(type, draft);
  } else if (kind == "timestamp") {
    offer_timestamp<Kind::Timestamp>(type, draft);
  } else if (kind == "date") {
    offers = {{"text", "DATE", encode_date},
              {"text_prisma", "DATETIME", encode_text_prisma<Kind::Date>},
              {"unix_ms", "BIGINT", encode_unix<Kind::Date, 1000>},
              {"epoch_days", "BIGINT", encode_epoch_days}};
  } else if (kind == "time") {
    offers = {{"text", "TIME", encode_time<false>}, {"us", "BIGINT", encode_time_micros<false>}};
  } else if (kind == "timetz") {
    // Postgres tells equal instants of different zones apart.
    offers = {{"text", "TEXT", encode_time<true>}, {"us_utc", "BIGINT", encode_time_micros<true>, false}};
  } else if (kind == "interval") {
    offers = {{"text", "TEXT", encode_verbatim},
              {"us", "BIGINT", encode_interval_micros, false},
              {"postgres", "TEXT", encode_interval_postgres}};
  } else {
    return false;
  }
  return true;
}

}  // namespace walbridge::mapping
