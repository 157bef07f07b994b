// A table of the cache and the changes to its rows: the language between mapping (which knows types)
// and a sink (which knows SQL). No Postgres in here and no I/O.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/api/arena.h"

namespace walbridge {

struct CacheColumn {
  // How a value gets into SQL: bound as it is, or through jsonb(?).
  enum class Form : std::uint8_t { Plain, Blob, Jsonb };
  std::string name;         // unquoted
  std::string decl;         // declared type with collation and constraints: "DECIMAL(10,2)", "TEXT COLLATE RTRIM"
  Form form = Form::Plain;  // Blob: every non-null value is a blob (the JSON path sends hex)
};

// A column that SQLite computes from others when it is read (GENERATED ALWAYS AS … VIRTUAL): nobody writes it.
struct ComputedColumn {
  std::string name;
  std::string decl;
  std::string sql;  // SQLite expression over the table's columns
  int line = 0;     // of the rule in the configuration, for messages; 0: none
};

struct CacheIndex {
  enum class Kind : std::uint8_t { Plain, Unique, Vector, FullText };
  Kind kind = Kind::Plain;
  std::string name;
  // SQL text of each part: a quoted column, possibly with DESC, or an expression. Vector: the column, then the metric.
  // FullText: the quoted columns; an FTS5 table of the index's name, kept by triggers.
  std::vector<std::string> parts;
  std::string where{};  // partial: SQL text; empty: all rows
  int line = 0;         // of the rule in the configuration, for messages; 0: none

  // Wherever it was written.
  friend bool operator==(const CacheIndex& a, const CacheIndex& b) {
    return a.kind == b.kind && a.name == b.name && a.parts == b.parts && a.where == b.where;
  }
};

struct CacheTable {
  std::uint32_t source_oid = 0;
  std::string source_name;  // "schema.table", for messages and _walbridge_tables
  std::string name;         // unquoted
  std::vector<CacheColumn> columns;
  std::vector<std::uint16_t> key;  // positions in `columns`, in key order; empty: rows match by all columns
  bool rowid_key = false;          // one integer key column, declared INTEGER PRIMARY KEY
  std::vector<ComputedColumn> computed{};
  std::vector<CacheIndex> indexes;
  std::string schema_hash;  // changes whenever anything a reader or an encoder sees changes
};

struct SqlValue {
  enum class Kind : std::uint8_t { Absent, Null, Integer, Real, Text, Blob };
  Kind kind = Kind::Absent;  // Absent: not part of this change (unchanged TOAST)
  union {
    std::int64_t integer = 0;
    double real;
  };
  std::string_view bytes;  // Text, Blob; never a null pointer when of that kind

  static SqlValue null() {
    SqlValue v;
    v.kind = Kind::Null;
    return v;
  }
  static SqlValue of(std::int64_t i) {
    SqlValue v;
    v.kind = Kind::Integer;
    v.integer = i;
    return v;
  }
  static SqlValue of(double d) {
    SqlValue v;
    v.kind = Kind::Real;
    v.real = d;
    return v;
  }
  static SqlValue text(std::string_view t) {
    SqlValue v;
    v.kind = Kind::Text;
    v.bytes = t;
    return v;
  }
  static SqlValue blob(std::string_view b) {
    SqlValue v;
    v.kind = Kind::Blob;
    v.bytes = b;
    return v;
  }
};

// One change of one cache row. `table` outlives the sink's transaction; the values live during the call.
struct CacheChange {
  enum class Op : std::uint8_t {
    Insert,    // `values`; the table has no key: a plain INSERT
    Upsert,    // `values`, none Absent; replaces the row with that key
    Update,    // sets the non-Absent `values` on the row `match` names; exactly one row must exist
    Delete,    // the row `match` names; none is fine when the table has a key
    Truncate,  // all rows, or those whose `leaf_column` equals `leaf`
    // The same rows stay: those where the column of the one non-Absent of `values` is NULL get that value.
    SoftTruncate,
  };
  Op op = Op::Upsert;
  bool may_miss = false;  // Update: no row is fine too (a table that is still being filled)
  const CacheTable* table = nullptr;
  std::span<const SqlValue> values;  // one per column
  std::span<const SqlValue> match;   // one per key column in key order; without a key one per column
  std::int32_t leaf_column = -1;     // Truncate and SoftTruncate of one partition
  std::int64_t leaf = 0;
};

// Rows of one table on their way into an empty cache table. Owns its bytes; made by one thread, loaded by another.
struct LoadBlock {
  const CacheTable* table = nullptr;
  Arena arena{256 * 1024};
  std::vector<SqlValue> values;  // rows x columns, row by row
  std::size_t rows = 0;
};

}  // namespace walbridge
