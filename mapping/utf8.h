// UTF-8 validation: SQLite stores what it is given, readers do not forgive. Pure.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace walbridge::mapping {

bool valid_utf8_slow(std::string_view text);

inline bool is_ascii(std::string_view text) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  const char* at = text.data();
  std::size_t left = text.size();
  std::uint64_t seen = 0;
  if (left >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at + left - 8, 8);  // the tail, overlapping
    seen = word;
    for (; left >= 8; left -= 8, at += 8) {
      std::memcpy(&word, at, 8);
      seen |= word;
    }
    return (seen & kHighBits) == 0;
  }
  for (; left > 0; --left) seen |= static_cast<unsigned char>(*at++);
  return (seen & 0x80) == 0;
}

inline bool valid_utf8(std::string_view text) { return is_ascii(text) || valid_utf8_slow(text); }

}  // namespace walbridge::mapping
