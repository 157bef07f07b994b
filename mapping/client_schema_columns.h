// What a client must know of each cache column to decode it: the plan's columns, order keys, computed and hidden ones
// brought to one form. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "mapping/table_plan.h"
#include "pipeline/api/source_table.h"

namespace walbridge::mapping {

// How the stored value stands for the source's.
enum class ClientValue : std::uint8_t {
  Text,         // as it is
  Boolean,      // 0, 1
  BooleanText,  // true, false
  Integer,      // a JavaScript number holds it
  BigInteger,   // 64 bits
  Unsigned32,   // beyond 31 bits
  IntegerText,
  BigIntegerText,
  Float,    // a number, or a special as text
  Decimal,  // a number of at most 15 digits with `scale` decimals, or NaN as text
  DecimalText,
  ScaledDecimal,  // times 10^scale
  Enum,           // its label
  EnumRank,       // the label's position
  Json,
  Jsonb,  // SQLite's binary JSON
  Bytes,
  BytesHex,
  BytesBase64,
  UuidBytes,
  UuidHex,
  Timestamptz,      // 2024-01-15T12:34:56.123+00:00
  Timestamp,        // the same without offset, to be read as UTC
  SqliteTimestamp,  // 2024-01-15 12:34:56.123456, UTC
  UnixSeconds,
  UnixMillis,
  UnixMicros,
  UnixMillisFraction,
  Julian,
  Days,      // since 1970
  Vector32,  // little-endian floats
  Vector64,  // doubles and a format byte
  Vector16,  // half floats and a format byte
};

struct ClientColumn {
  std::string name;  // in the cache
  std::string decl;
  ClientValue value = ClientValue::Text;
  std::shared_ptr<const PgType> type;  // without domains; null: none at the source
  int precision = 0;                   // Decimal
  int scale = 0;                       // Decimal, ScaledDecimal; dimensions of a vector
  bool nullable = true;
  std::string computed;  // SQL, of a column that SQLite computes
  std::string note;      // what it is, for the comment
  std::string comment;   // the source's
};

struct ClientTable {
  const TablePlan* plan = nullptr;
  const SourceTable* source = nullptr;  // null: unknown
  std::vector<ClientColumn> columns;    // in cache order, without hidden ones
  std::vector<std::size_t> key;         // positions in `columns`
};

// By cache name.
std::vector<ClientTable> client_tables(const SinkPlan& plan, std::span<const SourceTable> tables,
                                       const config::Config& config);

// The TypeScript type of what JSON.parse makes of a Json column: "(string | null)[]".
std::string json_type(const PgType& type);

}  // namespace walbridge::mapping
