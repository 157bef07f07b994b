#include "config/nearest.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include <fmt/format.h>

namespace walbridge::config {
namespace {

constexpr std::size_t kLongestWord = 64;
constexpr std::size_t kShortestStem = 3;  // "warning" means "warn"

std::string plain(std::string_view word) {
  std::string out;
  for (char c : word) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    out += c == '-' ? '_' : c;
  }
  return out;
}

// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.empty() || word.size() > kLongestWord) return std::nullopt;
  const std::string wanted = plain(word);
  std::optional<std::string_view> best;
  std::size_t best_distance = std::max<std::size_t>(1, wanted.size() / 3) + 1;
  std::size_t best_edits = kLongestWord;
  for (const std::string_view candidate : candidates) {
    const std::string known = plain(candidate);
    const bool longer_or_shorter = std::min(wanted.size(), known.size()) >= kShortestStem &&
                                   (wanted.starts_with(known) || known.starts_with(wanted));
    const std::size_t edits = distance(wanted, known);
    const std::size_t d = std::min(edits, longer_or_shorter ? 1 : kLongestWord);
    // Of two that are as near, the one with fewer letters to change.
    if ((d < best_distance || (best && d == best_distance && edits < best_edits)) && d < candidate.size()) {
      best_distance = d;
      best_edits = edits;
      best = candidate;
    }
  }
  return best;
}

std::string suggest(std::string_view word, std::span<const std::string_view> candidates) {
  if (const auto near = nearest(word, candidates)) return fmt::format("did you mean `{}`?", *near);
  return "one of " + listed(candidates);
}

std::string listed(std::span<const std::string_view> candidates) {
  std::string out;
  for (const std::string_view candidate : candidates) {
    out += fmt::format("{}`{}`", out.empty() ? "" : ", ", candidate);
  }
  return out;
}

}  // namespace walbridge::config
