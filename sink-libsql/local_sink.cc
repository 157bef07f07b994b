#include "sink-libsql/local_sink.h"

#include <utility>

#include "pipeline/api/failpoint.h"
#include "sink-libsql/alter_plan.h"
#include "sink-libsql/local_alter.h"
#include "sink-libsql/local_check.h"
#include "sink-libsql/local_file.h"
#include "sink-libsql/sqlite_error.h"

namespace walbridge::sink_libsql {
namespace {

// Short: a busy cache is the caller's Retry, which can also be told to stop.
constexpr int kPatienceMs = 250;
constexpr std::size_t kRowsPerCommit = 100'000;
constexpr std::size_t kBytesPerCommit = 64U << 20;

}  // namespace

Result<std::unique_ptr<Sink>> open_local_sink(const config::Sink& sink, const std::string& stream) {
  const auto path = local_path(sink.url);
  if (path.empty()) {
    return Error{Verdict::Operator, "config", "sink " + sink.name + " has a url without a path",
                 "write `url: file:PATH`, for example file:cache.db"};
  }
  return std::unique_ptr<Sink>(std::make_unique<LocalSink>(sink, LocalIdentity{path, path, stream}));
}

LocalSink::LocalSink(const config::Sink& sink, LocalIdentity cache)
    : cache_(std::move(cache)), subject_("sink " + sink.name), durability_(sink.durability) {
  limits_.rows_per_commit = sink.batch_rows != 0 ? sink.batch_rows : kRowsPerCommit;
  limits_.bytes_per_commit = kBytesPerCommit;
}

LocalSink::~LocalSink() { abandon(); }

Result<SinkState> LocalSink::open() {
  disconnect();
  WALBRIDGE_TRY(require_directory(cache_.path));
  WALBRIDGE_TRY(remove_database(side_path(cache_.path)));
  WALBRIDGE_TRY_AS(const auto there, look_at(cache_.path));
  if (there && !there->regular) {
    return Error{Verdict::Operator, "path", cache_.path + " is not a file", "give the sink's url another path"};
  }
  if (!there || there->bytes == 0) {
    phase_ = Phase::Absent;
    return SinkState{};
  }
  WALBRIDGE_TRY(connect());
  auto state = take_over_and_read();
  if (state) {
    phase_ = Phase::Ready;
  } else {
    disconnect();
  }
  return state;
}

Status LocalSink::connect() {
  WALBRIDGE_TRY_AS(db_, SqliteHandle::open(cache_.path, SqliteHandle::Mode::ReadWrite, cache_.name));
  if (auto configured = configure(); !configured) {
    db_.reset();
    return configured;
  }
  wal_ = std::make_unique<LocalWal>(*db_, cache_.path);
  statements_ = std::make_unique<LocalStatements>(*db_, cache_.name);
  return {};
}

void LocalSink::disconnect() noexcept {
  load_.reset();
  window_.clear();
  guard_.reset();
  statements_.reset();
  wal_.reset();
  db_.reset();  // rolls back what is open
  position_moved_ = false;
  phase_ = Phase::Closed;
}

Status LocalSink::configure() {
  sqlite3_busy_timeout(db_->raw(), kPatienceMs);
  WALBRIDGE_TRY_AS(const auto mode, db_->text("PRAGMA journal_mode = WAL"));
  if (mode != "wal") {
    return Error{Verdict::Operator, "journal-mode", "cache " + cache_.name + " cannot use a write-ahead log",
                 "put the cache on a local file system; network file systems lack the shared memory it needs"};
  }
  const std::string settings[] = {
      std::string("PRAGMA synchronous = ") + (durability_ == config::Durability::Full ? "FULL" : "NORMAL"),
      "PRAGMA cache_size = -16384",
      "PRAGMA foreign_keys = OFF",
      "PRAGMA secure_delete = FAST",
      "PRAGMA journal_size_limit = " + std::to_string(LocalWal::kLogBytesKept),
  };
  for (const auto& setting : settings) WALBRIDGE_TRY(db_->execute(setting));
  return {};
}

Result<SinkState> LocalSink::take_over_and_read() {
  WALBRIDGE_TRY(db_->execute("BEGIN IMMEDIATE"));
  WALBRIDGE_TRY(make_system_tables(*db_));
  WALBRIDGE_TRY_AS(auto stored, take_over(*db_, cache_));
  WALBRIDGE_TRY(drop_load_tables(*db_, cache_.stream));
  WALBRIDGE_TRY_AS(auto state, read_state(*db_, cache_.stream));
  WALBRIDGE_TRY(drop_orphans(*db_, cache_.stream, state.tables));
  WALBRIDGE_TRY(db_->execute("COMMIT"));
  stored_ = std::move(stored);
  return state;
}

Result<SinkState> LocalSink::peek() {
  WALBRIDGE_TRY_AS(const auto there, look_at(cache_.path));
  if (!there || there->bytes == 0) return SinkState{};
  WALBRIDGE_TRY_AS(const auto db, SqliteHandle::open(cache_.path, SqliteHandle::Mode::ReadOnly, cache_.name));
  sqlite3_busy_timeout(db->raw(), kPatienceMs);
  WALBRIDGE_TRY(db->execute("BEGIN"));  // one snapshot for position and tables
  return read_state(*db, cache_.stream);
}

std::vector<Finding> LocalSink::check(std::span<const CacheTable* const> tables) {
  return check_local(cache_, subject_, tables);
}

Status LocalSink::require(Phase phase, const char* deed) const {
  if (phase_ == phase) return {};
  if (phase_ == Phase::Absent) {
    return Error{Verdict::Operator, "not-loaded", std::string(deed) + ": cache " + cache_.name + " was never filled",
                 "report this as a bug"};
  }
  return Error{Verdict::Operator, "call-order", std::string(deed) + " of cache " + cache_.name + " out of order",
               "report this as a bug"};
}

Status LocalSink::begin_load(std::span<const CacheTable* const> tables) {
  auto load = phase_ == Phase::Absent ? make_first_load(cache_) : nullptr;
  if (!load) {
    WALBRIDGE_TRY(require(Phase::Ready, "begin_load"));
    load = make_reload(*db_, *wal_, cache_, stored_);
  }
  auto begun = load->begin(tables);
  if (begun) {
    load_ = std::move(load);
    phase_ = Phase::Load;
  }
  return begun;
}

Status LocalSink::load(const LoadBlock& block) {
  WALBRIDGE_TRY(require(Phase::Load, "load"));
  return load_->load(block);
}

Status LocalSink::finish_load(std::span<const TableRecord> records, const std::string& source_id,
                              const Checkpoint& checkpoint) {
  WALBRIDGE_TRY(require(Phase::Load, "finish_load"));
  auto stored = load_->finish(records, source_id, checkpoint);
  const bool goes_on =
      !stored && (stored.error().verdict == Verdict::Retry || stored.error().verdict == Verdict::PoisonRow);
  if (goes_on) return std::move(stored.error());
  load_.reset();
  if (!stored) {
    disconnect();
    return std::move(stored.error());
  }
  stored_ = *std::move(stored);
  if (db_ == nullptr) {
    phase_ = Phase::Closed;
    WALBRIDGE_TRY(connect());
  }
  sqlite3_busy_timeout(db_->raw(), kPatienceMs);
  phase_ = Phase::Ready;
  return {};
}

Status LocalSink::begin() {
  WALBRIDGE_TRY(require(Phase::Ready, "begin"));
  WALBRIDGE_TRY(db_->execute("BEGIN IMMEDIATE"));
  statements_->begin();
  rows_ = 0;
  position_moved_ = false;
  phase_ = Phase::Transaction;
  return {};
}

Status LocalSink::apply(const CacheChange& change) {
  WALBRIDGE_TRY(require(Phase::Transaction, "apply"));
  ++rows_;
  if (!ChangeWindow::takes(change)) {
    WALBRIDGE_TRY(drain_window());
    return statements_->apply(change);
  }
  window_.add(change);
  return window_.full() ? drain_window() : Status();
}

Status LocalSink::drain_window() {
  auto drained = window_.drain([this](const CacheChange& change) { return statements_->apply(change); });
  // What waited behind the failed change is forgotten: this transaction must not commit any more.
  if (!drained) phase_ = Phase::Closed;
  return drained;
}

Status LocalSink::alter(std::span<const SchemaStep> steps) {
  WALBRIDGE_TRY(require(Phase::Transaction, "alter"));
  WALBRIDGE_TRY(drain_window());
  statements_->forget();
  auto altered = alter_local(*db_, cache_, steps);
  if (!altered) phase_ = Phase::Closed;  // as after a change that failed
  return altered;
}

Status LocalSink::record(const TableRecord& record) {
  WALBRIDGE_TRY(require(Phase::Transaction, "record"));
  return write_record(*db_, cache_.stream, record);
}

Status LocalSink::forget(std::uint32_t source_oid) {
  WALBRIDGE_TRY(require(Phase::Transaction, "forget"));
  return forget_record(*db_, cache_.stream, source_oid);
}

Status LocalSink::commit(const Checkpoint& checkpoint) {
  WALBRIDGE_TRY(require(Phase::Transaction, "commit"));
  if (!position_moved_) {
    WALBRIDGE_TRY(drain_window());
    if (const auto reason = wal_->replaced()) return replaced_error(cache_.name, *reason);
    moved_ = stored_;
    WALBRIDGE_TRY(move_position(*db_, cache_, guard_, moved_, stored_.source_id, checkpoint));
    position_moved_ = true;
  }
  WALBRIDGE_FAILPOINT("local-before-commit");
  WALBRIDGE_TRY(db_->execute("COMMIT"));
  WALBRIDGE_FAILPOINT("local-after-commit");
  stored_ = moved_;
  position_moved_ = false;
  phase_ = Phase::Ready;
  wal_->after_commit(rows_);
  return {};
}

void LocalSink::abandon() noexcept { disconnect(); }

Status LocalSink::remove(std::span<const TableRecord> records) {
  disconnect();
  WALBRIDGE_TRY(remove_database(side_path(cache_.path)));
  WALBRIDGE_TRY_AS(const auto there, look_at(cache_.path));
  if (!there || there->bytes == 0) return {};
  WALBRIDGE_TRY(connect());
  auto removed = remove_tables(records);
  disconnect();
  return removed;
}

Status LocalSink::remove_tables(std::span<const TableRecord> records) {
  WALBRIDGE_TRY(db_->execute("BEGIN IMMEDIATE"));
  WALBRIDGE_TRY_AS(const auto exist, db_->integer(kSystemTablesExist));
  if (exist == 0) return {};
  std::vector<SchemaStep> drops;
  for (const auto& record : records) drops.push_back(drop_table_step(record.cache_name));
  WALBRIDGE_TRY(alter_local(*db_, cache_, drops));
  WALBRIDGE_TRY(drop_load_tables(*db_, cache_.stream));
  WALBRIDGE_TRY(drop_orphans(*db_, cache_.stream, {}));
  for (const char* sql : {kDeleteTables, kDeleteQuarantine, kDeleteCheckpoint}) {
    WALBRIDGE_TRY(db_->execute(sql, {SqlValue::text(cache_.stream)}));
  }
  WALBRIDGE_TRY_AS(const auto streams, db_->integer(kCountStreams));
  if (streams == 0) {
    for (const char* sql : drop_system_tables()) WALBRIDGE_TRY(db_->execute(sql));
  }
  return db_->execute("COMMIT");
}

}  // namespace walbridge::sink_libsql
