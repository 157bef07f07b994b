// A Postgres expression as a tree: parsed by libpg_query (the server's own grammar), reduced to what SQLite or the row
// filter can repeat exactly. Whatever is not in here is "outside the subset", which is an answer, not a failure. Pure;
// immutable once built.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/api/result.h"

namespace walbridge::mapping {

struct Expression {
  enum class Kind {
    Column,  // `text`: its name, folded as Postgres folds it
    Null,
    Boolean,   // `text`: "true" or "false"
    Number,    // `text`: as written
    String,    // `text`: unquoted
    Cast,      // one argument; `text`: the type's name as Postgres prints it
    Operator,  // `text`: = <> < <= > >= + - * / % || ~~ !~~, …; one or two arguments
    Function,  // `text`: its name
    And,
    Or,
    Not,
    IsNull,
    IsNotNull,
    IsTrue,  // and the three others: arguments wrapped in Not where needed
    IsFalse,
    IsDistinct,  // IS DISTINCT FROM
    In,          // first argument IN the others; = ANY (ARRAY[…]) too
    Between,
    Case,  // WHEN/THEN pairs, then ELSE (Null when there is none)
    Coalesce,
  };
  Kind kind = Kind::Null;
  std::string text;
  std::vector<std::shared_ptr<const Expression>> arguments;
};

// Operator "expression" when it does not parse, or is outside the subset; the message says what, never a literal.
Result<std::shared_ptr<const Expression>> parse_expression(std::string_view sql);

// The names of all columns it reads, each once.
std::vector<std::string> columns_of(const Expression& expression);

}  // namespace walbridge::mapping
