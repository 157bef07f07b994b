// The commands, one file each. They parse nothing: main.cc fills the options. Each returns an ExitCode.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace walbridge::cli {

struct CheckOptions {
  bool json = false;
};
int check(const config::Config& config, const CheckOptions& options);

struct PlanOptions {
  std::string format = "text";  // text | json | sql
};
int plan(const config::Config& config, const PlanOptions& options);

struct RunCommandOptions {
  bool once = false;
  bool json = false;  // progress as JSON lines
};
int run(const config::Config& config, const RunCommandOptions& options);

struct StatusOptions {
  bool json = false;
};
int status(const config::Config& config, const StatusOptions& options);

struct DestroyOptions {
  bool caches = false;
  bool dry_run = false;
  bool yes = false;
  bool json = false;
};
int destroy(const config::Config& config, const DestroyOptions& options);

}  // namespace walbridge::cli
