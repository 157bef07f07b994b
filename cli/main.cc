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

  InitOptions init_options;
  auto* init_command = app.add_subcommand("init", "write a configuration for a database, with what you should decide");
  init_command->add_option("--from", init_options.from,
                           "the source's address, or the name of the variable that holds it (default: DATABASE_URL)");
  init_command->add_option("--sink", init_options.sink, "the cache's address (default: file:cache.db)");
  init_command->add_option("--out", init_options.out, "the file to write, or - (default: that of --config)");
  init_command->add_flag("--force", init_options.force, "replace the file if it is there");
  init_command->footer(
      "Examples:\n  walbridge init --from postgres://localhost/shop\n  walbridge init --from NEON_URL --sink "
      "libsql://edge.turso.io");

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
  bool plan_without_caches = false;
  plan_command->add_flag("--no-caches", plan_without_caches, "do not look what the caches hold now");
  plan_command->add_flag("--json", plan_json, "same as --format json");
  plan_command->add_option("--format", plan_options.format, "text, json or sql")
      ->check(CLI::IsMember({"text", "json", "sql"}))
      ->capture_default_str();
  plan_command->footer("Examples:\n  walbridge plan\n  walbridge plan --no-caches --format sql | sqlite3 empty.db");

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

  HealthcheckOptions health_options;
  auto* health_command =
      app.add_subcommand("healthcheck", "ask the running bridge whether it is ready, and say why when it is not");
  health_command->add_option("--url", health_options.url,
                             "the admin server's address (default: admin.listen of the configuration)");
  health_command->add_flag("--live", health_options.live, "only whether the process runs");
  health_command->footer(
      "Exit code 0: ready, 1: not ready, 3: nothing answers in 3 s.\n\n"
      "Examples:\n  walbridge healthcheck\n  walbridge healthcheck --url http://127.0.0.1:9630 --live");

  SchemaOptions schema_options;
  auto* schema_command =
      app.add_subcommand("schema", "write the schema of a cache for its readers: Drizzle, Prisma, SQL");
  schema_command->add_option("--format", schema_options.format, "drizzle, prisma or sql")
      ->check(CLI::IsMember({"drizzle", "prisma", "sql"}));
  schema_command->add_option("--sink", schema_options.sink, "the cache, when there are several");
  schema_command->add_option("--out", schema_options.out, "the folder to write into, or - for standard output")
      ->capture_default_str();
  schema_command->add_option("--check", schema_options.check, "only say whether this file still fits its cache");
  schema_command->footer(
      "Examples:\n  walbridge schema --format drizzle --out src/db\n  walbridge schema --check src/db/schema.ts");

  ResyncOptions resync_options;
  auto* resync_command =
      app.add_subcommand("resync", "copy tables again while the stream goes on; readers keep the old rows meanwhile");
  resync_command->add_option("tables", resync_options.tables, "tables of the source, schema.table; * and ? match");
  resync_command->add_flag("--all", resync_options.all, "all tables of the caches");
  resync_command->add_flag("!--no-wait", resync_options.wait, "only ask for it");
  resync_command->add_flag("--yes", resync_options.yes, "do not ask before --all");
  resync_command->add_flag("--json", resync_options.json, "print as JSON");
  resync_command->footer("Examples:\n  walbridge resync public.orders\n  walbridge resync \"billing.*\" --no-wait");

  KafkaCatOptions cat_options;
  auto* kafka_command = app.add_subcommand("kafka", "look into the topic between source and caches");
  kafka_command->require_subcommand(1);
  auto* cat_command = kafka_command->add_subcommand("cat", "print the records of the topic, from any offset");
  cat_command->add_flag("--json", cat_options.json, "one JSON object per record, with the changes in it");
  cat_command->add_option("--from", cat_options.from, "start, end, an offset, or -N for the last N records")
      ->capture_default_str();
  cat_command->add_option("--count", cat_options.count, "stop after so many records");
  cat_command->add_flag("--follow", cat_options.follow, "wait for more at the end");
  cat_command->footer(
      "Examples:\n  walbridge kafka cat --from -10\n  walbridge kafka cat --json | jq "
      "'select(.kind==\"block\").events'");

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
  plan_options.caches = !plan_without_caches;
  if (init_command->parsed()) {
    if (init_command->count("--out") == 0) init_options.out = config_path;
    return init(init_options);
  }
  if (health_command->parsed()) return healthcheck(config_path, health_options);
  if (schema_command->parsed()) return with_config(config_path, schema_options, schema);
  if (resync_command->parsed()) return with_config(config_path, resync_options, resync);
  if (cat_command->parsed()) return with_config(config_path, cat_options, kafka_cat);
  if (check_command->parsed()) return with_config(config_path, check_options, check);
  if (plan_command->parsed()) return with_config(config_path, plan_options, plan);
  if (run_command->parsed()) return with_config(config_path, run_options, run);
  if (status_command->parsed()) return with_config(config_path, status_options, status);
  return with_config(config_path, destroy_options, destroy);
}
