#include "config/field.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "config/keys.h"
#include "config/nearest.h"

namespace walbridge::config {
namespace {

constexpr std::size_t kLongestShownKey = 32;   // of keys nobody knows
constexpr std::size_t kLongestNameShown = 64;  // of tables, columns and types

bool is_plain_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

// A missing space or a stray brace makes a key of what was meant as a value: "{postgres://u:password@h/d}".
bool may_be_shown(std::string_view key) {
  return is_plain_word(key) && key.size() <= kLongestShownKey && !(key[0] >= '0' && key[0] <= '9');
}

std::string join(const std::string& path, const std::string& key) {
  std::string shown = key.substr(0, kLongestNameShown);
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, '?');
  if (!is_plain_word(shown)) shown = fmt::format("\"{}\"", shown);
  return path.empty() ? shown : fmt::format("{}.{}", path, shown);
}

const char* kind_of(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::Null:
      return "nothing";
    case YamlNode::Kind::Scalar:
      return "a single value";
    case YamlNode::Kind::List:
      return "a list";
    case YamlNode::Kind::Map:
      return "a map";
  }
  return "something else";
}

std::string unknown_key(std::string_view scope, const std::string& key, std::span<const std::string_view> known) {
  if (is_planned_key(scope, key)) return "not supported by this version yet";
  if (scope.empty() && (key == "target" || key == "targets")) return "unknown key; did you mean `sink`?";
  return "unknown key; " + suggest(key, known);
}

}  // namespace

int Field::line() const {
  if (node_ == nullptr) return parent_line_;
  const bool own = node_->kind == YamlNode::Kind::Scalar || node_->key_line == 0;
  return own ? node_->line : node_->key_line;
}

void Field::problem(std::string message) const {
  reading_->problems.push_back({reading_->file, line(), path_, std::move(message)});
}

Field Field::below(std::string_view key) const {
  Field found;
  found.reading_ = reading_;
  found.key_ = std::string(key);
  found.path_ = join(path_, found.key_);
  found.pattern_ = pattern_.empty() ? found.key_ : fmt::format("{}.{}", pattern_, key);
  found.parent_line_ = std::max(1, line());
  return found;
}

Field Field::child(std::string_view key) const {
  Field found = below(key);
  if (is_map()) {
    const auto at =
        std::find_if(node_->items.begin(), node_->items.end(), [&](const YamlNode& n) { return n.key == key; });
    if (at != node_->items.end()) found.node_ = &*at;
  }
  return found;
}

Field Field::required(std::string_view key, std::string_view what) const {
  Field found = child(key);
  if (!found.present()) found.problem(fmt::format("is missing; {}", what));
  return found;
}

bool Field::check_map() const {
  if (node_ == nullptr || is_null()) return true;
  if (!is_map()) {
    problem(fmt::format("must be a map, not {}; keys here: {}", kind_of(*node_), listed(keys_in(pattern_))));
    return false;
  }
  check_keys(false);
  return true;
}

bool Field::check_secret_map() const {
  check_keys(true);
  return true;
}

void Field::check_keys(bool secret) const {
  std::vector<std::string_view> known = keys_in(pattern_);
  const bool any = std::find(known.begin(), known.end(), "*") != known.end();
  std::erase(known, "*");
  std::map<std::string_view, int> first_lines;
  for (const YamlNode& item : node_->items) {
    const bool is_known = std::find(known.begin(), known.end(), item.key) != known.end();
    const bool shown = is_known || (!secret && (any || may_be_shown(item.key)));
    const auto report = [&](std::string message) {
      const std::string place = shown ? join(path_, item.key) : path_;
      reading_->problems.push_back({reading_->file, item.key_line, place, std::move(message)});
    };
    const auto [earlier, is_new] = first_lines.emplace(item.key, item.key_line);
    if (!is_new) {
      report(fmt::format("comes twice; first in line {}", earlier->second));
    } else if (!is_known && !shown) {
      report(fmt::format("holds an unknown key; known here: {}", listed(known)));
    } else if (!is_known && !any) {
      report(unknown_key(pattern_, item.key, known));
    }
  }
}

std::vector<Field> Field::entries() const {
  std::vector<Field> all;
  if (!is_map()) return all;
  const std::vector<std::string_view> known = keys_in(pattern_);
  std::set<std::string_view> seen;
  for (const YamlNode& node : node_->items) {
    Field entry = below(node.key);
    entry.node_ = &node;
    const bool named = std::find(known.begin(), known.end(), node.key) != known.end();
    if (!named) entry.pattern_ = pattern_ + ".*";
    // The second of two equal keys is refused already; reading it would only add to the noise.
    if (seen.insert(node.key).second) all.push_back(std::move(entry));
  }
  return all;
}

std::vector<Field> Field::items() const {
  std::vector<Field> all;
  if (node_ == nullptr || is_null()) return all;
  if (node_->kind != YamlNode::Kind::List) {
    problem(fmt::format("must be a list, not {}", kind_of(*node_)));
    return all;
  }
  for (std::size_t i = 0; i < node_->items.size(); ++i) {
    Field item;
    item.node_ = &node_->items[i];
    item.reading_ = reading_;
    item.path_ = fmt::format("{}[{}]", path_, i);
    item.pattern_ = pattern_ == "sinks" ? "sink" : pattern_ + "[]";
    item.parent_line_ = line();
    all.push_back(std::move(item));
  }
  return all;
}

}  // namespace walbridge::config
