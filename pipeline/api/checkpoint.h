// How far a cache has come, stored in the cache in the same transaction as the rows (I1).
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "pipeline/api/lsn.h"
#include "pipeline/api/timestamp.h"

namespace walbridge {

// Where a cache that is fed through Kafka goes on. The stream's id is part of SinkState::source_id.
struct KafkaPlace {
  std::string topic;  // empty: fed by the source itself
  std::int32_t partition = 0;
  std::int64_t next_offset = -1;  // of the record that holds the first transaction not applied yet, or will hold it

  friend bool operator==(const KafkaPlace&, const KafkaPlace&) = default;
};

struct Checkpoint {
  Lsn commit_lsn;          // of the last transaction applied whole; skip rule of I3
  Lsn end_lsn;             // where to ask the stream to start; everything below is durable here
  Timestamp committed_at;  // the source's commit time of that transaction; 0 none yet
  // A transaction above the sink's cap that is being applied in parts (I4); 0 when none is.
  Lsn partial_commit_lsn;
  std::uint64_t partial_changes = 0;  // row changes of it already applied, counted on the wire
  KafkaPlace kafka{};

  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

enum class TableState : std::uint8_t {
  Pending,  // must be copied (again) before the stream can serve it; what it holds is old
  Live,
  Stopped,  // cannot go on; `code` and `reason` say why, others go on (I8)
};

const char* to_string(TableState state);

// One row of _walbridge_tables.
struct TableRecord {
  std::uint32_t source_oid = 0;
  std::string source_name;
  std::string cache_name;
  TableState state = TableState::Pending;
  std::string schema_hash;
  Lsn snapshot_lsn;           // changes of transactions with commit_lsn < snapshot_lsn are already in the rows
  std::string code;           // Stopped, Pending: why
  std::string reason;         // Stopped, Pending: message and remedy, no values
  Lsn stopped_at;             // Stopped only: commit_lsn of the first change not applied
  std::string description{};  // the source table as of the checkpoint: SourceTable::json
  std::string shape{};        // the cache table as it is: mapping/table_shape.h, JSON
  std::string backfill{};     // a copy that is under way: pipeline/table_fill.h, JSON; empty: none
};

// Whether `records` say that the source table goes into service. A table without a record does not.
bool is_live(std::span<const TableRecord> records, std::uint32_t source_oid);

}  // namespace walbridge
