// The threads of a running bridge: the caller's supervises, one reads, one per cache applies, the admin server has its
// own. Everything they share is a LaneLink, a stats struct or Source::wake().
#pragma once

#include <atomic>
#include <functional>
#include <optional>

#include "pipeline/bridge.h"
#include "pipeline/status.h"

namespace walbridge::pipeline {

enum class ExitReason { Done, FoundSomething, SystemUnusable, Gap };

struct RunOptions {
  bool once = false;
  bool serve_admin = true;
  // Called a few times per second on the caller's thread, for a progress display.
  std::function<void(const BridgeStatus&)> on_progress;
};

struct RunOutcome {
  ExitReason reason = ExitReason::Done;
  std::optional<Error> error;
};

// Both halves of a bridge that goes through Kafka, in one process: `publish` ends in the topic that `apply` begins
// with. One of them ending ends the other.
RunOutcome run_both(Bridge& publish, Bridge& apply, const RunOptions& options, const std::atomic<bool>& stop);

// Prepares the bridge, then runs until `stop` becomes true, the work of `once` is done, or nothing can go on. Leaves
// within five seconds of a stop: what is not finished by then is abandoned, for start-up is crash recovery.
RunOutcome run_bridge(Bridge& bridge, const RunOptions& options, const std::atomic<bool>& stop);

}  // namespace walbridge::pipeline
