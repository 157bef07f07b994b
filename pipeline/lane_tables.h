// Which tables a cache takes and how: each as its source is at the lane's place in the stream, with its plan, its
// record and the copy of it that may be under way; and per relation version the plan bound to it. What the stream says
// about the schema, and what the rules say at a start, comes out as changes for the lane to carry out. Owned by one
// lane.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/config.h"
#include "mapping/alteration.h"
#include "mapping/table_plan.h"
#include "mapping/table_shape.h"
#include "pipeline/api/change.h"
#include "pipeline/api/checkpoint.h"
#include "pipeline/table_fill.h"

namespace walbridge::pipeline {

class LaneTables {
 public:
  struct Table {
    std::shared_ptr<const SourceTable> source;       // as of the lane's place in the stream
    std::shared_ptr<const mapping::TablePlan> plan;  // null: refused, or nobody selects it any more
    TableRecord record;
    std::optional<TableFill> fill;
    std::shared_ptr<const CacheTable> filled;  // what `fill` fills, when that is not the table readers see
    bool refused = false;                      // the plan refuses it as it is now
    std::optional<Error> suspended;            // … since the transaction at hand, which may yet mend it

    bool is_filled_beside() const { return fill && fill->progress().beside; }
  };

  // What has to happen to one table in the cache, in the cache transaction that is open.
  struct Change {
    enum class Kind {
      Keep,       // only its record is new
      Alter,      // `alteration`, then its record
      CopyAgain,  // its rows must come from the source; `error` says why
      Stop,       // it cannot go on; `error` says why
      Drop,       // on_ddl.drop_table: it goes
    };
    Kind kind = Kind::Keep;
    Table* table = nullptr;
    std::shared_ptr<const SourceTable> source;  // what `table` becomes
    std::shared_ptr<const mapping::TablePlan> plan;
    mapping::Alteration alteration;
    Error error;
    bool refusal = false;  // Stop: by the plan
  };

  LaneTables(const config::Config& config, const config::Sink& sink) : config_(config), sink_(sink) {}

  // Starts anew from what the cache holds. Records that were decided here but not yet written there stay as decided.
  // The changes follow from rules that are not those of the last run. `first`: of this process; tables that had stopped
  // get another chance.
  std::vector<Change> assign(std::span<const TableRecord> records, bool first);
  // Tables the cache may not know yet.
  void set_catalog(std::vector<SourceTable> catalog) { catalog_ = std::move(catalog); }

  // Learns what the stream says in the transaction that commits at `at`. Hearing the same twice changes nothing.
  std::vector<Change> learn(const SchemaNews& news, Lsn at);

  // Makes a change's source and plan the table's own; the caller has carried out the rest, and writes the record.
  void settle(Change& change);
  void remove(const Table& table);  // after Drop
  // The table that a copy fills from here on; none: the one readers see.
  void set_filled(Table& table, std::shared_ptr<const CacheTable> filled);

  struct Route {
    Table* table = nullptr;  // null: not this cache's business
    const mapping::BoundPlan* bound = nullptr;
    std::optional<Error> misfit;  // the relation does not fit the plan
  };
  // The route of `relation`, which `chunk` keeps alive. Valid until the next call with another version of it.
  const Route& route(const Relation& relation, const Chunk& chunk);

  // Whether the table that readers see takes changes of this transaction. False: they are in its snapshot already, or
  // it has stopped, or waits to be replaced.
  static bool wants(const Table& table, Lsn commit_lsn) {
    if (commit_lsn < table.record.snapshot_lsn) return false;
    if (table.record.state == TableState::Live) return true;
    return table.record.stopped_at && commit_lsn < table.record.stopped_at;
  }

  // From transaction `at` on, the table takes nothing any more, until it is copied again (Pending) or a person acts
  // (Stopped). What was decided outlives a rollback and waits to be written.
  void freeze(Table& table, TableState state, const Error& error, Lsn at);
  // The same behind the transaction that commits at `at`, in whose cache transaction the caller writes the record.
  static void stop_behind(Table& table, const Error& error, Lsn at);
  Table* find_by_cache_name(const std::string& name);
  // Frozen, and nobody will ever feed it again: its name is free for whoever wants it.
  static bool is_relic(const TableRecord& record);
  // A table whose rows under `name` in the cache are not being fed, other than `except`.
  Table* frozen_under(const std::string& name, const Table& except);
  Table* find(std::uint32_t source_oid);
  std::span<const std::unique_ptr<Table>> all() const { return tables_; }

  // Records with decisions that the cache does not hold yet.
  std::vector<TableRecord> unwritten() const;
  void written();  // the open cache transaction is committed

  std::vector<TableRecord> states() const;  // the records without descriptions and shapes
  // Tables that the plan refuses and the cache has no record of.
  std::vector<mapping::RefusedTable> refused() const;

 private:
  struct Entry {
    std::shared_ptr<const Relation> relation;  // keeps the key below from being reused
    std::optional<mapping::BoundPlan> bound;
    Route route;
  };
  struct Occasion {
    std::span<const std::uint32_t> rewritten;
    std::span<const std::uint32_t> requested;
    Lsn at;              // none: no transaction, a start
    bool first = false;  // of this process
    bool late = false;   // SchemaNews::late
  };
  std::vector<Change> replan(const Occasion& occasion);
  Change planned(Table& table, const SourceTable& source, std::shared_ptr<const mapping::TablePlan> plan,
                 const Occasion& occasion);
  Change difference(Table& table, Change change, const std::string& shape, const Occasion& occasion);
  static bool is_settled(const Table& table, const SourceTable& source, const mapping::TablePlan* plan);
  static bool means_otherwise(const Table& table, const Change& change);
  Change lost(Table& table, const Error* refusal);
  const SourceTable* source_of(std::uint32_t oid) const;
  void index_heaps();

  const config::Config& config_;
  const config::Sink& sink_;
  std::vector<SourceTable> catalog_;  // as it was when the bridge started, and what the stream said since
  std::vector<SourceTable> sources_;  // everything that is or might be planned
  std::vector<std::unique_ptr<Table>> tables_;
  std::vector<mapping::RefusedTable> refused_;
  mapping::PlanMemory plans_;
  std::unordered_map<std::uint32_t, Table*> by_heap_;
  std::unordered_map<std::uint32_t, Entry> entries_;  // by relation oid
  struct Decision {
    std::uint32_t oid = 0;
    TableState state = TableState::Stopped;
    Error error;
    Lsn at;
  };
  static void carry(const Decision& decision, TableRecord& record);
  std::vector<Decision> unwritten_;
  // Changes of the open cache transaction may point into plans that are no longer anybody's.
  std::vector<std::shared_ptr<const void>> retired_;
};

}  // namespace walbridge::pipeline
