#include "config/substitute.h"

#include <cstddef>
#include <optional>

#include <fmt/format.h>

namespace walbridge::config {
namespace {

using Outcome = std::variant<std::string, SubstitutionProblem>;

constexpr int kMaxNesting = 8;
constexpr const char* kForms = "${VAR}, ${VAR:-default} or ${VAR:?message}; $$ is a plain dollar sign";

bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool continues_name(char c) { return starts_name(c) || (c >= '0' && c <= '9'); }

// Position of the `}` that closes the `${` whose body starts at `from`; a default may hold further `${…}`.
std::size_t closing_brace(std::string_view text, std::size_t from) {
  int open = 1;
  for (std::size_t i = from; i < text.size(); ++i) {
    if (text[i] == '$' && i + 1 < text.size() && text[i + 1] == '$') {
      ++i;
    } else if (text[i] == '$' && i + 1 < text.size() && text[i + 1] == '{') {
      ++open;
      ++i;
    } else if (text[i] == '}' && --open == 0) {
      return i;
    }
  }
  return std::string_view::npos;
}

Outcome expand(std::string_view text, const Environment& environment, int nesting);

Outcome expand_body(std::string_view body, const Environment& environment, int nesting) {
  std::size_t end = 0;
  if (!body.empty() && starts_name(body[0])) {
    while (end < body.size() && continues_name(body[end])) ++end;
  }
  const std::string_view rest = body.substr(end);
  const bool has_default = rest.starts_with(":-");
  const bool has_message = rest.starts_with(":?");
  if (end == 0 || !(rest.empty() || has_default || has_message)) {
    return SubstitutionProblem{fmt::format("holds a malformed ${{…}}; write {}", kForms)};
  }
  const std::string name(body.substr(0, end));
  const std::optional<std::string> value = environment(name);
  if (value && (rest.empty() || !value->empty())) return *value;
  if (has_default) return expand(rest.substr(2), environment, nesting + 1);
  const char* state = value ? "empty" : "not set";
  if (!has_message || rest.size() == 2) {
    return SubstitutionProblem{
        fmt::format("environment variable {} is {}; set it, or write ${{{}:-default}}", name, state, name)};
  }
  return SubstitutionProblem{fmt::format("environment variable {} is {}: {}", name, state, rest.substr(2))};
}

Outcome expand(std::string_view text, const Environment& environment, int nesting) {
  if (nesting > kMaxNesting) return SubstitutionProblem{"nests ${…} too deeply"};
  std::string out;
  std::size_t i = 0;
  while (i < text.size()) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (text[i] != '$' || (next != '$' && next != '{')) {
      out += text[i++];
    } else if (next == '$') {
      out += '$';
      i += 2;
    } else {
      const std::size_t close = closing_brace(text, i + 2);
      if (close == std::string_view::npos) {
        return SubstitutionProblem{fmt::format("holds a ${{ that is not closed; write {}", kForms)};
      }
      Outcome part = expand_body(text.substr(i + 2, close - i - 2), environment, nesting);
      if (std::holds_alternative<SubstitutionProblem>(part)) return part;
      out += std::get<std::string>(part);
      i = close + 1;
    }
  }
  return out;
}

}  // namespace

std::variant<std::string, SubstitutionProblem> substitute(std::string_view text, const Environment& environment) {
  return expand(text, environment, 0);
}

}  // namespace walbridge::config
