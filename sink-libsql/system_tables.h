// The tables walbridge keeps in every cache, as SQL that SQLite 3.40, sqld 3.45 and tursodb 0.6 all take, and what
// their rows mean. Invariant I1 hangs on kGuard: it is part of every cache transaction, and unless the stored position
// is exactly the expected one it violates NOT NULL, so that nothing of the transaction can commit. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "pipeline/api/checkpoint.h"
#include "pipeline/api/error.h"

namespace walbridge::sink_libsql {

// Makes what is missing, in order; not needed when kCountSystemObjects gives kSystemObjects. The view is dropped first:
// tursodb fails on an existing one in spite of IF NOT EXISTS. Run it in one transaction, so that nobody misses the
// view.
std::span<const char* const> create_system_tables();
constexpr std::int64_t kSystemObjects = 4;
extern const char* const kCountSystemObjects;  // one row, one integer
// DROP ... IF EXISTS of all of them, for the last stream that leaves a cache.
std::span<const char* const> drop_system_tables();

// What caches of earlier layouts lack, and whether this one does: one row, one integer.
std::span<const char* const> add_descriptions();  // of _walbridge_tables
extern const char* const kLacksDescriptions;
std::span<const char* const> add_kafka_place();  // of _walbridge_checkpoint
extern const char* const kLacksKafkaPlace;

// open(), all in one transaction: create, ensure the row, take it over, read. ?1 stream.
// A stream that was never filled has a row with an empty source_id, so that fencing works from the first load on.
extern const char* const kEnsureCheckpoint;
extern const char* const kTakeOver;  // epoch + 1: fences every earlier writer

// ?1 stream. One row: source_id, epoch, guard, commit_lsn, end_lsn, commit_time, partial_commit_lsn, partial_changes,
// kafka_topic, kafka_partition, kafka_offset (null: fed by the source itself). The second for those who may not add
// what the cache lacks.
extern const char* const kReadCheckpoint;
extern const char* const kReadCheckpointWithoutKafkaPlace;
// ?1 stream. Rows: source_oid, source_name, cache_name, state, schema_hash, snapshot_lsn, code, reason, stopped_at,
// backfill, description, shape. The second as above.
extern const char* const kReadTables;
extern const char* const kReadTablesWithoutDescriptions;

// The compare-and-set of the position. ?1 stream ?2 source_id ?3 new commit_lsn ?4 new end_lsn ?5 new commit_time (text
// or null) ?6 new partial_commit_lsn ?7 new partial_changes; expected: ?8 epoch ?9 guard ?10 commit_lsn ?11 end_lsn
// ?12 partial_changes; new ?13 kafka_topic ?14 kafka_partition ?15 kafka_offset (null: none); expected: ?16
// kafka_offset
// (-1: none).
extern const char* const kGuard;

// ?1 stream ?2 source_oid ?3 source_name ?4 cache_name ?5 state ?6 schema_hash ?7 snapshot_lsn ?8 code ?9 reason
// ?10 stopped_at ?11 backfill ?12 description ?13 shape.
extern const char* const kUpsertTable;

extern const char* const kDeleteTables;      // ?1 stream
extern const char* const kDeleteTable;       // ?1 stream ?2 source_oid
extern const char* const kDeleteCheckpoint;  // ?1 stream
extern const char* const kDeleteQuarantine;  // ?1 stream
extern const char* const kCountStreams;      // one row, one integer
// ?1 cache_name. Rows: stream, source_oid of the records that own this cache table (ASCII case does not count). One
// that was never loaded (no snapshot_lsn) owns nothing: a table of that name is somebody else's.
extern const char* const kOwnersOfTable;
// ?1 stream. Rows: cache_name of the tables the stream owns, by the same rule.
extern const char* const kOwnTables;
// Rows: name of every hidden table of any stream; is_load_table() and is_orphan() pick this stream's.
extern const char* const kListHiddenTables;
// Rows: type, name, tbl_name, sql ('' for none).
extern const char* const kReadSchema;
// One row, one integer: 1 when _walbridge_checkpoint exists.
extern const char* const kSystemTablesExist;

// The hidden copy that a load fills.
std::string load_table_name(std::string_view stream, std::uint32_t source_oid);
bool is_load_table(std::string_view stream, std::string_view table_name);

// A table that a backfill of this stream has begun to fill and that no record speaks of any more.
bool is_orphan(std::string_view stream, std::string_view table_name, std::span<const TableRecord> records);

// A row of _walbridge_checkpoint.
struct StoredCheckpoint {
  std::string source_id;   // empty: the stream was never filled, `checkpoint` means nothing
  std::int64_t epoch = 0;  // of the writer that may commit
  std::int64_t guard = 0;  // commits since that writer took over: tells a commit apart from its own repetition
  Checkpoint checkpoint;

  bool filled() const { return !source_id.empty(); }
};

// What the stored row says about a commit that was attempted from `before` and whose answer was lost.
enum class CommitOutcome {
  Applied,     // it is in; go on
  NotApplied,  // nothing of it is in; the same commit may be tried again
  Fenced,      // a later writer has taken over
  Replaced,    // the row is gone or is not one this writer can have left behind
};
CommitOutcome settle_commit(const StoredCheckpoint& before, const Checkpoint& wanted,
                            const std::optional<StoredCheckpoint>& now);

// The errors that go with Fenced and Replaced; `cache` names the sink's address without secrets.
Error fenced_error(const std::string& cache);
Error replaced_error(const std::string& cache, const std::string& what);

// Stored forms.
constexpr std::int64_t stored_lsn(Lsn lsn) { return static_cast<std::int64_t>(lsn.value); }
constexpr Lsn lsn_from_stored(std::int64_t stored) { return Lsn{static_cast<std::uint64_t>(stored)}; }
std::optional<std::string> stored_time(Timestamp at);        // null while there is none
Timestamp time_from_stored(std::string_view iso);            // 0 when it is not a time
TableState table_state_from_stored(std::string_view state);  // unknown: Stopped, so that nothing is applied blindly

}  // namespace walbridge::sink_libsql
