// What every command gets: the configuration, where to print, and how to end.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "pipeline/api/error.h"
#include "pipeline/api/finding.h"
#include "pipeline/api/sink.h"
#include "pipeline/api/source.h"

namespace walbridge::cli {

// Documented in the README; scripts depend on them.
enum ExitCode : int {
  kDone = 0,
  kFoundSomething = 1,
  kUsage = 2,
  kSystemUnusable = 3,
  kGap = 4,
};

int exit_code(const Error& error);

// "error: message [code]" and, on its own line, what to do. To standard error.
int fail(const Error& error);

// Loads the configuration or prints every problem; sets up logging.
std::optional<config::Config> load_config(const std::string& path);

// One sink per configured sink, or an error.
Result<std::vector<std::unique_ptr<Sink>>> open_sinks(const config::Config& config);

// True when the answer on the terminal is yes. Without a terminal: false.
bool confirm(const std::string& question);

}  // namespace walbridge::cli
