// Wall-clock instants in microseconds since 1970-01-01 UTC, as printed in checkpoints and metrics.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace walbridge {

struct Timestamp {
  std::int64_t micros = 0;
  friend constexpr auto operator<=>(Timestamp, Timestamp) = default;
  constexpr explicit operator bool() const { return micros != 0; }
};

// Postgres counts from 2000-01-01 (protocol-logicalrep-message-formats: "microseconds since PostgreSQL epoch").
constexpr std::int64_t kPostgresEpochMicros = 946'684'800'000'000;
constexpr Timestamp from_postgres_micros(std::int64_t micros) { return {micros + kPostgresEpochMicros}; }

// Seconds from `from` to `to`; negative when `to` is earlier.
constexpr double seconds_between(Timestamp from, Timestamp to) {
  return static_cast<double>(to.micros - from.micros) / 1e6;
}

// "2026-11-21T10:00:00.123456+00:00"
std::string to_iso(Timestamp at);

}  // namespace walbridge
