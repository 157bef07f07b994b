// The rows that `where` lets through, decided on the text Postgres sends, with its three-valued logic: the same answer
// as Postgres, or a refusal when the plan is compiled. A value that was not sent (unchanged TOAST) makes the answer
// unknown unless the rest decides. Immutable; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mapping/encoder.h"
#include "pipeline/api/change.h"
#include "pipeline/api/result.h"
#include "pipeline/api/source_table.h"

namespace walbridge::mapping {

struct RowFilter {
  enum class Truth : std::uint8_t { False, True, Null, NotSent };
  enum class Kind : std::uint8_t {
    Constant,    // `constant`
    Column,      // the boolean `left`
    Compare,     // `left` `comparison` `right`
    IsDistinct,  // `left`, `right`
    In,          // `left` in `list`
    Like,        // `left` like `pattern`
    IsNull,      // `left`, or the truth of the child when there is one
    And,
    Or,
    Not,
    IsTrue,
    IsFalse,
  };
  enum class Comparison : std::uint8_t { Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual };

  struct Column {
    std::string name;
    std::int16_t attnum = 0;
    std::uint32_t type_oid = 0;
    std::int32_t typmod = -1;
  };
  // A column, brought by `reader` into a form whose order is Postgres' own, or a constant in that form.
  struct Operand {
    std::int32_t column = -1;  // position in `columns`; -1: `constant`
    std::shared_ptr<const Encoder> reader;
    SqlValue constant = SqlValue::null();  // its bytes are `bytes`
    std::shared_ptr<const std::string> bytes;
  };
  struct Node {
    Kind kind = Kind::Constant;
    Truth constant = Truth::Null;
    Comparison comparison = Comparison::Equal;
    Operand left;
    Operand right;
    std::vector<Operand> list;
    std::string pattern;
    std::vector<Node> children;
  };

  // The values of one row: those of `row` at `positions` (one for each of `columns`); where they were not sent, those
  // of `fallback` if there is one.
  struct Row {
    std::span<const WireValue> row;
    std::span<const std::uint32_t> positions;
    std::span<const WireValue> fallback{};

    const WireValue& at(std::size_t column) const {
      const WireValue& value = row[positions[column]];
      const bool elsewhere = value.kind == WireValue::Kind::Unchanged && !fallback.empty();
      return elsewhere ? fallback[positions[column]] : value;
    }
  };

  // A fault names `column` of `columns`, whose value is not what its type prints.
  Fault evaluate(const Row& row, Arena& scratch, Truth& out, std::size_t& column) const;

  std::string sql;  // as written
  std::vector<Column> columns;
  Node root;
  bool portable = true;  // made of what Postgres accepts in the row filter of a publication
};

// PoisonRow "bad-where": what of it cannot be decided here, in words without a literal of it.
Result<std::shared_ptr<const RowFilter>> compile_row_filter(const std::string& sql, const SourceTable& source);

}  // namespace walbridge::mapping
