// The commands, one file each. They parse nothing: main.cc fills the options. Each returns an ExitCode.
#pragma once

#include <cstdint>
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
  bool caches = true;           // look what they hold, for the difference
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

struct HealthcheckOptions {
  std::string url;    // of the admin server; empty: that of the configuration, which is not read otherwise
  bool live = false;  // /livez instead of /readyz
};
int healthcheck(const std::string& config_path, const HealthcheckOptions& options);

struct DestroyOptions {
  bool caches = false;
  bool dry_run = false;
  bool yes = false;
  bool json = false;
};
int destroy(const config::Config& config, const DestroyOptions& options);

struct InitOptions {
  std::string from;  // an address, or the name of a variable that holds it; empty: DATABASE_URL
  std::string sink;  // empty: file:cache.db
  std::string out = "walbridge.yaml";
  bool force = false;
};
int init(const InitOptions& options);

struct SchemaOptions {
  std::string format;  // drizzle | prisma | sql
  std::string sink;    // may be empty when there is one
  std::string out = "-";
  std::string check;  // a file to compare with the cache instead
};
int schema(const config::Config& config, const SchemaOptions& options);

struct KafkaCatOptions {
  bool json = false;  // with the events of each record
  std::string from = "start";
  std::uint64_t count = 0;  // 0: all
  bool follow = false;
};
int kafka_cat(const config::Config& config, const KafkaCatOptions& options);

struct ResyncOptions {
  std::vector<std::string> tables;  // globs over schema.table
  bool all = false;
  bool wait = true;
  bool json = false;
  bool yes = false;
};
int resync(const config::Config& config, const ResyncOptions& options);

}  // namespace walbridge::cli
