// `admin`, `log`, `snapshot` and `limits`.
#include <array>
#include <utility>

#include "config/address.h"
#include "config/sections.h"

namespace walbridge::config {
namespace {

// Each in the order of its enumeration.
constexpr auto kLevels = std::to_array<std::string_view>({"debug", "info", "warn", "error"});
constexpr auto kFormats = std::to_array<std::string_view>({"text", "json"});

constexpr double kShortestLag = 0.001;
constexpr double kDay = 86400;
constexpr std::int64_t kMostWorkers = 64;
constexpr std::int64_t kFewestBackfillRows = 100;
constexpr std::int64_t kMostBackfillRows = 100'000;
constexpr std::uint64_t kSmallestBuffer = 1ULL << 20;
constexpr std::uint64_t kLargestBuffer = 16ULL << 30;

void read_admin(const Field& field, Admin& admin) {
  if (!field.check_map()) return;
  const Field listen = field.child("listen");
  if (auto address = listen.text_or_empty()) {
    if (auto fault = listen_address_fault(*address)) {
      listen.problem(*std::move(fault));
    } else {
      admin.listen = *std::move(address);
    }
  }
  if (const auto lag = field.child("ready_max_lag_seconds").number(kShortestLag, kDay))
    admin.ready_max_lag_seconds = *lag;
}

void read_log(const Field& field, Log& log) {
  if (!field.check_map()) return;
  if (const auto at = field.child("level").choice(kLevels)) log.level = static_cast<LogLevel>(*at);
  if (const auto at = field.child("format").choice(kFormats)) log.format = static_cast<LogFormat>(*at);
}

void read_limits(const Field& field, Limits& limits) {
  if (!field.check_map()) return;
  if (const auto bytes = field.child("buffer_bytes").size(kSmallestBuffer, kLargestBuffer))
    limits.buffer_bytes = *bytes;
  if (const auto seconds = field.child("slow_sink_seconds").integer(1, static_cast<std::int64_t>(kDay))) {
    limits.slow_sink_seconds = static_cast<std::uint32_t>(*seconds);
  }
}

}  // namespace

void read_runtime(const Field& root, Config& config) {
  read_admin(root.child("admin"), config.admin);
  read_log(root.child("log"), config.log);
  const Field snapshot = root.child("snapshot");
  if (snapshot.check_map()) {
    if (const auto workers = snapshot.child("workers").integer(1, kMostWorkers)) {
      config.snapshot.workers = static_cast<std::uint32_t>(*workers);
    }
    if (const auto rows = snapshot.child("backfill_rows").integer(kFewestBackfillRows, kMostBackfillRows)) {
      config.snapshot.backfill_rows = static_cast<std::uint32_t>(*rows);
    }
  }
  read_limits(root.child("limits"), config.limits);
}

}  // namespace walbridge::config
