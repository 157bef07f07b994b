// float4, float8, numeric and money.
#include <array>
#include <limits>

#include "mapping/number_text.h"
#include "mapping/offers.h"
#include "mapping/utf8.h"

namespace walbridge::mapping {

namespace {

using config::Specials;

constexpr Fault kNotANumber = "is not a number";
constexpr Fault kSpecialRefused = "holds NaN or an infinity, which `specials: error` refuses";

constexpr double kMaxDouble = std::numeric_limits<double>::max();
constexpr auto kPlain = CacheColumn::Form::Plain;

constexpr std::string_view kNaN = "NaN";
constexpr std::string_view kInfinity = "Infinity";
constexpr std::string_view kMinusInfinity = "-Infinity";

// A real infinity would break whole result sets for readers over HTTP, so none is ever stored as a number.
Fault encode_special(const Encoder& self, std::string_view wire, SqlValue& out) {
  std::string_view special;
  if (wire == kNaN) {
    special = kNaN;
  } else if (wire == kInfinity) {
    special = kInfinity;
  } else if (wire == kMinusInfinity) {
    special = kMinusInfinity;
  } else {
    return kNotANumber;
  }
  switch (self.specials) {
    case Specials::Text:
      out = SqlValue::text(special);
      return nullptr;
    case Specials::Null:
      out = SqlValue::null();
      return nullptr;
    case Specials::Error:
      return kSpecialRefused;
    case Specials::Clamp:
      break;
  }
  if (special == kNaN) {
    out = SqlValue::null();
  } else if (self.limit == 0) {
    out = SqlValue::text(special);  // text decimals have no largest value
  } else {
    out = SqlValue::of(special == kInfinity ? self.limit : -self.limit);
  }
  return nullptr;
}

Fault encode_float(const Encoder& self, std::string_view wire, Arena&, SqlValue& out) {
  double value = 0;
  switch (parse_double(wire, value)) {
    case DoubleText::Ok:
      out = SqlValue::of(value == 0 ? 0.0 : value);
      return nullptr;  // SQLite keeps no -0.0
    case DoubleText::TooLarge:
      return "is too large for a double";
    case DoubleText::NotANumber:
      break;
  }
  return encode_special(self, wire, out);
}

// At most 15 digits: mantissa and power of ten are exact doubles, so one division rounds correctly.
Fault encode_decimal(const Encoder& self, std::string_view wire, Arena&, SqlValue& out) {
  static constexpr std::array<double, 19> kPowers = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                                     1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
  static constexpr std::array<std::int64_t, 19> kWhole = {1,
                                                          10,
                                                          100,
                                                          1'000,
                                                          10'000,
                                                          100'000,
                                                          1'000'000,
                                                          10'000'000,
                                                          100'000'000,
                                                          1'000'000'000,
                                                          10'000'000'000,
                                                          100'000'000'000,
                                                          1'000'000'000'000,
                                                          10'000'000'000'000,
                                                          100'000'000'000'000,
                                                          1'000'000'000'000'000,
                                                          10'000'000'000'000'000,
                                                          100'000'000'000'000'000,
                                                          1'000'000'000'000'000'000};
  constexpr std::int64_t kExact = 1'000'000'000'000'000;
  ShortDecimal decimal;
  if (!parse_short_decimal(wire, decimal)) {
    return wire.size() > 18 ? "has more digits than its type allows" : encode_special(self, wire, out);
  }
  const auto decimals = static_cast<std::size_t>(decimal.decimals);
  if (decimal.mantissa % kWhole[decimals] == 0) {
    out = SqlValue::of(decimal.mantissa / kWhole[decimals]);  // as NUMERIC affinity would store it
  } else if (decimal.mantissa > kExact || decimal.mantissa < -kExact) {
    return "has more digits than its type allows";
  } else {
    out = SqlValue::of(static_cast<double>(decimal.mantissa) / kPowers[decimals]);
  }
  return nullptr;
}

Fault encode_numeric_text(const Encoder& self, std::string_view wire, Arena&, SqlValue& out) {
  if (wire.empty()) return kNotANumber;
  if (!is_digit(wire[0]) && !(wire.size() > 1 && wire[0] == '-' && is_digit(wire[1]))) {
    return encode_special(self, wire, out);
  }
  if (!is_ascii(wire)) return kNotANumber;
  out = SqlValue::text(wire);
  return nullptr;
}

// A number without exponent and with at most `scale` decimals, times 10^scale.
Fault scale_up(std::string_view digits, bool negative, std::int32_t scale, SqlValue& out) {
  std::uint64_t value = 0;
  std::int32_t decimals = -1;  // before the point
  const auto push = [&](unsigned digit) {
    return !__builtin_mul_overflow(value, std::uint64_t{10}, &value) &&
           !__builtin_add_overflow(value, std::uint64_t{digit}, &value);
  };
  constexpr Fault kTooLarge = "does not fit 64 bits when scaled to an integer";
  for (const char c : digits) {
    if (c == '.' && decimals < 0) {
      decimals = 0;
      continue;
    }
    if (!is_digit(c)) return kNotANumber;
    if (decimals >= scale) {
      if (c != '0') return "has more decimals than the scale of its integer encoding";
      continue;
    }
    if (!push(static_cast<unsigned>(c - '0'))) return kTooLarge;
    if (decimals >= 0) ++decimals;
  }
  for (std::int32_t i = decimals < 0 ? 0 : decimals; i < scale; ++i) {
    if (!push(0)) return kTooLarge;
  }
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (value > kMax + (negative ? 1 : 0)) return kTooLarge;
  out = SqlValue::of(static_cast<std::int64_t>(negative ? 0 - value : value));
  return nullptr;
}

Fault encode_integer_scaled(const Encoder& self, std::string_view wire, Arena&, SqlValue& out) {
  const bool negative = !wire.empty() && wire[0] == '-';
  const auto digits = wire.substr(negative ? 1 : 0);
  if (digits.empty() || !is_digit(digits[0])) return encode_special(self, wire, out);
  return scale_up(digits, negative, self.scale, out);
}

// lc_monetary C prints "-$1,234.50"; sign, digits and point are the value.
bool money_digits(std::string_view wire, Arena& scratch, std::string_view& out) {
  char* const start = scratch.allocate(wire.size() + 1);
  char* end = start;
  if (!wire.empty() && (wire[0] == '-' || wire[0] == '(')) *end++ = '-';
  char* const digits = end;
  for (const char c : wire) {
    if (is_digit(c) || c == '.') *end++ = c;
  }
  out = {start, static_cast<std::size_t>(end - start)};
  return end != digits && is_digit(*digits);
}

Fault encode_money(const Encoder&, std::string_view wire, Arena& scratch, SqlValue& out) {
  std::string_view digits;
  if (!money_digits(wire, scratch, digits)) return kNotANumber;
  out = SqlValue::text(digits);
  return nullptr;
}

Fault encode_money_scaled(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out) {
  std::string_view digits;
  if (!money_digits(wire, scratch, digits)) return kNotANumber;
  return encode_integer_scaled(self, digits, scratch, out);
}

Fault encode_money_real(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out) {
  std::string_view digits;
  if (!money_digits(wire, scratch, digits)) return kNotANumber;
  return encode_float(self, digits, scratch, out);
}

void offer_numeric(const PgType& type, Draft& draft) {
  NumericModifier modifier;
  const bool constrained = numeric_modifier(type.typmod, modifier);
  if (numeric_class(type.typmod) == NumericClass::Text) {
    draft.offers = {{"auto", "TEXT", encode_numeric_text}};
  } else {
    const auto decl = "DECIMAL(" + std::to_string(modifier.precision) + "," + std::to_string(modifier.scale) + ")";
    draft.offers = {{"auto", decl, encode_decimal, true, kPlain, kMaxDouble}};
  }
  draft.offers.push_back({"text", "TEXT", encode_numeric_text});
  draft.offers.push_back({"real", "REAL", encode_float, false, kPlain, kMaxDouble});
  if (constrained) {
    draft.encoder.scale = modifier.scale > 0 ? modifier.scale : 0;
    draft.offers.push_back({"integer_scaled", "BIGINT", encode_integer_scaled});
  }
}

}  // namespace

bool numeric_modifier(std::int32_t typmod, NumericModifier& out) {
  if (typmod < 4) return false;
  const std::int32_t packed = typmod - 4;  // VARHDRSZ
  out.precision = (packed >> 16) & 0xffff;
  out.scale = ((packed & 0x7ff) ^ 1024) - 1024;
  return true;
}

NumericClass numeric_class(std::int32_t typmod) {
  NumericModifier modifier;
  if (!numeric_modifier(typmod, modifier)) return NumericClass::Text;
  if (modifier.scale <= 0) {
    return modifier.precision - modifier.scale <= 15 ? NumericClass::Integer : NumericClass::Text;
  }
  return modifier.precision <= 15 ? NumericClass::Real : NumericClass::Text;
}

bool offer_numbers(const PgType& type, Draft& draft) {
  if (type.kind == "float4" || type.kind == "float8") {
    const bool small = type.kind == "float4";
    draft.offers = {{"real", small ? "REAL" : "DOUBLE", encode_float, true, kPlain, small ? 3.4028235e38 : kMaxDouble}};
    return true;
  }
  if (type.kind == "numeric") {
    offer_numeric(type, draft);
    return true;
  }
  if (type.kind == "money") {
    draft.encoder.scale = 2;
    draft.offers = {{"text", "TEXT", encode_money},
                    {"integer_scaled", "BIGINT", encode_money_scaled},
                    {"real", "REAL", encode_money_real, false}};
    return true;
  }
  return false;
}

}  // namespace walbridge::mapping
