// Values that SQLite sorts as Postgres sorts the column: what `order_key` stores beside it, and what a row filter
// compares by. Two equal keys are two values that Postgres calls equal, unless a key says that it saturates. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "mapping/encoder.h"
#include "pipeline/api/pg_type.h"
#include "pipeline/api/result.h"

namespace walbridge::mapping {

// The order key of a column that is stored by `stored`. Fails, with the reason in the message, when the column sorts
// right as it is, or when no short key does.
Result<std::shared_ptr<const Encoder>> compile_order_key(const PgType& type, const Encoder& stored);

// Text whose bytes sort as the numbers: 0 -Infinity, 1 negative, 2 zero, 3 positive, 4 Infinity, 5 NaN. Takes integers
// too; no exponents.
Fault encode_decimal_order(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out);
// Integers whose order is that of the doubles, NaN last.
Fault encode_double_order(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out);
std::int64_t double_order(double value);
// Family, network, prefix length, address.
Fault encode_address_order(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out);

// Exact, as Postgres counts; the infinities are the ends of 64 bits.
Fault encode_date_days(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out);
Fault encode_timestamp_micros(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out);
Fault encode_timestamptz_micros(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out);

}  // namespace walbridge::mapping
