// The lane's part in copying a table while its stream goes on (pipeline/table_fill.h): asks for chunks, puts them and
// the stream's changes into the table that is being filled, and swaps that one in when it is complete.
#include <algorithm>

#include "pipeline/api/cache_sql.h"
#include "pipeline/api/failpoint.h"
#include "pipeline/api/log.h"
#include "pipeline/lane.h"

namespace walbridge::pipeline {
namespace {

bool moves_key(const CacheChange& change) {
  if (change.op != CacheChange::Op::Update) return false;
  return std::any_of(change.table->key.begin(), change.table->key.end(),
                     [&](std::uint16_t column) { return change.values[column].kind != SqlValue::Kind::Absent; });
}

}  // namespace

// Starts over; an empty table to fill replaces what an earlier copy left.
Result<Lane::Flow> Lane::begin_fill(LaneTables::Table& table, FillProgress progress) {
  if (table.fill && table.fill->waiting()) desk_.withdraw();
  incoming_ = {};
  const auto& cache = table.plan->cache();
  progress.shape = mapping::to_json(mapping::shape_of(*table.plan));
  progress.after.clear();
  progress.expected = progress.all ? table.source->estimated_rows : -1;
  std::vector<SchemaStep> steps;
  if (progress.beside) {
    SchemaStep create;
    create.kind = SchemaStep::Kind::CreateTable;
    create.table = backfill_table_name(options_.stream, cache.source_oid);
    create.definition = mapping::under_name(cache, create.table);
    create.definition.indexes.clear();
    steps.push_back(std::move(create));
  }
  // Rows of a partition that came before it was known may be there already.
  for (const auto leaf : progress.beside ? std::vector<std::uint32_t>{} : progress.leaves) {
    SchemaStep clear;
    clear.kind = SchemaStep::Kind::Execute;
    clear.table = cache.name;
    clear.sql = "DELETE FROM " + quote_identifier(cache.name) + " WHERE " +
                quote_identifier(cache.columns[static_cast<std::size_t>(table.plan->leaf_column())].name) + " = " +
                std::to_string(leaf);
    steps.push_back(std::move(clear));
  }
  WALBRIDGE_TRY_AS(const Flow altered, alter(table, steps));
  if (altered != Flow::Continue) return altered;
  table.record.backfill = progress.to_json();
  table.fill.reset();
  attach_fill(table);
  return Flow::Continue;
}

// Without a key what came of the chunk is in already: from its beginning.
Result<Lane::Flow> Lane::begin_fill_again(LaneTables::Table& table) {
  WALBRIDGE_TRY_AS(const Flow begun, begin_fill(table, table.fill->progress()));
  return begun == Flow::Continue ? record(table) : Result<Flow>(begun);
}

// After a start. Pieces of a chunk without a key may have been committed before the chunk was whole.
Result<Lane::Flow> Lane::resume_fill(LaneTables::Table& table) {
  attach_fill(table);
  return table.fill && table.plan->cache().key.empty() ? begin_fill_again(table) : Result<Flow>(Flow::Continue);
}

void Lane::attach_fill(LaneTables::Table& table) {
  auto progress = FillProgress::from_json(table.record.backfill);
  if (!progress || table.plan == nullptr) return;
  const auto& cache = table.plan->cache();
  tables_.set_filled(table, progress->beside ? std::make_shared<const CacheTable>(mapping::under_name(
                                                   cache, backfill_table_name(options_.stream, cache.source_oid)))
                                             : nullptr);
  table.fill.emplace(*std::move(progress), options_.backfill_rows, options_.backfill_window_bytes);
}

// Changes of one row, already mapped into changes_.
Result<Lane::Flow> Lane::apply_while_filling(LaneTables::Table& table, const RowChange& change,
                                             const mapping::BoundPlan& bound) {
  for (const auto& cache_change : changes_) {
    if (moves_key(cache_change)) {
      // The row it comes from may not be here yet, and the new one is incomplete without it.
      CacheChange leave;
      leave.op = CacheChange::Op::Delete;
      leave.table = cache_change.table;
      leave.match = cache_change.match;
      WALBRIDGE_TRY_AS(const Flow left, fill_change(table, leave, change.relation->oid));
      if (left != Flow::Continue) return left;
      WALBRIDGE_TRY_AS(const Flow fetched, fetch_row(table, bound.key_of(change.new_row)));
      if (fetched != Flow::Continue) return fetched;
      continue;
    }
    WALBRIDGE_TRY_AS(const Flow filled, fill_change(table, cache_change, change.relation->oid));
    if (filled != Flow::Continue) return filled;
  }
  return Flow::Continue;
}

Result<Lane::Flow> Lane::fill_change(LaneTables::Table& table, CacheChange change, std::uint32_t heap) {
  auto& fill = *table.fill;
  if (table.is_filled_beside()) change.table = table.filled.get();
  if (change.op == CacheChange::Op::Update) change.may_miss = true;
  const auto& leaves = fill.progress().leaves;
  const bool later = table.plan->cache().key.empty() &&
                     (table.is_filled_beside() || std::find(leaves.begin(), leaves.end(), heap) != leaves.end());
  if (later) {
    // Without a key nothing can be applied twice: what the chunk does not have inside is applied after it.
    const bool of_this_chunk = table.is_filled_beside() || (!leaves.empty() && leaves.front() == heap);
    of_this_chunk ? fill.heard(transaction_.xid, change) : fill.heard(transaction_.xid);
  } else {
    WALBRIDGE_TRY_AS(const Flow applied, apply(table, change));
    if (applied != Flow::Continue) return applied;
    fill.heard(transaction_.xid, change);
  }
  if (fill.waiting() && fill.window_full()) {
    if (table.plan->cache().key.empty()) {
      return stop_table(
          table, {Verdict::PoisonRow, "backfill-busy", "the table has no key and changes too much while it is copied",
                  "give it a primary key, or run `walbridge resync " + table.record.source_name + "` when it is quiet",
                  table.record.cache_name});
    }
    give_up_chunk(table);
  }
  return Flow::Continue;
}

// The row cannot be made from what the stream carries: it is read by itself.
Result<Lane::Flow> Lane::fetch_row(LaneTables::Table& table, RowKey key) {
  if (!table.fill) {
    FillProgress progress;
    progress.beside = progress.all = false;
    WALBRIDGE_TRY_AS(const Flow begun, begin_fill(table, std::move(progress)));
    if (begun != Flow::Continue) return begun;
  }
  table.fill->fetch_key(std::move(key));
  table.fill->heard(transaction_.xid);
  keys_noted_ = true;
  return Flow::Continue;
}

// Once for each commit, not for each row.
Result<Lane::Flow> Lane::write_noted_keys() {
  for (const auto& table : tables_.all()) {
    if (!table->fill) continue;
    table->record.backfill = table->fill->progress().to_json();
    WALBRIDGE_TRY_AS(const Flow recorded, record(*table));
    if (recorded != Flow::Continue) return recorded;
  }
  keys_noted_ = false;
  return Flow::Continue;
}

void Lane::give_up_chunk(LaneTables::Table& table) {
  table.fill->give_up();
  desk_.withdraw();
  incoming_ = {};
}

// Between transactions: asks for the next chunk, and takes what comes early of a table without a key.
Result<Lane::Flow> Lane::tend_fill() {
  if (link_.mode() != LaneMode::Attached) return Flow::Continue;
  for (const auto& each : tables_.all()) {
    auto& table = *each;
    if (!table.fill || !table.fill->waiting()) continue;
    const bool keyless = table.plan->cache().key.empty();
    if (auto failure = desk_.failure(table.fill->request_id())) {
      if (failure->verdict != Verdict::Retry) return stop_table(table, *failure);
      if (keyless) return begin_fill_again(table);
      give_up_chunk(table);
      break;
    }
    if (!keyless) return Flow::Continue;
    for (const auto& piece : desk_.take(table.fill->request_id())) {
      WALBRIDGE_TRY_AS(const Flow inserted, insert_piece(table, piece));
      if (inserted != Flow::Continue) return inserted;
    }
    return Flow::Continue;
  }
  const auto next = std::find_if(tables_.all().begin(), tables_.all().end(),
                                 [](const auto& table) { return table->fill && table->plan != nullptr; });
  if (next == tables_.all().end()) return Flow::Continue;
  auto& table = **next;
  incoming_ = {};
  auto request =
      table.fill->open_window(chunk_ids_() >> 1, table.source, table.plan->copy_columns(), table.plan->key_columns());
  request.publish_where = table.plan->publish_where();
  request.append_only = table.plan->append_only();
  desk_.ask(std::move(request));
  return Flow::Continue;
}

Result<Lane::Flow> Lane::insert_piece(LaneTables::Table& table, const ChunkPiece& piece) {
  WALBRIDGE_TRY_AS(const Flow begun, ensure_begun());
  if (begun != Flow::Continue) return begun;
  const auto& cache = table.plan->cache();
  const auto& target = table.is_filled_beside() ? *table.filled : cache;
  const auto width = piece.rows == 0 ? 0 : piece.values.size() / piece.rows;
  if (const auto asked = table.plan->copy_columns().size(); piece.rows > 0 && width != asked) {  // out of a topic
    return stop_table(table, {Verdict::PoisonRow,
                              "copy-misfit",
                              "rows of a copy came with " + std::to_string(width) + " columns, " +
                                  std::to_string(asked) + " were asked for",
                              "run the publisher and this process in the same version",
                              {}});
  }
  LoadBlock block;
  auto heap = piece.rows == 0 ? cache.source_oid : piece.heaps.front();
  auto bound = table.plan->bind_copy(heap);
  for (std::size_t row = 0; row < piece.rows; ++row) {
    if (piece.heaps[row] != heap) bound = table.plan->bind_copy(heap = piece.heaps[row]);
    if (auto mapped = bound.map_copy({piece.values.data() + row * width, width}, block); !mapped) {
      return stop_table(table, mapped.error());
    }
  }
  CacheChange change;
  change.op = cache.key.empty() ? CacheChange::Op::Insert : CacheChange::Op::Upsert;
  change.table = &target;
  for (std::size_t row = 0; row < block.rows; ++row) {
    change.values = {block.values.data() + row * cache.columns.size(), cache.columns.size()};
    WALBRIDGE_TRY_AS(const Flow applied, apply(table, change));
    if (applied != Flow::Continue) return applied;
  }
  incoming_.snapshot = piece.snapshot;
  incoming_.rows += piece.rows;
  incoming_.ended = piece.ends_chunk;
  incoming_.ends_table = piece.ends_table;
  if (piece.rows > 0 && !cache.key.empty()) {
    incoming_.last = bound.key_of({piece.values.data() + (piece.rows - 1) * width, width});
  }
  return Flow::Continue;
}

// A row that was asked for by its key may be gone, or no longer in the filter.
Result<Lane::Flow> Lane::clear_requested(LaneTables::Table& table) {
  const auto& plan = *table.plan;
  const auto bound = plan.bind_copy(plan.cache().source_oid);
  for (const auto& key : table.fill->requested_keys()) {
    std::vector<WireValue> row(plan.copy_columns().size());
    for (std::size_t i = 0; i < key.size(); ++i) row[plan.cache().key[i]] = {WireValue::Kind::Text, key[i]};
    RowChange gone;
    gone.op = RowChange::Op::Delete;
    gone.old_kind = RowChange::Old::Key;
    gone.old_row = row;
    scratch_.clear();
    changes_.clear();
    bool incomplete = false;
    if (auto mapped = bound.map(gone, {transaction_.committed_at}, scratch_, changes_, incomplete); !mapped) {
      return stop_table(table, mapped.error());
    }
    for (auto& change : changes_) {
      if (table.is_filled_beside()) change.table = table.filled.get();
      WALBRIDGE_TRY_AS(const Flow applied, apply(table, change));
      if (applied != Flow::Continue) return applied;
    }
  }
  return Flow::Continue;
}

Result<Lane::Flow> Lane::on_mark(const BackfillMark& mark) {
  const auto found = std::find_if(tables_.all().begin(), tables_.all().end(), [&](const auto& table) {
    return table->fill && table->fill->waiting() && table->fill->request_id() == mark.chunk;
  });
  if (found == tables_.all().end()) return Flow::Continue;  // of another cache, or given up
  auto& table = **found;
  WALBRIDGE_TRY_AS(const Flow begun, ensure_begun());
  if (begun != Flow::Continue) return begun;
  const auto pieces = desk_.take(mark.chunk);
  if (!pieces.empty() && !table.plan->cache().key.empty() && !table.fill->proves(pieces.front().snapshot)) {
    give_up_chunk(table);
    return Flow::Continue;
  }
  WALBRIDGE_TRY_AS(const Flow cleared, clear_requested(table));
  if (cleared != Flow::Continue) return cleared;
  for (const auto& piece : pieces) {
    WALBRIDGE_TRY_AS(const Flow inserted, insert_piece(table, piece));
    if (inserted != Flow::Continue) return inserted;
  }
  if (!incoming_.ended) return restart();  // the mark of a chunk whose rows are not here
  return end_chunk(table);
}

Result<Lane::Flow> Lane::end_chunk(LaneTables::Table& table) {
  auto& fill = *table.fill;
  if (!fill.proves(incoming_.snapshot)) {
    return begin_fill_again(table);
  }
  const auto replayed = fill.replay(incoming_.snapshot, [&](const CacheChange& change) -> Status {
    ++batch_rows_;
    return sink_.apply(change);
  });
  if (!replayed) {
    if (replayed.error().verdict == Verdict::PoisonRow) return poisoned(replayed.error(), table);
    return failed(replayed.error());
  }
  fill.accept(incoming_.snapshot, incoming_.rows, incoming_.last, incoming_.ends_table);
  stats_.snapshot_rows += incoming_.rows;
  incoming_ = {};
  desk_.withdraw();
  table.record.backfill = fill.progress().to_json();
  if (fill.progress().complete()) {
    WALBRIDGE_TRY_AS(const Flow ended, end_fill(table));
    if (ended != Flow::Continue) return ended;
  }
  WALBRIDGE_TRY_AS(const Flow recorded, record(table));
  publish_tables();
  return recorded;
}

// What marks rows that went away while the table was copied, as SQL; empty: nothing does.
std::string Lane::soft_delete_mark(const mapping::TablePlan& plan) {
  scratch_.clear();
  const auto change = plan.bind_copy(plan.cache().source_oid).truncate({transaction_.committed_at}, scratch_);
  if (!change || change->op != CacheChange::Op::SoftTruncate) return {};
  for (const auto& value : change->values) {
    if (value.kind != SqlValue::Kind::Absent) return literal_sql(value);
  }
  return {};
}

Result<Lane::Flow> Lane::end_fill(LaneTables::Table& table) {
  const auto rows = table.fill->progress().rows;
  const bool single_rows = !table.is_filled_beside() && table.fill->fetched_only();
  auto& record = table.record;
  WALBRIDGE_FAILPOINT("before-swap");
  if (table.is_filled_beside()) {
    const auto before = mapping::shape_from_json(record.shape);
    const bool had_rows = before && record.snapshot_lsn;
    const auto swap = mapping::swap_in(had_rows ? &*before : nullptr, *table.plan, table.filled->name,
                                       soft_delete_mark(*table.plan), table.source.get());
    say_notes(table, swap.notes);
    WALBRIDGE_TRY_AS(const Flow vacated, vacate(table, table.plan->cache().name));
    if (vacated != Flow::Continue) return vacated;
    WALBRIDGE_TRY_AS(const Flow altered, alter(table, swap.steps));
    if (altered != Flow::Continue) return altered;
    record.cache_name = table.plan->cache().name;
    record.schema_hash = table.plan->cache().schema_hash;
    record.shape = mapping::to_json(swap.shape);
    record.state = TableState::Live;
    record.code.clear();
    record.reason.clear();
    record.stopped_at = {};
    // Nothing that committed before is still to come: what `resync` waits for.
    record.snapshot_lsn = transaction_.commit_lsn;
  }
  record.backfill.clear();
  table.fill.reset();
  // Single rows that the stream could not carry are everyday business.
  (single_rows ? log::debug : log::info)(single_rows ? "rows read by themselves" : "table copied",
                                         {{"sink", link_.name()},
                                          {"table", record.source_name},
                                          {"rows_read", rows},
                                          {"lsn", to_string(transaction_.commit_lsn)}});
  return Flow::Continue;
}

}  // namespace walbridge::pipeline
