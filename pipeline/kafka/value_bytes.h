// The bytes that values of the topic are made of (docs/kafka.md): little-endian base-128 numbers and counted texts, and
// of those, descriptions of relations and rows. A cursor never leaves its bytes: after the first thing that does not
// fit it has failed, stays at its end and yields zeros, so that a reader may ask once, at the end. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "pipeline/api/change.h"
#include "pipeline/api/result.h"

namespace walbridge::kafka {

inline constexpr std::uint8_t kValueVersion = 1;  // first byte of every value that is not JSON

inline constexpr std::size_t kLongestNumber = 10;

inline char* write_number(char* to, std::uint64_t number) {
  while (number >= 0x80) {
    *to++ = static_cast<char>(static_cast<std::uint8_t>(number) | 0x80);
    number >>= 7;
  }
  *to++ = static_cast<char>(number);
  return to;
}

inline void append_number(std::string& to, std::uint64_t number) {
  char bytes[kLongestNumber];
  to.append(bytes, static_cast<std::size_t>(write_number(bytes, number) - bytes));
}

// Small ones are short, whatever their sign.
inline void append_signed(std::string& to, std::int64_t number) {
  append_number(to, (static_cast<std::uint64_t>(number) << 1) ^ static_cast<std::uint64_t>(number >> 63));
}

inline void append_text(std::string& to, std::string_view text) {
  append_number(to, text.size());
  to.append(text);
}

void append_double(std::string& to, double number);  // 8 bytes, IEEE 754, least significant first

class ByteCursor {
 public:
  explicit ByteCursor(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool failed() const { return failed_; }
  bool at_end() const { return at_ == end_; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  std::string_view rest() const { return {at_, left()}; }
  void fail() {
    failed_ = true;
    at_ = end_;
  }

  std::uint8_t byte() {
    if (at_ == end_) return fail(), std::uint8_t{0};
    return static_cast<std::uint8_t>(*at_++);
  }
  std::uint64_t number() {
    if (at_ != end_ && static_cast<std::uint8_t>(*at_) < 0x80) return static_cast<std::uint8_t>(*at_++);
    return long_number();
  }
  template <class T>
  T number_of() {
    const std::uint64_t wide = number();
    if (!std::in_range<T>(wide)) return fail(), T{};
    return static_cast<T>(wide);
  }
  std::int64_t signed_number() {
    const std::uint64_t folded = number();
    return static_cast<std::int64_t>((folded >> 1) ^ (~(folded & 1) + 1));
  }
  std::string_view bytes(std::uint64_t count) {
    if (count > left()) return fail(), std::string_view{};
    const std::string_view found(at_, static_cast<std::size_t>(count));
    at_ += count;
    return found;
  }
  std::string_view text() { return bytes(number()); }
  double floating();
  // How many items follow, each of which takes at least `least_bytes`: never more than there are bytes for.
  std::size_t count(std::size_t least_bytes = 1);

 private:
  std::uint64_t long_number();

  const char* at_;
  const char* end_;
  bool failed_ = false;
};

void append_relation(std::string& to, const Relation& relation);
bool read_relation(ByteCursor& from, Relation& into);

// One value per column; how many that are the relation says.
void append_row(std::string& to, std::span<const WireValue> row);
// Fills `into` with views of the cursor's bytes.
bool read_row(ByteCursor& from, std::span<WireValue> into);

// A table's description and the estimates beside it.
void append_table(std::string& to, const SourceTable& table);
bool read_table(ByteCursor& from, SourceTable& into);

// Operator "kafka-broken-record".
Error broken_record(std::string_view what);

}  // namespace walbridge::kafka
