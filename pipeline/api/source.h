// The seams to the source database. Three, because three connections have three lives:
//  Source         the replication stream; owned by the reader thread
//  SnapshotSource exported snapshot and COPY; lives during the initial load only
//  SourceAdmin    catalog, preflight, publication and slot; one ordinary connection, called from one thread
#pragma once

#include <chrono>
#include <cstdint>
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

namespace walbridge {

class Source {
 public:
  virtual ~Source() = default;

  // Opens the stream at `from` (a stored end_lsn). Any earlier stream of this object is closed first.
  virtual Status start(Lsn from) = 0;

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

  // Milliseconds since the last byte from the server; the stream's pulse.
  virtual std::int64_t silent_ms() const = 0;
  virtual Lsn server_position() const = 0;  // highest walEnd seen
};

// A consistent view of the source at exactly `consistent_point`: transactions with commit_lsn below it are in,
// all others are streamed afterwards.
struct SnapshotPoint {
  Lsn consistent_point;
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
  virtual void end() noexcept = 0;
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
};

// Something walbridge made at the source and may remove (I9).
struct OwnedObject {
  std::string kind;  // "slot" | "publication"
  std::string name;
  std::string drop_sql;
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
  virtual std::vector<Finding> preflight(std::span<const SourceTable* const> tables) = 0;
  // Creates or alters the publication to hold exactly these tables (leaves of a root). A publication we may not
  // change (publication.create: false) is only compared.
  virtual Status ensure_publication(std::span<const SourceTable* const> tables) = 0;
  // Fails with a Gap when the publication is gone or lacks one of the tables.
  virtual Status verify_publication(std::span<const SourceTable* const> tables) = 0;
  virtual Result<SlotStatus> slot_status() = 0;
  virtual Result<std::vector<OwnedObject>> owned() = 0;
  virtual Status drop(const OwnedObject& object) = 0;
};

}  // namespace walbridge
