// The seams to the source database. Four, because four connections have four lives:
//  Source         the replication stream; owned by the reader thread
//  SnapshotSource exported snapshot and COPY; lives during the initial load only
//  BackfillSource chunks of one table while the stream goes on; owned by the backfill thread
//  SourceAdmin    catalog, preflight, publication, slot and schema capture; one ordinary connection, one thread
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pipeline/api/change.h"
#include "pipeline/api/finding.h"
#include "pipeline/api/lsn.h"
#include "pipeline/api/result.h"
#include "pipeline/api/source_table.h"
#include "pipeline/api/xid_snapshot.h"

namespace walbridge {

class Source {
 public:
  virtual ~Source() = default;

  // Opens the stream at `from` (a stored checkpoint's). Any earlier stream of this object is closed first.
  virtual Status start(StreamPosition from) = 0;

  // Appends what has arrived to `into`, at least one message if there is one, until `into.bytes()` reaches
  // `budget_bytes`. Never blocks. True: something was appended. Sends due keepalive answers by itself.
  virtual Result<bool> poll(Chunk& into, std::size_t budget_bytes) = 0;

  // Tells the server that everything below `durable` may go (I2), and that we are alive. Call often, also while
  // the caller takes no data; sends only when there is something to say or the interval is due.
  virtual Status confirm(Lsn durable) = 0;

  // Blocks until data arrived, wake() was called or the time is up. `take_data` false: data does not wake.
  virtual void wait(std::chrono::milliseconds at_most, bool take_data) = 0;
  virtual void wake() noexcept = 0;  // the one thread-safe member

  virtual void stop() noexcept = 0;  // ends the stream; start() may follow

  // Before start(): messages of walbridge's own in the stream must bear this word; any role may send messages. Others
  // are dropped, and said once.
  virtual void trust(const std::string& token) = 0;

  // Milliseconds since the last byte from the server; the stream's pulse.
  virtual std::int64_t silent_ms() const = 0;
  virtual Lsn server_position() const = 0;  // highest walEnd seen
};

// A consistent view of the source at exactly `consistent_point`: transactions with commit_lsn below it are in,
// all others are streamed afterwards.
struct SnapshotPoint {
  Lsn consistent_point;
  std::int64_t offset = -1;  // of a stream that comes through Kafka: the record it goes on with
};

// Part of a table to copy. Parts of one table are disjoint, ordered and together complete.
struct CopyPart {
  std::uint32_t oid = 0;  // the heap to read: the table itself or one of its leaves
  std::string schema;
  std::string name;
  std::uint64_t first_page = 0;
  std::optional<std::uint64_t> end_page;  // none: to the end, whatever its size by now
  std::uint64_t pages = 0;                // estimate, for progress
};

// One running COPY. Rows come as COPY text decoded to the same WireValues the stream yields.
class CopyStream {
 public:
  virtual ~CopyStream() = default;
  // The next row; false at the end. The values are views valid until the next call.
  virtual Result<bool> next(std::vector<WireValue>& row) = 0;
};

class SnapshotReader {  // one connection inside the snapshot; one thread
 public:
  virtual ~SnapshotReader() = default;
  // `columns`: the source columns to read, in this order.
  virtual Result<std::unique_ptr<CopyStream>> copy(const CopyPart& part, std::span<const std::string> columns) = 0;
  // The columns as the snapshot's executor sees them, to be compared with the plan before the first part.
  virtual Result<Relation> describe(std::uint32_t oid, const std::string& schema, const std::string& name) = 0;
};

class SnapshotSource {
 public:
  virtual ~SnapshotSource() = default;
  enum class SlotUse { CreatePermanent, Temporary };
  // Makes the slot (or a temporary twin of it) and exports its snapshot; valid until end().
  virtual Result<SnapshotPoint> begin(SlotUse use) = 0;
  virtual Result<std::unique_ptr<SnapshotReader>> reader() = 0;  // thread-safe after begin()
  virtual Result<std::vector<CopyPart>> parts(const SourceTable& table, std::uint64_t part_bytes) = 0;
  // As SourceAdmin::describe_tables(), at exactly the snapshot's point.
  virtual Result<std::vector<SourceTable>> describe_tables() = 0;
  virtual void end() noexcept = 0;
};

// A row's key as the source prints it: one text per key column, in key order.
using RowKey = std::vector<std::string>;

// Which rows of a table to read for a backfill.
struct ChunkRequest {
  std::uint64_t id = 0;  // names the chunk in its mark; never used twice
  std::shared_ptr<const SourceTable> table;
  std::vector<std::string> columns;   // source columns, in this order
  std::vector<std::string> key;       // source columns that identify a row; empty: the whole table, in one snapshot
  RowKey after;                       // rows whose key is greater, in key order; empty: from the first
  std::vector<RowKey> only;           // just these rows instead
  std::uint32_t leaf = 0;             // rows of this partition only
  std::size_t most_rows = 5'000;      // with a key: the chunk ends after so many rows …
  std::size_t most_bytes = 2U << 20;  // … or about this many bytes
  // Nothing was read of this table in this process's life: it must be published, and transactions that wrote into it
  // before the stream spoke of it must be over.
  bool first = true;
  // How to publish the table if it is not yet (PublishedTable).
  std::string publish_where{};
  bool append_only = false;
};

// Part of what was read. Owns its bytes.
struct ChunkPiece {
  std::uint64_t id = 0;
  XidSnapshot snapshot;  // the same in all pieces of a chunk
  Relation seen;         // the requested columns as the source's executor saw them
  Arena arena{256 * 1024};
  std::vector<WireValue> values;     // rows x columns, row by row
  std::vector<std::uint32_t> heaps;  // per row: the table or leaf it lies in
  std::size_t rows = 0;
  bool ends_chunk = false;
  bool ends_table = false;  // no row follows the last one of this chunk
};

class BackfillSource {
 public:
  virtual ~BackfillSource() = default;
  // Before mark(): the word that makes the stream believe it.
  virtual void trust(const std::string& token) = 0;
  // Starts to read. Retry "writers" (the message names them): transactions that wrote into the table are still open.
  // Operator "publication": the table is not published and walbridge may not add it; the remedy holds the statement.
  virtual Status open(const ChunkRequest& request) = 0;
  // The next piece of the open chunk; after one that ends the chunk comes mark().
  virtual Result<ChunkPiece> next() = 0;
  // Puts a BackfillMark for the chunk into the stream, behind everything its snapshot could see.
  virtual Status mark(std::uint64_t chunk) = 0;
  virtual void close() noexcept = 0;  // gives up the chunk; open() may follow
};

struct SlotStatus {
  bool exists = false;
  bool active = false;
  std::int32_t active_pid = 0;
  std::string wal_status;  // reserved | extended | unreserved | lost
  std::string invalidation_reason;
  std::string plugin;
  std::string database;
  Lsn restart_lsn;
  Lsn confirmed_flush_lsn;
  Lsn current_lsn;                         // pg_current_wal_lsn()
  std::uint64_t retained_bytes = 0;        // current - restart
  std::optional<std::int64_t> safe_bytes;  // safe_wal_size; none: unlimited

  // In place of a slot, what a topic holds: records from `low_offset`, the next one gets `next_offset`.
  struct TopicRange {
    std::string topic;
    std::int64_t low_offset = 0;
    std::int64_t next_offset = 0;
    std::int64_t written_ms = 0;  // since 1970: its newest record
  };
  std::optional<TopicRange> topic{};
};

// How changes of the schema get into the stream.
struct CaptureStatus {
  enum class Mode {
    Triggers,  // event triggers in schema walbridge: exact, in order, at once
    Polling,   // this process looks every few seconds; a table that changes in between is copied again
  };
  Mode mode = Mode::Polling;
  std::string token;    // for Source::trust()
  std::string problem;  // why it is not Triggers, or what was found wrong; empty: nothing to say
  std::string fix;      // the statement that would mend it
};

// Something walbridge made at the source and may remove (I9).
struct OwnedObject {
  std::string kind;  // "slot" | "publication" | "event trigger" | "schema"
  std::string name;
  std::string drop_sql;
};

// A table as it is to be published.
struct PublishedTable {
  const SourceTable* table = nullptr;
  // Only rows for which this SQL is true; empty: all. 15 and later; may refer to columns of the replica identity only,
  // unless updates are not published.
  std::string where{};
  bool append_only = false;  // without a replica identity: inserts and truncates only, so that updates still work there
};

class SourceAdmin {
 public:
  virtual ~SourceAdmin() = default;

  // Connects if need be. "7312…/1/shop/walbridge": system identifier, timeline (and Neon's), database, slot (I6).
  virtual Result<std::string> identity() = 0;
  // One walbridge per slot: an advisory lock held by this connection. Error "already-running" names the other's pid.
  virtual Status lock() = 0;
  // Permanent and unlogged tables and partitioned roots outside system schemas; leaves are folded into their root.
  virtual Result<std::vector<SourceTable>> describe_tables() = 0;
  virtual std::vector<Finding> preflight(std::span<const PublishedTable> tables) = 0;
  // Creates or alters the publications to hold exactly these tables (leaves of a root). A publication we may not
  // change (publication.create: false) is only compared.
  virtual Status ensure_publication(std::span<const PublishedTable> tables) = 0;
  // Fails with a Gap when the publication is gone or lacks one of the tables.
  virtual Status verify_publication(std::span<const PublishedTable> tables) = 0;
  // Installs or upgrades the event triggers and proves them by a canary; without the privilege: Polling.
  virtual Result<CaptureStatus> ensure_capture() = 0;
  // Whether what ensure_capture() found still holds; cheap. Triggers that were disabled or changed: Polling, and why.
  virtual Result<CaptureStatus> capture_status() = 0;
  // Puts descriptions of these tables into the stream as they are now; of one that is gone, that it is.
  virtual Status announce(std::span<const std::uint32_t> oids) = 0;
  // Announces every table that differs from `known` (SourceTable::json by oid), is not in it, or is no longer there.
  // Returns what is known afterwards. Cheap while the catalog has not changed since the last call.
  virtual Result<std::map<std::uint32_t, std::string>> announce_changes(std::map<std::uint32_t, std::string> known) = 0;
  // Asks every bridge that reads this stream to copy the tables again. Every copy that ends behind the returned
  // position began after the request.
  virtual Result<Lsn> request_copy(std::span<const std::uint32_t> oids) = 0;
  // Those of `tables` that the publication does not hold, or not all partitions of. A table that is no more is not one.
  virtual Result<std::vector<std::uint32_t>> unpublished(std::span<const SourceTable* const> tables) = 0;
  virtual Result<SlotStatus> slot_status() = 0;
  virtual Result<std::vector<OwnedObject>> owned() = 0;
  virtual Status drop(const OwnedObject& object) = 0;
};

}  // namespace walbridge
