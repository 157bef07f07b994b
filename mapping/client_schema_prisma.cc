#include "mapping/client_schema_prisma.h"

#include <map>
#include <set>

#include <fmt/format.h>

#include "mapping/client_schema_names.h"
#include "pipeline/api/cache_sql.h"

namespace walbridge::mapping {

namespace {

using V = ClientValue;

constexpr std::string_view kHead = R"(
generator client {
  provider = "prisma-client"
  output   = "./generated"
}

datasource db {
  provider = "sqlite"
}
)";

std::string comments(const std::string& indent, const std::string& text, const std::string& comment) {
  std::string lines;
  if (!comment.empty()) lines += indent + "/// " + comment_text(comment) + "\n";
  if (!text.empty()) lines += indent + "/// " + comment_text(text) + "\n";
  return lines;
}

// The names of the enums that columns use: two of one name in two schemas get two.
using EnumNames = std::map<std::uint32_t, std::string>;

std::string_view scalar_of(ClientValue value) {
  switch (value) {
    case V::Boolean:
      return "Boolean";
    case V::Integer:
    case V::EnumRank:
      return "Int";
    case V::BigInteger:
    case V::Unsigned32:
    case V::ScaledDecimal:
    case V::UnixSeconds:
    case V::UnixMillis:
    case V::UnixMicros:
    case V::Days:
      return "BigInt";
    case V::Float:
    case V::UnixMillisFraction:
    case V::Julian:
      return "Float";
    case V::Decimal:
    case V::DecimalText:
      return "Decimal";
    case V::Json:
      return "Json";
    case V::Jsonb:
    case V::Bytes:
    case V::UuidBytes:
    case V::Vector32:
    case V::Vector64:
    case V::Vector16:
      return "Bytes";
    case V::Timestamptz:
    case V::Timestamp:
    case V::SqliteTimestamp:
      return "DateTime";
    default:
      return "String";
  }
}

std::string type_of(const ClientColumn& column, const EnumNames& enums) {
  if (column.value == V::Enum) {
    const auto found = enums.find(column.type->oid);
    if (found != enums.end()) return found->second;
  }
  return std::string(scalar_of(column.value));
}

std::vector<std::string> names_of(const std::vector<std::string>& names, std::string (*shape)(std::string_view),
                                  const std::set<std::string>& reserved, const std::string& suffix) {
  std::vector<std::string> wanted;
  for (const auto& name : names) wanted.push_back(shape(name));
  return NameBook(reserved, suffix).assign(wanted, names);
}

std::string enum_text(const PgType& type, const std::string& name) {
  auto reserved = script_words();
  const auto members = names_of(type.labels, member_name, reserved, "_");
  auto text = fmt::format("\n/// {}\nenum {} {{\n", comment_text(type.sql), name);
  for (std::size_t i = 0; i < members.size(); ++i) {
    text += "  " + members[i];
    if (members[i] != type.labels[i]) text += " @map(" + quoted_literal(type.labels[i]) + ")";
    text += "\n";
  }
  return text + "}\n";
}

std::string field_text(const ClientColumn& column, const std::string& field, bool sole_key, const EnumNames& enums) {
  auto text = comments("  ", column.note, column.comment);
  text += fmt::format("  {} {}{}", field, type_of(column, enums), column.nullable ? "?" : "");
  if (sole_key) text += " @id";
  if (field != column.name) text += " @map(" + quoted_literal(column.name) + ")";
  return text + "\n";
}

// Empty when Prisma cannot say it: an expression, a condition, another kind of index.
std::string index_text(const CacheIndex& index, const ClientTable& table, const std::vector<std::string>& fields) {
  const bool unique = index.kind == CacheIndex::Kind::Unique;
  if ((!unique && index.kind != CacheIndex::Kind::Plain) || !index.where.empty()) return {};
  std::string parts;
  for (const auto& part : index.parts) {
    std::string found;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      const auto quoted = quote_identifier(table.columns[i].name);
      if (part == quoted) found = fields[i];
      if (part == quoted + " DESC") found = fields[i] + "(sort: Desc)";
    }
    if (found.empty()) return {};
    parts += (parts.empty() ? "" : ", ") + found;
  }
  return fmt::format("  @@{}([{}], map: {})\n", unique ? "unique" : "index", parts, quoted_literal(index.name));
}

std::string model_text(const ClientTable& table, const std::string& model, const EnumNames& enums) {
  const auto& cache = table.plan->cache();
  std::vector<std::string> names;
  for (const auto& column : table.columns) names.push_back(column.name);
  const auto fields = names_of(names, camel_name, taken_properties(), "_");
  auto text = fmt::format("\n// walbridge-table {} {}\n", cache.schema_hash, quoted_literal(cache.name));
  text += comments("", cache.source_name, table.source == nullptr ? "" : table.source->comment);
  if (table.key.empty()) text += "/// It has no key, which Prisma needs: read it with $queryRaw.\n";
  text += fmt::format("model {} {{\n", model);
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const bool sole_key = table.key.size() == 1 && table.key.front() == i;
    text += field_text(table.columns[i], fields[i], sole_key, enums);
  }
  std::string extra;
  if (table.key.size() > 1) {
    std::string parts;
    for (const auto position : table.key) parts += (parts.empty() ? "" : ", ") + fields[position];
    extra += "  @@id([" + parts + "])\n";
  }
  for (const auto& index : cache.indexes) extra += index_text(index, table, fields);
  if (model != cache.name) extra += "  @@map(" + quoted_literal(cache.name) + ")\n";
  if (table.key.empty()) extra += "  @@ignore\n";
  if (!extra.empty()) text += "\n" + extra;
  return text + "}\n";
}

const std::set<std::string>& reserved_models() {
  static const std::set<std::string> names = [] {
    std::set<std::string> all = {"Array",    "BigInt",   "Boolean",    "Buffer",  "Bytes",   "Date",         "DateTime",
                                 "Decimal",  "Error",    "Float",      "Int",     "Json",    "JsonNull",     "Model",
                                 "Null",     "Number",   "Object",     "Partial", "Prisma",  "PrismaClient", "Promise",
                                 "Record",   "Result",   "String",     "Symbol",  "Types",   "Unsupported",  "Omit",
                                 "Pick",     "Exact",    "Enumerable", "Sql",     "TypeMap", "AnyNull",      "DbNull",
                                 "Readonly", "Function", "Uint8Array", "Map",     "Set"};
    all.insert(script_words().begin(), script_words().end());
    return all;
  }();
  return names;
}

}  // namespace

std::string prisma_schema(const std::vector<ClientTable>& tables) {
  std::vector<std::string> names;
  std::vector<const PgType*> enums;
  for (const auto& table : tables) names.push_back(table.plan->cache().name);
  for (const auto& table : tables) {
    for (const auto& column : table.columns) {
      if (column.value != V::Enum || column.type->labels.empty()) continue;
      bool known = false;
      for (const auto* each : enums) known = known || each->oid == column.type->oid;
      if (!known) enums.push_back(column.type.get());
    }
  }
  const auto models = tables.size();
  for (const auto* type : enums) names.push_back(type->sql);
  const auto given = names_of(names, pascal_name, reserved_models(), "Row");

  EnumNames enum_names;
  std::string text(kHead);
  for (std::size_t i = 0; i < enums.size(); ++i) {
    enum_names[enums[i]->oid] = given[models + i];
    text += enum_text(*enums[i], given[models + i]);
  }
  for (std::size_t i = 0; i < models; ++i) text += model_text(tables[i], given[i], enum_names);
  return text;
}

}  // namespace walbridge::mapping
