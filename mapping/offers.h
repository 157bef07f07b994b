// The encodings each family of types offers, one function per family. Used by encoder.cc only.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mapping/encoder.h"

namespace walbridge::mapping {

struct Offer {
  std::string_view name;
  std::string decl;
  Encoder::Function function;
  bool exact = true;
  CacheColumn::Form form = CacheColumn::Form::Plain;
  double limit = 0;  // Encoder::limit
};

// What a family says about a type: its encodings, the first one the default, and the state they share.
struct Draft {
  std::vector<Offer> offers;
  Encoder encoder;
};

// Each fills `draft` and returns true if the type is one of its own.
bool offer_integers(const PgType& type, Draft& draft);    // bool, int2..int8, oid family, bit
bool offer_numbers(const PgType& type, Draft& draft);     // float4, float8, numeric, money
bool offer_texts(const PgType& type, Draft& draft);       // text family, json, enum, and types kept as they print
bool offer_temporals(const PgType& type, Draft& draft);   // date, time, timestamp, interval
bool offer_bytes(const PgType& type, Draft& draft);       // bytea, uuid
bool offer_vectors(const PgType& type, Draft& draft);     // pgvector
bool offer_structures(const PgType& type, Draft& draft);  // array, composite, hstore, range, multirange
bool offer_shapes(const PgType& type, Draft& draft);      // point .. circle
bool offer_geometries(const PgType& type, Draft& draft);  // PostGIS

// Digits and scale of numeric(p,s); false when unconstrained.
struct NumericModifier {
  int precision = 0;
  int scale = 0;
};
bool numeric_modifier(std::int32_t typmod, NumericModifier& out);

// How a numeric of this typmod is stored: exact as a number up to 15 digits, else text.
enum class NumericClass { Integer, Real, Text };
NumericClass numeric_class(std::int32_t typmod);

// Text as it is, after checking that it is UTF-8.
Fault encode_verbatim(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out);

inline constexpr Fault kNotUtf8 = "holds bytes that are not UTF-8";

}  // namespace walbridge::mapping
