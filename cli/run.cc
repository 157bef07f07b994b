#include <atomic>
#include <csignal>
#include <thread>

#include <pthread.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/progress.h"
#include "pipeline/api/log.h"
#include "pipeline/runner.h"
#include "pipeline/system_clock.h"
#include "source-pg/open.h"

namespace walbridge::cli {
namespace {

std::atomic<bool> stop_requested{false};

// The first signal stops in order, the second at once: every start is crash recovery anyway.
void on_signal(int) {
  if (stop_requested.exchange(true)) _exit(130);
}

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int code_of(pipeline::ExitReason reason) {
  switch (reason) {
    case pipeline::ExitReason::Done:
      return kDone;
    case pipeline::ExitReason::FoundSomething:
      return kFoundSomething;
    case pipeline::ExitReason::SystemUnusable:
      return kSystemUnusable;
    case pipeline::ExitReason::Gap:
      return kGap;
  }
  return kSystemUnusable;
}

}  // namespace

int run(const config::Config& config, const RunCommandOptions& options) {
  catch_signals();
  auto sinks = open_sinks(config);
  if (!sinks) return fail(sinks.error());
  pipeline::BridgeParts parts;
  parts.admin = source_pg::open_source_admin(config);
  parts.source = source_pg::open_source(config);
  parts.snapshot = source_pg::open_snapshot_source(config);
  parts.backfill = source_pg::open_backfill_source(config);
  parts.sinks = *std::move(sinks);

  const pipeline::SystemClock clock;
  pipeline::Bridge bridge(config, std::move(parts), clock, options.once);
  log::info("walbridge starts",
            {{"version", WALBRIDGE_VERSION}, {"name", config.name}, {"sinks", config.sinks.size()}});

  Progress progress(options.json                 ? ProgressStyle::Json
                    : isatty(STDOUT_FILENO) != 0 ? ProgressStyle::Terminal
                                                 : ProgressStyle::Plain,
                    config.admin.ready_max_lag_seconds);
  pipeline::RunOptions run_options;
  run_options.once = options.once;
  run_options.on_progress = [&](const pipeline::BridgeStatus& status) { progress.show(status, clock.now_ms()); };
  const auto outcome = pipeline::run_bridge(bridge, run_options, stop_requested);
  if (outcome.error) fail(*outcome.error);
  log::info("walbridge ends", {{"code", code_of(outcome.reason)}});
  return code_of(outcome.reason);
}

}  // namespace walbridge::cli
