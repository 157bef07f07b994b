// How one source table becomes one cache table, compiled once per table and sink; and, bound to one Relation
// version, how each row becomes a CacheChange. Pure: no I/O, no clock. A plan and what is bound to it belong to one
// thread; compile() may run anywhere.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/config.h"
#include "pipeline/api/arena.h"
#include "pipeline/api/cache_table.h"
#include "pipeline/api/change.h"
#include "pipeline/api/result.h"
#include "pipeline/api/source.h"
#include "pipeline/api/source_table.h"

namespace walbridge::mapping {

struct Encoder;  // mapping/encoder.h

// What the plan says about one source column, also for `plan`.
struct PlannedColumn {
  std::string source_name;
  std::uint32_t type_oid = 0;
  std::int32_t typmod = -1;
  std::string source_type;  // as Postgres prints it
  std::string encoding;     // "default" or the alternative's name
  bool nullable = true;
  std::int16_t attnum = 0;
  std::string role;   // "" or "ord": its order key
  std::string basis;  // TableShape::Column::encoding
};

struct NotCarried {
  std::string what;  // "column", "index", "constraint"
  std::string name;
  std::string reason;
  bool in_part = false;  // it is there, but not as it is at the source
};

class BoundPlan;
struct RowFilter;  // mapping/row_filter.h

// What a change needs to know besides its values.
struct ChangeContext {
  Timestamp committed_at;  // of its transaction: when a soft-deleted row went
};

class TablePlan {
 public:
  // PoisonRow-verdict errors name table, column and remedy: unmappable type, no usable key, reserved name.
  static Result<std::shared_ptr<const TablePlan>> compile(const SourceTable& source, const config::Config& config,
                                                          const config::Sink& sink);

  const CacheTable& cache() const { return cache_; }
  // One per cache column (a hidden leaf column, if any, comes last in `cache` and is not in here).
  const std::vector<PlannedColumn>& columns() const { return columns_; }
  const std::vector<NotCarried>& not_carried() const { return not_carried_; }
  // Source columns in the order a snapshot must read them.
  const std::vector<std::string>& copy_columns() const { return copy_columns_; }
  bool has_leaf_column() const { return leaf_column_ >= 0; }
  std::int32_t leaf_column() const { return leaf_column_; }  // position in cache().columns; -1: none
  // Source columns that identify a row, in the order of cache().key; empty: it has no key.
  std::vector<std::string> key_columns() const;
  // What the rules say about schema changes of this table.
  const config::OnDdl& on_ddl() const { return on_ddl_; }
  // Decides which rows there are: filter, mode, soft delete; equal texts, equal rows.
  const std::string& rows() const { return rows_; }
  // A filter that Postgres itself may apply while publishing (15+), as SQL; empty: none or not possible.
  const std::string& publish_where() const { return publish_where_; }
  bool append_only() const { return append_only_; }

  // Fails with a PoisonRow error naming the column when the relation does not fit the plan (its shape changed).
  Result<BoundPlan> bind(const Relation& relation) const;
  // For COPY rows read as copy_columns(); `heap_oid` is the table or leaf they come from.
  BoundPlan bind_copy(std::uint32_t heap_oid) const;

 private:
  friend class BoundPlan;
  friend struct PlanCompiler;
  Status check_name(const Relation& relation) const;
  Status check_identity(const Relation& relation) const;
  Status bind_filter(const Relation& relation, BoundPlan& bound) const;

  CacheTable cache_;
  std::vector<PlannedColumn> columns_;
  std::vector<NotCarried> not_carried_;
  std::vector<std::string> copy_columns_;
  std::vector<std::shared_ptr<const Encoder>> encoders_;  // one per column
  // Every source column left out on purpose; others that turn up in a relation do not fit the plan unless the
  // rules' globs leave them out too.
  std::vector<std::string> left_out_;
  std::vector<std::string> only_;
  std::vector<std::string> omit_;
  std::vector<SourceLeaf> leaves_;
  std::string schema_;
  std::string table_;
  ReplicaIdentity replica_identity_ = ReplicaIdentity::Default;
  std::int32_t leaf_column_ = -1;
  config::OnDdl on_ddl_;
  std::string rows_;
  std::string publish_where_;
  std::shared_ptr<const RowFilter> filter_;  // null: every row
  bool append_only_ = false;
  std::int32_t soft_delete_column_ = -1;  // position in cache().columns; after the leaf column
  std::shared_ptr<const Encoder> soft_delete_encoder_;
};

// A plan with the positions of one relation's columns resolved. Holds a pointer to its plan.
class BoundPlan {
 public:
  // One wire change -> up to two cache changes (a key change may be a delete and an upsert), appended to `out`.
  // Values are views into the wire bytes, `scratch` or static text; they live until `scratch` is cleared.
  // PoisonRow: names table and column, never the value.
  // True in `incomplete`: the new row belongs into the cache but came without a value that the cache may not have (it
  // entered the filter with unchanged TOAST): nothing is appended but that an old key is gone, and the row must be
  // fetched.
  Status map(const RowChange& change, const ChangeContext& context, Arena& scratch, std::vector<CacheChange>& out,
             bool& incomplete) const;

  // One COPY row appended to `block` (values may be copied into its arena), unless the filter leaves it out.
  Status map_copy(std::span<const WireValue> row, LoadBlock& block) const;

  // TRUNCATE of this relation: of the whole table, or of one leaf. None: the policy ignores it.
  std::optional<CacheChange> truncate(const ChangeContext& context, Arena& scratch) const;

  // The source's key of a row in wire form, in the order of TablePlan::key_columns().
  std::vector<std::string> key_of(std::span<const WireValue> row) const;

  const TablePlan& plan() const { return *plan_; }

 private:
  friend class TablePlan;
  // What is known of a row: that the filter lets it through, that it does not, or neither.
  enum class Passes : std::uint8_t { No, Yes, Unknown };
  Result<Passes> passes(std::span<const WireValue> row, std::span<const WireValue> fallback, Arena& scratch) const;
  Result<Passes> old_passes(const RowChange& change, Arena& scratch) const;
  Status map_insert(const RowChange& change, Arena& scratch, std::vector<CacheChange>& out, bool& incomplete) const;
  Status map_update(const RowChange& change, Arena& scratch, std::vector<CacheChange>& out) const;
  Status leave_old_key(const RowChange& change, Arena& scratch, std::vector<CacheChange>& out) const;
  Status map_filtered_update(const RowChange& change, const ChangeContext& context, Arena& scratch,
                             std::vector<CacheChange>& out, bool& incomplete) const;
  Status map_removal(const RowChange& change, const ChangeContext& context, bool surely_there, Arena& scratch,
                     std::vector<CacheChange>& out) const;
  SqlValue deleted_mark(const ChangeContext& context, Arena& scratch) const;
  Status encode_value(std::size_t column, const WireValue& wire, Arena& scratch, SqlValue& out) const;
  Status encode_row(std::span<const WireValue> row, Arena& scratch, std::span<SqlValue> out) const;
  Status encode_key(std::span<const WireValue> row, Arena& scratch, std::span<SqlValue> out) const;
  bool same_key_text(const RowChange& change) const;
  Status fill_unchanged(std::span<const WireValue> old_row, Arena& scratch, std::span<SqlValue> values) const;
  Status map_keyed_update(const RowChange& change, std::span<SqlValue> values, Arena& scratch,
                          std::vector<CacheChange>& out) const;
  Status map_keyless_update(const RowChange& change, std::span<SqlValue> values, Arena& scratch,
                            std::vector<CacheChange>& out) const;
  void push(CacheChange::Op op, std::span<const SqlValue> values, std::span<const SqlValue> match,
            std::vector<CacheChange>& out) const;
  Error bad_value(std::size_t column, const char* fault) const;
  Error bad_row(const char* what) const;

  const TablePlan* plan_ = nullptr;
  std::uint32_t heap_oid_ = 0;
  std::vector<std::uint32_t> wire_position_;    // per plan column: position in the relation's tuple
  std::vector<std::uint32_t> filter_position_;  // per column of the filter, likewise
  bool filter_in_key_ = false;                  // an old key is enough to know whether the old row passed
  std::size_t wire_width_ = 0;                  // values in one tuple
};

// The plans of one sink: those that work and those refused, each with its reason (collisions included).
struct RefusedTable {
  std::string source_name;
  std::uint32_t source_oid = 0;
  Error error;
};
struct SinkPlan {
  std::vector<std::shared_ptr<const TablePlan>> tables;
  std::vector<RefusedTable> refused;
};

// Names that tables of the cache have already, by source oid: they keep them when another table wants the same.
using SettledNames = std::map<std::uint32_t, std::string>;

// What plan_sink() made of each table the last time, for whoever plans the same sink again and again: tables whose
// description is the same keep the very plan they had.
struct PlanMemory {
  struct Entry {
    std::string description;                    // SourceTable::json
    std::shared_ptr<const TablePlan> compiled;  // by itself; null: refused
    std::shared_ptr<const TablePlan> plan;      // with the index names it got among all tables
    Error refusal;
  };
  std::unordered_map<std::uint32_t, Entry> entries;  // by source oid
};

// Selects (include/exclude, the sink's own filter), compiles, and refuses collisions and reserved names. `memory`: of
// calls with the same configuration and sink.
SinkPlan plan_sink(std::span<const SourceTable> tables, const config::Config& config, const config::Sink& sink,
                   const SettledNames& settled = {}, PlanMemory* memory = nullptr);

// What a pipeline that ends in a topic publishes, and what it cannot.
struct TopicPlan {
  std::vector<PublishedTable> tables;  // into the tables that were planned
  std::vector<RefusedTable> refused;

  const PublishedTable* find(std::uint32_t oid) const;
};
TopicPlan plan_topic(std::span<const SourceTable> tables, const config::Config& config);

}  // namespace walbridge::mapping
