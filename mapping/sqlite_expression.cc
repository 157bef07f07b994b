#include "mapping/sqlite_expression.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "pipeline/api/cache_sql.h"

namespace walbridge::mapping {

namespace {

using Kind = Expression::Kind;
using Domain = ValueDomain::Kind;

// How tightly SQLite binds what a term consists of; below what its place needs it gets parentheses.
enum Level { kOr = 1, kAnd, kNot, kCompare, kAdd, kMultiply, kConcat, kUnary, kAtom };

struct Term {
  std::string sql;
  int level = kAtom;
  ValueDomain domain;
  bool literal = false;  // `text`, to be written as the other side needs it; `domain` is its own
  bool null = false;
  std::string text;
};

Error cannot(std::string what) {
  return {Verdict::Operator, "expression", std::move(what),
          "leave it to the reader's query, or use a rule of your own"};
}

bool is_whole(std::string_view text) {
  const auto digits = text.substr(!text.empty() && text.front() == '-' ? 1 : 0);
  return !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
}

ValueDomain own(Domain kind) {
  ValueDomain domain;
  domain.kind = kind;
  return domain;
}

// Of a literal that stands for itself.
Domain domain_of_type(std::string_view type) {
  if (type == "text" || type == "character varying") return Domain::Text;
  if (type == "smallint" || type == "integer" || type == "bigint") return Domain::Integer;
  if (type == "numeric") return Domain::Decimal;
  if (type == "boolean") return Domain::Boolean;
  return Domain::Opaque;
}

bool is_number(const ValueDomain& domain) { return domain.kind == Domain::Integer || domain.kind == Domain::Decimal; }

class Translator {
 public:
  Translator(std::span<const KnownColumn> columns, ExpressionUse use) : columns_(columns), use_(use) {}

  Result<Term> term(const Expression& node) {
    switch (node.kind) {
      case Kind::Column:
        return column(node);
      case Kind::Null:
      case Kind::Boolean:
      case Kind::Number:
      case Kind::String:
        return literal(node);
      case Kind::Cast:
        return cast(node);
      case Kind::Operator:
        return operation(node);
      case Kind::Function:
        return call(node);
      case Kind::And:
      case Kind::Or:
        return joined(node);
      case Kind::Not:
      case Kind::IsTrue:
      case Kind::IsFalse:
        return truth(node);
      case Kind::IsNull:
      case Kind::IsNotNull:
        return null_test(node);
      case Kind::IsDistinct:
        return compared(node, " IS NOT ");
      case Kind::In:
        return in(node);
      case Kind::Between:
        return between(node);
      case Kind::Case:
        return chosen(node);
      case Kind::Coalesce:
        return coalesce(node);
    }
    return cannot("an expression of unknown kind");
  }

  // A literal by itself.
  static Result<std::string> written(const Term& term) {
    if (!term.literal) return term.sql;
    return written(term, term.domain);
  }

  std::vector<std::string> notes;

 private:
  static Result<std::string> written(const Term& term, const ValueDomain& among) {
    if (!term.literal) return term.sql;
    if (term.null) return std::string("NULL");
    auto text = literal_in(among, term.text);
    if (!text) return cannot("a literal has no exact form among the cache's values");
    return *std::move(text);
  }

  static std::string at_least(int level, const Term& term, const std::string& sql) {
    return term.literal || term.level >= level ? sql : "(" + sql + ")";
  }

  void note(std::string text) {
    if (std::find(notes.begin(), notes.end(), text) == notes.end()) notes.push_back(std::move(text));
  }

  Result<Term> column(const Expression& node) {
    const auto found = std::find_if(columns_.begin(), columns_.end(),
                                    [&](const KnownColumn& each) { return each.source_name == node.text; });
    if (found == columns_.end()) return cannot(fmt::format("column {} is not carried", node.text));
    if (found->masked) return cannot(fmt::format("column {} is masked or cut", node.text));
    return Term{quote_identifier(found->name), kAtom, found->domain, false, false, {}};
  }

  static Result<Term> literal(const Expression& node) {
    Term term;
    term.literal = true;
    term.text = node.text;
    term.null = node.kind == Kind::Null;
    if (node.kind == Kind::Boolean) term.domain = own(Domain::Boolean);
    if (node.kind == Kind::Number) term.domain = own(is_whole(node.text) ? Domain::Integer : Domain::Decimal);
    if (node.kind == Kind::String) term.domain = own(Domain::Text);
    return term;
  }

  Result<Term> cast(const Expression& node) {
    WALBRIDGE_TRY_AS(auto inner, term(*node.arguments[0]));
    const auto refused = [&] { return cannot(fmt::format("a cast to {} is not the same in SQLite", node.text)); };
    if (node.text.find('(') != std::string::npos) return refused();  // may round or cut
    const auto target = domain_of_type(node.text);
    if (inner.literal) {
      const bool number = is_number(inner.domain);
      if (number && target == Domain::Integer && !is_whole(inner.text)) return refused();
      if (number && target == Domain::Text) return refused();
      inner.domain = own(target);
      return inner;
    }
    const auto from = inner.domain.kind;
    if (from == target && (is_number(inner.domain) || from == Domain::Text)) return inner;
    if (from == Domain::Integer && target == Domain::Decimal) {
      inner.domain = own(Domain::Decimal);
      return inner;
    }
    if (from == Domain::Integer && target == Domain::Text) {
      return Term{"CAST(" + inner.sql + " AS TEXT)", kAtom, own(Domain::Text), false, false, {}};
    }
    const auto* encoder = inner.domain.encoder;
    if (from == Domain::Equal && target == Domain::Text && encoder != nullptr && encoder->encoding == "default" &&
        (encoder->type->kind == "enum" || encoder->type->kind == "uuid")) {
      inner.domain = own(Domain::Text);
      return inner;
    }
    return refused();
  }

  Result<Term> operation(const Expression& node) {
    const auto& op = node.text;
    if (op == "=" || op == "<>" || op == "<" || op == "<=" || op == ">" || op == ">=") {
      if (node.arguments.size() == 2) return compared(node, " " + op + " ");
    }
    if (op == "||" && node.arguments.size() == 2) return concat(node);
    if (op == "+" || op == "-" || op == "*" || op == "/" || op == "%") return arithmetic(node);
    return cannot(fmt::format("operator {} has no counterpart", op));
  }

  // Both sides as values of one domain; `ordered`: for < and >.
  Result<std::pair<std::string, std::string>> sides(const Term& left, const Term& right, bool ordered) {
    if (left.literal && right.literal) return cannot("a comparison of literals");
    const auto& among = left.literal ? right.domain : left.domain;
    const bool mixed = is_number(left.domain) && is_number(right.domain);
    if (!left.literal && !right.literal && !(left.domain == right.domain) && !mixed) {
      return cannot("a comparison of values of two encodings");
    }
    if (among.kind == Domain::Opaque) return cannot("a comparison of values that SQLite does not compare as Postgres");
    if (ordered) {
      switch (among.kind) {
        case Domain::Boolean:
        case Domain::Integer:
        case Domain::Decimal:
        case Domain::Scaled:
          break;
        case Domain::Time:
          if (use_ == ExpressionUse::Value)
            return cannot("an order of dates, which the cache has only for years of four digits");
          note("dates before year 1 and after 9999 are not in order");
          break;
        default:
          return cannot("an order of values that SQLite orders in another way");
      }
    }
    WALBRIDGE_TRY_AS(auto one, written(left, among));
    WALBRIDGE_TRY_AS(auto two, written(right, among));
    return std::pair(at_least(kAdd, left, one), at_least(kAdd, right, two));
  }

  Result<Term> compared(const Expression& node, const std::string& op) {
    WALBRIDGE_TRY_AS(auto left, term(*node.arguments[0]));
    WALBRIDGE_TRY_AS(auto right, term(*node.arguments[1]));
    const bool ordered = op.find_first_of("<>") != std::string::npos && op != " <> ";
    WALBRIDGE_TRY_AS(auto both, sides(left, right, ordered));
    return Term{both.first + op + both.second, kCompare, own(Domain::Boolean), false, false, {}};
  }

  Result<Term> in(const Expression& node) {
    WALBRIDGE_TRY_AS(auto tested, term(*node.arguments[0]));
    if (tested.literal) return cannot("a comparison of literals");
    std::string list;
    for (std::size_t i = 1; i < node.arguments.size(); ++i) {
      WALBRIDGE_TRY_AS(auto item, term(*node.arguments[i]));
      WALBRIDGE_TRY_AS(auto both, sides(tested, item, false));
      list += (list.empty() ? "" : ", ") + both.second;
    }
    return Term{
        at_least(kAdd, tested, tested.sql) + " IN (" + list + ")", kCompare, own(Domain::Boolean), false, false, {}};
  }

  Result<Term> between(const Expression& node) {
    WALBRIDGE_TRY_AS(auto tested, term(*node.arguments[0]));
    WALBRIDGE_TRY_AS(auto low, term(*node.arguments[1]));
    WALBRIDGE_TRY_AS(auto high, term(*node.arguments[2]));
    if (tested.literal) return cannot("a comparison of literals");
    WALBRIDGE_TRY_AS(auto from, sides(tested, low, true));
    WALBRIDGE_TRY_AS(auto to, sides(tested, high, true));
    return Term{
        from.first + " BETWEEN " + from.second + " AND " + to.second, kCompare, own(Domain::Boolean), false, false, {}};
  }

  Result<Term> arithmetic(const Expression& node) {
    WALBRIDGE_TRY_AS(auto left, term(*node.arguments[0]));
    if (node.arguments.size() == 1) return signed_term(std::move(left), node.text);
    WALBRIDGE_TRY_AS(auto right, term(*node.arguments[1]));
    for (const auto* each : {&left, &right}) {
      // Only of integers SQLite knows as much as Postgres; overflow there is an error, so that no row has any.
      if (each->domain.kind != Domain::Integer || each->null) return cannot("arithmetic on what is not an integer");
    }
    WALBRIDGE_TRY_AS(auto one, written(left, own(Domain::Integer)));
    WALBRIDGE_TRY_AS(auto two, written(right, own(Domain::Integer)));
    const int level = node.text == "+" || node.text == "-" ? kAdd : kMultiply;
    return Term{at_least(level, left, one) + " " + node.text + " " + at_least(level + 1, right, two),
                level,
                own(Domain::Integer),
                false,
                false,
                {}};
  }

  static Result<Term> signed_term(Term inner, const std::string& sign) {
    if (sign == "+" && is_number(inner.domain)) return inner;
    if (sign != "-" || inner.null) return cannot("a sign before what is not a number");
    if (inner.literal && is_number(inner.domain)) {
      inner.text = inner.text.front() == '-' ? inner.text.substr(1) : "-" + inner.text;
      return inner;
    }
    if (inner.domain.kind != Domain::Integer) return cannot("arithmetic on what is not an integer");
    return Term{"-" + at_least(kAtom, inner, inner.sql), kUnary, own(Domain::Integer), false, false, {}};
  }

  Result<Term> concat(const Expression& node) {
    WALBRIDGE_TRY_AS(auto left, term(*node.arguments[0]));
    WALBRIDGE_TRY_AS(auto right, term(*node.arguments[1]));
    if (left.domain.kind != Domain::Text || right.domain.kind != Domain::Text) {
      return cannot("|| of what is not text");
    }
    WALBRIDGE_TRY_AS(auto one, written(left));
    WALBRIDGE_TRY_AS(auto two, written(right));
    return Term{at_least(kConcat, left, one) + " || " + at_least(kUnary, right, two),
                kConcat,
                own(Domain::Text),
                false,
                false,
                {}};
  }

  // What follows are conditions: 0, 1 or NULL on both sides.
  Result<Term> condition(const Expression& node) {
    WALBRIDGE_TRY_AS(auto inner, term(node));
    if (inner.null) return cannot("NULL as a condition");
    if (inner.domain.kind != Domain::Boolean) return cannot("a condition that is not a boolean");
    if (!inner.literal) return inner;
    WALBRIDGE_TRY_AS(inner.sql, written(inner));
    inner.literal = false;
    return inner;
  }

  Result<Term> joined(const Expression& node) {
    const int level = node.kind == Kind::And ? kAnd : kOr;
    std::string sql;
    for (const auto& argument : node.arguments) {
      WALBRIDGE_TRY_AS(auto part, condition(*argument));
      sql += (sql.empty() ? "" : node.kind == Kind::And ? " AND " : " OR ") + at_least(level, part, part.sql);
    }
    return Term{std::move(sql), level, own(Domain::Boolean), false, false, {}};
  }

  Result<Term> truth(const Expression& node) {
    WALBRIDGE_TRY_AS(auto inner, condition(*node.arguments[0]));
    if (node.kind == Kind::Not) {
      return Term{"NOT " + at_least(kNot, inner, inner.sql), kNot, own(Domain::Boolean), false, false, {}};
    }
    return Term{at_least(kAdd, inner, inner.sql) + (node.kind == Kind::IsTrue ? " IS 1" : " IS 0"),
                kCompare,
                own(Domain::Boolean),
                false,
                false,
                {}};
  }

  Result<Term> null_test(const Expression& node) {
    WALBRIDGE_TRY_AS(auto inner, term(*node.arguments[0]));
    if (inner.literal) return cannot("a literal that is tested for NULL");
    if (!inner.domain.nulls) return cannot("NULL may stand for NaN or an infinity in the cache");
    return Term{at_least(kAdd, inner, inner.sql) + (node.kind == Kind::IsNull ? " IS NULL" : " IS NOT NULL"),
                kCompare,
                own(Domain::Boolean),
                false,
                false,
                {}};
  }

  // Results that are alternatives to one another as values of one domain.
  Result<ValueDomain> unite(const std::vector<Term>& terms, std::vector<std::string>& sql) {
    const Term* first = nullptr;
    for (const auto& each : terms) {
      if (each.null) continue;
      if (first == nullptr || (first->literal && !each.literal)) first = &each;
    }
    if (first == nullptr) return cannot("nothing but NULL");
    for (const auto& each : terms) {
      if (!each.null && !each.literal && !(each.domain == first->domain)) return cannot("results of two encodings");
      if (each.literal && !each.null && first->literal && !(each.domain == first->domain)) {
        return cannot("results of two types");
      }
      WALBRIDGE_TRY_AS(auto text, written(each, first->domain));
      sql.push_back(std::move(text));
    }
    return first->domain;
  }

  Result<Term> coalesce(const Expression& node) {
    std::vector<Term> terms;
    for (const auto& argument : node.arguments) {
      WALBRIDGE_TRY_AS(auto one, term(*argument));
      if (!one.domain.nulls) return cannot("NULL may stand for NaN or an infinity in the cache");
      terms.push_back(std::move(one));
    }
    std::vector<std::string> sql;
    WALBRIDGE_TRY_AS(auto domain, unite(terms, sql));
    if (sql.size() == 1) return Term{"(" + sql[0] + ")", kAtom, domain, false, false, {}};
    return Term{fmt::format("coalesce({})", fmt::join(sql, ", ")), kAtom, domain, false, false, {}};
  }

  Result<Term> chosen(const Expression& node) {
    std::vector<Term> results;
    std::vector<std::string> conditions;
    const auto pairs = node.arguments.size() / 2;
    for (std::size_t i = 0; i < pairs; ++i) {
      WALBRIDGE_TRY_AS(auto when, condition(*node.arguments[2 * i]));
      WALBRIDGE_TRY_AS(auto then, term(*node.arguments[2 * i + 1]));
      conditions.push_back(std::move(when.sql));
      results.push_back(std::move(then));
    }
    WALBRIDGE_TRY_AS(auto otherwise, term(*node.arguments.back()));
    results.push_back(std::move(otherwise));
    std::vector<std::string> sql;
    WALBRIDGE_TRY_AS(auto domain, unite(results, sql));
    std::string text = "CASE";
    for (std::size_t i = 0; i < pairs; ++i) text += fmt::format(" WHEN {} THEN {}", conditions[i], sql[i]);
    return Term{text + " ELSE " + sql.back() + " END", kAtom, domain, false, false, {}};
  }

  Result<Term> call(const Expression& node) {
    const auto& name = node.text;
    std::vector<Term> arguments;
    for (const auto& argument : node.arguments) {
      WALBRIDGE_TRY_AS(auto one, term(*argument));
      arguments.push_back(std::move(one));
    }
    const auto of = [&](Domain kind) {
      return arguments.size() == 1 && !arguments[0].literal && arguments[0].domain.kind == kind;
    };
    if ((name == "lower" || name == "upper") && of(Domain::Text)) {
      if (use_ == ExpressionUse::Value) return cannot(fmt::format("{}() of SQLite knows ASCII only", name));
      note(fmt::format("{}() of SQLite knows ASCII only", name));
      return Term{name + "(" + arguments[0].sql + ")", kAtom, own(Domain::Text), false, false, {}};
    }
    if ((name == "length" || name == "char_length") && of(Domain::Text)) {
      return Term{"length(" + arguments[0].sql + ")", kAtom, own(Domain::Integer), false, false, {}};
    }
    if (name == "abs" && of(Domain::Integer)) {
      return Term{"abs(" + arguments[0].sql + ")", kAtom, own(Domain::Integer), false, false, {}};
    }
    if (name == "nullif" && arguments.size() == 2 && !arguments[0].literal) {
      WALBRIDGE_TRY_AS(auto both, sides(arguments[0], arguments[1], false));
      return Term{"nullif(" + both.first + ", " + both.second + ")", kAtom, arguments[0].domain, false, false, {}};
    }
    return cannot(fmt::format("function {}() is not the same in SQLite", name));
  }

  std::span<const KnownColumn> columns_;
  ExpressionUse use_;
};

}  // namespace

Result<Translation> to_sqlite(const Expression& expression, std::span<const KnownColumn> columns, ExpressionUse use) {
  Translator translator(columns, use);
  WALBRIDGE_TRY_AS(auto term, translator.term(expression));
  if (use == ExpressionUse::Predicate && term.domain.kind != Domain::Boolean) {
    return cannot("a condition that is not a boolean");
  }
  if (term.null) return cannot("nothing but NULL");
  Translation done;
  WALBRIDGE_TRY_AS(done.sql, Translator::written(term));
  done.domain = term.domain;
  done.notes = std::move(translator.notes);
  return done;
}

}  // namespace walbridge::mapping
