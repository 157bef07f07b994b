// The one table of every key a configuration may hold. The parser refuses what is not in it; tests hold
// docs/configuration.md, docs/walbridge.schema.json and the defaults of config.h to it. Constant; any thread.
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace walbridge::config {

struct Key {
  std::string_view pattern;   // "rules[].columns.*.as"; what holds for `sink` holds for each of `sinks` too
  std::string_view value;     // what may be written
  std::string_view fallback;  // the default as the reference shows it; a literal stands in backticks
  std::string_view meaning;   // one line
};

std::span<const Key> known_keys();

// The keys that may stand directly in the map at `scope` ("" is the file itself); "*" stands for any name.
std::vector<std::string_view> keys_in(std::string_view scope);

// Specified for a later version: refused with that reason instead of as a slip.
bool is_planned_key(std::string_view scope, std::string_view key);

}  // namespace walbridge::config
