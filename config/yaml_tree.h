// YAML text -> a plain tree with a line for every key and value. The only place that meets yaml-cpp: no exception of
// it leaves here, duplicate keys survive for the caller to refuse, and aliases are expanded within a fixed budget.
// Pure; any thread.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "config/load.h"

namespace walbridge::config {

struct YamlNode {
  enum class Kind { Null, Scalar, List, Map };
  Kind kind = Kind::Null;
  int line = 0;                 // of the value; 1-based
  std::string text;             // of a scalar, as written
  std::vector<YamlNode> items;  // of a list or a map, in file order
  std::string key;              // of a map's item
  int key_line = 0;
};

std::variant<YamlNode, Problem> parse_yaml(const std::string& text, const std::string& file_name);

}  // namespace walbridge::config
