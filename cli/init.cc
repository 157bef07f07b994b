// `init`: from a real database to a configuration that works.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/context.h"
#include "config/address.h"
#include "config/load.h"
#include "mapping/starter_config.h"
#include "source-pg/open.h"

namespace walbridge::cli {
namespace {

constexpr const char* kSourceVariable = "DATABASE_URL";
constexpr const char* kTokenVariable = "WALBRIDGE_AUTH_TOKEN";

// Where the source's address comes from, and the variable that the file will name.
struct From {
  std::string variable = kSourceVariable;
  std::string address;
};

bool is_variable_name(const std::string& text) {
  return !text.empty() && text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == std::string::npos;
}

std::optional<From> read_from(const std::string& from) {
  const auto environment = config::process_environment();
  From found;
  if (is_variable_name(from)) {
    found.variable = from;
  } else if (!from.empty()) {
    found.address = from;
    return found;
  }
  const auto value = environment(found.variable);
  if (!value || value->empty()) {
    std::cerr << "error: no source: the variable " << found.variable << " is not set\n"
              << "  what to do: walbridge init --from 'postgres://…', or export " << found.variable << " first\n";
    return std::nullopt;
  }
  found.address = *value;
  return found;
}

// What the file's variables hold while it is validated and the source is read.
config::Environment environment_with(const From& from) {
  return [from](const std::string& name) -> std::optional<std::string> {
    if (name == from.variable) return from.address;
    if (name == kTokenVariable) return "unknown-yet";
    return std::nullopt;
  };
}

std::optional<config::Config> load(const std::string& yaml, const std::string& name, const From& from) {
  auto loaded = config::load_text(yaml, name, environment_with(from));
  if (const auto* problems = std::get_if<std::vector<config::Problem>>(&loaded)) {
    for (const auto& problem : *problems) std::cerr << config::describe(problem) << "\n";
    return std::nullopt;
  }
  return std::get<config::Config>(std::move(loaded));
}

bool write_file(const std::string& path, const std::string& text) {
  const auto aside = path + ".new";
  std::ofstream file(aside, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(aside, path, error);
  if (!file || error) {
    std::filesystem::remove(aside, error);
    std::cerr << "error: cannot write " << path << "\n";
    return false;
  }
  return true;
}

void print_next_steps(const mapping::StarterConfig& made, const InitOptions& options, const From& from, bool token) {
  auto& out = options.out == "-" ? std::cerr : std::cout;
  if (options.out != "-") out << "wrote " << options.out << ": ";
  out << made.carried << (made.carried == 1 ? " table" : " tables") << " to replicate, " << made.excluded.size()
      << " left out\n";
  for (const auto& table : made.excluded) out << "  left out " << table.table << ": " << table.reason << "\n";
  if (made.questions > 0) {
    out << fmt::format("  {} {} for you to decide: see `rules:` in the file\n", made.questions,
                       made.questions == 1 ? "table has something" : "tables have something");
  }
  const auto file = options.out == "-" || options.out == "walbridge.yaml" ? "" : " -c " + options.out;
  out << "next:\n  export " << from.variable << "='…'   # the address is not in the file\n";
  if (token) out << "  export " << kTokenVariable << "='…'\n";
  out << fmt::format("  walbridge{0} check\n  walbridge{0} plan\n  walbridge{0} run\n", file);
}

bool may_write(const InitOptions& options) {
  std::error_code error;
  if (options.out == "-" || options.force || !std::filesystem::exists(options.out, error)) return true;
  std::cerr << "error: " << options.out
            << " exists\n  what to do: name another file with --out, or replace it with --force\n";
  return false;
}

}  // namespace

int init(const InitOptions& options) {
  if (!may_write(options)) return kUsage;
  const auto from = read_from(options.from);
  if (!from) return kUsage;
  mapping::StarterRequest request;
  request.source_variable = from->variable;
  if (!options.sink.empty()) request.sink_url = options.sink;
  const bool token = !config::is_local_cache(request.sink_url);
  if (token) request.token_variable = kTokenVariable;

  // Without tables: whether the two addresses are any, before anything is connected to.
  const auto minimal = load(mapping::starter_config(request, {}, {}).yaml, "init", *from);
  if (!minimal) return kUsage;
  auto admin = source_pg::open_source_admin(*minimal);
  if (const auto identity = admin->identity(); !identity) return fail(identity.error());
  const auto tables = admin->describe_tables();
  if (!tables) return fail(tables.error());
  std::vector<PublishedTable> all;
  for (const auto& table : *tables) all.push_back({&table});

  const auto made = mapping::starter_config(request, *tables, admin->preflight(all));
  if (!load(made.yaml, options.out, *from)) {
    std::cerr << "error: the configuration made for this database is not valid, so it was not written\n";
    return kSystemUnusable;
  }
  if (options.out == "-") {
    std::cout << made.yaml;
  } else if (!write_file(options.out, made.yaml)) {
    return kSystemUnusable;
  }
  print_next_steps(made, options, *from, token);
  return kDone;
}

}  // namespace walbridge::cli
