// Literals of a row filter, read as Postgres reads them for a column of a type: where it would need more than the text
// (a time zone, today's date, a locale) or this reading is not sure to be the same, the answer is no. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mapping/encoder.h"
#include "pipeline/api/pg_type.h"

namespace walbridge::mapping {

// What a comparison compares: both sides are brought into one of these forms.
enum class CompareAs {
  Boolean,
  Integer,
  Decimal,
  Double,
  Date,
  Timestamp,
  Timestamptz,
  Text,
  Padded,  // char(n): trailing blanks do not count
  Uuid,
  Label,  // enum, equal or not
  Rank,   // enum, in the order of its labels
  Address,
};

// Brings what a column of `type` prints into the form.
std::shared_ptr<const Encoder> compare_reader(CompareAs form, const std::shared_ptr<const PgType>& type);

// A literal of `type` in the same form, its bytes in `bytes`. `type` is what Postgres resolves the literal to.
std::optional<SqlValue> compare_literal(CompareAs form, const std::shared_ptr<const PgType>& type,
                                        std::string_view literal, std::string& bytes);

}  // namespace walbridge::mapping
