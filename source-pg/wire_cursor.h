// Reads Postgres wire integers and strings (big endian, NUL-terminated; "Formatting of message data types" in the
// protocol pages) from a byte range, and writes the few integers we send. Invariant: no other code touches raw bytes; a
// read past the end yields zero or nothing, puts the cursor in the failed state for good, and keeps the offset of that
// first failure. Views point into the range. One thread.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace walbridge::source_pg {

class WireCursor {
 public:
  explicit WireCursor(std::string_view bytes) : bytes_(bytes) {}

  std::uint8_t u8() { return read<std::uint8_t>(); }
  std::uint16_t u16() { return read<std::uint16_t>(); }
  std::uint32_t u32() { return read<std::uint32_t>(); }
  std::uint64_t u64() { return read<std::uint64_t>(); }
  std::int32_t i32() { return static_cast<std::int32_t>(u32()); }
  std::int64_t i64() { return static_cast<std::int64_t>(u64()); }

  std::string_view take(std::size_t count) {
    if (failed_ || count > remaining()) {
      fail();
      return {};
    }
    const std::string_view taken = bytes_.substr(offset_, count);
    offset_ += count;
    return taken;
  }

  // Up to a NUL, which is consumed and not part of the result.
  std::string_view string() {
    const std::size_t end = failed_ ? std::string_view::npos : bytes_.find('\0', offset_);
    if (end == std::string_view::npos) {
      fail();
      return {};
    }
    const std::string_view text = bytes_.substr(offset_, end - offset_);
    offset_ = end + 1;
    return text;
  }

  std::string_view rest() { return take(remaining()); }

  // For content that is in bounds but not allowed: same state as a read past the end.
  void fail() { failed_ = true; }

  bool failed() const { return failed_; }
  bool at_end() const { return offset_ == bytes_.size(); }
  std::size_t offset() const { return offset_; }
  std::size_t remaining() const { return bytes_.size() - offset_; }

 private:
  template <std::unsigned_integral T>
  T read() {
    if (failed_ || sizeof(T) > remaining()) {
      fail();
      return 0;
    }
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      value = static_cast<T>((std::uint64_t{value} << 8) | static_cast<unsigned char>(bytes_[offset_ + i]));
    }
    offset_ += sizeof(T);
    return value;
  }

  std::string_view bytes_;
  std::size_t offset_ = 0;
  bool failed_ = false;
};

inline void store_u64(char* place, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) *place++ = static_cast<char>(value >> shift & 0xff);
}

}  // namespace walbridge::source_pg
