// What `run` shows while it works: bars and a live line on a terminal, a plain line at every change of state and now
// and then elsewhere, JSON lines when asked. Single thread. To standard output; logs go to standard error.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "pipeline/status.h"

namespace walbridge::cli {

enum class ProgressStyle { Terminal, Plain, Json };

class Progress {
 public:
  Progress(ProgressStyle style, double max_lag_seconds) : style_(style), max_lag_seconds_(max_lag_seconds) {}
  ~Progress();
  void show(const pipeline::BridgeStatus& status, std::int64_t now_ms);

 private:
  void show_terminal(const pipeline::BridgeStatus& status, std::int64_t now_ms);
  void show_plain(const pipeline::BridgeStatus& status, std::int64_t now_ms);
  std::string cache_line(const pipeline::CacheStatus& cache, std::int64_t now_ms);

  struct Rate {
    std::uint64_t rows = 0;
    std::int64_t at_ms = 0;
    double per_second = 0;
  };
  ProgressStyle style_;
  double max_lag_seconds_;
  std::map<std::string, Rate> rates_;
  std::map<std::string, std::string> shown_phase_;
  std::int64_t shown_ms_ = 0;
  std::size_t lines_up_ = 0;
};

}  // namespace walbridge::cli
