// A parsed expression into a RowFilter, or the words that say which part of it cannot be decided here.
#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "mapping/pg_expression.h"
#include "mapping/row_filter.h"
#include "mapping/row_filter_literal.h"

namespace walbridge::mapping {

namespace {

using Node = RowFilter::Node;
using Truth = RowFilter::Truth;
using Comparison = RowFilter::Comparison;
using Tree = std::shared_ptr<const Expression>;

// A side of a comparison: a column, or a literal of a type (null: as yet unknown, the other side decides).
struct Side {
  std::int32_t column = -1;
  std::shared_ptr<const PgType> type;
  bool null = false;
  bool as_text = false;  // cast to text
  bool deterministic = true;
  std::string literal;
};

std::shared_ptr<const PgType> simple(const std::string& kind) {
  auto type = std::make_shared<PgType>();
  type->kind = kind;
  type->sql = kind;
  return type;
}

// Names format_type() and people use, without a modifier.
std::string kind_named(std::string name) {
  static constexpr auto kNames =
      std::to_array<std::pair<std::string_view, std::string_view>>({{"smallint", "int2"},
                                                                    {"integer", "int4"},
                                                                    {"int", "int4"},
                                                                    {"bigint", "int8"},
                                                                    {"real", "float4"},
                                                                    {"double precision", "float8"},
                                                                    {"boolean", "bool"},
                                                                    {"decimal", "numeric"},
                                                                    {"character varying", "varchar"},
                                                                    {"timestamp without time zone", "timestamp"},
                                                                    {"timestamp with time zone", "timestamptz"}});
  constexpr std::string_view kCatalog = "pg_catalog.";
  if (name.starts_with(kCatalog)) name.erase(0, kCatalog.size());
  for (const auto& [written, kind] : kNames) {
    if (name == written) return std::string(kind);
  }
  return name;
}

bool is_integer(const std::string& kind) { return kind == "int2" || kind == "int4" || kind == "int8"; }
bool is_float(const std::string& kind) { return kind == "float4" || kind == "float8"; }
bool is_number(const std::string& kind) { return is_integer(kind) || is_float(kind) || kind == "numeric"; }
bool is_text(const std::string& kind) { return kind == "text" || kind == "varchar"; }
bool is_address(const std::string& kind) { return kind == "inet" || kind == "cidr"; }

class FilterCompiler {
 public:
  FilterCompiler(const SourceTable& source, RowFilter& filter) : source_(source), filter_(filter) {}

  Result<Node> node(const Expression& e) {
    using Kind = Expression::Kind;
    switch (e.kind) {
      case Kind::Boolean:
        return constant(e.text == "true" ? Truth::True : Truth::False);
      case Kind::Null:
        return constant(Truth::Null);
      case Kind::Column:
        return boolean_column(e);
      case Kind::And:
        return combined(RowFilter::Kind::And, e.arguments);
      case Kind::Or:
        return combined(RowFilter::Kind::Or, e.arguments);
      case Kind::Not:
        return combined(RowFilter::Kind::Not, e.arguments);
      case Kind::IsTrue:
        return combined(RowFilter::Kind::IsTrue, e.arguments);
      case Kind::IsFalse:
        return combined(RowFilter::Kind::IsFalse, e.arguments);
      case Kind::IsNull:
        return is_null(*e.arguments.front());
      case Kind::IsNotNull:
        return negated(is_null(*e.arguments.front()));
      case Kind::Operator:
        return operation(e);
      case Kind::IsDistinct:
        return comparison(RowFilter::Kind::IsDistinct, Comparison::Equal, *e.arguments[0], *e.arguments[1]);
      case Kind::In:
        return in(e);
      case Kind::Between:
        return between(e);
      case Kind::Function:
        return outside(fmt::format("the function {}()", e.text));
      case Kind::Cast:
        return outside("a cast that makes the condition");
      case Kind::Case:
        return outside("CASE");
      case Kind::Coalesce:
        return outside("COALESCE");
      case Kind::Number:
      case Kind::String:
        break;
    }
    return outside("a literal that is no condition");
  }

  Error outside(const std::string& what) const {
    return {
        Verdict::PoisonRow, "bad-where",
        fmt::format("the `where` for {} holds {}, which walbridge cannot decide as Postgres would",
                    source_.qualified_name(), what),
        "compare columns with literals by =, <>, <, <=, >, >=, IN, BETWEEN, LIKE, IS NULL and join them by AND, OR, "
        "NOT; or replicate the column that a generated column or a trigger fills with the outcome"};
  }

 private:
  static Node constant(Truth value) {
    Node node;
    node.constant = value;
    return node;
  }

  static Result<Node> negated(Result<Node> inner) {
    if (!inner) return std::move(inner.error());
    Node node;
    node.kind = RowFilter::Kind::Not;
    node.children.push_back(*std::move(inner));
    return node;
  }

  Result<Node> combined(RowFilter::Kind kind, const std::vector<Tree>& arguments) {
    Node made;
    made.kind = kind;
    for (const auto& argument : arguments) {
      WALBRIDGE_TRY_AS(Node child, node(*argument));
      made.children.push_back(std::move(child));
    }
    return made;
  }

  Result<Side> column(const std::string& name) {
    const auto found = std::find_if(source_.columns.begin(), source_.columns.end(),
                                    [&](const SourceColumn& each) { return each.name == name; });
    if (found == source_.columns.end()) {
      return Error{
          Verdict::PoisonRow, "bad-where",
          fmt::format("the `where` for {} names a column {} that it does not have", source_.qualified_name(), name),
          "correct the column's name in `where`; names with capitals need double quotes there"};
    }
    if (found->generated) return outside(fmt::format("the generated column {}", name));
    Side side;
    side.type = without_domains(found->type);
    side.deterministic = found->deterministic_collation;
    if (!side.type) return outside(fmt::format("column {} of an unknown type", name));
    if (side.type->kind == "enum" || found->type->kind == "domain") filter_.portable = false;
    const auto known = std::find_if(filter_.columns.begin(), filter_.columns.end(),
                                    [&](const RowFilter::Column& each) { return each.attnum == found->attnum; });
    side.column = static_cast<std::int32_t>(known - filter_.columns.begin());
    if (known == filter_.columns.end()) {
      filter_.columns.push_back({name, found->attnum, found->type->oid, found->type->typmod});
    }
    return side;
  }

  Result<Node> boolean_column(const Expression& e) {
    WALBRIDGE_TRY_AS(const Side side, column(e.text));
    if (side.type->kind != "bool") return outside(fmt::format("column {} as a condition", e.text));
    Node made;
    made.kind = RowFilter::Kind::Column;
    made.left.column = side.column;
    made.left.reader = compare_reader(CompareAs::Boolean, side.type);
    return made;
  }

  Result<Node> is_null(const Expression& tested) {
    Node made;
    made.kind = RowFilter::Kind::IsNull;
    if (tested.kind == Expression::Kind::Column) {
      WALBRIDGE_TRY_AS(const Side side, column(tested.text));
      // A row type is NULL when each of its fields is.
      if (side.type->kind == "composite") return outside("IS NULL of a composite");
      made.left.column = side.column;
      return made;
    }
    WALBRIDGE_TRY_AS(Node child, node(tested));
    made.children.push_back(std::move(child));
    return made;
  }

  Result<Side> side(const Expression& e) {
    Side made;
    switch (e.kind) {
      case Expression::Kind::Column:
        return column(e.text);
      case Expression::Kind::Null:
        made.null = true;
        return made;
      case Expression::Kind::String:
        made.literal = e.text;
        return made;
      case Expression::Kind::Boolean:
        made.literal = e.text;
        made.type = simple("bool");
        return made;
      case Expression::Kind::Number:
        return number(e.text);
      case Expression::Kind::Cast:
        return cast(e);
      case Expression::Kind::Operator:
        if (e.text == "-" && e.arguments.size() == 1 && e.arguments[0]->kind == Expression::Kind::Number &&
            !e.arguments[0]->text.starts_with('-')) {
          return number("-" + e.arguments[0]->text);
        }
        return outside(fmt::format("the operator {} inside of a comparison", e.text));
      case Expression::Kind::Function:
        return outside(fmt::format("the function {}()", e.text));
      case Expression::Kind::Coalesce:
        return outside("COALESCE");
      case Expression::Kind::Case:
        return outside("CASE");
      default:
        return outside("a condition inside of a comparison");
    }
  }

  static Side number(const std::string& text) {
    Side made;
    made.literal = text;
    std::string bytes;
    for (const char* kind : {"int4", "int8"}) {
      made.type = simple(kind);
      if (compare_literal(CompareAs::Integer, made.type, text, bytes)) return made;
    }
    made.type = simple("numeric");
    return made;
  }

  Result<Side> cast(const Expression& e) {
    WALBRIDGE_TRY_AS(Side inner, side(*e.arguments.front()));
    const auto kind = kind_named(e.text);
    if (inner.null) return inner;
    if (inner.column >= 0) {
      const auto& from = inner.type->kind;
      const bool prints_itself = is_text(from) || from == "bpchar" || from == "enum" || from == "uuid";
      if (!is_text(kind) || !prints_itself) return outside(fmt::format("a cast of a column to {}", e.text));
      inner.as_text = true;
      if (from == "uuid" || from == "enum") filter_.portable = false;  // by an output function that is not immutable
      return inner;
    }
    static constexpr auto kCastable =
        std::to_array<std::string_view>({"int2", "int4", "int8", "numeric", "float4", "float8", "bool", "text",
                                         "varchar", "date", "timestamp", "timestamptz", "uuid", "inet", "bpchar"});
    if (std::find(kCastable.begin(), kCastable.end(), kind) == kCastable.end()) {
      return inner.type == nullptr ? cast_to_own(inner, e.text) : outside(fmt::format("a cast to {}", e.text));
    }
    if (inner.type != nullptr && !(is_number(inner.type->kind) && is_number(kind)) && inner.type->kind != kind) {
      return outside(fmt::format("a cast of a literal to {}", e.text));
    }
    inner.type = simple(kind);
    return inner;
  }

  // 'happy'::mood: the enum that some column has.
  Result<Side> cast_to_own(Side inner, const std::string& name) {
    for (const auto& each : source_.columns) {
      const auto type = without_domains(each.type);
      if (!type || type->kind != "enum" || type->sql != name) continue;
      filter_.portable = false;
      inner.type = type;
      return inner;
    }
    return outside(fmt::format("a cast to {}", name));
  }

  // The form in which Postgres' own operator for the two types compares.
  Result<CompareAs> common_form(const Side& a, const Side& b, bool ordered) const {
    const auto kind = [](const Side& side) { return side.as_text ? std::string("text") : side.type->kind; };
    const auto left = kind(a);
    const auto right = kind(b);
    const auto both = [&](auto test) { return test(left) && test(right); };
    if (both(is_integer)) return CompareAs::Integer;
    if (both(is_number)) return is_float(left) || is_float(right) ? CompareAs::Double : CompareAs::Decimal;
    if (both(is_address)) return CompareAs::Address;
    if (both(is_text)) {
      if (ordered) return outside("an order of texts, which follows a collation,");
      if (!a.deterministic || !b.deterministic) return outside("a text under a nondeterministic collation");
      return CompareAs::Text;
    }
    if (left != right) return outside(fmt::format("a comparison of {} with {}", left, right));
    if (left == "enum") {
      if (a.type->sql != b.type->sql) return outside("a comparison of two enums");
      return ordered ? CompareAs::Rank : CompareAs::Label;
    }
    if (left == "bpchar") {
      if (ordered) return outside("an order of texts, which follows a collation,");
      if (!a.deterministic || !b.deterministic) return outside("a text under a nondeterministic collation");
      return CompareAs::Padded;
    }
    static constexpr auto kForms =
        std::to_array<std::pair<std::string_view, CompareAs>>({{"bool", CompareAs::Boolean},
                                                               {"date", CompareAs::Date},
                                                               {"timestamp", CompareAs::Timestamp},
                                                               {"timestamptz", CompareAs::Timestamptz},
                                                               {"uuid", CompareAs::Uuid}});
    for (const auto& [name, form] : kForms) {
      if (left == name) return form;
    }
    return outside(fmt::format("a comparison of {}", a.type->sql));
  }

  Result<RowFilter::Operand> operand(const Side& side, CompareAs form) const {
    RowFilter::Operand made;
    made.column = side.column;
    if (side.column >= 0) {
      made.reader = compare_reader(form, side.type);
      if (!made.reader) return outside(fmt::format("a comparison of {}", side.type->sql));
      return made;
    }
    if (side.null) return made;
    auto bytes = std::make_shared<std::string>();
    const auto value = compare_literal(form, side.type, side.literal, *bytes);
    if (!value) {
      return outside(fmt::format(
          "a literal that is no {}{}", side.type->sql,
          form == CompareAs::Date || form == CompareAs::Timestamp || form == CompareAs::Timestamptz ? " in ISO form"
                                                                                                    : ""));
    }
    made.constant = *value;
    made.bytes = std::move(bytes);
    return made;
  }

  // A literal without a type takes that of the other side.
  static void settle(Side& one, const Side& other) {
    if (one.type != nullptr || one.null) return;
    if (other.as_text || other.type == nullptr) {
      one.type = simple("text");
    } else {
      one.type = other.type;
    }
  }

  Result<Node> comparison(RowFilter::Kind kind, Comparison comparison, const Expression& left,
                          const Expression& right) {
    WALBRIDGE_TRY_AS(Side a, side(left));
    WALBRIDGE_TRY_AS(Side b, side(right));
    Node made;
    made.kind = kind;
    made.comparison = comparison;
    if (a.null || b.null) return with_null(std::move(made), a, b);
    settle(a, b);
    settle(b, a);
    const bool ordered =
        kind == RowFilter::Kind::Compare && comparison != Comparison::Equal && comparison != Comparison::NotEqual;
    WALBRIDGE_TRY_AS(const CompareAs form, common_form(a, b, ordered));
    WALBRIDGE_TRY_AS(made.left, operand(a, form));
    WALBRIDGE_TRY_AS(made.right, operand(b, form));
    return made;
  }

  // NULL equals nothing; IS DISTINCT FROM NULL is IS NOT NULL.
  Result<Node> with_null(Node made, const Side& a, const Side& b) const {
    if (made.kind == RowFilter::Kind::Compare) return constant(Truth::Null);
    if (a.null && b.null) return constant(Truth::False);
    const Side& other = a.null ? b : a;
    if (other.column < 0) return constant(Truth::True);
    if (other.type->kind == "composite") return outside("a comparison of a composite");
    Node test;
    test.kind = RowFilter::Kind::IsNull;
    test.left.column = other.column;
    return negated(Result<Node>(std::move(test)));
  }

  Result<Node> operation(const Expression& e) {
    static constexpr auto kComparisons =
        std::to_array<std::pair<std::string_view, Comparison>>({{"=", Comparison::Equal},
                                                                {"<>", Comparison::NotEqual},
                                                                {"!=", Comparison::NotEqual},
                                                                {"<", Comparison::Less},
                                                                {"<=", Comparison::LessOrEqual},
                                                                {">", Comparison::Greater},
                                                                {">=", Comparison::GreaterOrEqual}});
    if (e.arguments.size() == 2) {
      for (const auto& [text, wanted] : kComparisons) {
        if (e.text == text) return comparison(RowFilter::Kind::Compare, wanted, *e.arguments[0], *e.arguments[1]);
      }
      if (e.text == "~~") return like(e);
      if (e.text == "!~~") return negated(like(e));
    }
    return outside(fmt::format("the operator {}", e.text));
  }

  Result<Node> like(const Expression& e) {
    WALBRIDGE_TRY_AS(const Side text, side(*e.arguments[0]));
    WALBRIDGE_TRY_AS(const Side pattern, side(*e.arguments[1]));
    if (pattern.null) return constant(Truth::Null);
    if (text.column < 0 || pattern.column >= 0) return outside("LIKE of anything but a column and a literal");
    const bool fits = text.as_text ? text.type->kind != "bpchar" : is_text(text.type->kind);
    if (!fits || !text.deterministic || (pattern.type != nullptr && !is_text(pattern.type->kind))) {
      return outside(fmt::format("LIKE of a {}", text.type->sql));
    }
    std::size_t escapes = 0;
    for (auto at = pattern.literal.rbegin(); at != pattern.literal.rend() && *at == '\\'; ++at) ++escapes;
    if (escapes % 2 == 1) return outside("a pattern that ends with its escape character");
    Node made;
    made.kind = RowFilter::Kind::Like;
    made.left.column = text.column;
    made.left.reader = compare_reader(CompareAs::Text, text.type);
    made.pattern = pattern.literal;
    return made;
  }

  // `x IN (a, b)` is `x = a OR x = b`; the literals take the type of x, or x is compared with each in a form of its
  // own.
  Result<Node> in(const Expression& e) {
    WALBRIDGE_TRY_AS(const Side tested, side(*e.arguments[0]));
    // Postgres compares a real with one number as doubles, with a list of them as reals.
    if (tested.type != nullptr && tested.type->kind == "float4") return outside("IN of a real");
    std::vector<Node> equals;
    for (std::size_t i = 1; i < e.arguments.size(); ++i) {
      WALBRIDGE_TRY_AS(Node one,
                       comparison(RowFilter::Kind::Compare, Comparison::Equal, *e.arguments[0], *e.arguments[i]));
      equals.push_back(std::move(one));
    }
    return listed(std::move(equals));
  }

  // One read of the column for all literals, when they are of one form.
  static Result<Node> listed(std::vector<Node> equals) {
    Node made;
    const auto function = [](const Node& each) {
      return each.left.reader == nullptr ? nullptr : each.left.reader->function;
    };
    const bool alike = std::all_of(equals.begin(), equals.end(), [&](const Node& each) {
      return each.kind == RowFilter::Kind::Compare && each.left.column >= 0 && each.right.column < 0 &&
             function(each) == function(equals.front());
    });
    if (!alike) {
      made.kind = RowFilter::Kind::Or;
      made.children = std::move(equals);
      return made;
    }
    made.kind = RowFilter::Kind::In;
    made.left = equals.front().left;
    for (auto& each : equals) made.list.push_back(std::move(each.right));
    return made;
  }

  Result<Node> between(const Expression& e) {
    Node made;
    made.kind = RowFilter::Kind::And;
    WALBRIDGE_TRY_AS(
        Node low, comparison(RowFilter::Kind::Compare, Comparison::GreaterOrEqual, *e.arguments[0], *e.arguments[1]));
    WALBRIDGE_TRY_AS(Node high,
                     comparison(RowFilter::Kind::Compare, Comparison::LessOrEqual, *e.arguments[0], *e.arguments[2]));
    made.children.push_back(std::move(low));
    made.children.push_back(std::move(high));
    return made;
  }

  const SourceTable& source_;
  RowFilter& filter_;
};

}  // namespace

Result<std::shared_ptr<const RowFilter>> compile_row_filter(const std::string& sql, const SourceTable& source) {
  auto filter = std::make_shared<RowFilter>();
  filter->sql = sql;
  const auto parsed = parse_expression(sql);
  if (!parsed) {
    return Error{Verdict::PoisonRow, "bad-where",
                 fmt::format("the `where` for {}: {}", source.qualified_name(), parsed.error().message),
                 parsed.error().remedy};
  }
  WALBRIDGE_TRY_AS(filter->root, FilterCompiler(source, *filter).node(**parsed));
  return std::shared_ptr<const RowFilter>(std::move(filter));
}

}  // namespace walbridge::mapping
