// Numbers as Postgres prints them. Each function takes the whole text or refuses it. Pure.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

namespace walbridge::mapping {

inline bool is_digit(char c) { return static_cast<unsigned char>(c - '0') <= 9; }

// -?[0-9]{1,19}, within 64 bits.
inline bool parse_int64(std::string_view text, std::int64_t& out) {
  const char* at = text.data();
  const char* const end = at + text.size();
  const bool negative = at != end && *at == '-';
  if (negative) ++at;
  if (at == end || end - at > 19) return false;
  std::uint64_t value = 0;  // 19 digits fit
  for (; at != end; ++at) {
    const auto digit = static_cast<unsigned char>(*at - '0');
    if (digit > 9) return false;
    value = value * 10 + digit;
  }
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (value > kMax + (negative ? 1 : 0)) return false;
  out = static_cast<std::int64_t>(negative ? 0 - value : value);
  return true;
}

enum class DoubleText : std::uint8_t { Ok, TooLarge, NotANumber };

// Finite numbers only, correctly rounded; what is too small becomes 0.
DoubleText parse_double(std::string_view text, double& out);

// The grammar of RFC 8259, section 6.
bool is_json_number(std::string_view text);

// A decimal without exponent as mantissa / 10^decimals; at most 18 digits.
struct ShortDecimal {
  std::int64_t mantissa = 0;
  int decimals = 0;
};
bool parse_short_decimal(std::string_view text, ShortDecimal& out);

}  // namespace walbridge::mapping
