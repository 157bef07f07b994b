#include <atomic>
#include <csignal>
#include <thread>

#include <pthread.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/feeds.h"
#include "cli/progress.h"
#include "pipeline/api/log.h"
#include "pipeline/runner.h"
#include "pipeline/system_clock.h"

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

Result<pipeline::RunOutcome> run_once_over(const config::Config& config, const pipeline::RunOptions& options,
                                           const Clock& clock, bool start_over) {
  if (config.kafka && config.kafka->role == config::KafkaRole::Both) {
    WALBRIDGE_TRY_AS(auto first, parts_from_source(config, clock));
    WALBRIDGE_TRY_AS(auto second, parts_from_topic(config, clock));
    second.start_over = start_over;
    pipeline::Bridge publish(config, std::move(first), clock, options.once);
    pipeline::Bridge apply(config, std::move(second), clock, options.once);
    return pipeline::run_both(publish, apply, options, stop_requested);
  }
  const bool from_topic = config.kafka && !config.publishes();
  WALBRIDGE_TRY_AS(auto parts, from_topic ? parts_from_topic(config, clock) : parts_from_source(config, clock));
  parts.start_over = start_over;
  pipeline::Bridge bridge(config, std::move(parts), clock, options.once);
  return pipeline::run_bridge(bridge, options, stop_requested);
}

}  // namespace

int run(const config::Config& config, const RunCommandOptions& options) {
  catch_signals();
  const pipeline::SystemClock clock;
  log::info("walbridge starts",
            {{"version", WALBRIDGE_VERSION}, {"name", config.name}, {"sinks", config.sinks.size()}});

  Progress progress(options.json                 ? ProgressStyle::Json
                    : isatty(STDOUT_FILENO) != 0 ? ProgressStyle::Terminal
                                                 : ProgressStyle::Plain,
                    config.admin.ready_max_lag_seconds);
  pipeline::RunOptions run_options;
  run_options.once = options.once;
  run_options.on_progress = [&](const pipeline::BridgeStatus& status) { progress.show(status, clock.now_ms()); };
  auto outcome = run_once_over(config, run_options, clock, false);
  // What the caches hold is not lost with the changes that are: readers keep it until the copies are done.
  const bool resyncs = config.kafka && config.kafka->on_gap == config::OnGap::Resync;
  while (outcome && outcome->reason == pipeline::ExitReason::Gap && resyncs && !stop_requested) {
    log::error("changes are gone from the topic; every table is copied again",
               {{"code", outcome->error->code}, {"reason", outcome->error->message}});
    outcome = run_once_over(config, run_options, clock, true);
  }
  if (!outcome) return fail(outcome.error());
  if (outcome->error) fail(*outcome->error);
  log::info("walbridge ends", {{"code", code_of(outcome->reason)}});
  return code_of(outcome->reason);
}

}  // namespace walbridge::cli
