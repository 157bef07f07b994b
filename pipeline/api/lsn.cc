#include "pipeline/api/lsn.h"

#include <charconv>

#include <fmt/format.h>

namespace walbridge {

std::string to_string(Lsn lsn) { return fmt::format("{:X}/{:X}", lsn.value >> 32U, lsn.value & 0xFFFFFFFFU); }

std::optional<Lsn> parse_lsn(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto half = [](std::string_view digits) -> std::optional<std::uint64_t> {
    std::uint32_t parsed = 0;
    const auto* end = digits.data() + digits.size();
    const auto [stopped_at, failure] = std::from_chars(digits.data(), end, parsed, 16);
    if (failure != std::errc{} || stopped_at != end) return std::nullopt;
    return parsed;
  };
  const auto high = half(text.substr(0, slash));
  const auto low = half(text.substr(slash + 1));
  if (!high || !low) return std::nullopt;
  return Lsn{(*high << 32U) | *low};
}

}  // namespace walbridge
