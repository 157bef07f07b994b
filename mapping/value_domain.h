// How SQLite sees the values of a column: which of Postgres' operations on them it repeats, and how a literal of the
// source looks among them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mapping/encoder.h"

namespace walbridge::mapping {

struct ValueDomain {
  enum class Kind : std::uint8_t {
    Opaque,   // only "is it there": JSON, arrays, numbers kept as text, masked values
    Boolean,  // 0 and 1
    Integer,  // exact, with arithmetic
    Decimal,  // numeric of at most 15 digits: a number, or the text NaN, which sorts last as in Postgres
    Scaled,   // numeric times a power of ten
    Double,   // equality only: the text -Infinity sorts last, not first
    Text,     // equality by bytes
    Equal,    // uuid, enum, bytes, …: equality with an encoded literal
    Time,     // dates: equality; order as far as years have four digits
  };
  Kind kind = Kind::Opaque;
  // What the values depend on besides: two domains of one kind are the same when this is, too. Empty for Boolean,
  // Integer, Decimal and Text.
  std::string basis;
  const Encoder* encoder = nullptr;  // for literals; null: of a literal's or expression's own type
  bool nulls = true;                 // NULL here exactly when it is NULL at the source

  friend bool operator==(const ValueDomain& a, const ValueDomain& b) { return a.kind == b.kind && a.basis == b.basis; }
};

ValueDomain domain_of(const Encoder& encoder);

// SQL text of a literal among values of `domain`; nothing when it has no exact form there.
std::optional<std::string> literal_in(const ValueDomain& domain, std::string_view literal);

}  // namespace walbridge::mapping
