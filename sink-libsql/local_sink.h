// A cache that is a local SQLite file: one handle, WAL mode, prepared statements, one transaction per batch with the
// checkpoint inside (I1). The file itself appears, filled, when the first load finishes. One thread at a time.
#pragma once

#include <memory>
#include <string>

#include "config/config.h"
#include "pipeline/api/sink.h"
#include "sink-libsql/change_window.h"
#include "sink-libsql/local_load.h"
#include "sink-libsql/local_state.h"
#include "sink-libsql/local_statements.h"
#include "sink-libsql/local_wal.h"
#include "sink-libsql/sqlite_handle.h"

namespace walbridge::sink_libsql {

Result<std::unique_ptr<Sink>> open_local_sink(const config::Sink& sink, const std::string& stream);

class LocalSink final : public Sink {
 public:
  LocalSink(const config::Sink& sink, LocalIdentity cache);
  ~LocalSink() override;

  const SinkLimits& limits() const override { return limits_; }
  Result<SinkState> open() override;
  Result<SinkState> peek() override;
  std::vector<Finding> check(std::span<const CacheTable* const> tables) override;

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
  // Absent: open() found no file, the first load will make it.
  enum class Phase { Closed, Absent, Ready, Transaction, Load };

  Status drain_window();
  Status connect();
  void disconnect() noexcept;
  Status configure();
  Result<SinkState> take_over_and_read();
  Status require(Phase phase, const char* deed) const;
  Status remove_tables(std::span<const TableRecord> records);

  LocalIdentity cache_;
  std::string subject_;
  config::Durability durability_;
  SinkLimits limits_;

  Phase phase_ = Phase::Closed;
  // Destroyed in reverse: statements before the handle they belong to.
  std::unique_ptr<SqliteHandle> db_;
  std::unique_ptr<LocalWal> wal_;
  std::unique_ptr<LocalStatements> statements_;
  ChangeWindow window_;
  Statement guard_;
  std::unique_ptr<LocalLoad> load_;

  StoredCheckpoint stored_;      // what the cache holds, as far as this writer knows
  StoredCheckpoint moved_;       // what it will hold when the open transaction commits
  bool position_moved_ = false;  // the guard ran in this transaction; a second commit() must not run it again
  std::size_t rows_ = 0;         // changes of the open transaction
};

}  // namespace walbridge::sink_libsql
