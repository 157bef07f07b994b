#include "tests/contract/fake_alter.h"

#include <algorithm>
#include <utility>

#include "pipeline/api/cache_sql.h"
#include "tests/contract/fake_table.h"

namespace walbridge::testing {
namespace {

using Kind = SchemaStep::Kind;

Error refused(const SchemaStep& step, const std::string& message) {
  return {Verdict::PoisonRow, "schema-refused", "table " + step.table + ": " + message, "copy the table again",
          step.table};
}

std::string about(const SchemaStep& step, const std::string& stream) {
  return step.kind == Kind::RenameTable && is_backfill_table(stream, step.table) ? step.to : step.table;
}

Error taken(const SchemaStep& step, const std::string& stream, const std::string& name) {
  return {Verdict::PoisonRow, "table-exists", "table " + name + " is somebody else's",
          "give the table another name with `as:`", about(step, stream)};
}

Status create_table(FakeStage& stage, const std::string& stream, const SchemaStep& step) {
  if (stage.holds_index(step.table)) return taken(step, stream, step.table);
  if (const auto* there = stage.find(step.table); there != nullptr && there->stream != stream)
    return taken(step, stream, step.table);
  auto shape = step.definition;
  shape.name = step.table;
  shape.indexes.clear();
  stage.put(step.table, FakeTable{std::move(shape), stream, {}, {}});
  return {};
}

Status rename_table(FakeStage& stage, const std::string& stream, const SchemaStep& step) {
  auto* const table = stage.find(step.table);
  if (table == nullptr) return refused(step, "no such table");
  if (step.to == step.table) return {};
  const bool hidden = is_backfill_table(stream, step.to);
  if (stage.holds_index(step.to) || (stage.find(step.to) != nullptr && !hidden)) return taken(step, stream, step.to);
  auto moved = *table;
  moved.shape.name = step.to;
  stage.drop(step.table);
  stage.put(step.to, std::move(moved));
  return {};
}

void add_column(FakeTable& table, const SchemaStep& step) {
  table.shape.columns.push_back(step.column);
  const auto fill = fake_value(step.fill);
  for (auto& [key, row] : table.keyed) row.push_back(fill);
  for (auto& row : table.keyless) row.push_back(fill);
}

Status drop_column(FakeTable& table, const SchemaStep& step) {
  auto& shape = table.shape;
  if (std::erase_if(shape.computed, [&](const auto& each) { return each.name == step.name; }) > 0) return {};
  const auto found = std::find_if(shape.columns.begin(), shape.columns.end(),
                                  [&](const auto& column) { return column.name == step.name; });
  if (found == shape.columns.end()) return refused(step, "no such column " + step.name);
  const auto at = found - shape.columns.begin();
  for (auto& key : shape.key) {
    if (key == at) return refused(step, "column " + step.name + " is part of the key");
    if (key > at) --key;
  }
  shape.columns.erase(found);
  for (auto& [key, row] : table.keyed) row.erase(row.begin() + at);
  for (auto& row : table.keyless) row.erase(row.begin() + at);
  return {};
}

Status rename_column(FakeTable& table, const SchemaStep& step) {
  for (auto& column : table.shape.columns) {
    if (column.name != step.name) continue;
    column.name = step.to;
    return {};
  }
  return refused(step, "no such column " + step.name);
}

Status create_index(FakeStage& stage, FakeTable& table, const SchemaStep& step) {
  auto index = step.index;
  const auto is_taken = [&] { return stage.holds_index(index.name) || stage.find(index.name) != nullptr; };
  if (is_taken()) index.name = step.table + "_" + index.name;
  if (is_taken()) return Error{Verdict::PoisonRow, "index-exists", index.name + " is taken", "drop it", step.table};
  table.shape.indexes.push_back(std::move(index));
  return {};
}

void drop_index(FakeTable& table, const SchemaStep& step) {
  std::erase_if(table.shape.indexes, [&](const auto& index) {
    return index.name == step.index.name || index.name == step.table + "_" + step.index.name;
  });
}

Status one_step(FakeStage& stage, const std::string& stream, const SchemaStep& step) {
  if (step.kind == Kind::CreateTable) return create_table(stage, stream, step);
  if (step.kind == Kind::RenameTable) return rename_table(stage, stream, step);
  if (step.kind == Kind::Execute) return fake_execute(stage, step);
  auto* const table = stage.find(step.table);
  if (step.kind == Kind::DropTable) {
    if (table != nullptr && table->stream == stream) stage.drop(step.table);
    return {};
  }
  if (table == nullptr) return refused(step, "no such table");
  switch (step.kind) {
    case Kind::AddColumn:
      add_column(*table, step);
      return {};
    case Kind::AddComputed:
      table->shape.computed.push_back(step.computed);
      return {};
    case Kind::DropColumn:
      return drop_column(*table, step);
    case Kind::RenameColumn:
      return rename_column(*table, step);
    case Kind::CreateIndex:
      return create_index(stage, *table, step);
    default:
      drop_index(*table, step);
      return {};
  }
}

}  // namespace

Status fake_alter(FakeStage& stage, const std::string& stream, std::span<const SchemaStep> steps) {
  for (const auto& step : steps) WALBRIDGE_TRY(one_step(stage, stream, step));
  return {};
}

}  // namespace walbridge::testing
