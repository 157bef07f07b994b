#include "source-pg/copy_text.h"

#include <bit>
#include <cstdint>
#include <cstring>

namespace walbridge::source_pg {
namespace {

constexpr char kDelimiter = '\t';
constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
constexpr std::uint64_t kHighBits = 0x8080808080808080ULL;

// Marks every byte of `word` equal to `byte`; exact for the lowest marked byte, which is the only one used.
constexpr std::uint64_t bytes_equal(std::uint64_t word, char byte) {
  const std::uint64_t difference = word ^ (kOnes * static_cast<std::uint8_t>(byte));
  return (difference - kOnes) & ~difference & kHighBits;
}

// The next delimiter or backslash, or `end`.
char* find_special(char* at, char* end) {
  if constexpr (std::endian::native == std::endian::little) {
    while (end - at >= 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, at, sizeof word);
      const std::uint64_t marks = bytes_equal(word, kDelimiter) | bytes_equal(word, '\\');
      if (marks != 0) return at + (std::countr_zero(marks) >> 3);
      at += 8;
    }
  }
  while (at != end && *at != kDelimiter && *at != '\\') ++at;
  return at;
}

bool is_octal(char c) { return c >= '0' && c <= '7'; }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char* decode_octal(char* at, const char* end, char& out) {
  int value = 0;
  for (int digits = 0; digits < 3 && at != end && is_octal(*at); ++digits) value = value * 8 + (*at++ - '0');
  out = static_cast<char>(value & 0xFF);
  return at;
}

// `at` stands behind "\x"; without a digit the x stands for itself.
char* decode_hex(char* at, const char* end, char& out) {
  int value = 0;
  int digits = 0;
  for (; digits < 2 && at != end && hex_value(*at) >= 0; ++digits) value = value * 16 + hex_value(*at++);
  out = digits == 0 ? 'x' : static_cast<char>(value);
  return at;
}

// `at` stands behind a backslash that is not the last byte. Writes the byte it means; returns where reading goes on.
char* decode_escape(char* at, const char* end, char& out) {
  switch (*at) {
    case 'b':
      out = '\b';
      return at + 1;
    case 'f':
      out = '\f';
      return at + 1;
    case 'n':
      out = '\n';
      return at + 1;
    case 'r':
      out = '\r';
      return at + 1;
    case 't':
      out = '\t';
      return at + 1;
    case 'v':
      out = '\v';
      return at + 1;
    case 'x':
      return decode_hex(at + 1, end, out);
    default:
      if (is_octal(*at)) return decode_octal(at, end, out);
      out = *at;  // any other byte stands for itself
      return at + 1;
  }
}

// `at` stands on the first backslash of the field that began at `begin`. Returns the field's end in the input.
char* unescape_field(char* begin, char* at, char* end, WireValue& value) {
  char* out = at;
  while (at != end && *at != kDelimiter) {
    if (*at != '\\') {
      char* const next = find_special(at, end);
      std::memmove(out, at, static_cast<std::size_t>(next - at));
      out += next - at;
      at = next;
    } else if (at + 1 == end) {
      *out++ = *at++;  // a lone backslash at the end is itself
    } else {
      at = decode_escape(at + 1, end, *out);
      ++out;
    }
  }
  value = {WireValue::Kind::Text, {begin, static_cast<std::size_t>(out - begin)}};
  return at;
}

}  // namespace

void split_copy_line(char* line, std::size_t size, std::vector<WireValue>& row) {
  row.clear();
  char* const end = line + size;
  char* begin = line;
  for (;;) {
    char* at = find_special(begin, end);
    WireValue value{WireValue::Kind::Text, {begin, static_cast<std::size_t>(at - begin)}};
    if (at != end && *at == '\\') {
      const bool null = at == begin && end - at >= 2 && at[1] == 'N' && (end - at == 2 || at[2] == kDelimiter);
      if (null) {
        value = {};
        at += 2;
      } else {
        at = unescape_field(begin, at, end, value);
      }
    }
    row.push_back(value);
    if (at == end) return;
    begin = at + 1;
  }
}

}  // namespace walbridge::source_pg
