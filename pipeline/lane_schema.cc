// The lane's part in changes of the schema: carries out, inside the open cache transaction, what its tables say follows
// from the stream's news or from other rules than last time.
#include <algorithm>

#include "mapping/names.h"
#include "pipeline/api/log.h"
#include "pipeline/lane.h"

namespace walbridge::pipeline {
namespace {

// Where rows wait that had to give their name to another table.
std::string kept_name(const LaneTables::Table& table) {
  return "_walbridge_kept_" + std::to_string(table.record.source_oid);
}

}  // namespace

// News between the first changes of a transaction that was applied in parts was carried out with them (I4).
Result<Lane::Flow> Lane::on_news(const SchemaNews& news) {
  if (already_applied()) return Flow::Continue;
  if (news.incomplete) {
    log::warn("a change of the schema could not be read; every table is described again", {{"sink", link_.name()}});
    const std::scoped_lock lock(stats_.mutex);
    stats_.all_undescribed = true;
  }
  auto changes = tables_.learn(news, transaction_.commit_lsn);
  return carry_out(changes);
}

Result<Lane::Flow> Lane::settle_start() {
  if (start_changes_.empty()) return Flow::Continue;
  WALBRIDGE_TRY_AS(const Flow flow, carry_out(start_changes_));
  if (flow != Flow::Continue) return flow;
  start_changes_.clear();
  return begun_ || !tables_.unwritten().empty() ? commit_batch(stored_) : Flow::Continue;
}

Result<Lane::Flow> Lane::carry_out(std::vector<LaneTables::Change>& changes) {
  const bool needs_cache = std::any_of(changes.begin(), changes.end(), [](const LaneTables::Change& change) {
    return change.kind != LaneTables::Change::Kind::Keep || !change.table->record.backfill.empty() ||
           (change.source && change.table->record.description != change.source->json);
  });
  // Before anything is done: a cache that is busy now gets all of it later.
  if (needs_cache) {
    WALBRIDGE_TRY_AS(const Flow begun, ensure_begun());
    if (begun != Flow::Continue) return begun;
  }
  for (std::size_t i = 0; i < changes.size(); ++i) {
    WALBRIDGE_TRY_AS(const Flow freed, free_name(changes[i], std::span(changes).subspan(i + 1)));
    if (freed != Flow::Continue) return freed;
    WALBRIDGE_TRY_AS(const Flow flow, carry_out(changes[i]));
    if (flow != Flow::Continue) return flow;
  }
  if (!changes.empty()) publish_tables();
  return Flow::Continue;
}

// Tables may pass names on to each other, in a circle too: one that is still to leave the name steps aside first.
Result<Lane::Flow> Lane::free_name(const LaneTables::Change& change, std::span<LaneTables::Change> later) {
  if (change.plan == nullptr) return Flow::Continue;
  const auto name = mapping::fold_name(change.plan->cache().name);
  for (auto& other : later) {
    auto& holder = *other.table;
    const bool leaves = other.plan != nullptr && mapping::fold_name(other.plan->cache().name) != name;
    if (&holder == change.table || !leaves || !holder.record.snapshot_lsn) continue;
    if (mapping::fold_name(holder.record.cache_name) != name) continue;
    WALBRIDGE_TRY_AS(const Flow moved, move_rows(holder, kept_name(holder)));
    if (moved != Flow::Continue) return moved;
    const auto shape = mapping::shape_from_json(holder.record.shape);
    if (other.kind == LaneTables::Change::Kind::Alter && shape) {
      other.alteration = mapping::alter_table(*shape, *holder.source, *other.plan, *other.source, other.plan->on_ddl());
    }
  }
  return Flow::Continue;
}

Result<Lane::Flow> Lane::carry_out(LaneTables::Change& change) {
  using Kind = LaneTables::Change::Kind;
  auto& table = *change.table;
  switch (change.kind) {
    case Kind::Alter:
      return alter_in_place(change);
    case Kind::CopyAgain:
      return copy_again(change);
    case Kind::Drop:
      return drop(change);
    case Kind::Stop:
      return stop(change);
    case Kind::Keep:
      break;
  }
  const bool described = change.source == nullptr || table.record.description == change.source->json;
  tables_.settle(change);
  if (!table.fill) {
    WALBRIDGE_TRY_AS(const Flow resumed, resume_fill(table));
    if (resumed != Flow::Continue) return resumed;
  }
  return described ? Result<Flow>(Flow::Continue) : record(table);
}

Result<Lane::Flow> Lane::stop(LaneTables::Change& change) {
  auto& table = *change.table;
  const bool said = table.record.state == TableState::Stopped && table.record.code == change.error.code;
  if (change.refusal && in_transaction_ && table.record.state == TableState::Live) {
    // The same transaction may mend it (another key in place of the one it drops); a row before that may not come.
    tables_.settle(change);
    table.suspended = change.error;
    suspended_ = true;
    return Flow::Continue;
  }
  if (change.plan != nullptr && !said) {  // its rows are not what they were: nothing of this transaction may stay
    const Flow stopped = stop_table(table, change.error);
    if (stopped != Flow::Continue) return stopped;
  }
  // Otherwise no row of it will come any more: what the transaction did before is all there is.
  tables_.settle(change);
  if (change.plan == nullptr) {
    if (!said) say_stopped(table, change.error);
    if (table.fill && table.fill->waiting()) desk_.withdraw();
    LaneTables::stop_behind(table, change.error, in_transaction_ ? transaction_.commit_lsn : stored_.commit_lsn);
  }
  return record(table);
}

void Lane::say_notes(const LaneTables::Table& table, std::span<const std::string> notes) const {
  for (const auto& note : notes) {
    log::info("not in the cache as at the source",
              {{"sink", link_.name()}, {"table", table.record.source_name}, {"what", note}});
  }
}

Result<Lane::Flow> Lane::alter_in_place(LaneTables::Change& change) {
  auto& table = *change.table;
  WALBRIDGE_TRY_AS(const Flow vacated, vacate(table, change.plan->cache().name));
  if (vacated != Flow::Continue) return vacated;
  WALBRIDGE_TRY_AS(const Flow altered, alter(table, change.alteration.steps));
  if (altered != Flow::Continue) return altered;
  tables_.settle(change);
  if (!change.alteration.steps.empty()) {
    log::info("table altered", {{"sink", link_.name()},
                                {"table", table.record.source_name},
                                {"cache", table.record.cache_name},
                                {"steps", change.alteration.steps.size()}});
  }
  say_notes(table, change.alteration.notes);
  if (!table.fill) {
    WALBRIDGE_TRY_AS(const Flow resumed, resume_fill(table));
    if (resumed != Flow::Continue) return resumed;
  }
  const auto shape = mapping::to_json(mapping::shape_of(*table.plan));
  const bool copy_is_old = table.is_filled_beside() && table.fill->progress().shape != shape;
  if (copy_is_old) {
    WALBRIDGE_TRY_AS(const Flow begun, begin_fill(table, FillProgress{}));
    if (begun != Flow::Continue) return begun;
  } else if (!change.alteration.new_leaves.empty() && !table.is_filled_beside()) {
    auto progress = table.fill ? table.fill->progress() : FillProgress{};
    progress.beside = progress.all = false;
    for (const auto leaf : change.alteration.new_leaves) progress.leaves.push_back(leaf);
    WALBRIDGE_TRY_AS(const Flow begun, begin_fill(table, std::move(progress)));
    if (begun != Flow::Continue) return begun;
  } else if (table.fill && !table.fill->progress().beside) {
    auto progress = table.fill->progress();  // the same rows, read in the new shape
    WALBRIDGE_TRY_AS(const Flow begun, begin_fill(table, std::move(progress)));
    if (begun != Flow::Continue) return begun;
  } else if (table.fill && table.fill->waiting()) {
    // The chunk was asked for of the table as it was; the source refuses that for ever.
    if (table.plan->cache().key.empty()) return begin_fill_again(table);
    give_up_chunk(table);
  }
  return record(table);
}

// Readers keep the old rows, which go on changing if the stream still fits them, until the copy takes their place.
Result<Lane::Flow> Lane::copy_again(LaneTables::Change& change) {
  auto& table = *change.table;
  auto& entry = table.record;
  const bool same = entry.state == TableState::Live &&
                    entry.shape == mapping::to_json(mapping::shape_of(*change.plan)) && table.plan != nullptr;
  // At a start nothing of it is half done.
  if (!same && in_transaction_ && entry.state == TableState::Live) {
    const Flow frozen = freeze(table, TableState::Pending, change.error);
    if (frozen != Flow::Continue) return frozen;
  }
  WALBRIDGE_TRY_AS(const Flow begun, ensure_begun());
  if (begun != Flow::Continue) return begun;
  // Said once, however often the table changes again before its rows are here.
  const bool said = entry.state == TableState::Pending && table.fill.has_value();
  (said ? log::debug : log::info)("table is copied", {{"sink", link_.name()},
                                                      {"table", change.source->qualified_name()},
                                                      {"code", change.error.code},
                                                      {"reason", change.error.message}});
  const auto was = table.source;
  tables_.settle(change);
  if (!same) {
    entry.state = TableState::Pending;
    entry.code = change.error.code;
    entry.reason = change.error.message;
    entry.stopped_at = {};
    const auto& name = table.plan->cache().name;
    if (entry.snapshot_lsn && entry.cache_name != name) {
      WALBRIDGE_TRY_AS(const Flow vacated, vacate(table, name));
      if (vacated != Flow::Continue) return vacated;
      WALBRIDGE_TRY_AS(const Flow moved, move_rows(table, name));
      if (moved != Flow::Continue) return moved;
    }
    if (was != nullptr) {
      WALBRIDGE_TRY_AS(const Flow widened, widen(table, *was));
      if (widened != Flow::Continue) return widened;
    }
  }
  WALBRIDGE_TRY_AS(const Flow filling, begin_fill(table, FillProgress{}));
  if (filling != Flow::Continue) return filling;
  return record(table);
}

// Rows that will be carried over get the columns that came meanwhile now, while it is known what they hold there.
Result<Lane::Flow> Lane::widen(LaneTables::Table& table, const SourceTable& was) {
  const auto shape = mapping::shape_from_json(table.record.shape);
  if (!shape || !table.record.snapshot_lsn) return Flow::Continue;
  const auto widened = mapping::widen_for_carry(*shape, was, *table.plan, *table.source);
  if (widened.steps.empty()) return Flow::Continue;
  WALBRIDGE_TRY_AS(const Flow altered, alter(table, widened.steps));
  if (altered != Flow::Continue) return altered;
  table.record.shape = mapping::to_json(widened.shape);
  return Flow::Continue;
}

Result<Lane::Flow> Lane::drop(LaneTables::Change& change) {
  auto& table = *change.table;
  std::vector<SchemaStep> steps;
  if (const auto shape = mapping::shape_from_json(table.record.shape)) steps = mapping::drop_table(*shape);
  if (table.filled) {
    SchemaStep step;
    step.kind = SchemaStep::Kind::DropTable;
    step.table = table.filled->name;
    steps.push_back(std::move(step));
  }
  WALBRIDGE_TRY_AS(const Flow altered, alter(table, steps));
  if (altered != Flow::Continue) return altered;
  if (auto forgotten = sink_.forget(table.record.source_oid); !forgotten) return failed(std::move(forgotten.error()));
  if (table.fill && table.fill->waiting()) desk_.withdraw();
  log::info("table dropped", {{"sink", link_.name()}, {"table", table.record.source_name}});
  tables_.remove(table);
  return Flow::Continue;
}

// Rows that nobody feeds make room for the table that has their name now: those of a table that is gone go, those of
// one that is to be copied wait under another name.
Result<Lane::Flow> Lane::vacate(const LaneTables::Table& successor, const std::string& name) {
  auto* holder = tables_.frozen_under(name, successor);
  if (holder == nullptr) return Flow::Continue;
  log::info("rows that are not fed give way to another table of their name",
            {{"sink", link_.name()},
             {"table", holder->record.source_name},
             {"cache", holder->record.cache_name},
             {"successor", successor.record.source_name}});
  if (!LaneTables::is_relic(holder->record)) {
    return move_rows(*holder, kept_name(*holder));
  }
  SchemaStep step;
  step.kind = SchemaStep::Kind::DropTable;
  step.table = holder->record.cache_name;
  WALBRIDGE_TRY_AS(const Flow dropped, alter(*holder, {&step, 1}));
  if (dropped != Flow::Continue) return dropped;
  if (auto forgotten = sink_.forget(holder->record.source_oid); !forgotten) return failed(std::move(forgotten.error()));
  tables_.remove(*holder);
  return Flow::Continue;
}

// The rows readers see of a table that is not fed at the moment get another name.
Result<Lane::Flow> Lane::move_rows(LaneTables::Table& table, const std::string& to) {
  auto shape = mapping::shape_from_json(table.record.shape);
  if (!shape || table.record.cache_name == to) return Flow::Continue;
  SchemaStep step;
  step.kind = SchemaStep::Kind::RenameTable;
  step.table = table.record.cache_name;
  step.to = to;
  WALBRIDGE_TRY_AS(const Flow renamed, alter(table, {&step, 1}));
  if (renamed != Flow::Continue) return renamed;
  table.record.cache_name = shape->name = to;
  table.record.shape = mapping::to_json(*shape);
  return record(table);
}

// What the transaction at hand did not mend stops behind it: everything up to here is in the rows.
Result<Lane::Flow> Lane::settle_suspended() {
  for (const auto& table : tables_.all()) {
    if (!table->suspended) continue;
    WALBRIDGE_TRY_AS(const Flow begun, ensure_begun());
    if (begun != Flow::Continue) return begun;
    const Error error = *table->suspended;
    say_stopped(*table, error);
    LaneTables::stop_behind(*table, error, transaction_.commit_lsn);
    WALBRIDGE_TRY_AS(const Flow recorded, record(*table));
    if (recorded != Flow::Continue) return recorded;
    publish_tables();
  }
  suspended_ = false;
  return Flow::Continue;
}

Result<Lane::Flow> Lane::alter(LaneTables::Table& table, std::span<const SchemaStep> steps) {
  WALBRIDGE_TRY_AS(const Flow begun, ensure_begun());
  if (begun != Flow::Continue || steps.empty()) return begun;
  if (auto altered = sink_.alter(steps); !altered) {
    if (altered.error().verdict == Verdict::PoisonRow) return poisoned(altered.error(), table);
    return failed(std::move(altered.error()));
  }
  ++batch_rows_;
  return Flow::Continue;
}

Result<Lane::Flow> Lane::record(LaneTables::Table& table) {
  WALBRIDGE_TRY_AS(const Flow begun, ensure_begun());
  if (begun != Flow::Continue) return begun;
  if (auto recorded = sink_.record(table.record); !recorded) return failed(std::move(recorded.error()));
  return Flow::Continue;
}

// The stream speaks of the table in a shape that nobody has described yet, or of an older one.
Lane::Flow Lane::lost_shape(LaneTables::Table& table, const Error& misfit) {
  if (table.suspended) return stop_table(table, misfit);
  {
    const std::scoped_lock lock(stats_.mutex);
    stats_.undescribed.insert(table.record.source_oid);
  }
  if (table.record.state == TableState::Pending) {
    // Whatever the transaction did is in the chunks that are still to come, once they can see it.
    if (table.fill) table.fill->heard(transaction_.xid);
    return Flow::Continue;
  }
  log::warn(
      "table changed its shape unseen and is copied again",
      {{"sink", link_.name()}, {"table", table.record.source_name}, {"code", misfit.code}, {"change", misfit.message}});
  Error error = misfit;
  error.remedy.clear();
  return freeze(table, TableState::Pending, error);
}

}  // namespace walbridge::pipeline
