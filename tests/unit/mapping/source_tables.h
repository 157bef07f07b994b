// Source tables, relations and rows for tests, in as few words as the tests need.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mapping/table_plan.h"

namespace walbridge::mapping::testing {

inline std::uint32_t oid_of(const std::string& kind) {
  std::uint32_t oid = 1000;
  for (const char c : kind) oid = oid * 31 + static_cast<unsigned char>(c);
  return oid;
}

inline std::shared_ptr<const PgType> type(const std::string& kind, std::int32_t typmod = -1, std::string sql = {}) {
  auto made = std::make_shared<PgType>();
  made->kind = kind;
  made->sql = sql.empty() ? kind : std::move(sql);
  made->oid = oid_of(kind);
  made->typmod = typmod;
  return made;
}

inline std::int32_t numeric_typmod(int precision, int scale) { return (precision << 16 | (scale & 0x7ff)) + 4; }

inline std::shared_ptr<const PgType> numeric(int precision, int scale) {
  return type("numeric", numeric_typmod(precision, scale),
              "numeric(" + std::to_string(precision) + "," + std::to_string(scale) + ")");
}

inline std::shared_ptr<const PgType> array_of(std::shared_ptr<const PgType> element) {
  auto made = std::make_shared<PgType>();
  made->kind = "array";
  made->sql = element->sql + "[]";
  made->oid = element->oid + 1;
  made->element = std::move(element);
  return made;
}

inline std::shared_ptr<const PgType> domain_of(std::shared_ptr<const PgType> base, const std::string& sql) {
  auto made = std::make_shared<PgType>();
  made->kind = "domain";
  made->sql = sql;
  made->oid = oid_of(sql);
  made->base = std::move(base);
  return made;
}

inline std::shared_ptr<const PgType> enum_of(std::vector<std::string> labels, const std::string& sql = "mood") {
  auto made = std::make_shared<PgType>();
  made->kind = "enum";
  made->sql = sql;
  made->oid = oid_of(sql);
  made->labels = std::move(labels);
  return made;
}

// A SourceTable, column by column and index by index.
class TableMaker {
 public:
  explicit TableMaker(const std::string& qualified) {
    const auto dot = qualified.find('.');
    table_.schema = qualified.substr(0, dot);
    table_.name = qualified.substr(dot + 1);
    table_.oid = oid_of(qualified);
  }

  TableMaker& column(const std::string& name, std::shared_ptr<const PgType> of, bool not_null = false) {
    SourceColumn made;
    made.attnum = static_cast<std::int16_t>(table_.columns.size() + 1);
    made.name = name;
    made.type = std::move(of);
    made.not_null = not_null;
    table_.columns.push_back(std::move(made));
    return *this;
  }
  TableMaker& column(const std::string& name, const std::string& kind, bool not_null = false) {
    return column(name, type(kind), not_null);
  }
  TableMaker& generated(const std::string& name, const std::string& kind) {
    column(name, kind);
    table_.columns.back().generated = true;
    return *this;
  }
  TableMaker& primary_key(const std::vector<std::string>& columns, bool immediate = true) {
    SourceIndex& index = add_index(table_.name + "_pkey", columns, true);
    index.primary = true;
    index.immediate = immediate;
    for (const auto& name : columns) column_named(name).not_null = true;
    return *this;
  }
  TableMaker& unique(const std::string& name, const std::vector<std::string>& columns) {
    add_index(name, columns, true);
    return *this;
  }
  TableMaker& index(const std::string& name, const std::vector<std::string>& columns,
                    const std::string& method = "btree") {
    add_index(name, columns, false).method = method;
    return *this;
  }
  TableMaker& identity(ReplicaIdentity identity) {
    table_.replica_identity = identity;
    return *this;
  }
  TableMaker& identity_index(const std::string& name) {
    table_.replica_identity = ReplicaIdentity::Index;
    for (auto& index : table_.indexes) index.replica_identity = index.name == name;
    return *this;
  }
  TableMaker& leaf(std::uint32_t oid, const std::string& name) {
    table_.kind = 'p';
    table_.leaves.push_back({oid, table_.schema, name});
    return *this;
  }
  TableMaker& unlogged() {
    table_.persistence = 'u';
    return *this;
  }
  SourceIndex& last_index() { return table_.indexes.back(); }
  SourceTable table() const { return table_; }

 private:
  SourceColumn& column_named(const std::string& name) {
    for (auto& column : table_.columns) {
      if (column.name == name) return column;
    }
    throw std::runtime_error("no column " + name);
  }
  SourceIndex& add_index(const std::string& name, const std::vector<std::string>& columns, bool unique) {
    SourceIndex made;
    made.name = name;
    made.method = "btree";
    made.unique = unique;
    for (const auto& column : columns) made.key.push_back({column_named(column).attnum, false});
    table_.indexes.push_back(std::move(made));
    return table_.indexes.back();
  }

  SourceTable table_;
};

// The relation the stream would announce for `table` (or, with a leaf, for that leaf).
inline Relation relation_of(const SourceTable& table, const SourceLeaf* leaf = nullptr) {
  Relation relation;
  relation.oid = leaf != nullptr ? leaf->oid : table.oid;
  relation.schema = leaf != nullptr ? leaf->schema : table.schema;
  relation.name = leaf != nullptr ? leaf->name : table.name;
  relation.replica_identity = table.replica_identity;
  for (const auto& column : table.columns) {
    if (column.generated) continue;
    bool key = table.replica_identity == ReplicaIdentity::Full;
    for (const auto& index : table.indexes) {
      const bool identifies = table.replica_identity == ReplicaIdentity::Index ? index.replica_identity : index.primary;
      for (const auto& part : index.key) key = key || (identifies && part.attnum == column.attnum);
    }
    relation.columns.push_back({column.name, column.type->oid, column.type->typmod, key});
  }
  return relation;
}

inline WireValue wire(std::string_view text) { return {WireValue::Kind::Text, text}; }
inline WireValue null() { return {WireValue::Kind::Null, {}}; }
inline WireValue unchanged() { return {WireValue::Kind::Unchanged, {}}; }

inline std::string show(const SqlValue& value) {
  switch (value.kind) {
    case SqlValue::Kind::Absent:
      return "-";
    case SqlValue::Kind::Null:
      return "null";
    case SqlValue::Kind::Integer:
      return std::to_string(value.integer);
    case SqlValue::Kind::Real:
      return "real";
    case SqlValue::Kind::Text:
      return "'" + std::string(value.bytes) + "'";
    case SqlValue::Kind::Blob:
      return "blob";
  }
  return "?";
}

inline std::string show(std::span<const SqlValue> values) {
  std::string text;
  for (const auto& value : values) text += (text.empty() ? "" : " ") + show(value);
  return text;
}

// "upsert 1 'a'", "update - 'b' where 1", "delete where 1"
inline std::string show(const CacheChange& change) {
  static constexpr const char* kNames[] = {"insert", "upsert", "update", "delete", "truncate", "soft-truncate"};
  std::string text = kNames[static_cast<int>(change.op)];
  if (!change.values.empty()) text += " " + show(change.values);
  if (!change.match.empty()) text += " where " + show(change.match);
  if (change.may_miss) text += " if there";
  if (change.leaf_column >= 0) text += " leaf " + std::to_string(change.leaf);
  return text;
}

// A table that a test has compiled and bound, and what it maps rows to.
class MappedTable {
 public:
  using Row = std::vector<WireValue>;

  explicit MappedTable(const TableMaker& maker, const config::Config& config = {}) : source(maker.table()) {
    auto compiled = TablePlan::compile(source, config, {});
    if (!compiled) throw std::runtime_error(describe(compiled.error()));
    plan = *compiled;
    relation = relation_of(source);
    bind();
  }
  void bind() {
    auto fitted = plan->bind(relation);
    if (!fitted) throw std::runtime_error(describe(fitted.error()));
    bound = *fitted;
  }

  std::vector<std::string> insert(const Row& row) { return map({RowChange::Op::Insert, {}, &relation, {}, row}); }
  std::vector<std::string> update(const Row& row) { return map({RowChange::Op::Update, {}, &relation, {}, row}); }
  std::vector<std::string> update_key(const Row& old_row, const Row& row) {
    return map({RowChange::Op::Update, RowChange::Old::Key, &relation, old_row, row});
  }
  std::vector<std::string> update_full(const Row& old_row, const Row& row) {
    return map({RowChange::Op::Update, RowChange::Old::Full, &relation, old_row, row});
  }
  std::vector<std::string> remove(const Row& old_row) {
    return map({RowChange::Op::Delete, RowChange::Old::Key, &relation, old_row, {}});
  }
  std::vector<std::string> remove_full(const Row& old_row) {
    return map({RowChange::Op::Delete, RowChange::Old::Full, &relation, old_row, {}});
  }
  std::string truncate() {
    const auto change = bound.truncate(context, scratch);
    return change ? show(*change) : "nothing";
  }
  // What a COPY of these rows would load, row by row.
  std::vector<std::string> copy(const std::vector<Row>& rows) {
    const auto copied = plan->bind_copy(source.oid);
    LoadBlock block;
    for (const auto& row : rows) {
      if (auto mapped = copied.map_copy(row, block); !mapped) return {describe(mapped.error())};
    }
    std::vector<std::string> shown;
    const std::size_t width = plan->cache().columns.size();
    for (std::size_t i = 0; i < block.rows; ++i)
      shown.push_back(show(std::span(block.values).subspan(i * width, width)));
    return shown;
  }

  SourceTable source;
  Relation relation;
  std::shared_ptr<const TablePlan> plan;
  BoundPlan bound;
  ChangeContext context{{1'700'000'000'120'000}};  // 2023-11-14 22:13:20.12
  Error error;
  Arena scratch;

 private:
  std::vector<std::string> map(const RowChange& change) {
    std::vector<CacheChange> changes;
    error = {};
    bool incomplete = false;
    if (auto mapped = bound.map(change, context, scratch, changes, incomplete); !mapped) {
      error = mapped.error();
      return {"error"};
    }
    std::vector<std::string> shown;
    for (const auto& each : changes) {
      if (each.table != &plan->cache()) throw std::runtime_error("a change of another table");
      shown.push_back(show(each));
    }
    if (incomplete) shown.push_back("incomplete");
    return shown;
  }
};

inline config::Rule rule_for(const std::string& match) {
  config::Rule rule;
  rule.match = match;
  return rule;
}

}  // namespace walbridge::mapping::testing
