// A bulk load of a remote cache: hidden tables filled by guarded transactions of one table each, then swapped in by
// one. Every member may fail with Retry and is then called again with the same arguments: what was sent and not
// answered is sent again before anything else. One thread.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "pipeline/api/sink.h"
#include "sink-libsql/hrana_connection.h"
#include "sink-libsql/remote_alter.h"
#include "sink-libsql/remote_transaction.h"
#include "sink-libsql/system_tables.h"

namespace walbridge::sink_libsql {

class RemoteLoad {
 public:
  // `stored`: the position this writer holds; kept up to date.
  RemoteLoad(HranaConnection& connection, std::string stream, StoredCheckpoint& stored)
      : connection_(connection),
        stream_(std::move(stream)),
        stored_(stored),
        control_(connection, stream_),
        alter_(connection, stream_) {}

  Status begin(std::span<const CacheTable* const> tables);
  // PoisonRow: this table's rows cannot be loaded; the other tables go on.
  Status load(const LoadBlock& block);
  // PoisonRow: as load(), of rows that came earlier; call again when its record says so.
  Status finish(std::span<const TableRecord> records, const std::string& source_id, const Checkpoint& checkpoint);

 private:
  struct Table {
    const CacheTable* table = nullptr;
    std::string hidden_name;
    RemoteTransaction rows;  // not sent yet, or sent and not answered
    std::size_t row_count = 0;
    std::size_t resume_row = 0;  // of the block that load() is called with again
    std::optional<Error> poison;
    bool poison_told = false;
  };

  Status fill(Table& table, const LoadBlock& block);
  Status flush(Table& table);
  Status make_room(const Table& current);
  Status build_begin(std::span<const CacheTable* const> tables);
  Status send_swap(std::span<const TableRecord> records, const std::string& source_id, const Checkpoint& checkpoint);
  Status build_swap(std::span<const TableRecord> records, const std::string& source_id, const Checkpoint& checkpoint);
  Status send(RemoteTransaction& transaction, std::chrono::milliseconds at_most);

  HranaConnection& connection_;
  std::string stream_;
  StoredCheckpoint& stored_;
  RemoteTransaction control_;  // the first and the last transaction
  RemoteAlter alter_;
  std::map<std::uint32_t, Table> tables_;
};

}  // namespace walbridge::sink_libsql
