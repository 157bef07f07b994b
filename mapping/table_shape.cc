#include "mapping/table_shape.h"

#include <utility>

#include <nlohmann/json.hpp>

namespace walbridge::mapping {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kLeafRole = "leaf";  // which partition a row lies in
constexpr const char* kMarkRole = "mark";  // when a row was deleted

Json columns_json(const std::vector<TableShape::Column>& columns) {
  auto list = Json::array();
  for (const auto& column : columns) {
    Json json{{"attnum", column.attnum}, {"name", column.name}, {"decl", column.decl}};
    if (!column.role.empty()) json["role"] = column.role;
    if (!column.encoding.empty()) json["encoding"] = column.encoding;
    list.push_back(std::move(json));
  }
  return list;
}

std::vector<TableShape::Column> read_columns(const Json& list) {
  std::vector<TableShape::Column> columns;
  for (const auto& json : list) {
    columns.push_back({json.at("attnum").get<std::int16_t>(), json.value("role", ""), json.at("name"), json.at("decl"),
                       json.value("encoding", "")});
  }
  return columns;
}

Json index_json(const CacheIndex& index) {
  Json json{{"name", index.name}, {"parts", index.parts}};
  if (index.kind != CacheIndex::Kind::Plain) json["kind"] = static_cast<int>(index.kind);
  if (!index.where.empty()) json["where"] = index.where;
  return json;
}

CacheIndex read_index(const Json& json) {
  const int kind = json.value("kind", 0);
  if (kind < 0 || kind > static_cast<int>(CacheIndex::Kind::FullText)) json.at("kind").at("");  // throws
  return {static_cast<CacheIndex::Kind>(kind), json.at("name"), json.at("parts").get<std::vector<std::string>>(),
          json.value("where", "")};
}

TableShape read_shape(const Json& json) {
  TableShape shape;
  shape.name = json.at("name");
  shape.columns = read_columns(json.at("columns"));
  shape.kept = read_columns(json.value("kept", Json::array()));
  shape.key = json.at("key").get<std::vector<std::uint16_t>>();
  for (const auto position : shape.key) {
    if (position >= shape.columns.size()) json.at("key").at("");  // throws
  }
  shape.rowid_key = json.value("rowid", false);
  for (const auto& each : json.value("computed", Json::array())) {
    shape.computed.push_back({each.at("name"), each.at("decl"), each.at("sql")});
  }
  for (const auto& each : json.value("indexes", Json::array())) shape.indexes.push_back(read_index(each));
  shape.rows = json.value("rows", "");
  return shape;
}

}  // namespace

TableShape shape_of(const TablePlan& plan) {
  const auto& cache = plan.cache();
  TableShape shape;
  shape.name = cache.name;
  for (std::size_t i = 0; i < cache.columns.size(); ++i) {
    TableShape::Column column;
    column.name = cache.columns[i].name;
    column.decl = cache.columns[i].decl;
    if (i < plan.columns().size()) {
      const auto& planned = plan.columns()[i];
      column.attnum = planned.attnum;
      column.role = planned.role;
      column.encoding = planned.basis;
    } else {
      column.role = static_cast<std::int32_t>(i) == plan.leaf_column() ? kLeafRole : kMarkRole;
    }
    shape.columns.push_back(std::move(column));
  }
  shape.key = cache.key;
  shape.rowid_key = cache.rowid_key;
  shape.computed = cache.computed;
  shape.indexes = cache.indexes;
  shape.rows = plan.rows();
  return shape;
}

std::string to_json(const TableShape& shape) {
  Json json{{"name", shape.name}, {"columns", columns_json(shape.columns)}, {"key", shape.key}};
  if (shape.rowid_key) json["rowid"] = true;
  if (!shape.kept.empty()) json["kept"] = columns_json(shape.kept);
  for (const auto& computed : shape.computed) {
    json["computed"].push_back({{"name", computed.name}, {"decl", computed.decl}, {"sql", computed.sql}});
  }
  for (const auto& index : shape.indexes) json["indexes"].push_back(index_json(index));
  if (!shape.rows.empty()) json["rows"] = shape.rows;
  // A database without an encoding may have names that are not UTF-8.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<TableShape> shape_from_json(std::string_view json) {
  try {
    return read_shape(Json::parse(json));
  } catch (const Json::exception&) {
    return Error{Verdict::Operator, "shape", "what the cache says about the shape of a table cannot be read",
                 "copy the table again: walbridge resync"};
  }
}

}  // namespace walbridge::mapping
