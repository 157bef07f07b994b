#include "source-pg/catalog.h"

#include "pipeline/api/source_json.h"
#include "source-pg/describe_sql.h"

namespace walbridge::source_pg {
namespace {

// The descriptions are one look at the catalog, the sizes another one: a file's size is nobody's snapshot.
constexpr const char* kSizes =
    "SELECT t.d::text, t.rows, (SELECT pg_catalog.sum(pg_catalog.pg_relation_size(h.o::pg_catalog.regclass)) "
    "FROM pg_catalog.unnest(t.heaps) AS h(o)) FROM (";

constexpr int kTries = 3;  // when a table goes while it is described

}  // namespace

const char* const kDescribeSettings =
    "SET LOCAL jit = off; SET LOCAL quote_all_identifiers = off; SET LOCAL standard_conforming_strings = on";

// Expressions and type names are printed from the newest catalog, whatever the snapshot.
Error catalog_error(Error error) {
  const bool gone = error.code == "XX000" || error.code == "42P01" || error.code == "42704";
  if (gone) {
    return Error{Verdict::Retry, "catalog-changed", "the catalog changed while it was read: " + error.message, ""};
  }
  return error;
}

Result<std::vector<SourceTable>> read_tables(Connection& connection) {
  WALBRIDGE_TRY(connection.execute(kDescribeSettings, "reading tables"));
  auto rows = connection.query(kSizes + describe_sql(kEveryTable) + ") t", "reading tables");
  if (!rows) return catalog_error(std::move(rows.error()));
  std::vector<SourceTable> tables;
  tables.reserve(static_cast<std::size_t>(rows->size()));
  for (int row = 0; row < rows->size(); ++row) {
    WALBRIDGE_TRY_AS(auto table, source_table_from_json(rows->text(row, 0)));
    table.estimated_rows = rows->real(row, 1);
    table.bytes = static_cast<std::uint64_t>(rows->integer(row, 2));
    tables.push_back(std::move(table));
  }
  return tables;
}

Result<std::vector<SourceTable>> describe_tables(Connection& connection) {
  for (int tries = 1;; ++tries) {
    WALBRIDGE_TRY(connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "reading the catalog"));
    auto tables = read_tables(connection);
    static_cast<void>(connection.execute("ROLLBACK"));
    if (tables || tables.error().code != "catalog-changed" || tries == kTries) return tables;
  }
}

}  // namespace walbridge::source_pg
