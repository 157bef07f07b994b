#include "mapping/pg_expression.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

#include <pg_query.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mapping/pg_tree.h"

namespace walbridge::mapping {

namespace {

using Json = nlohmann::json;
using Kind = Expression::Kind;
using Node = std::shared_ptr<const Expression>;

// The parser and its printer recurse once per level; this much text cannot exhaust a thread's stack.
constexpr std::size_t kLongestText = 16 * 1024;
constexpr int kDeepest = 200;

Error outside(std::string_view what) {
  return {
      Verdict::Operator, "expression", fmt::format("{} is outside the subset of expressions walbridge knows", what),
      "use columns, literals, comparisons, AND, OR, NOT, IS NULL, IN, BETWEEN, LIKE, arithmetic, CASE, coalesce and "
      "plain functions"};
}

Node make(Kind kind, std::string text, std::vector<Node> arguments = {}) {
  auto made = std::make_shared<Expression>();
  made->kind = kind;
  made->text = std::move(text);
  made->arguments = std::move(arguments);
  return made;
}

class Converter {
 public:
  explicit Converter(std::string_view sql) : sql_(sql) {}

  Result<Node> convert(const Json& node, int depth) {
    if (depth > kDeepest) return outside("an expression of so many levels");
    if (!node.is_object() || node.size() != 1) return outside("an empty part");
    const auto& type = node.begin().key();
    const Json& body = node.begin().value();
    using Method = Result<Node> (Converter::*)(const Json&, int);
    static constexpr auto kMethods = std::to_array<std::pair<std::string_view, Method>>({
        {"ColumnRef", &Converter::column},
        {"A_Const", &Converter::constant},
        {"TypeCast", &Converter::cast},
        {"A_Expr", &Converter::operation},
        {"BoolExpr", &Converter::logic},
        {"NullTest", &Converter::null_test},
        {"BooleanTest", &Converter::boolean_test},
        {"FuncCall", &Converter::call},
        {"CoalesceExpr", &Converter::coalesce},
        {"MinMaxExpr", &Converter::min_max},
        {"CaseExpr", &Converter::chosen},
    });
    for (const auto& [name, method] : kMethods) {
      if (type == name) return (this->*method)(body, depth + 1);
    }
    auto error = outside(describe_node(type));
    if (type == "SubLink") {
      error.remedy =
          "walbridge decides about a row by that row alone: keep what the subquery looks up in a column of the table, "
          "and "
          "use that column";
    }
    return error;
  }

 private:
  Result<std::vector<Node>> all(const Json& nodes, int depth) {
    std::vector<Node> converted;
    for (const auto& node : nodes) {
      WALBRIDGE_TRY_AS(auto one, convert(node, depth));
      converted.push_back(std::move(one));
    }
    return converted;
  }

  Result<Node> column(const Json& body, int) {
    const auto name = names_of(member(body, "fields"));
    if (name.size() != 1) return outside("a column with the name of its table, or `*`,");
    return make(Kind::Column, name.front());
  }

  Result<Node> constant(const Json& body, int) {
    if (body.contains("isnull")) return make(Kind::Null, {});
    if (body.contains("ival")) {
      const auto number = integer_of(body, sql_);
      if (!number) return outside("a number written over several lines");
      return make(Kind::Number, *number);
    }
    if (body.contains("fval")) return make(Kind::Number, string_member(body["fval"], "fval"));
    if (body.contains("sval")) return make(Kind::String, string_member(body["sval"], "sval"));
    if (body.contains("boolval")) {
      return make(Kind::Boolean, body["boolval"].contains("boolval") ? "true" : "false");
    }
    return outside("a bit string");
  }

  Result<Node> cast(const Json& body, int depth) {
    const auto type = type_name(member(body, "typeName"), sql_);
    if (!type) return outside("a cast to such a type");
    WALBRIDGE_TRY_AS(auto argument, convert(member(body, "arg"), depth));
    return make(Kind::Cast, *type, {std::move(argument)});
  }

  Result<Node> operation(const Json& body, int depth) {
    const auto kind = string_member(body, "kind");
    const auto name = operator_of(member(body, "name"));
    if (!name) return outside("an operator of another schema");
    if (kind == "AEXPR_OP" || kind == "AEXPR_LIKE" || kind == "AEXPR_ILIKE") return plain(body, *name, depth);
    if (kind == "AEXPR_IN") return in(body, *name == "<>", member(member(body, "rexpr"), "List"), "items", {}, depth);
    if (kind == "AEXPR_OP_ANY" && *name == "=") return in_array(body, false, depth);
    if (kind == "AEXPR_OP_ALL" && *name == "<>") return in_array(body, true, depth);
    if (kind == "AEXPR_BETWEEN") return between(body, false, depth);
    if (kind == "AEXPR_NOT_BETWEEN") return between(body, true, depth);
    if (kind == "AEXPR_DISTINCT" || kind == "AEXPR_NOT_DISTINCT") {
      WALBRIDGE_TRY_AS(auto left, convert(member(body, "lexpr"), depth));
      WALBRIDGE_TRY_AS(auto right, convert(member(body, "rexpr"), depth));
      return negated(kind == "AEXPR_NOT_DISTINCT", make(Kind::IsDistinct, {}, {std::move(left), std::move(right)}));
    }
    if (kind == "AEXPR_NULLIF") {
      WALBRIDGE_TRY_AS(auto left, convert(member(body, "lexpr"), depth));
      WALBRIDGE_TRY_AS(auto right, convert(member(body, "rexpr"), depth));
      return make(Kind::Function, "nullif", {std::move(left), std::move(right)});
    }
    return outside(kind == "AEXPR_SIMILAR" ? "SIMILAR TO" : fmt::format("this use of {}", *name));
  }

  Result<Node> plain(const Json& body, const std::string& name, int depth) {
    // LIKE … ESCAPE comes as a function around the pattern, which falls through here.
    std::vector<Node> arguments;
    if (body.contains("lexpr")) {
      WALBRIDGE_TRY_AS(auto left, convert(body["lexpr"], depth));
      arguments.push_back(std::move(left));
    }
    WALBRIDGE_TRY_AS(auto right, convert(member(body, "rexpr"), depth));
    arguments.push_back(std::move(right));
    return make(Kind::Operator, name, std::move(arguments));
  }

  // `element`: the type every item is cast to; empty: none.
  Result<Node> in(const Json& body, bool negative, const Json& list, const char* items, const std::string& element,
                  int depth) {
    WALBRIDGE_TRY_AS(auto tested, convert(member(body, "lexpr"), depth));
    WALBRIDGE_TRY_AS(auto arguments, all(member(list, items), depth));
    if (arguments.empty()) return outside("IN without values");
    for (auto& argument : arguments) {
      if (!element.empty()) argument = make(Kind::Cast, element, {std::move(argument)});
    }
    arguments.insert(arguments.begin(), std::move(tested));
    return negated(negative, make(Kind::In, {}, std::move(arguments)));
  }

  // = ANY (ARRAY[…]), also as Postgres prints it: ((ARRAY[…])::text[]).
  Result<Node> in_array(const Json& body, bool negative, int depth) {
    const Json* array = &member(body, "rexpr");
    std::string element;
    while (array->contains("TypeCast")) {
      const Json& typecast = (*array)["TypeCast"];
      const auto type = type_name(member(typecast, "typeName"), sql_);
      if (!type || type->size() < 2 || type->compare(type->size() - 2, 2, "[]") != 0) {
        return outside("a cast to such a type");
      }
      if (!element.empty()) return outside("an array that is cast twice");
      element = type->substr(0, type->size() - 2);
      array = &member(typecast, "arg");
    }
    if (!array->contains("A_ArrayExpr")) return outside("ANY or ALL of what is not an ARRAY[…]");
    return in(body, negative, (*array)["A_ArrayExpr"], "elements", element, depth);
  }

  Result<Node> between(const Json& body, bool negative, int depth) {
    const Json& bounds = member(member(member(body, "rexpr"), "List"), "items");
    WALBRIDGE_TRY_AS(auto tested, convert(member(body, "lexpr"), depth));
    WALBRIDGE_TRY_AS(auto arguments, all(bounds, depth));
    if (arguments.size() != 2) return outside("BETWEEN without two bounds");
    arguments.insert(arguments.begin(), std::move(tested));
    return negated(negative, make(Kind::Between, {}, std::move(arguments)));
  }

  Result<Node> logic(const Json& body, int depth) {
    const auto operation = string_member(body, "boolop");
    WALBRIDGE_TRY_AS(auto arguments, all(member(body, "args"), depth));
    if (arguments.empty()) return outside("a condition without parts");
    const Kind kind = operation == "AND_EXPR" ? Kind::And : operation == "OR_EXPR" ? Kind::Or : Kind::Not;
    return make(kind, {}, std::move(arguments));
  }

  Result<Node> null_test(const Json& body, int depth) {
    WALBRIDGE_TRY_AS(auto argument, convert(member(body, "arg"), depth));
    const bool is_null = string_member(body, "nulltesttype") == "IS_NULL";
    return make(is_null ? Kind::IsNull : Kind::IsNotNull, {}, {std::move(argument)});
  }

  Result<Node> boolean_test(const Json& body, int depth) {
    const auto test = string_member(body, "booltesttype");
    WALBRIDGE_TRY_AS(auto argument, convert(member(body, "arg"), depth));
    const auto of = [&](Kind kind) { return make(kind, {}, {argument}); };
    if (test == "IS_TRUE") return of(Kind::IsTrue);
    if (test == "IS_NOT_TRUE") return negated(true, of(Kind::IsTrue));
    if (test == "IS_FALSE") return of(Kind::IsFalse);
    if (test == "IS_NOT_FALSE") return negated(true, of(Kind::IsFalse));
    return of(test == "IS_UNKNOWN" ? Kind::IsNull : Kind::IsNotNull);
  }

  Result<Node> call(const Json& body, int depth) {
    for (const auto& [key, value] : body.items()) {
      if (key == "funcname" || key == "args" || key == "funcformat" || key == "location") continue;
      return outside("an aggregate, or a call with more than its arguments,");
    }
    auto name = names_of(member(body, "funcname"));
    if (name.size() == 2 && name.front() == "pg_catalog") name.erase(name.begin());
    if (name.size() != 1) return outside("a function of another schema");
    WALBRIDGE_TRY_AS(auto arguments, all(member(body, "args"), depth));
    return make(Kind::Function, name.front(), std::move(arguments));
  }

  Result<Node> coalesce(const Json& body, int depth) {
    WALBRIDGE_TRY_AS(auto arguments, all(member(body, "args"), depth));
    return make(Kind::Coalesce, {}, std::move(arguments));
  }

  Result<Node> min_max(const Json& body, int depth) {
    WALBRIDGE_TRY_AS(auto arguments, all(member(body, "args"), depth));
    return make(Kind::Function, string_member(body, "op") == "IS_LEAST" ? "least" : "greatest", std::move(arguments));
  }

  Result<Node> chosen(const Json& body, int depth) {
    Node tested;
    if (body.contains("arg")) {
      WALBRIDGE_TRY_AS(tested, convert(body["arg"], depth));
    }
    std::vector<Node> arguments;
    for (const auto& each : member(body, "args")) {
      const Json& when = member(each, "CaseWhen");
      WALBRIDGE_TRY_AS(auto condition, convert(member(when, "expr"), depth));
      WALBRIDGE_TRY_AS(auto result, convert(member(when, "result"), depth));
      if (tested) condition = make(Kind::Operator, "=", {tested, std::move(condition)});
      arguments.push_back(std::move(condition));
      arguments.push_back(std::move(result));
    }
    auto otherwise = make(Kind::Null, {});
    if (body.contains("defresult")) {
      WALBRIDGE_TRY_AS(otherwise, convert(body["defresult"], depth));
    }
    arguments.push_back(std::move(otherwise));
    return make(Kind::Case, {}, std::move(arguments));
  }

  static Node negated(bool negative, Node node) {
    return negative ? make(Kind::Not, {}, {std::move(node)}) : std::move(node);
  }

  std::string_view sql_;  // the whole statement: locations count in it
};

// The one expression that the statement selects; null when there is more to the statement.
const Json* only_value(const Json& tree) {
  const Json& statements = member(tree, "stmts");
  if (statements.size() != 1) return nullptr;
  const Json& select = member(member(statements.front(), "stmt"), "SelectStmt");
  for (const auto& [key, value] : select.items()) {
    if (key != "targetList" && key != "limitOption" && key != "op") return nullptr;
  }
  const Json& targets = member(select, "targetList");
  if (string_member(select, "op") != "SETOP_NONE" || targets.size() != 1) return nullptr;
  const Json& target = member(targets.front(), "ResTarget");
  return target.contains("name") || !target.contains("val") ? nullptr : &target["val"];
}

void collect(const Expression& expression, std::vector<std::string>& names) {
  if (expression.kind == Kind::Column && std::find(names.begin(), names.end(), expression.text) == names.end()) {
    names.push_back(expression.text);
  }
  for (const auto& argument : expression.arguments) collect(*argument, names);
}

}  // namespace

Result<Node> parse_expression(std::string_view sql) {
  if (sql.size() > kLongestText) return outside("an expression of so many characters");
  if (sql.find('\0') != std::string_view::npos) return outside("a NUL byte");
  // A comment at the end must not swallow the parenthesis.
  const std::string statement = fmt::format("SELECT ({}\n)", sql);
  struct Parsed {
    PgQueryParseResult result;
    ~Parsed() { pg_query_free_parse_result(result); }
  };
  const Parsed parsed{pg_query_parse(statement.c_str())};
  // On its own too, so that it closes no parenthesis of those it is put into.
  const Parsed alone{pg_query_parse(fmt::format("SELECT {}\n", sql).c_str())};
  if (parsed.result.error != nullptr || parsed.result.parse_tree == nullptr || alone.result.error != nullptr) {
    return Error{Verdict::Operator, "expression", "the expression is not valid SQL",
                 "correct it; Postgres itself says where: SELECT (…) FROM the table"};
  }
  const auto tree = Json::parse(parsed.result.parse_tree, nullptr, false);
  const Json* const value = tree.is_discarded() ? nullptr : only_value(tree);
  if (value == nullptr) return outside("more than one expression");
  return Converter(statement).convert(*value, 0);
}

std::vector<std::string> columns_of(const Expression& expression) {
  std::vector<std::string> names;
  collect(expression, names);
  return names;
}

}  // namespace walbridge::mapping
