// One table that is copied while its stream goes on: what was copied, what the stream said meanwhile, and which of that
// a chunk of rows has already inside. No I/O, no threads; a lane owns it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "pipeline/api/arena.h"
#include "pipeline/api/cache_table.h"
#include "pipeline/api/result.h"
#include "pipeline/api/source.h"
#include "pipeline/api/xid_snapshot.h"

namespace walbridge::pipeline {

// How far the copy is; what a record keeps (TableRecord::backfill) so that a restart goes on there.
struct FillProgress {
  bool beside = true;                 // into a table beside the one readers see; otherwise into that one itself
  bool all = true;                    // every row of the table is to come; otherwise only `leaves` and `keys`
  RowKey after;                       // of the last row copied in this pass; empty: none yet
  std::vector<std::uint32_t> leaves;  // partitions that are still to come, the first one being copied
  std::set<RowKey> keys;              // single rows that are still to come
  std::uint64_t rows = 0;
  double expected = -1;  // rows, as the source's statistics say; < 0: unknown
  std::string shape;     // of the table that is being filled

  std::string to_json() const;
  static std::optional<FillProgress> from_json(const std::string& json);
  bool complete() const { return !all && leaves.empty() && keys.empty(); }
};

// A chunk is read under a snapshot S and followed by a mark in the stream. From the moment its window opens until the
// mark comes, every change of the table is applied at once AND remembered with its transaction. At the mark the chunk's
// rows go over what is there, and then the remembered changes of transactions that S does not see are applied again.
// That is exact because
//  - a transaction that S sees committed before the mark, so its changes have all been heard and none comes later;
//  - one that S does not see is in the window, or, if it came before the window opened, it is in `unproven_`: then the
//    chunk is read again. (A commit can be in the log and still invisible: it waits for synchronous replication.)
//  - transactions that S does not see are, for each row, the last ones that changed it: row locks are held until a
//    commit is visible. Applying them again in order ends where it ended.
//  - changes that set every column may come before the row's chunk does; one that does not (unchanged TOAST) finds no
//  row
//    then and is dropped: its transaction is in the window or unproven, so the chunk that brings the row has it inside.
//    One that also moves the key would need the row it comes from: its new key is fetched by itself (`keys`).
// A table without a key has one chunk for all its rows, and hears changes only when that has come.
class TableFill {
 public:
  TableFill(FillProgress progress, std::size_t most_rows, std::size_t window_bytes)
      : progress_(std::move(progress)), most_rows_(most_rows), window_bytes_(window_bytes) {}

  FillProgress& progress() { return progress_; }
  const FillProgress& progress() const { return progress_; }

  // ---- what to read next ----
  bool waiting() const { return request_id_ != 0; }
  std::uint64_t request_id() const { return request_id_; }
  // Opens the window: changes from here on are remembered until accept() or give_up().
  ChunkRequest open_window(std::uint64_t id, std::shared_ptr<const SourceTable> table, std::vector<std::string> columns,
                           std::vector<std::string> key);
  void give_up();  // the chunk will not come; asks for fewer rows next time if the window was full

  // Nothing but single rows was read.
  bool fetched_only() const { return !passes_; }

  // The single rows that the chunk asked for: those it does not bring are not to be in the cache.
  const std::vector<RowKey>& requested_keys() const { return requested_keys_; }

  // ---- what the stream says ----
  // A change that was applied (or, without a key, is to be applied later). Copies it.
  void heard(std::uint32_t xid, const CacheChange& change);
  // A transaction touched the table in a way that leaves nothing to apply: only a chunk that sees it is worth
  // something.
  void heard(std::uint32_t xid);
  void fetch_key(RowKey key);
  bool window_full() const { return window_bytes_held_ > window_bytes_; }

  // ---- the chunk has come, and so has its mark ----
  // False: it may miss a transaction that was over before the window opened; read it again.
  bool proves(const XidSnapshot& snapshot);
  // Calls `apply` with what the chunk does not have inside, in order.
  Status replay(const XidSnapshot& snapshot, const std::function<Status(const CacheChange&)>& apply) const;
  // Moves on; `last` is the key of its last row, `ends_table` as ChunkPiece says.
  void accept(const XidSnapshot& snapshot, std::uint64_t rows, const RowKey& last, bool ends_table);

 private:
  struct Heard {
    std::uint32_t xid = 0;
    CacheChange change;
  };
  void close_window(const XidSnapshot* snapshot);

  FillProgress progress_;
  std::size_t most_rows_;
  const std::size_t window_bytes_;
  std::uint64_t request_id_ = 0;
  std::vector<RowKey> requested_keys_;
  bool first_ = true;    // no chunk was read in this process's life
  bool passes_ = false;  // the table or a partition was gone through
  std::unordered_set<std::uint32_t> unproven_;
  std::unordered_set<std::uint32_t> in_window_;
  std::vector<Heard> window_;
  std::size_t window_bytes_held_ = 0;
  std::unique_ptr<Arena> arena_ = std::make_unique<Arena>(16 * 1024);
};

}  // namespace walbridge::pipeline
