// `types` and `profile`, and the encodings that rules hold too.
#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "config/encodings.h"
#include "config/nearest.h"
#include "config/sections.h"

namespace walbridge::config {
namespace {

// Each in the order of its enumeration.
constexpr auto kProfiles =
    std::to_array<std::string_view>({"default", "drizzle", "prisma", "rails", "django", "sqlalchemy"});
constexpr auto kUnknownTypes = std::to_array<std::string_view>({"text", "omit", "error"});
constexpr auto kSpecials = std::to_array<std::string_view>({"text", "null", "clamp", "error"});

// "numeric( 18, 8 )" and "Numeric(18,8)" name one type; a quoted name keeps its case.
std::string canonical_type(const std::string& written) {
  std::string out;
  bool in_parentheses = false;
  bool in_quotes = false;
  for (char c : written) {
    if (c == '"') in_quotes = !in_quotes;
    if (!in_quotes && c == '(') in_parentheses = true;
    if (!in_quotes && c == ')') in_parentheses = false;
    if (c == ' ' && !in_quotes && (in_parentheses || out.empty() || out.back() == ' ')) continue;
    if (!in_quotes && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '(' && !in_quotes && !out.empty() && out.back() == ' ') out.pop_back();
    out += c;
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

bool is_type_name(const std::string& type) {
  const std::size_t open = type.find('(');
  if (type.empty() || open == 0) return false;
  if (open == std::string::npos) return type.find(')') == std::string::npos;
  const std::size_t close = type.find(')', open);
  if (close == std::string::npos || close == open + 1) return false;
  return type.find_first_of("()", close + 1) == std::string::npos;
}

}  // namespace

std::optional<std::string> read_encoding(const Field& field) {
  auto word = field.text();
  if (!word || std::find(kEncodings.begin(), kEncodings.end(), *word) != kEncodings.end()) return word;
  if (std::find(kEncodingsNotYet.begin(), kEncodingsNotYet.end(), *word) != kEncodingsNotYet.end()) {
    field.problem("this encoding is not supported by this version yet");
  } else {
    field.problem("unknown encoding; " + suggest(*word, kEncodings));
  }
  return std::nullopt;
}

void read_type_encodings(const Field& field, std::map<std::string, std::string>& types) {
  for (const Field& entry : field.entries()) {
    if (entry.key() == "specials" || entry.key() == "unknown") continue;
    const std::string type = canonical_type(entry.key());
    if (!is_type_name(type)) {
      entry.problem("is not the name of a type, like numeric or \"numeric(18,8)\"");
      continue;
    }
    auto encoding = read_encoding(entry);
    if (!encoding) continue;
    if (!types.emplace(type, *std::move(encoding)).second) entry.problem("names a type that is listed already");
  }
}

void read_types(const Field& root, Config& config) {
  if (const auto at = root.child("profile").choice(kProfiles)) config.profile = static_cast<Profile>(*at);
  const Field types = root.child("types");
  if (!types.check_map()) return;
  if (const auto at = types.child("specials").choice(kSpecials)) config.specials = static_cast<Specials>(*at);
  if (const auto at = types.child("unknown").choice(kUnknownTypes))
    config.unknown_types = static_cast<UnknownTypes>(*at);
  read_type_encodings(types, config.types);
}

}  // namespace walbridge::config
