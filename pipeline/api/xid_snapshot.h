// Which transactions a snapshot sees, as pg_current_snapshot() prints it: "xmin:xmax:xip,xip"
// (Postgres docs, "Transaction ID and Snapshot Information Functions"). Pure; any thread.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace walbridge {

struct XidSnapshot {
  std::uint64_t xmin = 0;              // all transactions below are over
  std::uint64_t xmax = 0;              // none from here on is
  std::vector<std::uint64_t> running;  // those in between that are not; ascending

  // `xid` is the 32-bit one of the stream's Begin; it gets its epoch from xmax, from which it is never 2^31 away.
  bool sees(std::uint32_t xid) const {
    const auto near = static_cast<std::int32_t>(xid - static_cast<std::uint32_t>(xmax));
    const auto full = xmax + static_cast<std::uint64_t>(static_cast<std::int64_t>(near));
    if (full < xmin) return true;
    if (full >= xmax) return false;
    return !std::binary_search(running.begin(), running.end(), full);
  }

  static std::optional<XidSnapshot> parse(std::string_view text) {
    XidSnapshot snapshot;
    const char* at = text.data();
    const char* const end = at + text.size();
    const auto number = [&](std::uint64_t& to) {
      const auto [stop, failure] = std::from_chars(at, end, to);
      at = stop;
      return failure == std::errc{};
    };
    if (!number(snapshot.xmin) || at == end || *at++ != ':') return std::nullopt;
    if (!number(snapshot.xmax) || at == end || *at++ != ':') return std::nullopt;
    while (at != end) {
      snapshot.running.push_back(0);
      if (!number(snapshot.running.back())) return std::nullopt;
      if (at != end && *at++ != ',') return std::nullopt;
    }
    return snapshot;
  }
};

}  // namespace walbridge
