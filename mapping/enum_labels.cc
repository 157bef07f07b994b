#include "mapping/enum_labels.h"

#include <algorithm>

namespace walbridge::mapping {

namespace {

bool has_oids(const PgType& type) { return type.label_oids.size() == type.labels.size() && !type.labels.empty(); }

// Where label `i` of `was` stands in `now`. Without oids a label is its name.
std::optional<std::size_t> place_of(const PgType& was, std::size_t i, const PgType& now) {
  if (has_oids(was) && has_oids(now)) {
    const auto found = std::find(now.label_oids.begin(), now.label_oids.end(), was.label_oids[i]);
    if (found == now.label_oids.end()) return std::nullopt;
    return static_cast<std::size_t>(found - now.label_oids.begin());
  }
  const auto found = std::find(now.labels.begin(), now.labels.end(), was.labels[i]);
  if (found == now.labels.end()) return std::nullopt;
  return static_cast<std::size_t>(found - now.labels.begin());
}

}  // namespace

std::vector<std::pair<std::string, std::string>> renamed_labels(const PgType& was, const PgType& now) {
  std::vector<std::pair<std::string, std::string>> renamed;
  for (std::size_t i = 0; i < was.labels.size(); ++i) {
    const auto place = place_of(was, i, now);
    if (place && now.labels[*place] != was.labels[i]) renamed.emplace_back(was.labels[i], now.labels[*place]);
  }
  return renamed;
}

std::optional<std::vector<std::pair<std::int64_t, std::int64_t>>> changed_ranks(const PgType& was, const PgType& now) {
  std::vector<std::pair<std::int64_t, std::int64_t>> changed;
  for (std::size_t i = 0; i < was.labels.size(); ++i) {
    const auto place = place_of(was, i, now);
    if (!place) return std::nullopt;
    if (*place != i) changed.emplace_back(static_cast<std::int64_t>(i), static_cast<std::int64_t>(*place));
  }
  return changed;
}

bool holds_renamed_label(const PgType& was, const PgType& now) {
  if (was.kind == "enum" && now.kind == "enum") return !renamed_labels(was, now).empty();
  if (was.element && now.element && holds_renamed_label(*was.element, *now.element)) return true;
  if (was.base && now.base && holds_renamed_label(*was.base, *now.base)) return true;
  for (std::size_t i = 0; i < std::min(was.fields.size(), now.fields.size()); ++i) {
    const auto& old_field = was.fields[i].type;
    const auto& new_field = now.fields[i].type;
    if (old_field && new_field && holds_renamed_label(*old_field, *new_field)) return true;
  }
  return false;
}

}  // namespace walbridge::mapping
