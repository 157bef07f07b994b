// One struct for one message of the logical replication protocol, version 1
// (https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html), and their decoder.
// Decodes only: no state, no lookup, no check across messages. Views point into the message, arrays into the arena.
// Any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "pipeline/api/arena.h"
#include "pipeline/api/change.h"
#include "pipeline/api/result.h"

namespace walbridge::source_pg::pgoutput {

using Tuple = std::span<const WireValue>;  // TupleData

struct Begin {  // 'B'
  Lsn final_lsn;
  Timestamp committed_at;
  std::uint32_t xid = 0;  // of the top-level transaction
};

struct Commit {  // 'C'
  Lsn commit_lsn;
  Lsn end_lsn;
  Timestamp committed_at;
};

struct Origin {    // 'O'
  Lsn commit_lsn;  // on the origin server
  std::string_view name;
};

struct RelationColumn {
  bool key = false;
  std::string_view name;
  std::uint32_t type_oid = 0;
  std::int32_t typmod = -1;
};

struct Relation {  // 'R'
  std::uint32_t oid = 0;
  std::string_view schema;  // empty: pg_catalog
  std::string_view name;
  ReplicaIdentity replica_identity = ReplicaIdentity::Default;
  std::span<const RelationColumn> columns;
};

struct Type {  // 'Y'
  std::uint32_t oid = 0;
  std::string_view schema;  // empty: pg_catalog
  std::string_view name;
};

struct Insert {  // 'I'
  std::uint32_t oid = 0;
  Tuple new_row;
};

struct Update {  // 'U'
  std::uint32_t oid = 0;
  RowChange::Old old_kind = RowChange::Old::None;
  Tuple old_row;
  Tuple new_row;
};

struct Delete {  // 'D'
  std::uint32_t oid = 0;
  RowChange::Old old_kind = RowChange::Old::Key;
  Tuple old_row;
};

struct Truncate {  // 'T'
  bool cascade = false;
  bool restart_identity = false;
  std::span<const std::uint32_t> oids;
};

struct Message {  // 'M'
  bool transactional = false;
  Lsn lsn;
  std::string_view prefix;
  std::string_view content;
};

using AnyMessage = std::variant<Begin, Commit, Origin, Relation, Type, Insert, Update, Delete, Truncate, Message>;

// The payload of one XLogData message. Error "protocol" names the tag and the offset, never a byte of content:
// truncated or too long, a field outside its domain, a binary column, a message of a later protocol version.
Result<AnyMessage> decode(std::string_view payload, Arena& arena);

// The error every breach of the protocol ends in.
Error protocol_error(std::string_view message);

}  // namespace walbridge::source_pg::pgoutput
