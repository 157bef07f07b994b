// Feeds one cache: takes chunks from its link, maps rows, applies them, and commits many source transactions in one
// cache transaction with the checkpoint (I1, I3, I4). Bounded steps without threads, clock or luck of its own.
//
// Any failure that cannot be repeated in place has one answer: roll back, open the sink again, read its checkpoint,
// and ask for the stream from there. A crash of the process takes the same path.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "pipeline/api/clock.h"
#include "pipeline/api/sink.h"
#include "pipeline/backfill_desk.h"
#include "pipeline/backoff.h"
#include "pipeline/lane_link.h"
#include "pipeline/lane_stats.h"
#include "pipeline/lane_tables.h"
#include "pipeline/step.h"

namespace walbridge::pipeline {

struct LaneOptions {
  std::string source_id;
  std::string stream;                                 // config.name: names the tables a backfill fills
  std::size_t backfill_rows = 5'000;                  // most rows of one chunk
  std::size_t backfill_window_bytes = 8U << 20;       // changes remembered while one is under way
  std::int64_t idle_checkpoint_ms = 10'000;           // store an idle position at most this often …
  std::uint64_t idle_checkpoint_bytes = 16ULL << 20;  // … or after this much log
  std::int64_t commit_every_ms = 100;                 // a busy stream becomes visible at least this often …
  std::int64_t longest_batch_ms = 2'000;              // … or, while far behind, this often
  bool eager_idle = false;                            // store idle positions at once (`run --once`)
  std::uint64_t seed = 0;
};

class Lane {
 public:
  Lane(Sink& sink, LaneLink& link, LaneStats& stats, BackfillDesk& desk, const Clock& clock, LaneTables tables,
       LaneOptions options);

  // The sink is open, stands at `checkpoint` and holds what `records` say: the lane is ready for the stream. `catalog`:
  // every table of the source, for those the cache does not know yet.
  void start(const Checkpoint& checkpoint, std::span<const TableRecord> records, std::vector<SourceTable> catalog);

  void set_source_id(std::string source_id) { options_.source_id = std::move(source_id); }

  // One bounded piece of work. An error is final: the lane has stopped and told its link.
  Result<Step> step();

  // When an Idle lane wants to be stepped again even if nothing arrives, in clock milliseconds; 0: no wish.
  std::int64_t wake_at_ms() const { return wake_at_ms_; }

  // Commits what is complete, gives up what is not; the last call before destruction.
  void finish();

  // Tries again after step() returned an error and an operator may have mended its cause.
  void revive();

 private:
  enum class Flow { Continue, Wait, Restart };  // Wait: again later, same event; Restart: the lane is reopening

  Result<Step> reopen();
  Result<Step> settle_when_drained();
  Result<Flow> consume();
  Result<Flow> on_event(const Event& event);
  Result<Flow> on_row(const RowChange& change);
  Result<Flow> on_truncate(const Truncated& truncated);
  Result<Flow> on_commit(const TxCommit& commit);
  Result<Flow> ensure_begun();
  Result<Flow> apply(LaneTables::Table& table, const CacheChange& change);

  // lane_schema.cc
  Result<Flow> on_news(const SchemaNews& news);
  Result<Flow> carry_out(std::vector<LaneTables::Change>& changes);
  Result<Flow> carry_out(LaneTables::Change& change);
  Result<Flow> free_name(const LaneTables::Change& change, std::span<LaneTables::Change> later);
  Result<Flow> alter_in_place(LaneTables::Change& change);
  void say_notes(const LaneTables::Table& table, std::span<const std::string> notes) const;
  Result<Flow> copy_again(LaneTables::Change& change);
  Result<Flow> widen(LaneTables::Table& table, const SourceTable& was);
  Result<Flow> drop(LaneTables::Change& change);
  Result<Flow> stop(LaneTables::Change& change);
  Result<Flow> vacate(const LaneTables::Table& successor, const std::string& name);
  Result<Flow> move_rows(LaneTables::Table& table, const std::string& to);
  Result<Flow> settle_suspended();
  Result<Flow> alter(LaneTables::Table& table, std::span<const SchemaStep> steps);
  Result<Flow> record(LaneTables::Table& table);
  Result<Flow> settle_start();
  Flow lost_shape(LaneTables::Table& table, const Error& misfit);

  // lane_fill.cc
  Result<Flow> begin_fill(LaneTables::Table& table, FillProgress progress);
  Result<Flow> begin_fill_again(LaneTables::Table& table);
  Result<Flow> resume_fill(LaneTables::Table& table);
  void attach_fill(LaneTables::Table& table);
  Result<Flow> apply_while_filling(LaneTables::Table& table, const RowChange& change, const mapping::BoundPlan& bound);
  Result<Flow> fill_change(LaneTables::Table& table, CacheChange change, std::uint32_t heap);
  Result<Flow> fetch_row(LaneTables::Table& table, RowKey key);
  Result<Flow> write_noted_keys();
  Result<Flow> tend_fill();
  Result<Flow> on_mark(const BackfillMark& mark);
  Result<Flow> clear_requested(LaneTables::Table& table);
  Result<Flow> insert_piece(LaneTables::Table& table, const ChunkPiece& piece);
  Result<Flow> end_chunk(LaneTables::Table& table);
  Result<Flow> end_fill(LaneTables::Table& table);
  std::string soft_delete_mark(const mapping::TablePlan& plan);
  void give_up_chunk(LaneTables::Table& table);
  Result<Flow> commit_batch(const Checkpoint& target);
  Result<Flow> split_if_large();
  Result<Flow> store_idle_position();
  Result<Flow> poisoned(const Error& error, LaneTables::Table& otherwise);
  Flow stop_table(LaneTables::Table& table, const Error& error);
  void say_stopped(const LaneTables::Table& table, const Error& error) const;
  Flow freeze(LaneTables::Table& table, TableState state, const Error& error);
  bool batch_is_full() const;
  bool more_is_coming() const;
  std::int64_t batch_due_ms() const;
  bool already_applied() const;
  Result<Flow> counted(Result<Flow> flow);
  Result<Flow> failed(Error error);
  Result<Flow> retry_later(const Error& error);
  Flow restart();
  void note_committed();
  void publish_tables();

  Sink& sink_;
  LaneLink& link_;
  LaneStats& stats_;
  BackfillDesk& desk_;
  const Clock& clock_;
  LaneOptions options_;
  LaneTables tables_;
  bool suspended_ = false;                         // some table is, since a change of the schema in this transaction
  bool keys_noted_ = false;                        // rows to be fetched that the tables' records do not name yet
  std::vector<LaneTables::Change> start_changes_;  // what a start found to be done before the stream goes on
  Backoff backoff_;

  std::shared_ptr<const Chunk> chunk_;
  std::size_t next_event_ = 0;

  Checkpoint stored_;            // as in the cache
  Checkpoint reached_;           // after the last whole transaction taken; stored_ once committed
  bool begun_ = false;           // a cache transaction is open
  bool commit_pending_ = false;  // commit() answered Retry and will be called again
  Checkpoint committing_;
  std::size_t batch_rows_ = 0;
  std::size_t batch_bytes_ = 0;
  std::uint64_t batch_transactions_ = 0;
  std::int64_t batch_begun_ms_ = 0;
  Timestamp batch_begun_;
  Timestamp batch_first_commit_;

  bool in_transaction_ = false;  // between TxBegin and TxCommit of a transaction that is not skipped
  bool caught_up_ = false;       // the source has nothing more at the moment
  bool skipping_ = false;        // … of one the cache has already
  TxBegin transaction_;
  std::uint64_t transaction_changes_ = 0;  // row changes seen on the wire in this transaction
  std::size_t part_rows_ = 0;
  std::size_t part_bytes_ = 0;

  // After a sink refused a batch of several transactions: commit each alone up to here, to find the one.
  Lsn careful_until_;
  bool reopening_ = false;
  std::int64_t not_before_ms_ = 0;  // the backoff of a failing sink
  std::int64_t wake_at_ms_ = 0;
  std::int64_t idle_stored_ms_ = 0;

  // What has come of the chunk that is being waited for.
  struct Incoming {
    XidSnapshot snapshot;
    std::uint64_t rows = 0;
    RowKey last;
    bool ended = false;  // all its pieces are here
    bool ends_table = false;
  };
  Incoming incoming_;
  std::mt19937_64 chunk_ids_;
  std::int64_t tended_ms_ = 0;

  Arena scratch_{64 * 1024};
  std::vector<CacheChange> changes_;
};

}  // namespace walbridge::pipeline
