#include "mapping/schema_steps.h"

#include <utility>

namespace walbridge::mapping::steps {

namespace {

SchemaStep step(SchemaStep::Kind kind, const std::string& table) {
  SchemaStep made;
  made.kind = kind;
  made.table = table;
  return made;
}

}  // namespace

SchemaStep create_table(CacheTable definition) {
  auto made = step(SchemaStep::Kind::CreateTable, definition.name);
  made.definition = std::move(definition);
  return made;
}

SchemaStep drop_table(const std::string& table) { return step(SchemaStep::Kind::DropTable, table); }

SchemaStep rename_table(const std::string& table, const std::string& to) {
  auto made = step(SchemaStep::Kind::RenameTable, table);
  made.to = to;
  return made;
}

SchemaStep add_column(const std::string& table, CacheColumn column, const SqlValue& fill) {
  auto made = step(SchemaStep::Kind::AddColumn, table);
  made.column = std::move(column);
  made.fill = fill;
  return made;
}

SchemaStep add_computed(const std::string& table, ComputedColumn computed) {
  auto made = step(SchemaStep::Kind::AddComputed, table);
  made.computed = std::move(computed);
  return made;
}

SchemaStep drop_column(const std::string& table, const std::string& name) {
  auto made = step(SchemaStep::Kind::DropColumn, table);
  made.name = name;
  return made;
}

SchemaStep rename_column(const std::string& table, const std::string& name, const std::string& to) {
  auto made = step(SchemaStep::Kind::RenameColumn, table);
  made.name = name;
  made.to = to;
  return made;
}

SchemaStep create_index(const std::string& table, CacheIndex index) {
  auto made = step(SchemaStep::Kind::CreateIndex, table);
  made.index = std::move(index);
  return made;
}

SchemaStep drop_index(const std::string& table, CacheIndex index) {
  auto made = step(SchemaStep::Kind::DropIndex, table);
  made.index = std::move(index);
  return made;
}

SchemaStep execute(const std::string& table, std::string sql) {
  auto made = step(SchemaStep::Kind::Execute, table);
  made.sql = std::move(sql);
  return made;
}

}  // namespace walbridge::mapping::steps
