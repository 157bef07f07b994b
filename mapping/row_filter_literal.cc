#include "mapping/row_filter_literal.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "mapping/number_text.h"
#include "mapping/order_key.h"
#include "mapping/temporal_text.h"

namespace walbridge::mapping {

namespace {

constexpr std::int64_t kMaxExponent = 1000;

Fault read_verbatim(const Encoder&, std::string_view wire, Arena&, SqlValue& out) {
  out = SqlValue::text(wire.empty() ? std::string_view("") : wire);
  return nullptr;
}

Fault read_padded(const Encoder&, std::string_view wire, Arena&, SqlValue& out) {
  const auto last = wire.find_last_not_of(' ');
  out = SqlValue::text(last == std::string_view::npos ? std::string_view("") : wire.substr(0, last + 1));
  return nullptr;
}

Fault read_boolean(const Encoder&, std::string_view wire, Arena&, SqlValue& out) {
  if (wire != "t" && wire != "f") return "is not t or f";
  out = SqlValue::of(static_cast<std::int64_t>(wire == "t"));
  return nullptr;
}

Fault read_integer(const Encoder&, std::string_view wire, Arena&, SqlValue& out) {
  std::int64_t value = 0;
  if (!parse_int64(wire, value)) return "is not an integer of at most 64 bits with sign";
  out = SqlValue::of(value);
  return nullptr;
}

// What prints as 0.1 is another double than the float4 it stands for.
Fault read_single(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out) {
  double value = 0;
  if (parse_double(wire, value) != DoubleText::Ok) return encode_double_order(self, wire, scratch, out);
  const std::string text(wire);
  const float single = std::strtof(text.c_str(), nullptr);  // rounds once; through a double it would be twice
  out = SqlValue::of(double_order(single == 0 ? 0.0 : static_cast<double>(single)));
  return nullptr;
}

Encoder::Function reader_function(CompareAs form, const std::string& kind) {
  switch (form) {
    case CompareAs::Boolean:
      return read_boolean;
    case CompareAs::Integer:
      return read_integer;
    case CompareAs::Decimal:
      return encode_decimal_order;
    case CompareAs::Double:
      return kind == "float4" ? read_single : encode_double_order;
    case CompareAs::Date:
      return encode_date_days;
    case CompareAs::Timestamp:
      return encode_timestamp_micros;
    case CompareAs::Timestamptz:
      return encode_timestamptz_micros;
    case CompareAs::Padded:
      return read_padded;
    case CompareAs::Address:
      return encode_address_order;
    case CompareAs::Text:
      return kind == "bpchar" ? read_padded : read_verbatim;  // a cast to text drops the padding
    case CompareAs::Uuid:
    case CompareAs::Label:
    case CompareAs::Rank:
      break;
  }
  return read_verbatim;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\r\f\v";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

bool all_digits(std::string_view text) { return std::all_of(text.begin(), text.end(), is_digit); }

// [+-]digits[.digits][e[+-]digits] as Postgres prints it, without exponent; also NaN and the infinities.
std::optional<std::string> plain_number(std::string_view literal) {
  auto text = trimmed(literal);
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  const auto word = lower(text);
  if (word == "nan" && text.size() == trimmed(literal).size()) return "NaN";
  if (word == "infinity" || word == "inf") return negative ? "-Infinity" : "Infinity";
  const auto e = std::min(word.find('e'), word.size());
  std::int64_t exponent = 0;
  if (e < word.size()) {
    const auto written = std::string_view(word).substr(e + 1);
    if (!parse_int64(written.substr(written.starts_with('+') ? 1 : 0), exponent)) return std::nullopt;
    if (exponent > kMaxExponent || exponent < -kMaxExponent) return std::nullopt;
  }
  const auto point = std::min(word.find('.'), e);
  std::string whole = word.substr(0, point);
  std::string fraction = point < e ? word.substr(point + 1, e - point - 1) : "";
  if (!all_digits(whole) || !all_digits(fraction) || (whole.empty() && fraction.empty())) return std::nullopt;
  for (; exponent > 0; --exponent) {
    whole += fraction.empty() ? '0' : fraction[0];
    if (!fraction.empty()) fraction.erase(0, 1);
  }
  for (; exponent < 0; ++exponent) {
    fraction.insert(fraction.begin(), whole.empty() ? '0' : whole.back());
    if (!whole.empty()) whole.pop_back();
  }
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
  if (whole.empty()) whole = "0";
  return (negative ? "-" : "") + whole + (fraction.empty() ? "" : "." + fraction);
}

std::optional<std::string> integer_text(std::string_view literal, const std::string& kind) {
  auto text = trimmed(literal);
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t value = 0;
  if (!parse_int64(text, value)) return std::nullopt;
  const std::int64_t limit = kind == "int2" ? 0x7fff : kind == "int4" ? 0x7fffffff : INT64_MAX;
  if (value > limit || value < -limit - 1) return std::nullopt;
  return std::to_string(value);
}

// Postgres refuses what is beyond the type; what it would round to nothing is not worth the risk.
std::optional<std::string> float_text(std::string_view literal, bool single) {
  auto text = plain_number(literal);
  if (!text || !is_digit(text->back())) return text;
  const double value = std::strtod(text->c_str(), nullptr);
  const double stored = single ? static_cast<double>(std::strtof(text->c_str(), nullptr)) : value;
  const bool zero = text->find_first_of("123456789") == std::string::npos;
  if (std::isinf(stored) || (stored == 0 && !zero)) return std::nullopt;
  return text;
}

std::optional<std::string> boolean_text(std::string_view literal) {
  const auto word = lower(trimmed(literal));
  for (const char* yes : {"t", "true", "y", "yes", "on", "1"}) {
    if (word == yes) return "t";
  }
  for (const char* no : {"f", "false", "n", "no", "off", "0"}) {
    if (word == no) return "f";
  }
  return std::nullopt;
}

std::optional<std::string> uuid_text(std::string_view literal) {
  const auto text = lower(literal);
  if (text.size() != 36) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool hex = is_digit(text[i]) || (text[i] >= 'a' && text[i] <= 'f');
    if (dash ? text[i] != '-' : !hex) return std::nullopt;
  }
  return text;
}

bool is_a_day(const Civil& at) {
  static constexpr std::array<std::int32_t, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (at.year % 4 == 0 && at.year % 100 != 0) || at.year % 400 == 0;
  const auto days = kDays.at(static_cast<std::size_t>(at.month - 1)) + (leap && at.month == 2 ? 1 : 0);
  return at.day <= days && !(at.year == 0 && !at.before_christ);
}

// Z, +05, -03:30, +0530
std::optional<std::int64_t> zone_seconds(std::string_view zone) {
  if (zone == "Z" || zone == "z" || zone == "UTC") return 0;
  if (zone.size() < 3 || (zone[0] != '+' && zone[0] != '-')) return std::nullopt;
  std::string digits;
  for (const char c : zone.substr(1)) {
    if (c != ':') digits += c;
  }
  const std::string_view rest = zone.substr(1);
  const bool shaped = rest.size() == 2 || (rest.size() == 5 && rest[2] == ':') || rest.size() == 4;
  std::int64_t number = 0;
  if (!shaped || !all_digits(digits) || !parse_int64(digits, number)) return std::nullopt;
  const std::int64_t hours = digits.size() == 2 ? number : number / 100;
  const std::int64_t minutes = digits.size() == 2 ? 0 : number % 100;
  if (hours > 15 || minutes > 59) return std::nullopt;
  return (hours * 3600 + minutes * 60) * (zone[0] == '-' ? -1 : 1);
}

// A date, or a date with a clock and (Timestamptz) a zone; without one it is UTC, as the bridge's sessions are.
std::optional<SqlValue> temporal_literal(CompareAs form, std::string_view literal) {
  constexpr std::int64_t kPostgresEpoch = 946'684'800;
  constexpr std::int32_t kLastYear = 294'000;
  std::string text(trimmed(literal));
  const auto word = lower(text);
  if (word == "infinity") return SqlValue::of(INT64_MAX);
  if (word == "-infinity") return SqlValue::of(INT64_MIN);
  const bool christ = text.size() > 3 && word.compare(word.size() - 3, 3, " bc") == 0;
  if (christ) text.resize(text.size() - 3);
  const auto split = std::min(text.find_first_of(" Tt"), text.size());
  std::string clock = split < text.size() ? text.substr(split + 1) : "";
  const std::string day = text.substr(0, split) + (christ ? " BC" : "");
  Civil at;
  if (!parse_date(day, at) || !is_a_day(at) || at.year > kLastYear || at.year < -4700) return std::nullopt;
  if (form == CompareAs::Date) {
    if (split < text.size()) return std::nullopt;
    return SqlValue::of(unix_seconds(at) / 86400);
  }
  std::int64_t zone = 0;
  if (split < text.size()) {
    const auto cut = std::min(clock.find_first_of("+-Zz U"), clock.size());
    const auto written = trimmed(std::string_view(clock).substr(cut));
    if (!written.empty()) {
      const auto seconds = form == CompareAs::Timestamptz ? zone_seconds(written) : std::nullopt;
      if (!seconds) return std::nullopt;
      zone = *seconds;
    }
    clock.resize(cut);
    if (clock.size() == 5) clock += ":00";
    Civil time;
    if (!parse_time(clock, false, time) || time.hour > 23 || time.second > 59) return std::nullopt;
    at.hour = time.hour;
    at.minute = time.minute;
    at.second = time.second;
    at.micros = time.micros;
  }
  return SqlValue::of((unix_seconds(at) - zone - kPostgresEpoch) * 1'000'000 + at.micros);
}

std::optional<std::string> literal_text(CompareAs form, const PgType& type, std::string_view literal) {
  const bool integer = type.kind == "int2" || type.kind == "int4" || type.kind == "int8";
  switch (form) {
    case CompareAs::Boolean:
      return boolean_text(literal);
    case CompareAs::Integer:
    case CompareAs::Decimal:
    case CompareAs::Double:
      if (integer) return integer_text(literal, type.kind);
      if (type.kind == "numeric") return plain_number(literal);
      return float_text(literal, type.kind == "float4");
    case CompareAs::Uuid:
      return uuid_text(literal);
    case CompareAs::Label:
    case CompareAs::Rank:
      if (std::find(type.labels.begin(), type.labels.end(), literal) == type.labels.end()) return std::nullopt;
      break;
    default:
      break;
  }
  return std::string(literal);
}

}  // namespace

std::shared_ptr<const Encoder> compare_reader(CompareAs form, const std::shared_ptr<const PgType>& type) {
  if (form == CompareAs::Rank) {
    EncodingChoice choice;
    choice.name = "rank";
    auto encoder = compile_encoder(type, choice);
    return encoder ? *std::move(encoder) : nullptr;
  }
  auto made = std::make_shared<Encoder>();
  made->function = reader_function(form, type->kind);
  made->type = type;
  return made;
}

std::optional<SqlValue> compare_literal(CompareAs form, const std::shared_ptr<const PgType>& type,
                                        std::string_view literal, std::string& bytes) {
  if (form == CompareAs::Date || form == CompareAs::Timestamp || form == CompareAs::Timestamptz) {
    return temporal_literal(form, literal);
  }
  const auto text = literal_text(form, *type, literal);
  const auto reader = compare_reader(form, type);
  if (!text || !reader) return std::nullopt;
  Arena scratch(1024);
  SqlValue value;
  if (reader->encode(*text, scratch, value) != nullptr) return std::nullopt;
  bytes = std::string(value.bytes);
  value.bytes = bytes;
  return value;
}

}  // namespace walbridge::mapping
