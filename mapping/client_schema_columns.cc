#include "mapping/client_schema_columns.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "mapping/client_schema_names.h"
#include "mapping/encoder.h"
#include "mapping/offers.h"

namespace walbridge::mapping {

namespace {

bool is_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool is_timestamp(std::string_view kind) { return kind == "timestamp" || kind == "timestamptz"; }
bool is_structure(std::string_view kind) { return is_any(kind, {"array", "composite", "hstore"}); }

// What a column without a type at the source holds, by its declaration: order keys, computed columns, masks.
ClientValue declared_value(std::string_view decl) {
  const auto begins = [&](std::string_view word) { return decl.substr(0, word.size()) == word; };
  if (begins("BIGINT")) return ClientValue::BigInteger;
  if (begins("BOOLEAN")) return ClientValue::Boolean;
  if (begins("DATETIME")) return ClientValue::Timestamptz;
  if (begins("REAL") || begins("DOUBLE") || begins("FLOAT")) return ClientValue::Float;
  if (decl.find("INT") != std::string_view::npos) return ClientValue::Integer;
  if (decl.find("BLOB") != std::string_view::npos) return ClientValue::Bytes;
  return ClientValue::Text;
}

ClientValue integer_value(std::string_view kind, std::string_view encoding) {
  const bool big = kind == "int8" || kind == "xid8";
  if (encoding == "text") return big ? ClientValue::BigIntegerText : ClientValue::IntegerText;
  if (big) return ClientValue::BigInteger;
  return kind == "int2" || kind == "int4" ? ClientValue::Integer : ClientValue::Unsigned32;
}

ClientValue temporal_value(std::string_view kind, std::string_view encoding) {
  if (encoding == "text_prisma" || encoding == "utc") return ClientValue::Timestamptz;
  if (encoding == "text_sqlite") return ClientValue::SqliteTimestamp;
  if (encoding == "unix_s") return ClientValue::UnixSeconds;
  if (encoding == "unix_ms") return ClientValue::UnixMillis;
  if (encoding == "unix_us") return ClientValue::UnixMicros;
  if (encoding == "unix_ms_frac") return ClientValue::UnixMillisFraction;
  if (encoding == "julian") return ClientValue::Julian;
  if (encoding == "epoch_days") return ClientValue::Days;
  if (kind == "date") return ClientValue::Text;
  return kind == "timestamp" ? ClientValue::Timestamp : ClientValue::Timestamptz;
}

ClientValue numeric_value(const PgType& type, std::string_view encoding) {
  if (encoding == "real") return ClientValue::Float;
  if (encoding == "integer_scaled") return ClientValue::ScaledDecimal;
  const bool text = encoding == "text" || type.kind == "money" || numeric_class(type.typmod) == NumericClass::Text;
  return text ? ClientValue::DecimalText : ClientValue::Decimal;
}

ClientValue bytes_value(std::string_view kind, std::string_view encoding, std::string_view decl) {
  if (kind == "uuid") {
    if (encoding == "blob") return ClientValue::UuidBytes;
    return encoding == "text_hex" ? ClientValue::UuidHex : ClientValue::Text;
  }
  if (encoding == "hex") return ClientValue::BytesHex;
  if (encoding == "base64") return ClientValue::BytesBase64;
  if (encoding == "geojson") return ClientValue::Json;
  return decl.substr(0, 4) == "BLOB" ? ClientValue::Bytes : ClientValue::Text;
}

ClientValue vector_value(std::string_view encoding) {
  if (encoding == "json") return ClientValue::Json;
  if (encoding == "f64") return ClientValue::Vector64;
  return encoding == "f16" ? ClientValue::Vector16 : ClientValue::Vector32;
}

// `encoding`: "default" or the name of another one.
ClientValue value_of(const PgType& type, std::string_view encoding, std::string_view decl) {
  // mapping/mask.h: whatever the type, what is left is text.
  if (encoding.substr(0, 5) == "mask " || encoding.find("truncate ") != std::string_view::npos)
    return ClientValue::Text;
  const std::string_view kind = type.kind;
  if (kind == "bool") return encoding == "text" ? ClientValue::BooleanText : ClientValue::Boolean;
  if (is_any(kind, {"int2", "int4", "int8", "oid", "xid", "cid", "xid8"})) return integer_value(kind, encoding);
  if (is_any(kind, {"float4", "float8"})) return ClientValue::Float;
  if (is_any(kind, {"numeric", "money"})) return numeric_value(type, encoding);
  if (is_any(kind, {"bytea", "uuid", "geometry", "geography"})) return bytes_value(kind, encoding, decl);
  if (is_any(kind, {"json", "jsonb"})) return encoding == "jsonb_blob" ? ClientValue::Jsonb : ClientValue::Json;
  if (is_timestamp(kind) || kind == "date") return temporal_value(kind, encoding);
  if (is_any(kind, {"time", "timetz"}))
    return is_any(encoding, {"us", "us_utc"}) ? ClientValue::Integer : ClientValue::Text;
  if (kind == "interval") return encoding == "us" ? ClientValue::BigInteger : ClientValue::Text;
  if (kind == "enum") return encoding == "rank" ? ClientValue::EnumRank : ClientValue::Enum;
  if (is_any(kind, {"bit", "varbit"})) return encoding == "integer" ? ClientValue::BigInteger : ClientValue::Text;
  if (is_any(kind, {"vector", "halfvec"})) return vector_value(encoding);
  if (is_structure(kind)) return encoding == "pg_text" ? ClientValue::Text : ClientValue::Json;
  return encoding == "json" ? ClientValue::Json : ClientValue::Text;
}

bool may_be_special(const PgType& type) {
  return is_any(type.kind, {"float4", "float8", "numeric", "date"}) || is_timestamp(type.kind);
}

ClientColumn planned_column(const TablePlan& plan, std::size_t position, const SourceTable* source,
                            config::Specials specials) {
  const auto& cache = plan.cache().columns[position];
  const auto& planned = plan.columns()[position];
  ClientColumn column;
  column.name = cache.name;
  column.decl = cache.decl;
  column.nullable = planned.nullable;
  column.note = planned.source_type;
  const SourceColumn* from = nullptr;
  if (source != nullptr) {
    const auto found = std::find_if(source->columns.begin(), source->columns.end(),
                                    [&](const SourceColumn& each) { return each.name == planned.source_name; });
    if (found != source->columns.end()) from = &*found;
  }
  if (from != nullptr) column.comment = from->comment;
  if (planned.role == "ord") {
    column.value = declared_value(cache.decl);
    if (column.value == ClientValue::Integer) column.value = ClientValue::BigInteger;
    column.note = "sorts as " + planned.source_name + " does in Postgres";
    column.comment.clear();
    return column;
  }
  if (from == nullptr || !from->type) {
    column.value = declared_value(cache.decl);
    return column;
  }
  column.type = without_domains(from->type);
  column.value = value_of(*column.type, planned.encoding, cache.decl);
  // NaN and infinities become NULL, or everything does.
  const bool dropped = specials == config::Specials::Null || specials == config::Specials::Clamp;
  column.nullable = column.nullable || (dropped && may_be_special(*column.type)) || planned.encoding == "mask null";
  NumericModifier modifier;
  if (column.type->kind == "numeric" && numeric_modifier(column.type->typmod, modifier)) {
    column.precision = modifier.precision;
    column.scale = std::max(0, modifier.scale);
  }
  if (column.type->kind == "money") column.scale = 2;
  if (is_any(column.type->kind, {"vector", "halfvec"})) column.scale = std::max(0, column.type->typmod);
  if (planned.encoding != "default") column.note += ", as " + planned.encoding;
  return column;
}

ClientTable client_table(const TablePlan& plan, const SourceTable* source, const config::Config& config) {
  ClientTable table;
  table.plan = &plan;
  table.source = source;
  const auto& cache = plan.cache();
  std::vector<std::size_t> position_of(cache.columns.size());
  for (std::size_t i = 0; i < cache.columns.size(); ++i) {
    position_of[i] = table.columns.size();
    if (plan.leaf_column() == static_cast<std::int32_t>(i)) continue;
    if (i < plan.columns().size()) {
      table.columns.push_back(planned_column(plan, i, source, config.specials));
      continue;
    }
    ClientColumn mark;  // of soft deletion
    mark.name = cache.columns[i].name;
    mark.decl = cache.columns[i].decl;
    mark.value = declared_value(mark.decl);
    mark.note = "when the row was deleted at the source";
    table.columns.push_back(std::move(mark));
  }
  for (const auto key : cache.key) {
    table.key.push_back(position_of[key]);
    table.columns[position_of[key]].nullable = false;
  }
  for (const auto& computed : cache.computed) {
    ClientColumn column;
    column.name = computed.name;
    column.decl = computed.decl;
    column.value = declared_value(computed.decl);
    column.computed = computed.sql;
    column.note = "computed";
    table.columns.push_back(std::move(column));
  }
  return table;
}

std::string element_type(const PgType& type);

std::string members_of(const PgType& type) {
  std::string text = "{ ";
  for (const auto& field : type.fields) {
    const auto base = without_domains(field.type);
    text += quoted_literal(field.name) + ": " + (base ? element_type(*base) : "unknown") + " | null; ";
  }
  return text + "}";
}

// An element of an array or composite, as the JSON rule writes it.
std::string element_type(const PgType& type) {
  const std::string_view kind = type.kind;
  if (kind == "bool") return "boolean";
  if (is_any(kind, {"int2", "int4", "oid", "xid", "cid"})) return "number";
  if (is_any(kind, {"int8", "xid8", "float4", "float8"})) return "number | string";
  if (kind == "numeric") return numeric_class(type.typmod) == NumericClass::Text ? "string" : "number | string";
  if (is_any(kind, {"json", "jsonb"})) return "unknown";
  if (is_any(kind, {"vector", "halfvec"})) return "number[]";
  if (is_structure(kind)) return json_type(type);
  if (kind == "enum" && !type.labels.empty()) {
    std::string text;
    for (const auto& label : type.labels) text += (text.empty() ? "" : " | ") + quoted_literal(label);
    return text;
  }
  return "string";
}

}  // namespace

std::string json_type(const PgType& type) {
  const std::string_view kind = type.kind;
  if (kind == "hstore") return "Record<string, string | null>";
  if (kind == "composite") return members_of(type);
  if (kind == "array") {
    const auto element = without_domains(type.element);
    if (!element) return "unknown[]";
    return "(" + element_type(*element) + " | null)[]";
  }
  if (is_any(kind, {"vector", "halfvec"})) return "number[]";
  if (kind == "sparsevec") return "{ dim: number; values: Record<string, number | string> }";
  if (kind == "range") return "{ lower: unknown; upper: unknown; bounds: string }";
  if (kind == "multirange") return "{ lower: unknown; upper: unknown; bounds: string }[]";
  if (kind == "point") return "[number | string, number | string]";
  if (kind == "line") return "[number | string, number | string, number | string]";
  if (kind == "circle") return "{ center: [number | string, number | string]; radius: number | string }";
  if (kind == "path") return "{ closed: boolean; points: [number | string, number | string][] }";
  if (is_any(kind, {"lseg", "box", "polygon"})) return "[number | string, number | string][]";
  return "unknown";
}

std::vector<ClientTable> client_tables(const SinkPlan& plan, std::span<const SourceTable> tables,
                                       const config::Config& config) {
  std::unordered_map<std::uint32_t, const SourceTable*> by_oid;
  for (const auto& table : tables) by_oid.emplace(table.oid, &table);
  std::vector<ClientTable> all;
  for (const auto& each : plan.tables) {
    const auto found = by_oid.find(each->cache().source_oid);
    all.push_back(client_table(*each, found == by_oid.end() ? nullptr : found->second, config));
  }
  std::sort(all.begin(), all.end(),
            [](const ClientTable& a, const ClientTable& b) { return a.plan->cache().name < b.plan->cache().name; });
  return all;
}

}  // namespace walbridge::mapping
