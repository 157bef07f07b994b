#include "pipeline/lane.h"

#include <algorithm>

#include "pipeline/api/log.h"

namespace walbridge::pipeline {
Lane::Lane(Sink& sink, LaneLink& link, LaneStats& stats, BackfillDesk& desk, const Clock& clock, LaneTables tables,
           LaneOptions options)
    : sink_(sink),
      link_(link),
      stats_(stats),
      desk_(desk),
      clock_(clock),
      options_(std::move(options)),
      tables_(std::move(tables)),
      backoff_(50, 10'000, options_.seed),
      chunk_ids_(options_.seed) {}

void Lane::start(const Checkpoint& checkpoint, std::span<const TableRecord> records, std::vector<SourceTable> catalog) {
  tables_.set_catalog(std::move(catalog));
  start_changes_ = tables_.assign(records, true);
  stored_ = reached_ = checkpoint;
  reopening_ = false;
  idle_stored_ms_ = clock_.now_ms();
  publish_tables();
  note_committed();
  link_.ready({stored_.end_lsn, stored_.kafka.next_offset});
}

Result<Step> Lane::step() {
  wake_at_ms_ = not_before_ms_;
  if (not_before_ms_ > clock_.now_ms()) return Step::Idle;
  wake_at_ms_ = not_before_ms_ = 0;
  if (reopening_) return reopen();
  if (link_.mode() == LaneMode::Stopped) return Step::Idle;
  WALBRIDGE_TRY_AS(Flow flow, settle_start());
  if (flow == Flow::Continue) {
    if (!begun_) stats_.settled = true;
    WALBRIDGE_TRY_AS(flow, consume());
  }
  if (flow == Flow::Restart) return Step::Progressed;
  if (flow == Flow::Wait) return Step::Idle;
  if (!chunk_) {
    chunk_ = link_.pop();
    next_event_ = 0;
    if (!chunk_) return settle_when_drained();
  }
  return Step::Progressed;
}

// Far behind, and the source has not said that this was all: the batch waits for more instead of being cut short.
bool Lane::more_is_coming() const {
  return begun_ && !in_transaction_ && !caught_up_ && link_.mode() == LaneMode::Attached &&
         batch_due_ms() > batch_begun_ms_ + options_.commit_every_ms && clock_.now_ms() < batch_due_ms();
}

// Nothing is queued: everything complete becomes visible, and a detached lane reports where it stands.
Result<Step> Lane::settle_when_drained() {
  if (more_is_coming()) {
    wake_at_ms_ = batch_due_ms();
    return Step::Idle;
  }
  if (!in_transaction_ && !skipping_) {
    WALBRIDGE_TRY_AS(const Flow flow,
                     (begun_ || !tables_.unwritten().empty()) ? commit_batch(reached_) : store_idle_position());
    if (flow == Flow::Restart) return Step::Progressed;
    if (flow == Flow::Wait) return Step::Idle;
    WALBRIDGE_TRY_AS(const Flow filled, tend_fill());
    if (filled != Flow::Continue || begun_) return Step::Progressed;
  }
  if (link_.mode() != LaneMode::Detached) return Step::Idle;
  // Something may have been pushed just before the detach.
  if ((chunk_ = link_.pop())) {
    next_event_ = 0;
    return Step::Progressed;
  }
  if (in_transaction_ || skipping_ || begun_ || stored_ != reached_) {
    // The rest of this transaction will not come on this stream; an unstored idle position may as well be asked again.
    if (begun_ || desk_.asked()) {  // what was heard of it must not be heard twice
      restart();
      return Step::Progressed;
    }
    in_transaction_ = skipping_ = false;
    reached_ = stored_;
  }
  link_.ready({stored_.end_lsn, stored_.kafka.next_offset});
  return Step::Idle;
}

Result<Step> Lane::reopen() {
  auto state = sink_.open();
  if (!state) {
    WALBRIDGE_TRY(failed(std::move(state.error())));
    return Step::Idle;
  }
  if (!state->checkpoint || state->source_id != options_.source_id) {
    Error error{Verdict::Gap,
                "cache-replaced",
                "the cache no longer holds what this bridge wrote into it",
                "run `walbridge run` again: it checks the cache and copies what is missing",
                {}};
    link_.stop();
    stats_.note_error(error);
    return error;
  }
  start_changes_ = tables_.assign(state->tables, false);
  stored_ = reached_ = *state->checkpoint;
  reopening_ = false;
  backoff_.reset();
  publish_tables();
  note_committed();
  link_.ready({stored_.end_lsn, stored_.kafka.next_offset});
  return Step::Progressed;
}

// Rolls back and goes to open the sink again; the stream comes again from its checkpoint.
Lane::Flow Lane::restart() {
  sink_.abandon();
  desk_.withdraw();
  incoming_ = {};
  suspended_ = keys_noted_ = false;
  start_changes_.clear();
  stats_.settled = false;
  chunk_.reset();
  begun_ = commit_pending_ = in_transaction_ = skipping_ = false;
  batch_rows_ = batch_bytes_ = batch_transactions_ = 0;
  batch_first_commit_ = {};
  reopening_ = true;
  link_.reopen();
  return Flow::Restart;
}

Result<Lane::Flow> Lane::retry_later(const Error& error) {
  stats_.note_error(error);
  if (stats_.failing_since_ms == 0) {
    stats_.failing_since_ms = clock_.now_ms();
    log::warn("cache does not take changes, trying again",
              {{"sink", link_.name()}, {"code", error.code}, {"error", error.message}});
  }
  wake_at_ms_ = not_before_ms_ = clock_.now_ms() + backoff_.next_ms();
  return Flow::Wait;
}

// Everything but a Retry in place and a poisoned table ends here.
Result<Lane::Flow> Lane::failed(Error error) {
  stats_.note_error(error);
  if (stats_.failing_since_ms == 0) {
    stats_.failing_since_ms = clock_.now_ms();
    log::warn("cache failed", {{"sink", link_.name()}, {"code", error.code}, {"error", error.message}});
  }
  if (error.verdict == Verdict::Retry) {
    const auto flow = restart();
    wake_at_ms_ = not_before_ms_ = clock_.now_ms() + backoff_.next_ms();
    return flow;
  }
  sink_.abandon();
  link_.stop();
  return error;
}

Result<Lane::Flow> Lane::consume() {
  if (commit_pending_) {
    WALBRIDGE_TRY_AS(const Flow flow, commit_batch(committing_));
    if (flow != Flow::Continue) return flow;
  }
  if (!chunk_) return Flow::Continue;
  while (next_event_ < chunk_->events.size()) {
    WALBRIDGE_TRY_AS(const Flow flow, on_event(chunk_->events[next_event_]));
    if (flow != Flow::Continue) return flow;
    ++next_event_;
  }
  chunk_.reset();
  return Flow::Continue;
}

Result<Lane::Flow> Lane::on_event(const Event& event) {
  if (const auto* change = std::get_if<RowChange>(&event)) return skipping_ ? Flow::Continue : counted(on_row(*change));
  if (const auto* begin = std::get_if<TxBegin>(&event)) {
    caught_up_ = false;
    skipping_ = begin->commit_lsn <= reached_.commit_lsn;  // I3
    in_transaction_ = !skipping_;
    transaction_ = *begin;
    transaction_changes_ = 0;
    part_rows_ = part_bytes_ = 0;
    if (in_transaction_ && !batch_first_commit_) {
      batch_first_commit_ = begin->committed_at;
      stats_.oldest_pending_micros = begin->committed_at.micros;
    }
    return Flow::Continue;
  }
  if (const auto* commit = std::get_if<TxCommit>(&event)) return on_commit(*commit);
  if (const auto* truncated = std::get_if<Truncated>(&event)) {
    return skipping_ ? Flow::Continue : counted(on_truncate(*truncated));
  }
  if (const auto* idle = std::get_if<IdlePosition>(&event)) {
    caught_up_ = true;
    reached_.end_lsn = std::max(reached_.end_lsn, idle->lsn);
    reached_.kafka.next_offset = std::max(reached_.kafka.next_offset, idle->resume_offset);
    return Flow::Continue;
  }
  if (skipping_) return Flow::Continue;
  if (const auto* mark = std::get_if<BackfillMark>(&event)) return on_mark(*mark);
  return on_news(*std::get<SchemaChanged>(event).news);
}

// Every change on the wire counts, wanted or not, so that a partial checkpoint means the same in every replay.
Result<Lane::Flow> Lane::counted(Result<Flow> flow) {
  if (!flow || *flow != Flow::Continue) return flow;
  ++transaction_changes_;
  return split_if_large();
}

// The first changes of a transaction that was being applied in parts are in the cache already (I4).
bool Lane::already_applied() const {
  return stored_.partial_commit_lsn == transaction_.commit_lsn && transaction_changes_ < stored_.partial_changes;
}

Result<Lane::Flow> Lane::on_row(const RowChange& change) {
  if (already_applied()) return Flow::Continue;
  const auto& route = tables_.route(*change.relation, *chunk_);
  if (route.table == nullptr) return Flow::Continue;
  auto& table = *route.table;
  const bool live = LaneTables::wants(table, transaction_.commit_lsn);
  if (!live && !table.fill) return Flow::Continue;
  if (route.misfit) return lost_shape(table, *route.misfit);
  WALBRIDGE_TRY_AS(const Flow begun, ensure_begun());
  if (begun != Flow::Continue) return begun;

  scratch_.clear();
  changes_.clear();
  bool incomplete = false;
  const auto mapped = route.bound->map(change, {transaction_.committed_at}, scratch_, changes_, incomplete);
  if (!mapped) return stop_table(table, mapped.error());
  if (incomplete) {
    WALBRIDGE_TRY_AS(const Flow fetched, fetch_row(table, route.bound->key_of(change.new_row)));
    if (fetched != Flow::Continue) return fetched;
  }
  if (table.fill) {
    WALBRIDGE_TRY_AS(const Flow filled, apply_while_filling(table, change, *route.bound));
    if (filled != Flow::Continue || !table.is_filled_beside()) return filled;
  }
  if (!live) return Flow::Continue;
  for (const auto& cache_change : changes_) {
    WALBRIDGE_TRY_AS(const Flow applied, apply(table, cache_change));
    if (applied != Flow::Continue) return applied;
  }
  auto& counter = change.op == RowChange::Op::Insert   ? stats_.inserts
                  : change.op == RowChange::Op::Update ? stats_.updates
                                                       : stats_.deletes;
  counter.fetch_add(1, std::memory_order_relaxed);
  return Flow::Continue;
}

Result<Lane::Flow> Lane::on_truncate(const Truncated& truncated) {
  if (already_applied()) return Flow::Continue;
  for (const auto* relation : truncated.relations) {
    const auto& route = tables_.route(*relation, *chunk_);
    if (route.table == nullptr) continue;
    auto& table = *route.table;
    const bool live = LaneTables::wants(table, transaction_.commit_lsn);
    if (!live && !table.fill) continue;
    if (route.misfit) return lost_shape(table, *route.misfit);
    WALBRIDGE_TRY_AS(const Flow begun, ensure_begun());
    if (begun != Flow::Continue) return begun;
    scratch_.clear();
    const auto change = route.bound->truncate({transaction_.committed_at}, scratch_);
    if (!change) continue;
    if (table.fill) {
      WALBRIDGE_TRY_AS(const Flow filled, fill_change(table, *change, relation->oid));
      if (filled != Flow::Continue) return filled;
    }
    if (live && (!table.fill || table.is_filled_beside())) {
      WALBRIDGE_TRY_AS(const Flow applied, apply(table, *change));
      if (applied != Flow::Continue) return applied;
    }
    stats_.truncates.fetch_add(1, std::memory_order_relaxed);
  }
  return Flow::Continue;
}

Result<Lane::Flow> Lane::ensure_begun() {
  if (begun_) return Flow::Continue;
  if (auto begun = sink_.begin(); !begun) {
    if (begun.error().verdict == Verdict::Retry) return retry_later(begun.error());
    return failed(std::move(begun.error()));
  }
  begun_ = true;
  batch_begun_ms_ = clock_.now_ms();
  batch_begun_ = clock_.wall();
  for (const auto& record : tables_.unwritten()) {
    if (auto recorded = sink_.record(record); !recorded) return failed(std::move(recorded.error()));
  }
  return Flow::Continue;
}

Result<Lane::Flow> Lane::apply(LaneTables::Table& table, const CacheChange& change) {
  if (auto applied = sink_.apply(change); !applied) {
    if (applied.error().verdict == Verdict::PoisonRow) return poisoned(applied.error(), table);
    return failed(std::move(applied.error()));
  }
  std::size_t bytes = 16;
  for (const auto& value : change.values) bytes += 8 + value.bytes.size();
  ++batch_rows_;
  ++part_rows_;
  batch_bytes_ += bytes;
  part_bytes_ += bytes;
  return Flow::Continue;
}

// A sink may find out late, so the row may belong to any transaction of the batch: the batch is replayed with each
// transaction committed alone, until the one is found.
Result<Lane::Flow> Lane::poisoned(const Error& error, LaneTables::Table& otherwise) {
  const bool alone = batch_transactions_ + (in_transaction_ ? 1 : 0) <= 1;
  if (!alone && careful_until_ < transaction_.commit_lsn) {
    careful_until_ = transaction_.commit_lsn;
    return restart();
  }
  auto* named = tables_.find_by_cache_name(error.table);
  return stop_table(named == nullptr ? otherwise : *named, error);
}

void Lane::say_stopped(const LaneTables::Table& table, const Error& error) const {
  log::error("table stopped", {{"sink", link_.name()},
                               {"table", table.record.source_name},
                               {"code", error.code},
                               {"lsn", to_string(transaction_.commit_lsn)},
                               {"error", error.message},
                               {"remedy", error.remedy}});
}

Lane::Flow Lane::stop_table(LaneTables::Table& table, const Error& error) {
  say_stopped(table, error);
  return freeze(table, TableState::Stopped, error);
}

// The table takes nothing from this transaction on. What the open cache transaction holds of it is rolled back, so
// that the table stays as it was before the transaction, whole.
Lane::Flow Lane::freeze(LaneTables::Table& table, TableState state, const Error& error) {
  if (table.fill && table.fill->waiting()) desk_.withdraw();
  tables_.freeze(table, state, error, transaction_.commit_lsn);
  publish_tables();
  if (!begun_) return Flow::Continue;
  return restart();
}

Result<Lane::Flow> Lane::on_commit(const TxCommit& commit) {
  if (suspended_) {
    WALBRIDGE_TRY_AS(const Flow suspended, settle_suspended());
    if (suspended != Flow::Continue) return suspended;
  }
  const bool was_skipping = skipping_;
  in_transaction_ = skipping_ = false;
  if (was_skipping) return Flow::Continue;
  reached_.commit_lsn = commit.commit_lsn;
  reached_.end_lsn = commit.end_lsn;
  reached_.committed_at = commit.committed_at;
  reached_.kafka.next_offset = std::max(reached_.kafka.next_offset, commit.resume_offset);
  reached_.partial_commit_lsn = {};
  reached_.partial_changes = 0;
  ++batch_transactions_;
  if (batch_is_full()) {
    WALBRIDGE_TRY_AS(const Flow flow, commit_batch(reached_));
    if (flow == Flow::Wait) ++next_event_;
    if (flow != Flow::Continue) return flow;
  }
  // A stream that never pauses must not keep a copy waiting.
  const auto now = clock_.now_ms();
  if (now == tended_ms_) return Flow::Continue;
  tended_ms_ = now;
  WALBRIDGE_TRY_AS(const Flow tended, tend_fill());
  if (tended == Flow::Wait) ++next_event_;
  return tended;
}

void Lane::revive() {
  restart();
  not_before_ms_ = 0;
}

// Goes on to the end of the transaction at hand if it is here, and gives up what is not complete.
void Lane::finish() {
  if (reopening_ || link_.mode() == LaneMode::Stopped) return;
  while (chunk_ && in_transaction_ && !commit_pending_ && next_event_ < chunk_->events.size()) {
    auto flow = on_event(chunk_->events[next_event_]);
    if (!flow || *flow != Flow::Continue) break;
    ++next_event_;
  }
  if (reopening_) return;
  const bool unstored = begun_ || reached_.end_lsn > stored_.end_lsn;
  if (commit_pending_ || (!in_transaction_ && unstored)) (void)commit_batch(commit_pending_ ? committing_ : reached_);
  if (begun_) sink_.abandon();
}

void Lane::publish_tables() {
  const std::scoped_lock lock(stats_.mutex);
  stats_.tables = tables_.states();
  stats_.refused = tables_.refused();
  stats_.live.clear();
  for (const auto& table : tables_.all()) {
    const bool whole = table->record.state == TableState::Live && table->record.backfill.empty();
    if (whole && table->source) stats_.live.push_back(table->source);
  }
}

}  // namespace walbridge::pipeline
