#include "config/load.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "config/field.h"
#include "config/read_text_file.h"
#include "config/sections.h"
#include "config/yaml_tree.h"

namespace walbridge::config {
namespace {

constexpr std::size_t kLargestFile = 4 << 20;

Config read_config(const Field& root) {
  Config config;
  config.file = root.reading().file;
  if (!root.check_map()) return config;
  root.child("version").integer(1, 1);
  if (auto name = root.child("name").word("the bridge's name", true)) config.name = *std::move(name);
  read_kafka(root, config);
  read_source(root, config);
  if (config.applies()) read_sinks(root, config);  // a publisher's file may name caches whose secrets it has not got
  read_tables(root, config);
  read_types(root, config);
  read_rules(root, config);
  read_schema(root, config);
  read_runtime(root, config);
  return config;
}

}  // namespace

std::string describe(const Problem& problem) {
  std::string out = problem.file;
  if (problem.line > 0) out += fmt::format(":{}", problem.line);
  if (!problem.key.empty()) out += fmt::format(": {}", problem.key);
  return fmt::format("{}: {}", out, problem.message);
}

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nobody sets any
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

std::variant<Config, std::vector<Problem>> load_file(const std::string& path, const Environment& environment) {
  auto read = read_text_file(path, kLargestFile);
  if (const auto* fault = std::get_if<FileFault>(&read)) {
    return std::vector<Problem>{
        {path, 0, "", fmt::format("cannot be read: {}; create it, or name another file with -c FILE", fault->reason)}};
  }
  return load_text(std::get<std::string>(read), path, environment);
}

std::variant<Config, std::vector<Problem>> load_text(const std::string& text, const std::string& file_name,
                                                     const Environment& environment) {
  auto parsed = parse_yaml(text, file_name);
  if (auto* problem = std::get_if<Problem>(&parsed)) return std::vector<Problem>{std::move(*problem)};
  Reading reading{file_name, std::filesystem::path(file_name).parent_path().string(), environment, {}};
  const YamlNode& root = std::get<YamlNode>(parsed);
  Config config = read_config(Field(root, reading));
  if (reading.problems.empty()) return config;
  std::stable_sort(reading.problems.begin(), reading.problems.end(),
                   [](const Problem& a, const Problem& b) { return a.line < b.line; });
  return std::move(reading.problems);
}

}  // namespace walbridge::config
