// `schema`: generated clients, and whether one still fits its cache.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/feeds.h"
#include "cli/try_plan.h"
#include "mapping/client_schema.h"
#include "sink-libsql/open.h"

namespace walbridge::cli {
namespace {

const config::Sink* chosen_sink(const config::Config& config, const std::string& name) {
  if (name.empty() && config.sinks.size() == 1) return &config.sinks.front();
  std::string names;
  for (const auto& sink : config.sinks) {
    if (sink.name == name) return &sink;
    names += (names.empty() ? "" : ", ") + sink.name;
  }
  std::cerr << "error: " << (name.empty() ? "which cache?" : "no sink is named " + name)
            << " use --sink with one of: " << names << "\n";
  return nullptr;
}

struct Format {
  mapping::ClientFormat format;
  const char* file;
};

Format format_of(const std::string& name) {
  if (name == "prisma") return {mapping::ClientFormat::Prisma, "schema.prisma"};
  if (name == "sql") return {mapping::ClientFormat::Sql, "schema.sql"};
  return {mapping::ClientFormat::Drizzle, "schema.ts"};
}

bool write_file(const std::filesystem::path& path, const std::string& text) {
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) std::cerr << "error: cannot write " << path.string() << "\n";
  return static_cast<bool>(file);
}

int generate(const config::Config& config, const config::Sink& sink, const SchemaOptions& options) {
  auto admin = open_source_admin(config);
  const auto tables = admin->describe_tables();
  if (!tables) return fail(tables.error());
  auto plan = mapping::plan_sink(*tables, config, sink);
  try_plan(plan, config, sink);
  const auto format = format_of(options.format);
  const auto text = mapping::client_schema(format.format, plan, *tables, config, sink.name);
  for (const auto& refused : plan.refused) {
    std::cerr << "not in it: " << refused.source_name << ": " << refused.error.message << "\n";
  }
  if (options.out == "-") {
    std::cout << text;
  } else {
    const auto path = std::filesystem::path(options.out) / format.file;
    if (!write_file(path, text)) return kSystemUnusable;
    std::cerr << fmt::format("wrote {}: {} tables, hash {}\n", path.string(), plan.tables.size(),
                             mapping::schema_hash(plan));
  }
  return plan.tables.empty() ? kFoundSomething : kDone;
}

// Whether the file was made for what the cache holds now.
int check_file(const config::Config& config, const config::Sink& sink, const SchemaOptions& options) {
  std::ifstream file(options.check, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file) {
    std::cerr << "error: cannot read " << options.check << "\n";
    return kUsage;
  }
  const auto stamp = mapping::read_stamp(text);
  if (stamp.hash.empty()) {
    std::cerr << "error: " << options.check << " bears no hash: it was not made by `walbridge schema`\n";
    return kUsage;
  }
  auto opened = sink_libsql::open_sink(sink, config.name);
  if (!opened) return fail(opened.error());
  const auto state = (*opened)->peek();
  if (!state) return fail(state.error());
  if (!state->checkpoint) {
    std::cout << "cache " << sink.name << " is empty: run `walbridge run` first\n";
    return kFoundSomething;
  }
  const auto differences = mapping::compare_stamp(stamp, state->tables);
  if (differences.empty()) {
    std::cout << options.check << " fits cache " << sink.name << " (hash " << stamp.hash << ")\n";
    return kDone;
  }
  std::cout << options.check << " does not fit cache " << sink.name << ":\n";
  for (const auto& difference : differences) std::cout << "  " << difference << "\n";
  std::cout << "what to do: make it again: walbridge schema --format " << options.format << " --sink " << sink.name
            << " --out "
            << (std::filesystem::path(options.check).has_parent_path()
                    ? std::filesystem::path(options.check).parent_path().string()
                    : ".")
            << "\n";
  return kFoundSomething;
}

}  // namespace

int schema(const config::Config& config, const SchemaOptions& given) {
  auto options = given;
  if (!options.check.empty() && options.format.empty()) {
    const auto extension = std::filesystem::path(options.check).extension();
    options.format = extension == ".prisma" ? "prisma" : extension == ".sql" ? "sql" : "drizzle";
  }
  const auto* sink = chosen_sink(config, options.sink);
  if (sink == nullptr) return kUsage;
  if (!options.check.empty()) return check_file(config, *sink, options);
  if (options.format.empty()) {
    std::cerr << "error: which format? use --format drizzle, prisma or sql\n";
    return kUsage;
  }
  return generate(config, *sink, options);
}

}  // namespace walbridge::cli
