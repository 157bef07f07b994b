// A source table as its catalog describes it: what `plan` compiles from. A snapshot in time; the
// stream's Relation messages are compared with it before rows are mapped.
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
  std::int16_t attnum = 0;
  std::string name;
  std::shared_ptr<const PgType> type;
  bool not_null = false;
  bool generated = false;  // GENERATED ALWAYS AS (...) STORED/VIRTUAL: never in the stream before 18
  bool deterministic_collation = true;
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
  };
  std::vector<Part> key;  // without INCLUDE columns
  std::vector<std::int16_t> included;
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
  std::vector<SourceLeaf> leaves;  // kind 'p': every leaf partition, at any depth
  bool has_children = false;       // kind 'r' with inheritance children: read with ONLY
  double estimated_rows = 0;       // pg_class.reltuples summed over leaves; < 0 unknown
  std::uint64_t bytes = 0;         // heap size summed over leaves

  std::string qualified_name() const { return schema + "." + name; }
};

}  // namespace walbridge
