// Postgres expressions as SQLite text, where SQLite computes the same from what the cache holds. What it cannot repeat
// is refused; a small difference that an index may have (nothing is read through it that the query does not ask for
// itself) becomes a note. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "mapping/pg_expression.h"
#include "mapping/value_domain.h"
#include "pipeline/api/result.h"

namespace walbridge::mapping {

// A column as an expression finds it.
struct KnownColumn {
  std::int16_t attnum = 0;
  std::string source_name;
  std::string name;  // in the cache
  ValueDomain domain;
  bool masked = false;  // not the source's values
  bool exact = true;    // different values stay different
};

struct Translation {
  std::string sql;
  ValueDomain domain;
  std::vector<std::string> notes;
};

enum class ExpressionUse : std::uint8_t {
  Value,      // a generated column: readers see the result
  Index,      // a part of an index
  Predicate,  // WHERE of an index
};

// Operator "expression": what of it cannot be repeated, without its literals.
Result<Translation> to_sqlite(const Expression& expression, std::span<const KnownColumn> columns, ExpressionUse use);

}  // namespace walbridge::mapping
