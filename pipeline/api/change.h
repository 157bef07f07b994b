// What a Source yields: committed changes in commit order, as views into the Chunk that owns their bytes.
// One field here for one field of the pgoutput messages
// (Postgres docs, "Logical Replication Message Formats").
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "pipeline/api/arena.h"
#include "pipeline/api/lsn.h"
#include "pipeline/api/source_table.h"
#include "pipeline/api/timestamp.h"

namespace walbridge {

// One version of a relation as the stream described it. Immutable; a new message makes a new object.
struct Relation {
  struct Column {
    std::string name;
    std::uint32_t type_oid = 0;
    std::int32_t typmod = -1;
    bool key = false;  // part of the replica identity
  };
  std::uint32_t oid = 0;
  std::string schema;
  std::string name;
  ReplicaIdentity replica_identity = ReplicaIdentity::Default;
  std::vector<Column> columns;
};

struct WireValue {
  enum class Kind : std::uint8_t { Null, Text, Unchanged };  // Unchanged: TOAST value not sent again
  Kind kind = Kind::Null;
  std::string_view text;  // as the type's output function printed it under the canonical session
};

struct TxBegin {
  std::uint32_t xid = 0;
  Lsn commit_lsn;  // Begin.final_lsn equals the Commit's commit_lsn
  Timestamp committed_at;
};

struct RowChange {
  enum class Op : std::uint8_t { Insert, Update, Delete };
  enum class Old : std::uint8_t { None, Key, Full };  // 'K': replica identity columns only; 'O': all
  Op op = Op::Insert;
  Old old_kind = Old::None;
  const Relation* relation = nullptr;
  std::span<const WireValue> old_row;  // one per relation column, or empty
  std::span<const WireValue> new_row;  // one per relation column, or empty (Delete)
};

struct Truncated {
  std::span<const Relation* const> relations;
};

// The source's schema changed at this place of the transaction. Says how the touched tables look from here on; whoever
// reads it compares with what it knew, so that hearing the same twice changes nothing.
struct SchemaNews {
  std::vector<std::shared_ptr<const SourceTable>> tables;
  std::vector<std::uint32_t> gone;       // dropped, or no table of its own any more (attached as a partition)
  std::vector<std::uint32_t> rewritten;  // rows changed without row events: they must be copied again
  std::vector<std::uint32_t> requested;  // somebody asked for a copy (`walbridge resync`)
  bool late = false;                     // announced after the fact: rows of the new shape may have come before
  bool incomplete = false;               // the capture failed in the middle: any table may look different
  std::string tag;                       // "ALTER TABLE", for the log
};

// In the stream at a place after everything that a chunk of a backfill can have seen (pipeline/table_fill.h).
struct BackfillMark {
  std::uint64_t chunk = 0;
};

struct TxCommit {
  Lsn commit_lsn;
  Lsn end_lsn;
  Timestamp committed_at;
  std::int64_t resume_offset = -1;  // in Kafka: where to read on once this is applied; -1: straight from the source
};

// The server has nothing for us below `lsn` and no transaction is open.
struct IdlePosition {
  Lsn lsn;
  std::int64_t resume_offset = -1;  // as in TxCommit
};

struct SchemaChanged {
  const SchemaNews* news = nullptr;
};

using Event = std::variant<TxBegin, RowChange, Truncated, SchemaChanged, BackfillMark, TxCommit, IdlePosition>;

// An ordered slice of committed transactions; may cut inside one. Owns every byte its events refer to.
// Filled by one thread, then shared read-only between lanes.
struct Chunk {
  std::vector<Event> events;
  std::vector<std::shared_ptr<const Relation>> relations;  // keeps RowChange::relation alive
  std::vector<std::shared_ptr<const SchemaNews>> news;     // keeps SchemaChanged::news alive
  Arena arena{256 * 1024};

  // Cost against a memory budget.
  std::size_t bytes() const { return arena.reserved() + events.capacity() * sizeof(Event); }
};

}  // namespace walbridge
