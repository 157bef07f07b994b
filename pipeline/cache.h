// One cache of the bridge with everything that belongs to it: its sink, plan, lane and numbers.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "mapping/table_plan.h"
#include "pipeline/api/sink.h"
#include "pipeline/lane.h"
#include "pipeline/table_load.h"

namespace walbridge::pipeline {

enum class CachePhase {
  Waiting,  // its database has not been reached yet
  Loading,  // the snapshot is running
  Streaming,
  Failed,  // an operator's turn; last_error says why
};

struct Cache {
  Cache(const config::Config& config, const config::Sink& settings_, std::unique_ptr<Sink> sink_,
        std::size_t queue_bytes, const Clock& clock, LaneOptions lane_options)
      : settings(settings_),
        sink(std::move(sink_)),
        link(settings_.name, queue_bytes),
        lane(*sink, link, stats, desk, clock, LaneTables(config, settings), std::move(lane_options)) {}

  const config::Sink settings;
  std::unique_ptr<Sink> sink;
  LaneLink link;
  LaneStats stats;
  BackfillDesk desk;
  Lane lane;

  std::atomic<CachePhase> phase{CachePhase::Waiting};
  std::atomic<std::int64_t> try_again_ms{0};
  std::atomic<bool> wants_load{false};
  bool started = false;            // the lane has its checkpoint; the runner may give it a thread
  std::optional<SinkState> state;  // as open() read it

  mutable std::mutex progress_mutex;  // guards the vector; its elements are atomics
  std::vector<std::unique_ptr<TableProgress>> progress;
};

}  // namespace walbridge::pipeline
