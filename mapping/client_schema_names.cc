#include "mapping/client_schema_names.h"

#include <array>
#include <cstdint>

#include <fmt/format.h>

namespace walbridge::mapping {

namespace {

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit_char(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_upper(c) || is_lower(c) || is_digit_char(c); }
char to_upper(char c) { return is_lower(c) ? static_cast<char>(c - 'a' + 'A') : c; }
char to_lower(char c) { return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c; }

// U+00C0 to U+017F without their accents; '?': no Latin letter.
constexpr std::string_view kPlain =
    "AAAAAA?CEEEEIIII?NOOOOO?OUUUUY?saaaaaa?ceeeeiiii?nooooo?ouuuuy?yAaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIi"
    "IiJjKk?LlLlLlLlLlNnNnNn???OoOoOo??RrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";
constexpr std::uint32_t kPlainFirst = 0xC0;
static_assert(kPlain.size() == 0x180 - kPlainFirst);

// The next code point of UTF-8; a byte that is none stands for itself.
std::uint32_t next_code(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) -> std::uint32_t {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const std::uint32_t first = byte(at++);
  const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0;
  if (more == 0) return first;
  std::uint32_t code = first & (0x3FU >> more);
  for (int i = 0; i < more; ++i) {
    if ((byte(at) & 0xC0) != 0x80) return first;
    code = code << 6 | (byte(at++) & 0x3F);
  }
  return code;
}

// ASCII only: letters without accents, everything else of other scripts as "u6f22".
std::string ascii(std::string_view name) {
  std::string text;
  for (std::size_t at = 0; at < name.size();) {
    const auto code = next_code(name, at);
    if (code < 0x80) {
      text += static_cast<char>(code);
    } else if (code >= kPlainFirst && code - kPlainFirst < kPlain.size() && kPlain[code - kPlainFirst] != '?') {
      text += kPlain[code - kPlainFirst];
    } else {
      text += fmt::format("u{:04x}", code);
    }
  }
  return text;
}

std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words;
  bool fresh = true;
  for (const char c : ascii(name)) {
    if (!is_word(c)) {
      fresh = true;
      continue;
    }
    if (fresh) words.emplace_back();
    fresh = false;
    words.back() += c;
  }
  return words;
}

std::string lowered_start(const std::string& word) {
  const bool shouts = word.size() > 1 && is_upper(word[0]) &&
                      std::string(word).find_first_of("abcdefghijklmnopqrstuvwxyz") == std::string::npos;
  std::string text = word;
  for (std::size_t i = 0; i < text.size() && (shouts || i == 0); ++i) text[i] = to_lower(text[i]);
  return text;
}

std::string with_letter_first(std::string name) {
  if (name.empty()) return "x";
  return is_digit_char(name.front()) ? "x" + name : name;
}

}  // namespace

std::string camel_name(std::string_view name) {
  std::string text;
  for (const auto& word : words_of(name)) {
    text += text.empty() ? lowered_start(word) : to_upper(word.front()) + word.substr(1);
  }
  return with_letter_first(std::move(text));
}

std::string pascal_name(std::string_view name) {
  std::string text;
  for (const auto& word : words_of(name)) text += to_upper(word.front()) + word.substr(1);
  text = with_letter_first(std::move(text));
  text.front() = to_upper(text.front());
  return text;
}

std::string member_name(std::string_view name) {
  std::string text;
  for (const auto& word : words_of(name)) text += (text.empty() ? "" : "_") + word;
  return with_letter_first(std::move(text));
}

std::vector<std::string> NameBook::assign(const std::vector<std::string>& wanted,
                                          const std::vector<std::string>& exact) {
  std::vector<std::string> names(wanted.size());
  for (const bool first_round : {true, false}) {
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if ((wanted[i] == exact[i]) == first_round) names[i] = take(wanted[i]);
    }
  }
  return names;
}

std::string NameBook::take(const std::string& wanted) {
  const auto base = reserved_.count(wanted) != 0 ? wanted + suffix_ : wanted;
  auto name = base;
  for (int n = 2; reserved_.count(name) != 0 || taken_.count(name) != 0; ++n) name = fmt::format("{}{}", base, n);
  taken_.insert(name);
  return name;
}

const std::set<std::string>& script_words() {
  static const std::set<std::string> words = {
      "abstract",  "any",     "arguments",  "as",        "async",       "await",    "boolean",  "break",
      "case",      "catch",   "class",      "const",     "constructor", "continue", "debugger", "declare",
      "default",   "delete",  "do",         "else",      "enum",        "eval",     "export",   "extends",
      "false",     "finally", "for",        "from",      "function",    "get",      "if",       "implements",
      "import",    "in",      "instanceof", "interface", "is",          "let",      "module",   "namespace",
      "never",     "new",     "null",       "number",    "object",      "of",       "package",  "private",
      "protected", "public",  "require",    "return",    "set",         "static",   "string",   "super",
      "switch",    "symbol",  "this",       "throw",     "true",        "try",      "type",     "typeof",
      "undefined", "unknown", "using",      "var",       "void",        "while",    "with",     "yield"};
  return words;
}

const std::set<std::string>& taken_properties() {
  static const std::set<std::string> names = {"constructor",         "enableRLS", "getSQL",  "hasOwnProperty",
                                              "isPrototypeOf",       "prototype", "then",    "toJSON",
                                              "toLocaleString",      "toString",  "valueOf", "shouldOmitSQLParens",
                                              "propertyIsEnumerable"};
  return names;
}

std::string quoted_literal(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (c == '\r') {
      quoted += "\\r";
    } else if (c == '\t') {
      quoted += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      quoted += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string comment_text(std::string_view text) {
  std::string line;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    if (control) {
      if (!line.empty() && line.back() != ' ') line += ' ';
      continue;
    }
    line += c;
    if (c == '*' && i + 1 < text.size() && text[i + 1] == '/') line += '\\';
  }
  return line;
}

}  // namespace walbridge::mapping
