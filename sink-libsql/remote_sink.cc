#include "sink-libsql/remote_sink.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "pipeline/api/cache_sql.h"
#include "pipeline/api/failpoint.h"
#include "sink-libsql/alter_plan.h"
#include "sink-libsql/hrana_connection.h"
#include "sink-libsql/remote_alter.h"
#include "sink-libsql/remote_catalog.h"
#include "sink-libsql/remote_check.h"
#include "sink-libsql/remote_error.h"
#include "sink-libsql/remote_load.h"
#include "sink-libsql/remote_pending.h"
#include "sink-libsql/remote_state.h"
#include "sink-libsql/remote_transaction.h"

namespace walbridge::sink_libsql {
namespace {

using Kind = StepPurpose::Kind;

constexpr std::size_t kFewestRows = 100;
// A step may move all rows of a table, in one request that the server would abandon if we hung up.
constexpr std::chrono::milliseconds kAlterTime{600'000};
// Stops the steps after it while other streams still use the cache.
constexpr const char* kRequireNoStreams =
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM _walbridge_checkpoint) THEN json('in-use') END";

class RemoteSink final : public Sink {
 public:
  RemoteSink(HranaConnection connection, std::string stream, std::string subject, SinkLimits limits)
      : connection_(std::move(connection)),
        stream_(std::move(stream)),
        subject_(std::move(subject)),
        limits_(limits),
        transaction_(connection_, stream_),
        alter_(connection_, stream_) {}

  const SinkLimits& limits() const override { return limits_; }
  Result<SinkState> open() override;
  Result<SinkState> peek() override;
  std::vector<Finding> check(std::span<const CacheTable* const> tables) override {
    return check_remote(connection_, subject_, stream_, tables);
  }

  Status begin_load(std::span<const CacheTable* const> tables) override;
  Status load(const LoadBlock& block) override;
  Status finish_load(std::span<const TableRecord> records, const std::string& source_id,
                     const Checkpoint& checkpoint) override;

  Status begin() override;
  Status apply(const CacheChange& change) override;
  Status alter(std::span<const SchemaStep> steps) override;
  Status record(const TableRecord& record) override;
  Status forget(std::uint32_t source_oid) override;
  Status commit(const Checkpoint& checkpoint) override;
  void abandon() noexcept override;
  Status remove(std::span<const TableRecord> records) override;

 private:
  enum class Phase { Closed, Ready, Transaction, Load };
  Status require(Phase phase, const char* deed) const;
  struct Upgrade {
    bool kafka_place = false;
    bool descriptions = false;
  };
  Result<HranaReply> take_over(Upgrade upgrade);
  Status drop_orphans(const HranaStep& hidden_tables, std::span<const TableRecord> records);
  Status build(const Checkpoint& checkpoint);
  void ease_off(const Error& error);
  Status run_to_commit(HranaBatch& batch, StepPurposes& purposes);
  Status remove_system_tables();
  Error unexplained() const;

  HranaConnection connection_;
  std::string stream_;
  std::string subject_;
  SinkLimits limits_;
  Phase phase_ = Phase::Closed;
  StoredCheckpoint stored_;
  RemotePending pending_;
  RemoteTransaction transaction_;
  RemoteAlter alter_;
  std::optional<RemoteLoad> load_;
};

Status RemoteSink::require(Phase phase, const char* deed) const {
  if (phase_ == phase) return {};
  return Error{Verdict::Operator, "call-order",
               std::string(deed) + " of cache " + connection_.cache() + " out of order", "report this defect"};
}

// The steps before its last four: the checkpoint, the records, every hidden table, COMMIT.
// What the cache turns out to lack is added in a second attempt, or a third.
Result<HranaReply> RemoteSink::take_over(Upgrade upgrade) {
  HranaBatch batch;
  StepPurposes purposes;
  write_control(batch, purposes, Kind::Begin, "BEGIN IMMEDIATE");
  for (const char* sql : create_system_tables()) write_control(batch, purposes, Kind::Schema, sql);
  const auto add = [&](std::span<const char* const> columns) {
    for (const char* sql : columns) write_control(batch, purposes, Kind::Schema, sql);
  };
  if (upgrade.kafka_place) add(add_kafka_place());
  if (upgrade.descriptions) add(add_descriptions());
  write_stream_step(batch, purposes, Kind::Control, kEnsureCheckpoint, stream_);
  write_stream_step(batch, purposes, Kind::Control, kTakeOver, stream_);
  write_stream_step(batch, purposes, Kind::Read, kReadCheckpoint, stream_);
  write_stream_step(batch, purposes, Kind::Read, kReadTables, stream_);
  batch.step(kListHiddenTables, HranaBatch::When::PreviousOk, 0, true);
  purposes.push_back({Kind::Read, {}});
  const auto commit = write_end(batch, purposes, stream_);
  WALBRIDGE_TRY_AS(auto reply, connection_.run(batch, HranaConnection::Work::Write));
  if (!reply.request_error && reply.steps[commit].state == HranaStep::State::Ok) {
    reply.steps.resize(commit + 1);
    return reply;
  }
  const auto failed = [&](std::size_t step) {
    return !reply.request_error && reply.steps[step].state == HranaStep::State::Failed;
  };
  const Upgrade lacking{upgrade.kafka_place || failed(commit - 3), upgrade.descriptions || failed(commit - 2)};
  const bool new_ones = lacking.kafka_place != upgrade.kafka_place || lacking.descriptions != upgrade.descriptions;
  auto error = first_step_error(connection_.cache(), reply, purposes);
  if (!error) return unexplained();
  if (new_ones && error->verdict != Verdict::Retry) return take_over(lacking);
  return *std::move(error);
}

Result<SinkState> RemoteSink::open() {
  abandon();
  WALBRIDGE_TRY_AS(const auto reply, take_over({}));
  const auto reads = std::span(reply.steps).last(4);
  WALBRIDGE_TRY_AS(auto stored, checkpoint_from(reads[0]));
  WALBRIDGE_TRY_AS(auto tables, tables_from(reads[1]));
  if (!stored) return replaced_error(connection_.cache(), "its checkpoint is gone");
  stored_ = *std::move(stored);
  WALBRIDGE_TRY(drop_orphans(reads[2], tables));
  phase_ = Phase::Ready;
  SinkState state{std::nullopt, stored_.source_id, std::move(tables)};
  if (stored_.filled()) state.checkpoint = stored_.checkpoint;
  return state;
}

// No other writer of this stream is left that could have begun to fill them.
Status RemoteSink::drop_orphans(const HranaStep& hidden_tables, std::span<const TableRecord> records) {
  std::vector<std::string> orphans;
  for (auto& name : names_from(hidden_tables)) {
    if (is_orphan(stream_, name, records)) orphans.push_back(std::move(name));
  }
  if (orphans.empty()) return {};
  transaction_.start(stored_, stored_.source_id, stored_.checkpoint);
  for (const auto& name : orphans) {
    write_control(transaction_.batch(), transaction_.purposes(), Kind::Schema,
                  "DROP TABLE IF EXISTS " + quote_identifier(name));
  }
  transaction_.seal();
  auto dropped = transaction_.send(stored_);
  transaction_.drop();
  return dropped;
}

Result<SinkState> RemoteSink::peek() {
  HranaBatch batch;
  StepPurposes purposes;
  write_control(batch, purposes, Kind::Begin, "BEGIN");
  batch.step(kSystemTablesExist, HranaBatch::When::PreviousOk, 0, true);
  purposes.push_back({Kind::Read, {}});
  // The second of each pair is for a cache of an earlier layout, which must stay as it is.
  const auto read = [&](const char* sql, HranaBatch::When when, std::size_t step) {
    batch.begin_step(sql, when, step, true);
    batch.text(stream_);
    batch.end_step();
    purposes.push_back({Kind::Read, {}});
  };
  read(kReadCheckpoint, HranaBatch::When::StepOk, 1);
  read(kReadCheckpointWithoutKafkaPlace, HranaBatch::When::StepNotOk, 2);
  read(kReadTables, HranaBatch::When::StepOk, 1);
  read(kReadTablesWithoutDescriptions, HranaBatch::When::StepNotOk, 4);
  batch.step("ROLLBACK", HranaBatch::When::StepOk, 0);
  purposes.push_back({Kind::Rollback, {}});
  WALBRIDGE_TRY_AS(const auto reply, connection_.run(batch, HranaConnection::Work::Read));
  if (!reply.request_error && reply.steps[1].state == HranaStep::State::Ok) {
    const auto& rows = reply.steps[1].rows;
    if (rows.size() == 1 && rows.front().size() == 1 && rows.front().front().integer == 0) return SinkState{};
  }
  const auto ok = [&](std::size_t step) {
    return !reply.request_error && reply.steps[step].state == HranaStep::State::Ok;
  };
  if ((!ok(2) && !ok(3)) || (!ok(4) && !ok(5))) {
    if (auto error = first_step_error(connection_.cache(), reply, purposes)) return *std::move(error);
    return unexplained();
  }
  WALBRIDGE_TRY_AS(auto stored, checkpoint_from(reply.steps[ok(2) ? 2 : 3]));
  WALBRIDGE_TRY_AS(auto tables, tables_from(reply.steps[ok(4) ? 4 : 5]));
  SinkState state{std::nullopt, stored ? stored->source_id : std::string(), std::move(tables)};
  if (stored && stored->filled()) state.checkpoint = stored->checkpoint;
  return state;
}

Status RemoteSink::begin_load(std::span<const CacheTable* const> tables) {
  if (!load_) {
    WALBRIDGE_TRY(require(Phase::Ready, "begin_load"));
    load_.emplace(connection_, stream_, stored_);
  }
  WALBRIDGE_TRY(load_->begin(tables));
  phase_ = Phase::Load;
  return {};
}

Status RemoteSink::load(const LoadBlock& block) {
  WALBRIDGE_TRY(require(Phase::Load, "load"));
  return load_->load(block);
}

Status RemoteSink::finish_load(std::span<const TableRecord> records, const std::string& source_id,
                               const Checkpoint& checkpoint) {
  WALBRIDGE_TRY(require(Phase::Load, "finish_load"));
  WALBRIDGE_TRY(load_->finish(records, source_id, checkpoint));
  load_.reset();
  phase_ = Phase::Ready;
  return {};
}

Status RemoteSink::begin() {
  WALBRIDGE_TRY(require(Phase::Ready, "begin"));
  pending_.clear();
  alter_.clear();
  phase_ = Phase::Transaction;
  return {};
}

Status RemoteSink::apply(const CacheChange& change) {
  WALBRIDGE_TRY(require(Phase::Transaction, "apply"));
  return pending_.apply(change);
}

Status RemoteSink::alter(std::span<const SchemaStep> steps) {
  WALBRIDGE_TRY(require(Phase::Transaction, "alter"));
  pending_.alter(steps);
  return {};
}

Status RemoteSink::record(const TableRecord& record) {
  WALBRIDGE_TRY(require(Phase::Transaction, "record"));
  pending_.record(record);
  return {};
}

Status RemoteSink::forget(std::uint32_t source_oid) {
  WALBRIDGE_TRY(require(Phase::Transaction, "forget"));
  pending_.forget(source_oid);
  return {};
}

Status RemoteSink::build(const Checkpoint& checkpoint) {
  if (pending_.alters()) WALBRIDGE_TRY(alter_.prepare());
  transaction_.start(stored_, stored_.source_id, checkpoint);
  if (auto written = pending_.write(transaction_, alter_, stream_); !written) {
    transaction_.drop();
    return written;
  }
  transaction_.seal();
  if (!pending_.alters()) pending_.clear();
  return {};
}

Status RemoteSink::commit(const Checkpoint& checkpoint) {
  WALBRIDGE_TRY(require(Phase::Transaction, "commit"));
  for (;;) {
    if (!transaction_.sealed()) WALBRIDGE_TRY(build(checkpoint));
    WALBRIDGE_FAILPOINT("remote-before-commit");
    auto sent = transaction_.send(stored_, pending_.alters() ? kAlterTime : HranaConnection::kRequestTime);
    if (sent) break;
    const bool again = alter_.learn(transaction_, sent.error());
    if (again || sent.error().code == "schema-moved") transaction_.drop();
    if (again) continue;
    ease_off(sent.error());
    return sent;
  }
  WALBRIDGE_FAILPOINT("remote-after-commit");
  pending_.clear();
  alter_.done();
  phase_ = Phase::Ready;
  return {};
}

// The server ends transactions that hold up others for 5 s: the next ones are to be smaller.
void RemoteSink::ease_off(const Error& error) {
  if (error.code == "TRANSACTION_TIMEOUT") limits_.rows_per_commit = std::max(kFewestRows, limits_.rows_per_commit / 2);
}

void RemoteSink::abandon() noexcept {
  pending_.clear();
  alter_.clear();
  transaction_.drop();
  load_.reset();
  connection_.forget_stream();
  phase_ = Phase::Closed;
}

Status RemoteSink::remove(std::span<const TableRecord> records) {
  abandon();
  WALBRIDGE_TRY_AS(auto schema, read_schema(connection_, stream_));
  if (schema.catalog.find_table("_walbridge_checkpoint") == nullptr) return {};
  std::vector<SchemaStep> drops;
  for (const auto& record : records) drops.push_back(drop_table_step(record.cache_name));
  for (const auto& object : schema.catalog.objects()) {
    if (object.type == "table" && schema.catalog.is_hidden(object.name)) drops.push_back(drop_table_step(object.name));
  }
  AlterLessons lessons;
  WALBRIDGE_TRY_AS(const auto statements, AlterPlan(schema.catalog, lessons).statements(drops));
  HranaBatch batch;
  StepPurposes purposes;
  write_control(batch, purposes, Kind::Begin, "BEGIN IMMEDIATE");
  write_schema_check(batch, purposes, schema.fingerprint);
  for (const auto& statement : statements) write_control(batch, purposes, Kind::Schema, statement.sql);
  for (const char* sql : {kDeleteTables, kDeleteQuarantine, kDeleteCheckpoint}) {
    write_stream_step(batch, purposes, Kind::Control, sql, stream_);
  }
  WALBRIDGE_TRY(run_to_commit(batch, purposes));
  return remove_system_tables();
}

Status RemoteSink::remove_system_tables() {
  HranaBatch batch;
  StepPurposes purposes;
  write_control(batch, purposes, Kind::Begin, "BEGIN IMMEDIATE");
  write_control(batch, purposes, Kind::OwnershipCheck, kRequireNoStreams);
  for (const char* sql : drop_system_tables()) write_control(batch, purposes, Kind::Schema, sql);
  auto removed = run_to_commit(batch, purposes);
  const bool others_use_them = !removed && removed.error().code == "table-exists";
  return others_use_them ? Status() : removed;
}

Status RemoteSink::run_to_commit(HranaBatch& batch, StepPurposes& purposes) {
  const auto commit = batch.step("COMMIT");
  purposes.push_back({Kind::Commit, {}});
  batch.step("ROLLBACK", HranaBatch::When::StepNotOk, commit);
  purposes.push_back({Kind::Rollback, {}});
  WALBRIDGE_TRY_AS(const auto reply, connection_.run(batch, HranaConnection::Work::Write));
  if (!reply.request_error && reply.steps[commit].state == HranaStep::State::Ok) return {};
  if (auto error = first_step_error(connection_.cache(), reply, purposes)) return *std::move(error);
  return unexplained();
}

Error RemoteSink::unexplained() const {
  return {Verdict::Retry, "bad-reply", "cache " + connection_.cache() + " did not commit and did not say why", ""};
}

}  // namespace

Result<std::unique_ptr<Sink>> open_remote_sink(const config::Sink& sink, const std::string& stream) {
  WALBRIDGE_TRY_AS(auto connection, HranaConnection::make(sink));
  SinkLimits limits;
  limits.rows_per_commit = sink.batch_rows > 0 ? sink.batch_rows : 4'000;
  limits.bytes_per_commit = 4U << 20;
  limits.rows_per_part = 20'000;
  limits.bytes_per_part = 8U << 20;
  return std::unique_ptr<Sink>(
      std::make_unique<RemoteSink>(std::move(connection), stream, "sink " + sink.name, limits));
}

}  // namespace walbridge::sink_libsql
