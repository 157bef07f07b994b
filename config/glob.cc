// Globs and the table filters made of them (declared in config/load.h).
#include <algorithm>
#include <cstddef>

#include "config/load.h"

namespace walbridge::config {

// Linear in practice: on a mismatch only the last `*` takes one more character, earlier ones never need to.
bool glob_matches(const std::string& pattern, const std::string& text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string::npos;
  std::size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool selects(const TableFilter& filter, const std::string& qualified_name) {
  const auto matches = [&](const std::string& glob) { return glob_matches(glob, qualified_name); };
  if (std::any_of(filter.exclude.begin(), filter.exclude.end(), matches)) return false;
  return filter.include.empty() || std::any_of(filter.include.begin(), filter.include.end(), matches);
}

}  // namespace walbridge::config
