// The lane's part in cache transactions: when one is due, and what follows from its commit.
#include <algorithm>

#include "pipeline/api/failpoint.h"
#include "pipeline/api/log.h"
#include "pipeline/lane.h"

namespace walbridge::pipeline {
namespace {

constexpr std::int64_t kOffsetCheckpointMs = 60'000;

}  // namespace

Result<Lane::Flow> Lane::split_if_large() {
  const auto& limits = sink_.limits();
  if (limits.rows_per_part == 0) return Flow::Continue;
  if (part_rows_ < limits.rows_per_part && part_bytes_ < limits.bytes_per_part) return Flow::Continue;
  Checkpoint partial = reached_;
  partial.partial_commit_lsn = transaction_.commit_lsn;
  partial.partial_changes = transaction_changes_;
  part_rows_ = part_bytes_ = 0;
  // The event itself is done: come back to the next one even if the commit has to wait.
  WALBRIDGE_TRY_AS(const Flow flow, commit_batch(partial));
  if (flow == Flow::Wait) ++next_event_;
  return flow;
}

// Far behind, larger batches catch up sooner: a quarter of the lag may go into one.
std::int64_t Lane::batch_due_ms() const {
  const auto lag_ms = batch_first_commit_ ? (clock_.wall().micros - batch_first_commit_.micros) / 1000 : 0;
  return batch_begun_ms_ + std::max(options_.commit_every_ms, std::min(options_.longest_batch_ms, lag_ms / 4));
}

bool Lane::batch_is_full() const {
  const auto& limits = sink_.limits();
  return batch_rows_ >= limits.rows_per_commit || batch_bytes_ >= limits.bytes_per_commit ||
         (begun_ && clock_.now_ms() >= batch_due_ms()) || (begun_ && reached_.commit_lsn <= careful_until_);
}

Result<Lane::Flow> Lane::commit_batch(const Checkpoint& target) {
  WALBRIDGE_TRY_AS(const Flow begun, ensure_begun());
  if (begun != Flow::Continue) return begun;
  if (keys_noted_) {
    WALBRIDGE_TRY_AS(const Flow written, write_noted_keys());
    if (written != Flow::Continue) return written;
  }
  WALBRIDGE_FAILPOINT("before-commit");
  if (auto committed = sink_.commit(target); !committed) {
    auto& error = committed.error();
    if (error.verdict == Verdict::Retry) {
      commit_pending_ = true;
      committing_ = target;
      return retry_later(error);
    }
    auto* table = error.verdict == Verdict::PoisonRow ? tables_.find_by_cache_name(error.table) : nullptr;
    if (table == nullptr) return failed(std::move(error));
    return poisoned(error, *table);
  }
  WALBRIDGE_FAILPOINT("after-commit");
  commit_pending_ = begun_ = false;
  stored_ = target;
  tables_.written();
  if (stats_.failing_since_ms != 0) {
    stats_.failing_since_ms = 0;
    stats_.clear_error();
    log::info("cache takes changes again", {{"sink", link_.name()}});
  }
  backoff_.reset();
  stats_.batches.fetch_add(1, std::memory_order_relaxed);
  stats_.transactions.fetch_add(batch_transactions_, std::memory_order_relaxed);
  stats_.apply_seconds.observe(std::max(0.0, seconds_between(batch_begun_, clock_.wall())));
  note_committed();
  return Flow::Continue;
}

void Lane::note_committed() {
  if (batch_first_commit_ && batch_transactions_ > 0) {
    stats_.commit_to_visible_seconds.observe(std::max(0.0, seconds_between(batch_first_commit_, clock_.wall())));
  }
  batch_rows_ = batch_bytes_ = batch_transactions_ = 0;
  batch_first_commit_ = in_transaction_ ? transaction_.committed_at : Timestamp{};
  stats_.oldest_pending_micros = batch_first_commit_.micros;
  {
    const std::scoped_lock lock(stats_.mutex);
    stats_.checkpoint = stored_;
  }
  idle_stored_ms_ = clock_.now_ms();
  link_.set_durable(stored_.end_lsn);
}

// Positions without rows for this cache are stored too, so that the slot moves on (I2), but seldom.
Result<Lane::Flow> Lane::store_idle_position() {
  const bool offset_only = stored_.end_lsn >= reached_.end_lsn;
  if (offset_only && stored_.kafka == reached_.kafka) return Flow::Continue;
  // A place in Kafka gets old even while nothing happens: what lies before it may be deleted one day.
  const auto due_ms = idle_stored_ms_ + (offset_only ? kOffsetCheckpointMs : options_.idle_checkpoint_ms);
  const bool due = (options_.eager_idle && !offset_only) || clock_.now_ms() >= due_ms ||
                   bytes_between(stored_.end_lsn, reached_.end_lsn) >= options_.idle_checkpoint_bytes;
  if (!due) {
    // Transactions that carried nothing for this cache are as visible as they will ever be.
    batch_first_commit_ = {};
    stats_.oldest_pending_micros = 0;
    wake_at_ms_ = due_ms;
    return Flow::Continue;
  }
  return commit_batch(reached_);
}

}  // namespace walbridge::pipeline
