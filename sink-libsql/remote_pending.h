// What the open transaction of a remote cache holds until it is sent: stretches of row changes, schema steps between
// them, records. Copies what it keeps. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "pipeline/api/sink.h"
#include "sink-libsql/hrana_batch.h"
#include "sink-libsql/remote_alter.h"
#include "sink-libsql/remote_transaction.h"

namespace walbridge::sink_libsql {

class RemotePending {
 public:
  Status apply(const CacheChange& change) { return stretches_.back().changes.add(change); }
  void alter(std::span<const SchemaStep> steps);
  void record(const TableRecord& record) { records_.emplace_back(record); }
  void forget(std::uint32_t source_oid) { records_.emplace_back(source_oid); }

  bool alters() const { return stretches_.size() > 1; }
  // In the order they came, into a transaction that has been started. PoisonRow: a step cannot be.
  Status write(RemoteTransaction& transaction, RemoteAlter& alter, const std::string& stream) const;
  void clear();

 private:
  struct Stretch {
    ChangeGroups changes;
    std::vector<SchemaStep> steps;  // after the changes
  };
  std::deque<Stretch> stretches_{1};
  Arena fills_{4096};                                              // of the steps
  std::vector<std::variant<TableRecord, std::uint32_t>> records_;  // written, forgotten
};

}  // namespace walbridge::sink_libsql
