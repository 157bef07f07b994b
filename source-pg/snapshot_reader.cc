#include "source-pg/snapshot_reader.h"

#include "source-pg/application_name.h"
#include "source-pg/copy_rows.h"
#include "source-pg/pg_error.h"

namespace walbridge::source_pg {
namespace {

constexpr const char* kAttributes =
    "SELECT a.attname, a.atttypid, a.atttypmod FROM pg_catalog.pg_attribute a WHERE a.attrelid = $1::pg_catalog.oid "
    "AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum";

std::string tid(std::uint64_t page) { return "'(" + std::to_string(page) + ",0)'::pg_catalog.tid"; }

}  // namespace

std::string copy_sql(const CopyPart& part, std::span<const std::string> columns) {
  std::string list;
  for (const auto& column : columns) list += (list.empty() ? "" : ", ") + quote_name(column);
  std::string sql = "COPY (SELECT " + list + " FROM ONLY " + quote_name(part.schema, part.name);
  std::string condition;
  if (part.first_page > 0) condition = "ctid >= " + tid(part.first_page);
  if (part.end_page) condition += (condition.empty() ? "ctid < " : " AND ctid < ") + tid(*part.end_page);
  if (!condition.empty()) sql += " WHERE " + condition;
  return sql + ") TO STDOUT";
}

std::string join_snapshot_sql(const Connection& connection, const std::string& snapshot) {
  return "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT " +
         connection.quote_literal(snapshot) + "; SET LOCAL row_security = off";
}

Result<std::unique_ptr<SnapshotReader>> TransactionReader::open(const config::Source& source,
                                                                const std::string& snapshot) {
  WALBRIDGE_TRY_AS(auto connection, Connection::open(source, Connection::Kind::Ordinary, kSnapshotApplication));
  WALBRIDGE_TRY(connection.execute(join_snapshot_sql(connection, snapshot), "joining the snapshot"));
  return std::unique_ptr<SnapshotReader>(new TransactionReader(source, std::move(connection)));
}

Result<std::unique_ptr<CopyStream>> TransactionReader::copy(const CopyPart& part,
                                                            std::span<const std::string> columns) {
  const auto what = part.schema + "." + part.name;
  if (connection_->raw() == nullptr) return classify("", "the snapshot's connection is closed", "copying " + what);
  const Rows rows(PQexec(connection_->raw(), copy_sql(part, columns).c_str()));
  if (PQresultStatus(rows.raw()) != PGRES_COPY_OUT) {
    return rows.raw() == nullptr ? error_from(connection_->raw(), "copying " + what)
                                 : error_from(rows.raw(), "copying " + what);
  }
  return std::unique_ptr<CopyStream>(std::make_unique<CopyRows>(connection_, columns.size(), what));
}

// Locks the table and makes sure the name still means what the plan meant.
Status TransactionReader::hold(std::uint32_t oid, const std::string& schema, const std::string& name) {
  const auto what = schema + "." + name;
  if (connection_->raw() == nullptr) return classify("", "the snapshot's connection is closed", "describing " + what);
  auto rows = connection_->query("SELECT tableoid FROM ONLY " + quote_name(schema, name) + " LIMIT 0", "describing " + what);
  // Dropped, moved or made again since the snapshot: the next one is planned from what is there then.
  if (!rows && (rows.error().code == "42P01" || rows.error().code == "3F000")) rows.error().verdict = Verdict::Retry;
  if (!rows) return std::move(rows.error());
  if (PQftable(rows->raw(), 0) == oid) return Done{};
  return Error{Verdict::Retry, "table-replaced", "table " + what + " is another one than the plan was made for", ""};
}

Result<Connection*> TransactionReader::catalog() {
  if (!catalog_.healthy()) {
    WALBRIDGE_TRY_AS(catalog_, Connection::open(source_, Connection::Kind::Ordinary, kSnapshotApplication));
  }
  return &catalog_;
}

// The snapshot's own catalog may be older than what its executor reads, and a query's description hides domains. So the
// catalog is read outside the snapshot, while the lock taken inside it keeps the table's shape.
Result<Relation> TransactionReader::describe(std::uint32_t oid, const std::string& schema, const std::string& name) {
  WALBRIDGE_TRY(hold(oid, schema, name));
  WALBRIDGE_TRY_AS(auto* outside, catalog());
  WALBRIDGE_TRY_AS(const auto rows,
                   outside->query(kAttributes, {std::to_string(oid)}, "describing " + schema + "." + name));
  Relation relation;
  relation.oid = oid;
  relation.schema = schema;
  relation.name = name;
  for (int row = 0; row < rows.size(); ++row) {
    relation.columns.push_back({rows.string(row, 0), static_cast<std::uint32_t>(rows.integer(row, 1)),
                                static_cast<std::int32_t>(rows.integer(row, 2)), false});
  }
  return relation;
}

}  // namespace walbridge::source_pg
