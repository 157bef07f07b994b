#include "cli/progress.h"

#include <algorithm>
#include <cmath>
#include <iostream>

#include <fmt/format.h>

namespace walbridge::cli {
namespace {

constexpr std::int64_t kTerminalEveryMs = 200;
constexpr std::int64_t kPlainEveryMs = 2'000;
constexpr std::size_t kBarWidth = 24;

std::string thousands(std::uint64_t number) {
  auto text = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), " ");
  return text;
}

std::string bar(double done) {
  const auto filled = static_cast<std::size_t>(std::clamp(done, 0.0, 1.0) * kBarWidth);
  return "[" + std::string(filled, '#') + std::string(kBarWidth - filled, '.') + "]";
}

std::string lag_text(double seconds) {
  if (seconds <= 0) return "caught up";
  if (seconds < 1) return fmt::format("lag {:.0f} ms", std::max(1.0, seconds * 1000));
  return fmt::format("lag {:.1f} s", seconds);
}

}  // namespace

Progress::~Progress() {
  if (style_ == ProgressStyle::Terminal && lines_up_ > 0) std::cout << std::flush;
}

void Progress::show(const pipeline::BridgeStatus& status, std::int64_t now_ms) {
  switch (style_) {
    case ProgressStyle::Terminal:
      return show_terminal(status, now_ms);
    case ProgressStyle::Plain:
      return show_plain(status, now_ms);
    case ProgressStyle::Json:
      break;
  }
  if (now_ms - shown_ms_ < kPlainEveryMs) return;
  shown_ms_ = now_ms;
  auto line = pipeline::to_json(status, max_lag_seconds_);
  line.erase(std::remove(line.begin(), line.end(), '\n'), line.end());
  std::cout << line << std::endl;
}

std::string Progress::cache_line(const pipeline::CacheStatus& cache, std::int64_t now_ms) {
  const auto phase = pipeline::to_string(cache.phase);
  if (cache.phase == pipeline::CachePhase::Loading) {
    std::uint64_t rows = 0;
    double expected = 0;
    std::size_t done = 0;
    for (const auto& load : cache.loads) {
      rows += load.rows;
      expected += std::max(load.estimated_rows, static_cast<double>(load.rows));
      done += load.done ? 1 : 0;
    }
    auto& rate = rates_[cache.name];
    if (rate.at_ms == 0 || rows < rate.rows) rate = {rows, now_ms, 0};  // the load may have begun again
    if (now_ms - rate.at_ms >= 500) {
      rate.per_second = static_cast<double>(rows - rate.rows) * 1e3 / static_cast<double>(now_ms - rate.at_ms);
      rate.rows = rows;
      rate.at_ms = now_ms;
    }
    const double part = expected > 0 ? static_cast<double>(rows) / expected : 0;
    auto line = fmt::format("{}: snapshot {} {:3.0f} %  {} rows  {} of {} tables", cache.name, bar(part),
                            std::floor(part * 100), thousands(rows), done, cache.loads.size());
    if (rate.per_second > 0) {
      line += fmt::format("  {} rows/s", thousands(static_cast<std::uint64_t>(rate.per_second)));
      const double left = (expected - static_cast<double>(rows)) / rate.per_second;
      if (left >= 1) line += fmt::format("  {:.0f} s left", left);
    }
    return line;
  }
  auto line = fmt::format("{}: {}", cache.name, phase);
  if (cache.phase == pipeline::CachePhase::Streaming) {
    line += fmt::format("  {}  at {}", lag_text(cache.lag_seconds), to_string(cache.checkpoint.end_lsn));
  }
  const auto stopped = std::count_if(cache.tables.begin(), cache.tables.end(),
                                     [](const TableRecord& table) { return table.state == TableState::Stopped; });
  for (const auto& load : cache.loads) {
    if (load.done) continue;
    line += fmt::format("  copying {}: {} rows", load.source_name, thousands(load.rows));
    if (load.estimated_rows > 0)
      line += fmt::format(" of about {}", thousands(static_cast<std::uint64_t>(load.estimated_rows)));
  }
  if (stopped > 0) line += fmt::format("  {} {} stopped", stopped, stopped == 1 ? "table" : "tables");
  if (cache.last_error) line += "  " + cache.last_error->message;
  return line;
}

void Progress::show_terminal(const pipeline::BridgeStatus& status, std::int64_t now_ms) {
  if (now_ms - shown_ms_ < kTerminalEveryMs) return;
  shown_ms_ = now_ms;
  if (lines_up_ > 0) std::cout << "\033[" << lines_up_ << "A";
  if (status.publisher) std::cout << "\r\033[2K" << status.publisher->line() << "\n";
  for (const auto& cache : status.caches) std::cout << "\r\033[2K" << cache_line(cache, now_ms) << "\n";
  std::cout << std::flush;
  lines_up_ = status.caches.size() + (status.publisher ? 1 : 0);
}

void Progress::show_plain(const pipeline::BridgeStatus& status, std::int64_t now_ms) {
  const bool due = now_ms - shown_ms_ >= kPlainEveryMs;
  if (status.publisher) {
    auto& shown = shown_phase_["kafka publisher"];
    const std::string phase = status.publisher->open ? "open" : "closed";
    if (shown != phase || due) std::cout << status.publisher->line() << "\n";
    shown = phase;
  }
  for (const auto& cache : status.caches) {
    auto& shown = shown_phase_[cache.name];
    const std::string phase = pipeline::to_string(cache.phase);
    if (shown == phase && !due) continue;
    shown = phase;
    std::cout << cache_line(cache, now_ms) << "\n";
  }
  std::cout << std::flush;
  if (due) shown_ms_ = now_ms;
}

}  // namespace walbridge::cli
