// The first fill: a whole database beside the cache's name, without a journal, then one rename.
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "pipeline/api/failpoint.h"
#include "sink-libsql/alter_plan.h"
#include "sink-libsql/local_alter.h"
#include "sink-libsql/local_file.h"
#include "sink-libsql/local_load.h"
#include "sink-libsql/sqlite_error.h"

namespace walbridge::sink_libsql {
namespace {

constexpr const char* kSettings[] = {
    "PRAGMA page_size = 4096",   "PRAGMA auto_vacuum = NONE", "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF",  "PRAGMA cache_size = -16384",
};
constexpr int kReaderPatienceMs = 5'000;

class FirstLoad final : public LocalLoad {
 public:
  explicit FirstLoad(const LocalIdentity& cache) : cache_(cache), side_(side_path(cache.path)) {}
  ~FirstLoad() override { discard(); }

  Status begin(std::span<const CacheTable* const> tables) override {
    for (const auto* table : tables) WALBRIDGE_TRY(require_jsonb(*table));
    WALBRIDGE_TRY(require_directory(cache_.path));
    WALBRIDGE_TRY(require_vacant());
    WALBRIDGE_TRY(remove_database(side_));
    WALBRIDGE_TRY_AS(db_, SqliteHandle::open(side_, SqliteHandle::Mode::Create, cache_.name));
    for (const char* setting : kSettings) WALBRIDGE_TRY(db_->execute(setting));
    WALBRIDGE_TRY(db_->execute("BEGIN"));
    WALBRIDGE_TRY(make_system_tables(*db_));
    for (const auto* table : tables) {
      WALBRIDGE_TRY(require_loadable(*db_, cache_, *table));  // two tables of one name
      WALBRIDGE_TRY(rows_.make(*db_, *table, table->name));
    }
    tables_.assign(tables.begin(), tables.end());
    WALBRIDGE_TRY_AS(const auto made, look_at(side_));
    if (made) ours_ = made->identity;
    return {};
  }

  Status load(const LoadBlock& block) override { return rows_.insert(*db_, block); }

  Result<StoredCheckpoint> finish(std::span<const TableRecord> records, const std::string& source_id,
                                  const Checkpoint& checkpoint) override {
    if (!filled_) {
      WALBRIDGE_TRY_AS(filled_, fill(records, source_id, checkpoint));
    }
    WALBRIDGE_FAILPOINT("local-load-before-rename");
    WALBRIDGE_TRY_AS(const auto there, look_at(cache_.path));
    if (there) {
      WALBRIDGE_TRY(copy_into_empty(*there));
    } else {
      WALBRIDGE_TRY(give_name());
    }
    WALBRIDGE_FAILPOINT("local-load-after-rename");
    discard();
    return *filled_;
  }

 private:
  Result<StoredCheckpoint> fill(std::span<const TableRecord> records, const std::string& source_id,
                                const Checkpoint& checkpoint) {
    rows_.finalize();
    WALBRIDGE_TRY(rows_.require_made(records));
    for (const auto* table : tables_) WALBRIDGE_TRY(complete(*table, is_live(records, table->source_oid)));
    WALBRIDGE_TRY_AS(auto stored, take_over(*db_, cache_));
    Statement guard;
    WALBRIDGE_TRY(move_position(*db_, cache_, guard, stored, source_id, checkpoint));
    guard.reset();
    for (const auto& record : records) WALBRIDGE_TRY(write_record(*db_, cache_.stream, record));
    WALBRIDGE_TRY(db_->execute("COMMIT"));
    return stored;
  }

  // Nothing can be undone here: what could fail half-way is asked before.
  Status complete(const CacheTable& table, bool live) {
    if (!live) {
      const auto drop = drop_table_step(table.name);
      return alter_new(*db_, cache_, table.name, std::span(&drop, 1));
    }
    if (complete_.contains(table.source_oid)) return {};
    WALBRIDGE_TRY(require_computable(*db_, table));
    WALBRIDGE_TRY(require_unique(*db_, table));
    std::vector<SchemaStep> steps;
    for (const auto& index : table.indexes) steps.push_back(create_index_step(table, index));
    WALBRIDGE_TRY(alter_new(*db_, cache_, table.name, steps));
    complete_.insert(table.source_oid);
    return {};
  }

  Status require_vacant() {
    WALBRIDGE_TRY_AS(const auto there, look_at(cache_.path));
    if (!there || (there->regular && there->bytes == 0)) return {};
    return appeared();
  }

  Error appeared() const {
    return {Verdict::Operator, "fenced", "cache " + cache_.name + " was made by something else during its first load",
            "run one walbridge per cache file, and let nothing else write it before it is filled; then restart"};
  }

  Status give_name() {
    WALBRIDGE_TRY(db_->execute("PRAGMA journal_mode = WAL"));
    db_.reset();  // the last handle folds the log into the file
    WALBRIDGE_TRY(sync_file(side_));
    // Whoever opens this cache removes side files first: the one we are about to name may be another writer's.
    WALBRIDGE_TRY_AS(const auto side, look_at(side_));
    if (!side || ours_ != side->identity) return appeared();
    WALBRIDGE_TRY(remove_companions(cache_.path));
    WALBRIDGE_TRY_AS(const bool renamed, rename_to_absent(side_, cache_.path));
    if (!renamed) return appeared();
    ours_.reset();
    return {};
  }

  // Somebody has the empty file open and would go on reading it after a rename: fill that very file.
  Status copy_into_empty(const FileFacts& there) {
    if (!there.regular || there.bytes != 0) return appeared();
    WALBRIDGE_TRY_AS(const auto target, SqliteHandle::open(cache_.path, SqliteHandle::Mode::ReadWrite, cache_.name));
    sqlite3_busy_timeout(target->raw(), kReaderPatienceMs);
    auto* const backup = sqlite3_backup_init(target->raw(), "main", db_->raw(), "main");
    if (backup == nullptr) return target->last_error("copy the first load");
    sqlite3_backup_step(backup, -1);
    if (sqlite3_backup_finish(backup) != SQLITE_OK) return target->last_error("copy the first load");
    return {};
  }

  void discard() {
    rows_.finalize();
    db_.reset();
    if (!ours_) return;
    const auto side = look_at(side_);
    // What cannot be removed now is removed by the next open.
    if (side && *side && (*side)->identity == *ours_) static_cast<void>(remove_database(side_));
    ours_.reset();
  }

  LocalIdentity cache_;
  std::string side_;
  std::unique_ptr<SqliteHandle> db_;
  LoadTables rows_;
  std::vector<const CacheTable*> tables_;
  std::set<std::uint32_t> complete_;  // tables with all their indexes
  std::optional<FileIdentity> ours_;
  std::optional<StoredCheckpoint> filled_;  // everything is in the side file; only the name is missing
};

}  // namespace

std::unique_ptr<LocalLoad> make_first_load(const LocalIdentity& cache) { return std::make_unique<FirstLoad>(cache); }

}  // namespace walbridge::sink_libsql
