// The lane's part in changes of the schema: carries out, inside the open cache transaction, what its tables say follows
// from the stream's news or from other rules than last time.
#include <algorithm>

#include "pipeline/api/log.h"
#include "pipeline/lane.h"

namespace walbridge::pipeline {

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
    return change.kind != LaneTables::Change::Kind::Keep ||
           (change.source && change.table->record.description != change.source->json);
  });
  // Before anything is done: a cache that is busy now gets all of it later.
  if (needs_cache) {
    WALBRIDGE_TRY_AS(const Flow begun, ensure_begun());
    if (begun != Flow::Continue) return begun;
  }
  for (auto& change : changes) {
    WALBRIDGE_TRY_AS(const Flow flow, carry_out(change));
    if (flow != Flow::Continue) return flow;
  }
  if (!changes.empty()) publish_tables();
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
      if (table.record.state != TableState::Stopped || table.record.code != change.error.code) {
        const Flow stopped = stop_table(table, change.error);
        if (stopped != Flow::Continue) return stopped;
      }
      tables_.settle(change);
      return record(table);
    case Kind::Keep:
      break;
  }
  const bool described = change.source == nullptr || table.record.description == change.source->json;
  tables_.settle(change);
  if (!table.fill) resume_fill(table);
  return described ? Result<Flow>(Flow::Continue) : record(table);
}

Result<Lane::Flow> Lane::alter_in_place(LaneTables::Change& change) {
  auto& table = *change.table;
  WALBRIDGE_TRY_AS(const Flow altered, alter(table, change.alteration.steps));
  if (altered != Flow::Continue) return altered;
  tables_.settle(change);
  if (!change.alteration.steps.empty()) {
    log::info("table altered", {{"sink", link_.name()},
                                {"table", table.record.source_name},
                                {"cache", table.record.cache_name},
                                {"steps", change.alteration.steps.size()}});
  }
  for (const auto& note : change.alteration.notes) {
    log::info("not carried over", {{"sink", link_.name()}, {"table", table.record.source_name}, {"what", note}});
  }
  if (!table.fill) resume_fill(table);
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
  }
  return record(table);
}

// Readers keep the old rows, which go on changing if the stream still fits them, until the copy takes their place.
Result<Lane::Flow> Lane::copy_again(LaneTables::Change& change) {
  auto& table = *change.table;
  auto& record_ = table.record;
  const bool same = record_.state == TableState::Live &&
                    record_.shape == mapping::to_json(mapping::shape_of(*change.plan)) && table.plan != nullptr;
  if (!same && record_.state == TableState::Live) {
    const Flow frozen = freeze(table, TableState::Pending, change.error);
    if (frozen != Flow::Continue) return frozen;
  }
  WALBRIDGE_TRY_AS(const Flow begun, ensure_begun());
  if (begun != Flow::Continue) return begun;
  log::info("table is copied", {{"sink", link_.name()},
                                {"table", change.source->qualified_name()},
                                {"code", change.error.code},
                                {"reason", change.error.message}});
  tables_.settle(change);
  if (!same) {
    record_.state = TableState::Pending;
    record_.code = change.error.code;
    record_.reason = change.error.message;
    record_.stopped_at = {};
  }
  WALBRIDGE_TRY_AS(const Flow filling, begin_fill(table, FillProgress{}));
  if (filling != Flow::Continue) return filling;
  return record(table);
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
