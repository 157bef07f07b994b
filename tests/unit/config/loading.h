// Loading a configuration in a test: the result with everything a failure should show.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "config/load.h"

namespace walbridge::config {

inline Environment environment_of(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto at = variables.find(name);
    if (at == variables.end()) return std::nullopt;
    return at->second;
  };
}

inline std::string all_of(const std::vector<Problem>& problems) {
  std::string out;
  for (const Problem& problem : problems) out += describe(problem) + "\n";
  return out;
}

using Loaded = std::variant<Config, std::vector<Problem>>;

inline Loaded load(const std::string& text, std::map<std::string, std::string> variables = {}) {
  return load_text(text, "walbridge.yaml", environment_of(std::move(variables)));
}

// The Config of a text that must load.
inline Config good(const Loaded& loaded) {
  if (const auto* problems = std::get_if<std::vector<Problem>>(&loaded)) {
    ADD_FAILURE() << "refused:\n" << all_of(*problems);
    return {};
  }
  return std::get<Config>(loaded);
}

// The problems of a text that must not load.
inline std::vector<Problem> bad(const Loaded& loaded) {
  if (std::holds_alternative<Config>(loaded)) {
    ADD_FAILURE() << "loaded although it must not";
    return {};
  }
  return std::get<std::vector<Problem>>(loaded);
}

inline bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// A good source and a good cache (lines 1 and 2), and then what a test is about (from line 3).
inline std::string with(const std::string& rest) {
  return "source: { url: \"postgres://h/d\" }\nsink: { url: \"file:cache.db\" }\n" + rest;
}

}  // namespace walbridge::config
