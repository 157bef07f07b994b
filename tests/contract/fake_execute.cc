// SQL on a FakeCache: its tables are put into a SQLite database in memory, without types so that values stay what they
// are, the statement runs there, and what it changed is read back.
#include <sqlite3.h>

#include <memory>

#include "pipeline/api/cache_sql.h"
#include "tests/contract/fake_alter.h"
#include "tests/contract/fake_table.h"

namespace walbridge::testing {
namespace {

struct Close {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, Close>;
using Statement = std::unique_ptr<sqlite3_stmt, Close>;

Statement prepare(sqlite3* db, const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr);
  return Statement(statement);
}

void bind(sqlite3_stmt* statement, int at, const FakeValue& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) sqlite3_bind_int64(statement, at, *integer);
  if (const auto* real = std::get_if<double>(&value)) sqlite3_bind_double(statement, at, *real);
  if (const auto* text = std::get_if<std::string>(&value))
    sqlite3_bind_text64(statement, at, text->data(), text->size(), SQLITE_STATIC, SQLITE_UTF8);
  if (const auto* blob = std::get_if<FakeBlob>(&value))
    sqlite3_bind_blob64(statement, at, blob->bytes.data(), blob->bytes.size(), SQLITE_STATIC);
}

FakeValue column_of(sqlite3_stmt* statement, int at) {
  const auto bytes = [&] {
    const auto* first = static_cast<const char*>(sqlite3_column_blob(statement, at));
    return first == nullptr ? std::string()
                            : std::string(first, static_cast<std::size_t>(sqlite3_column_bytes(statement, at)));
  };
  switch (sqlite3_column_type(statement, at)) {
    case SQLITE_INTEGER:
      return std::int64_t{sqlite3_column_int64(statement, at)};
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement, at);
    case SQLITE_TEXT:
      return bytes();
    case SQLITE_BLOB:
      return FakeBlob{bytes()};
    default:
      return std::monostate{};
  }
}

bool write_table(sqlite3* db, const FakeTable& table) {
  auto shape = table.shape;
  shape.rowid_key = false;
  for (auto& column : shape.columns) column.decl.clear();
  if (sqlite3_exec(db, create_table_sql(shape, shape.name).c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    return false;
  std::string names, marks;
  for (std::size_t i = 0; i < shape.columns.size(); ++i) {
    names += (i > 0 ? "," : "") + quote_identifier(shape.columns[i].name);
    marks += i > 0 ? ",?" : "?";
  }
  const auto insert =
      prepare(db, "INSERT INTO " + quote_identifier(shape.name) + " (" + names + ") VALUES (" + marks + ")");
  for (const auto& row : table.rows()) {
    for (std::size_t i = 0; i < row.size(); ++i) bind(insert.get(), static_cast<int>(i) + 1, row[i]);
    if (sqlite3_step(insert.get()) != SQLITE_DONE) return false;
    sqlite3_reset(insert.get());
    sqlite3_clear_bindings(insert.get());
  }
  return true;
}

FakeTable read_table(sqlite3* db, const FakeTable& before) {
  FakeTable table{before.shape, before.stream, {}, {}};
  std::string names;
  for (const auto& column : table.shape.columns) names += (names.empty() ? "" : ",") + quote_identifier(column.name);
  const auto select = prepare(db, "SELECT " + names + " FROM " + quote_identifier(table.shape.name));
  while (sqlite3_step(select.get()) == SQLITE_ROW) {
    FakeRow row;
    for (std::size_t i = 0; i < table.shape.columns.size(); ++i)
      row.push_back(column_of(select.get(), static_cast<int>(i)));
    FakeRow key;
    for (const auto column : table.shape.key) key.push_back(row[column]);
    if (key.empty()) {
      table.keyless.push_back(std::move(row));
    } else {
      table.keyed[std::move(key)] = std::move(row);
    }
  }
  return table;
}

}  // namespace

Status fake_execute(FakeStage& stage, const SchemaStep& step) {
  sqlite3* opened = nullptr;
  sqlite3_open(":memory:", &opened);
  const Database db(opened);
  const auto refused = [&] {
    return Error{Verdict::PoisonRow, "schema-refused", "table " + step.table + ": " + sqlite3_errmsg(db.get()),
                 "copy the table again", step.table};
  };
  for (const auto& name : stage.names()) {
    if (!stage.find(name)->shape.columns.empty() && !write_table(db.get(), *stage.find(name))) return refused();
  }
  if (sqlite3_exec(db.get(), step.sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return refused();
  for (const auto& name : stage.names()) {
    auto* const table = stage.find(name);
    if (!table->shape.columns.empty()) *table = read_table(db.get(), *table);
  }
  return {};
}

}  // namespace walbridge::testing
