// How one source table becomes one cache table, compiled once per table and sink; and, bound to one Relation
// version, how each row becomes a CacheChange. Pure: no I/O, no clock. A plan and what is bound to it belong to one
// thread; compile() may run anywhere.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "pipeline/api/arena.h"
#include "pipeline/api/cache_table.h"
#include "pipeline/api/change.h"
#include "pipeline/api/result.h"
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
};

struct NotCarried {
  std::string what;  // "column", "index", "constraint"
  std::string name;
  std::string reason;
};

class BoundPlan;

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

  // Fails with a PoisonRow error naming the column when the relation does not fit the plan (its shape changed).
  Result<BoundPlan> bind(const Relation& relation) const;
  // For COPY rows read as copy_columns(); `heap_oid` is the table or leaf they come from.
  BoundPlan bind_copy(std::uint32_t heap_oid) const;

 private:
  friend class BoundPlan;
  friend struct PlanCompiler;
  Status check_name(const Relation& relation) const;
  Status check_identity(const Relation& relation) const;

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
};

// A plan with the positions of one relation's columns resolved. Holds a pointer to its plan.
class BoundPlan {
 public:
  // One wire change -> up to two cache changes (a key change may be a delete and an upsert), appended to `out`.
  // Values are views into the wire bytes, `scratch` or static text; they live until `scratch` is cleared.
  // PoisonRow: names table and column, never the value.
  Status map(const RowChange& change, Arena& scratch, std::vector<CacheChange>& out) const;

  // One COPY row appended to `block` (values may be copied into its arena).
  Status map_copy(std::span<const WireValue> row, LoadBlock& block) const;

  // TRUNCATE of this relation: of the whole table, or of one leaf.
  CacheChange truncate() const;

  const TablePlan& plan() const { return *plan_; }

 private:
  friend class TablePlan;
  Status encode_value(std::size_t column, const WireValue& wire, Arena& scratch, SqlValue& out) const;
  Status encode_row(std::span<const WireValue> row, Arena& scratch, std::span<SqlValue> out) const;
  Status encode_key(std::span<const WireValue> row, Arena& scratch, std::span<SqlValue> out) const;
  bool same_key_text(const RowChange& change) const;
  Status fill_unchanged(std::span<const WireValue> old_row, Arena& scratch, std::span<SqlValue> values) const;
  Status map_keyed_update(const RowChange& change, std::span<SqlValue> values, Arena& scratch,
                          std::vector<CacheChange>& out) const;
  Status map_keyless_update(const RowChange& change, std::span<SqlValue> values, Arena& scratch,
                            std::vector<CacheChange>& out) const;
  Status map_delete(const RowChange& change, Arena& scratch, std::vector<CacheChange>& out) const;
  void push(CacheChange::Op op, std::span<const SqlValue> values, std::span<const SqlValue> match,
            std::vector<CacheChange>& out) const;
  Error bad_value(std::size_t column, const char* fault) const;
  Error bad_row(const char* what) const;

  const TablePlan* plan_ = nullptr;
  std::uint32_t heap_oid_ = 0;
  std::vector<std::uint32_t> wire_position_;  // per plan column: position in the relation's tuple
  std::size_t wire_width_ = 0;                // values in one tuple
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

// Selects (include/exclude, the sink's own filter), compiles, and refuses collisions and reserved names.
SinkPlan plan_sink(std::span<const SourceTable> tables, const config::Config& config, const config::Sink& sink);

}  // namespace walbridge::mapping
