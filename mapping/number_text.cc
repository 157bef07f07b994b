#include "mapping/number_text.h"

#include <charconv>
#include <system_error>

namespace walbridge::mapping {

namespace {

// Whether a number that does not fit a double is too large rather than too small. `text` is a JSON number.
bool is_large(std::string_view text) {
  const auto exponent = text.find_first_of("eE");
  if (exponent != std::string_view::npos) return exponent + 1 < text.size() && text[exponent + 1] != '-';
  const auto point = text.find('.');
  return text.substr(0, point).find_first_of("123456789") != std::string_view::npos;
}

std::size_t skip_digits(std::string_view text, std::size_t at) {
  while (at < text.size() && is_digit(text[at])) ++at;
  return at;
}

}  // namespace

DoubleText parse_double(std::string_view text, double& out) {
  const std::size_t first = !text.empty() && text[0] == '-' ? 1 : 0;
  // from_chars also takes "inf" and "nan".
  if (first >= text.size() || !(is_digit(text[first]) || text[first] == '.')) return DoubleText::NotANumber;
  const auto* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, out);
  if (stopped != end) return DoubleText::NotANumber;
  if (error == std::errc{}) return DoubleText::Ok;
  if (is_large(text)) return DoubleText::TooLarge;
  out = 0;
  return DoubleText::Ok;
}

bool is_json_number(std::string_view text) {
  std::size_t at = !text.empty() && text[0] == '-' ? 1 : 0;
  const std::size_t whole = at;
  at = skip_digits(text, at);
  if (at == whole || (text[whole] == '0' && at - whole > 1)) return false;
  if (at < text.size() && text[at] == '.') {
    const std::size_t fraction = ++at;
    at = skip_digits(text, at);
    if (at == fraction) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    const std::size_t exponent = at;
    at = skip_digits(text, at);
    if (at == exponent) return false;
  }
  return at == text.size();
}

bool parse_short_decimal(std::string_view text, ShortDecimal& out) {
  const char* at = text.data();
  const char* const end = at + text.size();
  const bool negative = at != end && *at == '-';
  if (negative) ++at;
  if (end - at > 19) return false;  // 18 digits and a point
  std::int64_t mantissa = 0;
  int digits = 0;
  const char* point = nullptr;
  for (; at != end; ++at) {
    const auto digit = static_cast<unsigned char>(*at - '0');
    if (digit <= 9) {
      mantissa = mantissa * 10 + digit;
      ++digits;
    } else if (*at == '.' && point == nullptr) {
      point = at;
    } else {
      return false;
    }
  }
  if (digits == 0 || digits > 18) return false;
  out.mantissa = negative ? -mantissa : mantissa;
  out.decimals = point == nullptr ? 0 : static_cast<int>(end - point) - 1;
  return true;
}

}  // namespace walbridge::mapping
