// A Postgres type resolved down to what an encoder needs: a tree, because arrays, domains and
// composites nest. Built by source-pg from pg_type; consumed by mapping. Immutable once built.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace walbridge {

struct PgType;

struct PgAttribute {
  std::string name;
  std::shared_ptr<const PgType> type;
};

struct PgType {
  // The base name for built-in and extension types ("int4", "bpchar", "hstore", "vector"), otherwise
  // the structure: "array", "domain", "enum", "composite", "range", "multirange".
  // "range"/"multirange" cover built-in and user-defined ones alike. "char" is the internal one-byte type.
  std::string kind;
  std::string sql;  // format_type(oid, typmod), for messages and for `types:` overrides
  std::uint32_t oid = 0;
  std::int32_t typmod = -1;               // raw atttypmod; -1 when none. For vector/halfvec it is the dimension.
  std::shared_ptr<const PgType> element;  // array
  char delimiter = ',';                   // array: ';' for box
  std::shared_ptr<const PgType> base;     // domain, with the domain's own typmod applied
  std::vector<PgAttribute> fields;        // composite
  std::vector<std::string> labels;        // enum, in sort order
  std::vector<std::uint32_t> label_oids;  // enum: tells a renamed label from another one
};

}  // namespace walbridge
