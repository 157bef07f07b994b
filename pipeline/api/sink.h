// The seam to one cache database. One thread at a time; no member blocks longer than one request.
//
// Contract (tests/contract runs it on the fake, the local file, sqld and tursodb):
//  - I1: everything between begin() and commit() becomes visible together with the checkpoint, or nothing does.
//  - A Retry from begin() or commit() keeps the transaction: the caller waits and calls the same member
//    again with the same arguments; the sink settles an in-doubt commit by reading its own checkpoint.
//  - Any other failure, or one from apply(): call abandon(), then open() to learn where the cache stands.
//  - Two writers of one cache: the later open() fences the earlier one, whose commit fails with code "fenced".
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pipeline/api/cache_table.h"
#include "pipeline/api/checkpoint.h"
#include "pipeline/api/finding.h"
#include "pipeline/api/result.h"
#include "pipeline/api/schema_step.h"

namespace walbridge {

// What the cache knows about this stream.
struct SinkState {
  std::optional<Checkpoint> checkpoint;  // none: never filled by this stream
  std::string source_id;                 // of the source that filled it (I6); empty without a checkpoint
  std::vector<TableRecord> tables;
};

// What this kind of sink wants from the engine.
struct SinkLimits {
  std::size_t rows_per_commit = 10'000;    // close a cache transaction at the next commit after this many rows …
  std::size_t bytes_per_commit = 8 << 20;  // … or this many bytes of values
  std::size_t rows_per_part = 0;           // split a source transaction above this (I4); 0: never
  std::size_t bytes_per_part = 0;
};

class Sink {
 public:
  virtual ~Sink() = default;

  virtual const SinkLimits& limits() const = 0;

  // (Re)connects, makes the system tables, fences any earlier writer, reads the state. Retry-able.
  virtual Result<SinkState> open() = 0;

  // Reads the state without making, fencing or changing anything; for status and plan. `source_id` empty and no
  // checkpoint when the cache does not exist yet.
  virtual Result<SinkState> peek() = 0;

  // Findings of `check`: reachable, writable, version, features these tables need. Changes nothing.
  virtual std::vector<Finding> check(std::span<const CacheTable* const> tables) = 0;

  // ---- bulk load: nothing becomes visible to readers before finish_load() ----
  // A Retry from any of the three keeps the load: the caller waits and calls again with the same arguments.

  // Prepares an empty hidden copy of each table. Whatever an interrupted load left behind is removed.
  virtual Status begin_load(std::span<const CacheTable* const> tables) = 0;
  virtual Status load(const LoadBlock& block) = 0;
  // Swaps in the loaded tables whose record is Live, drops the hidden copies of the others, writes all records and
  // the checkpoint, in one transaction; a stored record of another table of the same name goes with its rows.
  // PoisonRow: the cache refuses the table, one of its indexes or a row that came earlier; call again with a record
  // that says so.
  virtual Status finish_load(std::span<const TableRecord> records, const std::string& source_id,
                             const Checkpoint& checkpoint) = 0;

  // ---- streaming ----

  virtual Status begin() = 0;
  // May take effect later, at the latest in commit(), and in another order where that makes no difference. PoisonRow,
  // from either: a change of this cache transaction cannot be applied; the error names its table, the transaction is
  // lost and abandon() is next.
  virtual Status apply(const CacheChange& change) = 0;
  // Changes the schema after the changes applied so far and before those that follow, in the same transaction. Views of
  // the user's that stand in the way are made again as they were. As with apply(), a failure may come as late as
  // commit(); PoisonRow names the table. Neither a name that is taken by somebody else's object nor a statement that
  // the cache refuses is worth more than that one table.
  virtual Status alter(std::span<const SchemaStep> steps) = 0;
  virtual Status record(const TableRecord& record) = 0;  // insert or replace one row of _walbridge_tables
  virtual Status forget(std::uint32_t source_oid) = 0;   // delete it
  virtual Status commit(const Checkpoint& checkpoint) = 0;
  // Drops the open transaction or load, if any. The next call is open().
  virtual void abandon() noexcept = 0;

  // Removes every table of this stream that `records` name, what a backfill has begun to fill (backfill_table_name()),
  // and the system rows. For `destroy --caches`.
  virtual Status remove(std::span<const TableRecord> records) = 0;
};

}  // namespace walbridge
