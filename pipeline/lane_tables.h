// Which changes a cache takes: its table plans, their states, and per relation version the plan bound to it.
// Owned by one lane, used on its thread.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "mapping/table_plan.h"
#include "pipeline/api/change.h"
#include "pipeline/api/checkpoint.h"

namespace walbridge::pipeline {

class LaneTables {
 public:
  struct Table {
    std::shared_ptr<const mapping::TablePlan> plan;
    TableRecord record;
    std::vector<std::uint32_t> heaps;  // oids whose changes land here: the table, or its leaves
  };

  // Replaces everything.
  void assign(std::vector<Table> tables);
  // Takes over states read from the cache; tables stopped here but not yet written there stay stopped.
  void adopt(std::span<const TableRecord> records);

  struct Route {
    Table* table = nullptr;  // null: not this cache's business
    const mapping::BoundPlan* bound = nullptr;
    std::optional<Error> misfit;  // the relation does not fit the plan
  };
  // The route of `relation`, which `chunk` keeps alive. Valid until the next call with another version of it.
  const Route& route(const Relation& relation, const Chunk& chunk);

  // False: this transaction's changes to the table are in its snapshot already, or the table has stopped.
  static bool wants(const Table& table, Lsn commit_lsn) {
    if (commit_lsn < table.record.snapshot_lsn) return false;
    return table.record.state == TableState::Live ||
           (table.record.state == TableState::Stopped && commit_lsn < table.record.stopped_at);
  }

  // From transaction `at` on, the table takes nothing any more; the record waits to be written.
  void stop(Table& table, const Error& error, Lsn at);
  Table* find_by_cache_name(const std::string& name);

  const std::vector<TableRecord>& unwritten() const { return unwritten_; }
  void written() { unwritten_.clear(); }

  std::vector<TableRecord> records() const;

 private:
  struct Entry {
    std::shared_ptr<const Relation> relation;  // keeps the key below from being reused
    std::optional<mapping::BoundPlan> bound;
    Route route;
  };
  std::vector<std::unique_ptr<Table>> tables_;
  std::unordered_map<std::uint32_t, Table*> by_heap_;
  std::unordered_map<std::uint32_t, Entry> entries_;  // by relation oid
  std::vector<TableRecord> unwritten_;
};

}  // namespace walbridge::pipeline
