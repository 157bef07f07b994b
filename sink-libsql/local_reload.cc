// A load into a cache that has content: hidden tables filled in several transactions, swapped in by one.
#include <memory>
#include <utility>
#include <vector>

#include "pipeline/api/failpoint.h"
#include "sink-libsql/alter_plan.h"
#include "sink-libsql/local_alter.h"
#include "sink-libsql/local_load.h"
#include "sink-libsql/sqlite_error.h"

namespace walbridge::sink_libsql {
namespace {

// A load must not starve the other writers of the file, nor fail because one of them is slow.
constexpr std::size_t kRowsPerTransaction = 50'000;
constexpr std::size_t kBytesPerTransaction = 16U << 20;
constexpr int kPatienceMs = 5'000;

class Reload final : public LocalLoad {
 public:
  Reload(SqliteHandle& db, LocalWal& wal, const LocalIdentity& cache, StoredCheckpoint stored)
      : db_(db), wal_(wal), cache_(cache), stored_(std::move(stored)) {}
  ~Reload() override {
    rows_of_tables_.finalize();
    if (db_.in_transaction()) static_cast<void>(db_.execute("ROLLBACK"));
  }

  Status begin(std::span<const CacheTable* const> tables) override {
    sqlite3_busy_timeout(db_.raw(), kPatienceMs);
    WALBRIDGE_TRY(begin_transaction());
    WALBRIDGE_TRY(drop_load_tables(db_, cache_.stream));
    for (const auto* table : tables) {
      WALBRIDGE_TRY(require_jsonb(*table));
      WALBRIDGE_TRY(require_loadable(db_, cache_, *table));
      const auto hidden = load_table_name(cache_.stream, table->source_oid);
      WALBRIDGE_TRY(rows_of_tables_.make(db_, *table, hidden));
    }
    tables_.assign(tables.begin(), tables.end());
    return commit_transaction();
  }

  Status load(const LoadBlock& block) override {
    // Before the rows of this call, so that a caller told to try again does not insert them twice.
    if (rows_ >= kRowsPerTransaction || bytes_ >= kBytesPerTransaction) WALBRIDGE_TRY(commit_transaction());
    if (!db_.in_transaction()) WALBRIDGE_TRY(begin_transaction());
    WALBRIDGE_TRY(rows_of_tables_.insert(db_, block));
    rows_ += block.rows;
    bytes_ += block.arena.reserved();
    return {};
  }

  Result<StoredCheckpoint> finish(std::span<const TableRecord> records, const std::string& source_id,
                                  const Checkpoint& checkpoint) override {
    rows_of_tables_.finalize();
    if (db_.in_transaction()) WALBRIDGE_TRY(commit_transaction());
    WALBRIDGE_TRY(rows_of_tables_.require_made(records));
    auto swapped = swap(records, source_id, checkpoint);
    if (!swapped && db_.in_transaction()) static_cast<void>(db_.execute("ROLLBACK"));
    return swapped;
  }

 private:
  Result<StoredCheckpoint> swap(std::span<const TableRecord> records, const std::string& source_id,
                                const Checkpoint& checkpoint) {
    WALBRIDGE_TRY(begin_transaction());
    StoredCheckpoint moved = stored_;
    Statement guard;
    WALBRIDGE_TRY(move_position(db_, cache_, guard, moved, source_id, checkpoint));
    guard.reset();
    WALBRIDGE_TRY(alter_local(db_, cache_, swap_steps(records)));
    for (const auto* table : tables_) {
      if (is_live(records, table->source_oid)) WALBRIDGE_TRY(forget_namesakes(*table));
    }
    for (const auto& record : records) WALBRIDGE_TRY(write_record(db_, cache_.stream, record));
    WALBRIDGE_FAILPOINT("local-reload-before-commit");
    WALBRIDGE_TRY(commit_transaction());
    WALBRIDGE_FAILPOINT("local-reload-after-commit");
    return moved;
  }

  // Another writer may have taken over and made hidden tables of the same names: these rows must not end up in them.
  Status begin_transaction() {
    WALBRIDGE_TRY(db_.execute("BEGIN IMMEDIATE"));
    return require_epoch(db_, cache_, stored_.epoch);
  }

  Status commit_transaction() {
    if (const auto reason = wal_.replaced()) return replaced_error(cache_.name, *reason);
    WALBRIDGE_TRY(db_.execute("COMMIT"));
    wal_.after_commit(rows_);
    rows_ = bytes_ = 0;
    return {};
  }

  std::vector<SchemaStep> swap_steps(std::span<const TableRecord> records) const {
    std::vector<SchemaStep> steps;
    for (const auto* table : tables_) {
      const auto hidden = load_table_name(cache_.stream, table->source_oid);
      if (!is_live(records, table->source_oid)) {
        steps.push_back(drop_table_step(hidden));
        continue;
      }
      steps.push_back(drop_table_step(table->name));
      steps.push_back(rename_table_step(hidden, table->name));
      for (const auto& index : table->indexes) steps.push_back(create_index_step(*table, index));
    }
    return steps;
  }

  Status forget_namesakes(const CacheTable& table) {
    // The source's table may be another one of the same name: its record goes with its rows.
    return db_.execute(
        "DELETE FROM _walbridge_tables WHERE stream = ?1 AND lower(cache_name) = lower(?2) AND source_oid <> ?3",
        {SqlValue::text(cache_.stream), SqlValue::text(table.name), SqlValue::of(std::int64_t{table.source_oid})});
  }

  SqliteHandle& db_;
  LocalWal& wal_;
  LocalIdentity cache_;
  StoredCheckpoint stored_;
  LoadTables rows_of_tables_;
  std::vector<const CacheTable*> tables_;
  std::size_t rows_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace

std::unique_ptr<LocalLoad> make_reload(SqliteHandle& db, LocalWal& wal, const LocalIdentity& cache,
                                       const StoredCheckpoint& stored) {
  return std::make_unique<Reload>(db, wal, cache, stored);
}

}  // namespace walbridge::sink_libsql
