// Builds messages as a server would send them, and hostile ones no server would.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace walbridge::source_pg {

class WireBytes {
 public:
  explicit WireBytes(char tag) : bytes_(1, tag) {}

  WireBytes& u8(std::uint64_t value) { return integer(value, 1); }
  WireBytes& u16(std::uint64_t value) { return integer(value, 2); }
  WireBytes& u32(std::uint64_t value) { return integer(value, 4); }
  WireBytes& u64(std::uint64_t value) { return integer(value, 8); }
  WireBytes& raw(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }
  WireBytes& string(std::string_view text) { return raw(text).u8(0); }
  WireBytes& text(std::string_view value) { return u8('t').u32(value.size()).raw(value); }

  operator std::string_view() const { return bytes_; }  // NOLINT
  const std::string& bytes() const { return bytes_; }

 private:
  WireBytes& integer(std::uint64_t value, int width) {
    for (int shift = 8 * (width - 1); shift >= 0; shift -= 8) bytes_ += static_cast<char>(value >> shift & 0xff);
    return *this;
  }

  std::string bytes_;
};

inline WireBytes begin_message(std::uint64_t commit_lsn) {
  return WireBytes('B').u64(commit_lsn).u64(1'000'000).u32(42);
}

inline WireBytes commit_message(std::uint64_t commit_lsn, std::uint64_t end_lsn) {
  return WireBytes('C').u8(0).u64(commit_lsn).u64(end_lsn).u64(1'000'000);
}

// Columns "id" (int4, key) and "v" (text).
inline WireBytes relation_message(std::uint32_t oid, std::string_view name = "t", std::string_view schema = "public") {
  return WireBytes('R')
      .u32(oid)
      .string(schema)
      .string(name)
      .u8('d')
      .u16(2)
      .u8(1)
      .string("id")
      .u32(23)
      .u32(0xffffffff)
      .u8(0)
      .string("v")
      .u32(25)
      .u32(0xffffffff);
}

inline WireBytes insert_message(std::uint32_t oid, std::string_view id, std::string_view v) {
  return WireBytes('I').u32(oid).u8('N').u16(2).text(id).text(v);
}

}  // namespace walbridge::source_pg
