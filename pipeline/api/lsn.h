// A position in Postgres' write-ahead log. Ordered, printable as Postgres prints it ("16/B374D848"),
// and deliberately without arithmetic: the only distance anyone needs is `bytes_between`.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace walbridge {

struct Lsn {
  std::uint64_t value = 0;

  friend constexpr auto operator<=>(Lsn, Lsn) = default;
  constexpr explicit operator bool() const { return value != 0; }
};

// Bytes of log from `from` to `to`; 0 when `to` is not ahead.
constexpr std::uint64_t bytes_between(Lsn from, Lsn to) { return to > from ? to.value - from.value : 0; }

// Where a stream goes on.
struct StreamPosition {
  Lsn lsn;
  std::int64_t offset = -1;  // of a stream that comes through Kafka: the record to read from

  constexpr StreamPosition() = default;
  constexpr StreamPosition(Lsn at, std::int64_t record = -1) : lsn(at), offset(record) {}  // NOLINT: a place in the log
  friend constexpr bool operator==(const StreamPosition&, const StreamPosition&) = default;
};

std::string to_string(Lsn lsn);
std::optional<Lsn> parse_lsn(std::string_view text);

}  // namespace walbridge
