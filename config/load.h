// YAML and environment -> Config. The environment is substituted in scalar values after parsing, so a value can
// never change the structure. Pure apart from reading the named files; any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "config/config.h"

namespace walbridge::config {

// One thing wrong: "walbridge.yaml:12: tables.inclde: unknown key; did you mean `include`?"
struct Problem {
  std::string file;
  int line = 0;
  std::string key;      // dotted path, "rules[0].columns.email.type"
  std::string message;  // holds no value that may be secret
};

std::string describe(const Problem& problem);

using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();

// All problems at once, not only the first; exactly one of the two alternatives.
std::variant<Config, std::vector<Problem>> load_file(const std::string& path, const Environment& environment);
std::variant<Config, std::vector<Problem>> load_text(const std::string& text, const std::string& file_name,
                                                     const Environment& environment);

// Glob with `*` and `?` over the whole text; case-sensitive.
bool glob_matches(const std::string& pattern, const std::string& text);
bool selects(const TableFilter& filter, const std::string& qualified_name);

}  // namespace walbridge::config
