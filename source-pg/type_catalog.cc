#include "source-pg/type_catalog.h"

namespace walbridge::source_pg {
namespace {

// A type is an array when its element says so; int2vector and point have elements too, but are no arrays.
constexpr const char* kTypes = R"(
WITH RECURSIVE needed(oid) AS (
  SELECT pg_catalog.unnest($1::pg_catalog.oid[])
  UNION
  SELECT part.oid FROM needed n JOIN pg_catalog.pg_type t ON t.oid = n.oid CROSS JOIN LATERAL (
    SELECT e.oid FROM pg_catalog.pg_type e WHERE e.oid = t.typelem AND e.typarray = t.oid
    UNION ALL SELECT t.typbasetype WHERE t.typtype = 'd'
    UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a
              WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) AS part)
SELECT t.oid, t.typname, t.typtype, e.oid IS NOT NULL, coalesce(e.oid, 0), coalesce(e.typdelim, ','), t.typbasetype,
       t.typtypmod, CASE WHEN t.typtype = 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) END
FROM needed n JOIN pg_catalog.pg_type t ON t.oid = n.oid
LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND e.typarray = t.oid)";

constexpr const char* kLabels =
    "SELECT enumtypid, enumlabel FROM pg_catalog.pg_enum WHERE enumtypid = ANY($1::pg_catalog.oid[]) "
    "ORDER BY enumtypid, enumsortorder";

constexpr const char* kFields =
    "SELECT t.oid, a.attname, a.atttypid, a.atttypmod, pg_catalog.format_type(a.atttypid, a.atttypmod) "
    "FROM pg_catalog.pg_type t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid "
    "WHERE t.oid = ANY($1::pg_catalog.oid[]) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY t.oid, a.attnum";

constexpr std::string_view kArraySuffix = "[]";

std::string without_array_suffix(const std::string& sql) {
  return sql.ends_with(kArraySuffix) ? sql.substr(0, sql.size() - kArraySuffix.size()) : sql;
}

std::string structure_of(char kind, const std::string& name) {
  switch (kind) {
    case 'c':
      return "composite";
    case 'd':
      return "domain";
    case 'e':
      return "enum";
    case 'm':
      return "multirange";
    case 'r':
      return "range";
    default:
      return name;
  }
}

std::uint32_t oid_at(const Rows& rows, int row, int column) {
  return static_cast<std::uint32_t>(rows.integer(row, column));
}

}  // namespace

std::string oid_array(const std::vector<std::uint32_t>& oids) {
  std::string list = "{";
  for (const auto oid : oids) {
    if (list.size() > 1) list += ',';
    list += std::to_string(oid);
  }
  return list + "}";
}

Result<TypeCatalog> TypeCatalog::read(Connection& connection, const std::vector<std::uint32_t>& type_oids) {
  TypeCatalog catalog;
  WALBRIDGE_TRY(catalog.read_types(connection, oid_array(type_oids)));
  WALBRIDGE_TRY(catalog.read_labels(connection));
  WALBRIDGE_TRY(catalog.read_fields(connection));
  return catalog;
}

Status TypeCatalog::read_types(Connection& connection, const std::string& oids) {
  WALBRIDGE_TRY_AS(const auto rows, connection.query(kTypes, {oids}, "reading types"));
  for (int row = 0; row < rows.size(); ++row) {
    auto& entry = entries_[oid_at(rows, row, 0)];
    entry.name = rows.string(row, 1);
    entry.kind = rows.text(row, 2).front();
    entry.array = rows.flag(row, 3);
    entry.element = oid_at(rows, row, 4);
    entry.delimiter = rows.text(row, 5).front();
    entry.base = oid_at(rows, row, 6);
    entry.base_typmod = static_cast<std::int32_t>(rows.integer(row, 7));
    entry.base_sql = rows.string(row, 8);
  }
  return Done{};
}

Status TypeCatalog::read_labels(Connection& connection) {
  std::vector<std::uint32_t> enums;
  for (const auto& [oid, entry] : entries_) {
    if (entry.kind == 'e') enums.push_back(oid);
  }
  if (enums.empty()) return Done{};
  WALBRIDGE_TRY_AS(const auto rows, connection.query(kLabels, {oid_array(enums)}, "reading enum labels"));
  for (int row = 0; row < rows.size(); ++row) entries_[oid_at(rows, row, 0)].labels.push_back(rows.string(row, 1));
  return Done{};
}

Status TypeCatalog::read_fields(Connection& connection) {
  std::vector<std::uint32_t> composites;
  for (const auto& [oid, entry] : entries_) {
    if (entry.kind == 'c') composites.push_back(oid);
  }
  if (composites.empty()) return Done{};
  WALBRIDGE_TRY_AS(const auto rows, connection.query(kFields, {oid_array(composites)}, "reading composite types"));
  for (int row = 0; row < rows.size(); ++row) {
    entries_[oid_at(rows, row, 0)].fields.push_back({rows.string(row, 1), oid_at(rows, row, 2),
                                                     static_cast<std::int32_t>(rows.integer(row, 3)),
                                                     rows.string(row, 4)});
  }
  return Done{};
}

// Postgres lets no composite contain itself, not even through an array or a domain, so this ends.
std::shared_ptr<const PgType> TypeCatalog::resolve(std::uint32_t oid, std::int32_t typmod, const std::string& sql) {
  if (const auto known = resolved_.find({oid, typmod}); known != resolved_.end()) return known->second;
  const auto found = entries_.find(oid);
  if (found == entries_.end()) return nullptr;
  const Entry& entry = found->second;

  auto type = std::make_shared<PgType>();
  type->oid = oid;
  type->typmod = typmod;
  type->sql = sql;
  type->kind = entry.array ? "array" : structure_of(entry.kind, entry.name);
  type->labels = entry.labels;
  if (entry.array) {
    type->delimiter = entry.delimiter;
    type->element = resolve(entry.element, typmod, without_array_suffix(sql));  // an array's typmod is its element's
    if (!type->element) return nullptr;
  }
  if (entry.kind == 'd') {
    type->base = resolve(entry.base, entry.base_typmod, entry.base_sql);
    if (!type->base) return nullptr;
  }
  for (const auto& field : entry.fields) {
    auto field_type = resolve(field.type, field.typmod, field.sql);
    if (!field_type) return nullptr;
    type->fields.push_back({field.name, std::move(field_type)});
  }
  resolved_.emplace(std::pair{oid, typmod}, type);
  return type;
}

}  // namespace walbridge::source_pg
