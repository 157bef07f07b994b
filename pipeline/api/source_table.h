// A source table as its catalog describes it: what `plan` compiles from, what a schema change carries, and what a cache
// keeps (as JSON, source_json.h) so that a restart plans what the stream will speak of. A partition is never a table of
// its own here: its root lists it as a leaf. A snapshot in time; immutable once shared.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/api/pg_type.h"

namespace walbridge {

// How UPDATE and DELETE identify a row (pg_class.relreplident).
enum class ReplicaIdentity : char { Default = 'd', Nothing = 'n', Full = 'f', Index = 'i' };

struct SourceColumn {
  std::int16_t attnum = 0;  // identifies the column for the table's whole life, whatever its name
  std::string name;
  std::shared_ptr<const PgType> type;
  bool not_null = false;
  bool generated = false;  // GENERATED ALWAYS AS (...) STORED/VIRTUAL: never in the stream before 18
  bool deterministic_collation = true;
  std::string expression{};  // generated: of the value; otherwise of the default; as pg_get_expr prints it, or empty
  // What rows older than the column hold (pg_attribute.attmissingval), as its output function prints it.
  std::optional<std::string> missing{};
  bool identity = false;  // GENERATED … AS IDENTITY
  std::string comment{};
};

struct SourceIndex {
  std::string name;
  std::string method;  // "btree", "hash", "gin", "hnsw", …
  bool primary = false;
  bool unique = false;
  bool immediate = true;  // false: deferrable, cannot identify rows
  bool partial = false;
  bool replica_identity = false;
  struct Part {
    std::int16_t attnum = 0;  // 0: an expression
    bool descending = false;
    std::string expression{};      // attnum 0: as pg_get_indexdef prints it
    std::string operator_class{};  // "vector_cosine_ops", …; empty: the type's default
  };
  std::vector<Part> key;  // without INCLUDE columns
  std::vector<std::int16_t> included;
  std::string predicate{};  // partial: as pg_get_expr prints it
};

// What a cache does not carry, by name: CHECK ('c'), FOREIGN KEY ('f'), EXCLUDE ('x').
struct SourceConstraint {
  char kind = 'c';
  std::string name;
};

struct SourceLeaf {
  std::uint32_t oid = 0;
  std::string schema;
  std::string name;
};

struct SourceTable {
  std::uint32_t oid = 0;
  std::string schema;
  std::string name;
  char kind = 'r';         // 'r' table, 'p' partitioned root
  char persistence = 'p';  // 'p' permanent, 'u' unlogged
  ReplicaIdentity replica_identity = ReplicaIdentity::Default;
  std::vector<SourceColumn> columns;  // attnum order, dropped columns left out
  std::vector<SourceIndex> indexes;
  std::vector<SourceConstraint> constraints{};
  std::vector<SourceLeaf> leaves;  // kind 'p': every leaf partition, at any depth
  bool has_children = false;       // kind 'r' with inheritance children: read with ONLY
  double estimated_rows = 0;       // pg_class.reltuples summed over leaves; < 0 unknown
  std::uint64_t bytes = 0;         // heap size summed over leaves
  std::string comment{};
  std::string json{};  // the description this was read from (source_json.h), without the estimates; what a cache keeps

  std::string qualified_name() const { return schema + "." + name; }
};

}  // namespace walbridge
