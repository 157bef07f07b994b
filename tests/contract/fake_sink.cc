#include "tests/contract/fake_sink.h"

#include <algorithm>

#include "pipeline/api/cache_sql.h"
#include "tests/contract/fake_alter.h"
#include "tests/contract/fake_table.h"

namespace walbridge::testing {
namespace {

Error call_order() { return {Verdict::Operator, "call-order", "call out of order", "report this as a bug"}; }

}  // namespace

FakeFaults fail_nth(FakeCall call, std::size_t nth, FakeFault fault) {
  return [call, nth, fault = std::move(fault), seen = std::size_t{0}](FakeCall now) mutable {
    return now == call && ++seen == nth ? std::optional(fault) : std::nullopt;
  };
}

FakeSink::FakeSink(std::shared_ptr<FakeCache> cache, std::string stream, FakeFaults faults, SinkLimits limits)
    : cache_(std::move(cache)),
      stream_(std::move(stream)),
      faults_(std::move(faults)),
      limits_(limits),
      stage_(cache_->tables) {}

Status FakeSink::before(FakeCall call) {
  pending_.reset();
  auto fault = faults_ ? faults_(call) : std::nullopt;
  if (!fault) return {};
  if (!fault->takes_effect) return std::move(fault->error);
  pending_ = std::move(fault);
  return {};
}

Status FakeSink::after() {
  if (!pending_) return {};
  return std::exchange(pending_, std::nullopt)->error;
}

Status FakeSink::require(Phase phase) const { return phase_ == phase ? Status() : Status(call_order()); }

SinkState FakeSink::state() const {
  SinkState state;
  const auto position = cache_->positions.find(stream_);
  if (position != cache_->positions.end() && !position->second.source_id.empty()) {
    state.checkpoint = position->second.checkpoint;
    state.source_id = position->second.source_id;
  }
  for (const auto& [key, record] : cache_->records) {
    if (key.first == stream_) state.tables.push_back(record);
  }
  return state;
}

Result<SinkState> FakeSink::open() {
  abandon();
  WALBRIDGE_TRY(before(FakeCall::Open));
  auto& position = cache_->positions[stream_];
  ++position.epoch;
  position.guard = 0;
  stored_ = position;
  std::erase_if(cache_->tables, [&](const auto& entry) {
    const auto oid = backfill_table_oid(stream_, entry.first);
    if (!oid) return false;
    const auto record = cache_->records.find({stream_, *oid});
    return record == cache_->records.end() || record->second.backfill.empty();
  });
  WALBRIDGE_TRY(after());
  phase_ = Phase::Ready;
  return state();
}

Result<SinkState> FakeSink::peek() {
  WALBRIDGE_TRY(before(FakeCall::Peek));
  return state();
}

std::vector<Finding> FakeSink::check(std::span<const CacheTable* const> tables) {
  std::vector<Finding> findings;
  for (const auto* table : tables) {
    if (const auto loadable = require_loadable(*table); !loadable) {
      const auto& error = loadable.error();
      findings.push_back({Finding::Severity::Error, error.code, "sink fake", error.message, error.remedy});
    }
  }
  if (findings.empty()) findings.push_back({Finding::Severity::Ok, "cache", "sink fake", "reachable", ""});
  return findings;
}

Status FakeSink::require_loadable(const CacheTable& table) const {
  const auto there = cache_->tables.find(table.name);
  if (there == cache_->tables.end() || there->second.stream == stream_) return {};
  return Error{Verdict::Operator, "table-exists", "table " + table.name + " is somebody else's",
               "give the table another name with `as:`", table.name};
}

Status FakeSink::begin_load(std::span<const CacheTable* const> tables) {
  WALBRIDGE_TRY(require(Phase::Ready));
  WALBRIDGE_TRY(before(FakeCall::BeginLoad));
  loading_.clear();
  for (const auto* table : tables) {
    WALBRIDGE_TRY(require_loadable(*table));
    loading_[table->name] = FakeTable{*table, stream_, {}, {}};
  }
  phase_ = Phase::Load;
  return after();
}

Status FakeSink::load(const LoadBlock& block) {
  WALBRIDGE_TRY(require(Phase::Load));
  WALBRIDGE_TRY(before(FakeCall::Load));
  const auto found = loading_.find(block.table->name);
  if (found == loading_.end()) return call_order();
  const std::span<const SqlValue> values(block.values);
  const auto columns = block.table->columns.size();
  for (std::size_t row = 0; row < block.rows; ++row) {
    WALBRIDGE_TRY(fake_insert(found->second, values.subspan(row * columns, columns)));
  }
  return after();
}

Status FakeSink::finish_load(std::span<const TableRecord> records, const std::string& source_id,
                             const Checkpoint& checkpoint) {
  WALBRIDGE_TRY(require(Phase::Load));
  WALBRIDGE_TRY(before(FakeCall::FinishLoad));
  WALBRIDGE_TRY(move_position(source_id, checkpoint));
  for (auto& [name, table] : loading_) {
    if (!is_live(records, table.shape.source_oid)) continue;
    const CacheTable& shape = table.shape;
    std::erase_if(cache_->records, [&](const auto& entry) {
      return entry.first.first == stream_ && entry.second.cache_name == shape.name &&
             entry.second.source_oid != shape.source_oid;
    });
    cache_->tables[name] = std::move(table);
  }
  loading_.clear();
  for (const auto& record : records) cache_->records[{stream_, record.source_oid}] = record;
  ++cache_->commits;
  phase_ = Phase::Ready;
  return after();
}

Status FakeSink::begin() {
  if (phase_ == Phase::Transaction && !touched_) phase_ = Phase::Ready;  // its answer was lost, it is repeated
  WALBRIDGE_TRY(require(Phase::Ready));
  WALBRIDGE_TRY(before(FakeCall::Begin));
  stage_.clear();
  staged_records_.clear();
  touched_ = false;
  phase_ = Phase::Transaction;
  return after();
}

Status FakeSink::apply(const CacheChange& change) {
  WALBRIDGE_TRY(require(Phase::Transaction));
  touched_ = true;
  WALBRIDGE_TRY(before(FakeCall::Apply));
  auto* const table = stage_.find(change.table->name);
  if (table == nullptr) {
    return Error{Verdict::PoisonRow, "table-altered", "table " + change.table->name + " is gone",
                 "load the table again", change.table->name};
  }
  WALBRIDGE_TRY(fake_apply(*table, change));
  return after();
}

Status FakeSink::alter(std::span<const SchemaStep> steps) {
  WALBRIDGE_TRY(require(Phase::Transaction));
  touched_ = true;
  WALBRIDGE_TRY(before(FakeCall::Alter));
  WALBRIDGE_TRY(fake_alter(stage_, stream_, steps));
  return after();
}

Status FakeSink::record(const TableRecord& record) {
  WALBRIDGE_TRY(require(Phase::Transaction));
  touched_ = true;
  WALBRIDGE_TRY(before(FakeCall::Record));
  staged_records_.emplace_back(record);
  return after();
}

Status FakeSink::forget(std::uint32_t source_oid) {
  WALBRIDGE_TRY(require(Phase::Transaction));
  touched_ = true;
  WALBRIDGE_TRY(before(FakeCall::Forget));
  staged_records_.emplace_back(source_oid);
  return after();
}

// An answer that was lost is found again: the position is already the wanted one, moved by this very commit.
Status FakeSink::commit(const Checkpoint& checkpoint) {
  WALBRIDGE_TRY(require(Phase::Transaction));
  WALBRIDGE_TRY(before(FakeCall::Commit));
  const auto now = cache_->positions.find(stream_);
  const bool applied = now != cache_->positions.end() && now->second.epoch == stored_.epoch &&
                       now->second.guard == stored_.guard + 1 && now->second.checkpoint == checkpoint;
  const FakePosition known = stored_;
  if (applied) {
    stored_ = now->second;
  } else {
    WALBRIDGE_TRY(move_position(stored_.source_id, checkpoint));
    stage_.commit();
    for (const auto& change : staged_records_) {
      if (const auto* record = std::get_if<TableRecord>(&change)) {
        cache_->records[{stream_, record->source_oid}] = *record;
      } else {
        cache_->records.erase({stream_, std::get<std::uint32_t>(change)});
      }
    }
    ++cache_->commits;
  }
  if (pending_) {
    stored_ = known;  // this writer has not heard of it yet
    return after();
  }
  stage_.clear();
  staged_records_.clear();
  phase_ = Phase::Ready;
  return {};
}

Status FakeSink::move_position(const std::string& source_id, const Checkpoint& wanted) {
  const auto now = cache_->positions.find(stream_);
  if (now == cache_->positions.end() || now->second.epoch < stored_.epoch) {
    return Error{Verdict::Gap, "cache-replaced", "the checkpoint is gone", "restart walbridge"};
  }
  if (now->second.epoch > stored_.epoch) {
    return Error{Verdict::Operator, "fenced", "another walbridge has taken over", "run one walbridge per cache"};
  }
  if (now->second.guard != stored_.guard || now->second.checkpoint != stored_.checkpoint) {
    return Error{Verdict::Gap, "cache-replaced", "the checkpoint is not the one written last", "restart walbridge"};
  }
  now->second = {source_id, stored_.epoch, stored_.guard + 1, wanted};
  stored_ = now->second;
  return {};
}

void FakeSink::abandon() noexcept {
  loading_.clear();
  stage_.clear();
  staged_records_.clear();
  pending_.reset();
  phase_ = Phase::Closed;
}

Status FakeSink::remove(std::span<const TableRecord> records) {
  WALBRIDGE_TRY(before(FakeCall::Remove));
  for (const auto& record : records) {
    const auto table = cache_->tables.find(record.cache_name);
    if (table != cache_->tables.end() && table->second.stream == stream_) cache_->tables.erase(table);
  }
  std::erase_if(cache_->tables, [&](const auto& entry) { return is_backfill_table(stream_, entry.first); });
  std::erase_if(cache_->records, [&](const auto& entry) { return entry.first.first == stream_; });
  cache_->positions.erase(stream_);
  abandon();
  return after();
}

}  // namespace walbridge::testing
