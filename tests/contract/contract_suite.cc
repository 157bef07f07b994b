#include "tests/contract/contract_suite.h"

#include <algorithm>

namespace walbridge::testing {

CacheTable make_table(std::uint32_t oid, const std::string& name, std::initializer_list<const char*> columns,
                      std::vector<std::uint16_t> key, bool rowid_key) {
  CacheTable table;
  table.source_oid = oid;
  table.source_name = "public." + name;
  table.name = name;
  for (const std::string column : columns) {
    const auto space = column.rfind(' ');
    const auto decl = column.substr(space + 1);
    const auto form = decl == "BLOB" ? CacheColumn::Form::Blob : CacheColumn::Form::Plain;
    table.columns.push_back({column.substr(0, space), decl, form});
  }
  table.key = std::move(key);
  table.rowid_key = rowid_key;
  table.schema_hash = "hash-1";
  return table;
}

CacheTable orders_table() {
  return make_table(101, "orders", {"id INTEGER", "name TEXT", "price DOUBLE", "data BLOB", "leaf BIGINT"}, {0}, true);
}
CacheTable positions_table() { return make_table(102, "positions", {"code TEXT", "line BIGINT", "note TEXT"}, {0, 1}); }
CacheTable events_table() { return make_table(103, "events", {"kind TEXT", "amount BIGINT"}, {}); }

SqlValue integer(std::int64_t value) { return SqlValue::of(value); }
SqlValue real(double value) { return SqlValue::of(value); }
SqlValue text(std::string_view value) { return SqlValue::text(value); }
SqlValue blob(std::string_view bytes) { return SqlValue::blob(bytes); }
SqlValue null() { return SqlValue::null(); }
SqlValue absent() { return {}; }

Row row(const Values& values) {
  Row cells;
  for (const auto& value : values) cells.push_back(cell(value));
  return cells;
}

Rows sorted(Rows rows) {
  std::sort(rows.begin(), rows.end());
  return rows;
}

Checkpoint at(std::uint64_t commit_lsn) {
  Checkpoint checkpoint;
  checkpoint.commit_lsn.value = commit_lsn;
  checkpoint.end_lsn.value = commit_lsn + 8;
  checkpoint.committed_at.micros = 1'790'000'000'123'456 + static_cast<std::int64_t>(commit_lsn);
  return checkpoint;
}

TableRecord live(const CacheTable& table, std::uint64_t snapshot_lsn) {
  TableRecord record;
  record.source_oid = table.source_oid;
  record.source_name = table.source_name;
  record.cache_name = table.name;
  record.state = TableState::Live;
  record.schema_hash = table.schema_hash;
  record.snapshot_lsn.value = snapshot_lsn;
  return record;
}

std::unique_ptr<LoadBlock> block_of(const CacheTable& table, const std::vector<Values>& rows) {
  auto block = std::make_unique<LoadBlock>();
  block->table = &table;
  for (const auto& values : rows) {
    for (SqlValue value : values) {
      if (value.kind == SqlValue::Kind::Text || value.kind == SqlValue::Kind::Blob) {
        value.bytes = block->arena.copy(value.bytes);
      }
      block->values.push_back(value);
    }
    ++block->rows;
  }
  return block;
}

std::unique_ptr<Sink> Contract::open(const std::string& stream) {
  auto sink = cache_->make_sink(stream);
  const auto state = sink->open();
  EXPECT_TRUE(state) << (state ? "" : describe(state.error()));
  return sink;
}

std::unique_ptr<Sink> Contract::filled(std::initializer_list<const CacheTable*> tables, const std::string& stream) {
  auto sink = open(stream);
  const std::vector<const CacheTable*> wanted(tables);
  std::vector<TableRecord> records;
  for (const auto* table : wanted) records.push_back(live(*table));
  EXPECT_OK(sink->begin_load(wanted));
  EXPECT_OK(sink->finish_load(records, kSource, at(1000)));
  return sink;
}

void Contract::load(Sink& sink, const CacheTable& table, const std::vector<Values>& rows, Checkpoint checkpoint) {
  const CacheTable* const tables[] = {&table};
  const TableRecord records[] = {live(table, checkpoint.commit_lsn.value)};
  ASSERT_OK(sink.begin_load(tables));
  ASSERT_OK(sink.load(*block_of(table, rows)));
  ASSERT_OK(sink.finish_load(records, kSource, checkpoint));
}

Rows Contract::rows(const CacheTable& table) {
  auto rows = cache_->rows(table);
  EXPECT_TRUE(rows) << "no table " << table.name;
  return rows.value_or(Rows{});
}

SinkState Contract::peek(const std::string& stream) {
  auto state = cache_->make_sink(stream)->peek();
  EXPECT_TRUE(state) << (state ? "" : describe(state.error()));
  return state ? *std::move(state) : SinkState{};
}

namespace {

Status apply(Sink& sink, CacheChange::Op op, const CacheTable& table, const Values& match, const Values& values) {
  CacheChange change;
  change.op = op;
  change.table = &table;
  change.match = match;
  change.values = values;
  return sink.apply(change);
}

}  // namespace

Status insert(Sink& sink, const CacheTable& table, const Values& values) {
  return apply(sink, CacheChange::Op::Insert, table, {}, values);
}
Status upsert(Sink& sink, const CacheTable& table, const Values& values) {
  return apply(sink, CacheChange::Op::Upsert, table, {}, values);
}
Status update(Sink& sink, const CacheTable& table, const Values& match, const Values& values) {
  return apply(sink, CacheChange::Op::Update, table, match, values);
}
Status erase(Sink& sink, const CacheTable& table, const Values& match) {
  return apply(sink, CacheChange::Op::Delete, table, match, {});
}
Status truncate(Sink& sink, const CacheTable& table) { return truncate_leaf(sink, table, -1, 0); }

Status truncate_leaf(Sink& sink, const CacheTable& table, std::int32_t column, std::int64_t leaf) {
  CacheChange change;
  change.op = CacheChange::Op::Truncate;
  change.table = &table;
  change.leaf_column = column;
  change.leaf = leaf;
  return sink.apply(change);
}

Status soft_truncate(Sink& sink, const CacheTable& table, const Values& values, std::int32_t leaf_column,
                     std::int64_t leaf) {
  CacheChange change;
  change.op = CacheChange::Op::SoftTruncate;
  change.table = &table;
  change.values = values;
  change.leaf_column = leaf_column;
  change.leaf = leaf;
  return sink.apply(change);
}

Status update_if_there(Sink& sink, const CacheTable& table, const Values& match, const Values& values) {
  CacheChange change;
  change.op = CacheChange::Op::Update;
  change.may_miss = true;
  change.table = &table;
  change.match = match;
  change.values = values;
  return sink.apply(change);
}

namespace {

SchemaStep step_on(SchemaStep::Kind kind, const std::string& table) {
  SchemaStep step;
  step.kind = kind;
  step.table = table;
  return step;
}

}  // namespace

SchemaStep create_step(const CacheTable& table, const std::string& name) {
  auto step = step_on(SchemaStep::Kind::CreateTable, name);
  step.definition = table;
  return step;
}
SchemaStep drop_step(const std::string& table) { return step_on(SchemaStep::Kind::DropTable, table); }
SchemaStep rename_step(const std::string& table, const std::string& to) {
  auto step = step_on(SchemaStep::Kind::RenameTable, table);
  step.to = to;
  return step;
}
SchemaStep add_column_step(const std::string& table, CacheColumn column, SqlValue fill) {
  auto step = step_on(SchemaStep::Kind::AddColumn, table);
  step.column = std::move(column);
  step.fill = fill;
  return step;
}
SchemaStep add_computed_step(const std::string& table, ComputedColumn computed) {
  auto step = step_on(SchemaStep::Kind::AddComputed, table);
  step.computed = std::move(computed);
  return step;
}
SchemaStep drop_column_step(const std::string& table, const std::string& column) {
  auto step = step_on(SchemaStep::Kind::DropColumn, table);
  step.name = column;
  return step;
}
SchemaStep rename_column_step(const std::string& table, const std::string& column, const std::string& to) {
  auto step = step_on(SchemaStep::Kind::RenameColumn, table);
  step.name = column;
  step.to = to;
  return step;
}
SchemaStep index_step(const std::string& table, CacheIndex index) {
  auto step = step_on(SchemaStep::Kind::CreateIndex, table);
  step.index = std::move(index);
  return step;
}
SchemaStep drop_index_step(const std::string& table, CacheIndex index) {
  auto step = step_on(SchemaStep::Kind::DropIndex, table);
  step.index = std::move(index);
  return step;
}
SchemaStep execute_step(const std::string& table, const std::string& sql) {
  auto step = step_on(SchemaStep::Kind::Execute, table);
  step.sql = sql;
  return step;
}
Status alter(Sink& sink, const std::vector<SchemaStep>& steps) { return sink.alter(steps); }

std::string outcome(const Status& status) { return status ? "ok" : describe(status.error()); }

}  // namespace walbridge::testing
