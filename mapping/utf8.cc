#include "mapping/utf8.h"

namespace walbridge::mapping {

namespace {

// The Unicode Standard, table 3-7: the second byte's range depends on the first; all others are 80..BF.
struct Lead {
  std::size_t length;
  unsigned char low;
  unsigned char high;
};

Lead lead_of(unsigned char byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2) return {0, 0, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

bool valid_utf8_slow(std::string_view text) {
  const auto byte_at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (std::size_t i = 0; i < text.size();) {
    const Lead lead = lead_of(byte_at(i));
    if (lead.length == 1) {
      ++i;
      continue;
    }
    if (lead.length == 0 || text.size() - i < lead.length) return false;
    if (byte_at(i + 1) < lead.low || byte_at(i + 1) > lead.high) return false;
    for (std::size_t k = 2; k < lead.length; ++k) {
      if ((byte_at(i + k) & 0xC0) != 0x80) return false;
    }
    i += lead.length;
  }
  return true;
}

}  // namespace walbridge::mapping
