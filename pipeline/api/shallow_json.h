// A guard for JSON from elsewhere: what reads and writes it recurses, so that its depth must be known before. Pure.
#pragma once

#include <string_view>

namespace walbridge {

// Whether arrays and objects nest at most `deepest` times, if it is JSON at all.
inline bool is_shallow_json(std::string_view json, int deepest) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '"') in_string = !in_string;
    if (in_string) {
      if (c == '\\') ++i;  // the escaped character ends nothing
    } else if (c == '[' || c == '{') {
      if (++depth > deepest) return false;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return true;
}

}  // namespace walbridge
