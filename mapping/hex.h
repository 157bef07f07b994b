// Hexadecimal digits to bytes. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace walbridge::mapping {

// 0..15; 255 for what is no hex digit.
inline constexpr std::array<std::uint8_t, 256> kHexValue = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(255);
  for (std::uint8_t i = 0; i < 10; ++i) table[static_cast<std::size_t>('0') + i] = i;
  for (std::uint8_t i = 0; i < 6; ++i) {
    table[static_cast<std::size_t>('a') + i] = static_cast<std::uint8_t>(10 + i);
    table[static_cast<std::size_t>('A') + i] = static_cast<std::uint8_t>(10 + i);
  }
  return table;
}();

inline bool is_hex(std::string_view text) {
  std::uint8_t seen = 0;
  for (const char c : text) seen |= kHexValue[static_cast<unsigned char>(c)];
  return seen < 16;
}

// Writes text.size() / 2 bytes; false for an odd length or another character.
inline bool decode_hex(std::string_view text, char* to) {
  if (text.size() % 2 != 0) return false;
  std::uint8_t seen = 0;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = kHexValue[static_cast<unsigned char>(text[i])];
    const auto low = kHexValue[static_cast<unsigned char>(text[i + 1])];
    seen |= high | low;
    *to++ = static_cast<char>(high << 4 | low);
  }
  return seen < 16;
}

}  // namespace walbridge::mapping
