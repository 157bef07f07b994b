#include "mapping/pg_tree.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace walbridge::mapping {

namespace {

using Json = nlohmann::json;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Lower-case words need no quotes; keywords do, but a type has never the name of one that matters here.
std::string identifier(const std::string& name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || c == '_' || is_digit(c); };
  if (!name.empty() && !is_digit(name.front()) && std::all_of(name.begin(), name.end(), plain)) return name;
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

// The catalog's names of types that SQL calls something else, around their modifier.
struct SqlName {
  std::string_view name;
  std::string_view before;
  std::string_view after;
};
constexpr auto kSqlNames = std::to_array<SqlName>({
    {"bool", "boolean", ""},
    {"int2", "smallint", ""},
    {"int4", "integer", ""},
    {"int8", "bigint", ""},
    {"float4", "real", ""},
    {"float8", "double precision", ""},
    {"bpchar", "character", ""},
    {"varchar", "character varying", ""},
    {"varbit", "bit varying", ""},
    {"time", "time", " without time zone"},
    {"timetz", "time", " with time zone"},
    {"timestamp", "timestamp", " without time zone"},
    {"timestamptz", "timestamp", " with time zone"},
    {"char", "\"char\"", ""},
});

}  // namespace

const Json& member(const Json& node, const char* name) {
  static const Json kNothing = Json::object();
  if (!node.is_object()) return kNothing;
  const auto found = node.find(name);
  return found == node.end() ? kNothing : *found;
}

std::string string_member(const Json& node, const char* name) {
  const Json& text = member(node, name);
  return text.is_string() ? text.get<std::string>() : std::string();
}

std::vector<std::string> names_of(const Json& list) {
  std::vector<std::string> names;
  for (const auto& each : list) {
    if (!each.contains("String")) return {};
    names.push_back(string_member(each["String"], "sval"));
  }
  return names;
}

std::optional<std::string> operator_of(const Json& list) {
  auto names = names_of(list);
  if (names.size() == 2 && names.front() == "pg_catalog") names.erase(names.begin());
  if (names.size() != 1) return std::nullopt;
  return names.front();
}

std::optional<std::string> integer_of(const Json& constant, std::string_view statement) {
  const Json& number = member(member(constant, "ival"), "ival");
  if (number.is_number_integer()) return std::to_string(number.get<std::int64_t>());
  const Json& location = member(constant, "location");
  if (!location.is_number_unsigned()) return std::nullopt;
  auto at = location.get<std::size_t>();
  if (at >= statement.size()) return std::nullopt;
  std::string text;
  if (statement[at] == '-') {
    text = "-";
    at = statement.find_first_not_of(" \t\r\n", at + 1);
  }
  const auto first = text.size();
  while (at < statement.size() && is_digit(statement[at])) text += statement[at++];
  if (text.size() == first) return std::nullopt;
  return text;
}

std::optional<std::string> type_name(const Json& type, std::string_view statement) {
  if (type.contains("setof") || type.contains("pct_type")) return std::nullopt;
  auto names = names_of(member(type, "names"));
  if (names.empty() || names.size() > 2) return std::nullopt;
  std::string modifiers;
  for (const auto& each : member(type, "typmods")) {
    const auto number = integer_of(member(each, "A_Const"), statement);
    if (!number) return std::nullopt;
    modifiers += (modifiers.empty() ? "(" : ",") + *number;
  }
  if (!modifiers.empty()) modifiers += ")";
  const bool builtin = names.size() == 2 && names.front() == "pg_catalog";
  if (builtin) names.erase(names.begin());
  std::string printed;
  if (names.size() == 1) {
    const auto found = std::find_if(kSqlNames.begin(), kSqlNames.end(),
                                    [&](const SqlName& each) { return each.name == names.front(); });
    if (found != kSqlNames.end()) printed = fmt::format("{}{}{}", found->before, modifiers, found->after);
    if (names.front() == "bpchar" && modifiers.empty()) printed = "bpchar";
    if (names.front() == "interval" && !modifiers.empty()) return std::nullopt;
  }
  if (printed.empty()) {
    for (const auto& name : names) printed += (printed.empty() ? "" : ".") + identifier(name);
    printed += modifiers;
  }
  for (std::size_t i = 0; i < member(type, "arrayBounds").size(); ++i) printed += "[]";
  return printed;
}

std::string describe_node(const std::string& node) {
  static constexpr auto kWords = std::to_array<std::pair<std::string_view, std::string_view>>({
      {"SubLink", "a subquery"},
      {"CollateClause", "COLLATE"},
      {"RowExpr", "a row"},
      {"A_ArrayExpr", "an array"},
      {"A_Indirection", "a subscript or field"},
      {"SQLValueFunction", "a function of time or user"},
      {"ParamRef", "a parameter"},
      {"XmlExpr", "XML"},
  });
  for (const auto& [name, words] : kWords) {
    if (name == node) return std::string(words);
  }
  return node;
}

}  // namespace walbridge::mapping
