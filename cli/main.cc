// Command line -> one command. The one place that knows CLI11.
#include <malloc.h>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/context.h"

namespace {

using namespace walbridge::cli;

constexpr const char* kExitCodes =
    "Exit codes: 0 done, 1 found something, 2 usage or configuration, 3 cannot reach or use a system, "
    "4 a gap that needs a resync.";

template <class Options, class Command>
int with_config(const std::string& path, const Options& options, Command command) {
  const auto config = load_config(path);
  return config ? command(*config, options) : static_cast<int>(kUsage);
}

}  // namespace

int main(int argc, char** argv) {
  // Chunks are made by one thread and freed by another: two arenas keep the resident size near what is in use.
  mallopt(M_ARENA_MAX, 2);

  CLI::App app{"walbridge keeps SQLite, libSQL and Turso caches in step with a Postgres database."};
  app.set_version_flag("--version", "walbridge " WALBRIDGE_VERSION);
  app.require_subcommand(1);
  app.footer(kExitCodes);
  std::string config_path = "walbridge.yaml";
  app.add_option("-c,--config", config_path, "the configuration file")->capture_default_str();
  app.fallthrough();

  CheckOptions check_options;
  auto* check_command =
      app.add_subcommand("check", "look for everything that would keep the bridge from working, with the fix");
  check_command->add_flag("--json", check_options.json, "print the findings as JSON");
  check_command->footer(
      "Examples:\n  walbridge check\n  walbridge -c prod.yaml check --json | jq '.findings[] | "
      "select(.severity==\"error\")'");

  PlanOptions plan_options;
  auto* plan_command = app.add_subcommand(
      "plan", "show tables, columns and types of the caches, and what is not carried; touches nothing");
  bool plan_json = false;
  plan_command->add_flag("--json", plan_json, "same as --format json");
  plan_command->add_option("--format", plan_options.format, "text, json or sql")
      ->check(CLI::IsMember({"text", "json", "sql"}))
      ->capture_default_str();
  plan_command->footer("Examples:\n  walbridge plan\n  walbridge plan --format sql | sqlite3 empty.db");

  RunCommandOptions run_options;
  auto* run_command = app.add_subcommand("run", "copy what is missing, then stream until stopped");
  run_command->add_flag("--once", run_options.once, "stop when the caches have what the source held at the start");
  run_command->add_flag("--json", run_options.json, "progress as one JSON object per line");
  run_command->footer("Examples:\n  walbridge run\n  walbridge -c prod.yaml run --once");

  StatusOptions status_options;
  auto* status_command = app.add_subcommand(
      "status", "tables, positions, lag and slot; from the running bridge or straight from the databases");
  status_command->add_flag("--json", status_options.json, "print as JSON");
  status_command->footer("Examples:\n  walbridge status\n  walbridge status --json | jq '.caches[].lag_seconds'");

  DestroyOptions destroy_options;
  auto* destroy_command =
      app.add_subcommand("destroy", "remove the slot and publication that walbridge made at the source");
  destroy_command->add_flag("--caches", destroy_options.caches, "also its tables in the caches");
  destroy_command->add_flag("--dry-run", destroy_options.dry_run, "only say what would be removed");
  destroy_command->add_flag("--yes", destroy_options.yes, "do not ask");
  destroy_command->add_flag("--json", destroy_options.json, "print as JSON");
  destroy_command->footer("Examples:\n  walbridge destroy --dry-run\n  walbridge destroy --caches --yes");

  for (auto* command : app.get_subcommands({})) command->footer(command->get_footer() + "\n" + kExitCodes);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsage;
  }
  if (plan_json) plan_options.format = "json";
  if (check_command->parsed()) return with_config(config_path, check_options, check);
  if (plan_command->parsed()) return with_config(config_path, plan_options, plan);
  if (run_command->parsed()) return with_config(config_path, run_options, run);
  if (status_command->parsed()) return with_config(config_path, status_options, status);
  return with_config(config_path, destroy_options, destroy);
}
