#include "mapping/json_shape.h"

#include "mapping/nested_text.h"
#include "mapping/number_text.h"
#include "mapping/offers.h"

namespace walbridge::mapping {

namespace {

using Kind = JsonShape::Kind;

constexpr std::int64_t kLargestSafeInteger = (std::int64_t{1} << 53) - 1;
constexpr Fault kBadElement = "holds an element that is not of its type";

bool is_special(std::string_view text) { return text == "NaN" || text == "Infinity" || text == "-Infinity"; }

Kind scalar_kind(const PgType& type) {
  const auto& kind = type.kind;
  if (kind == "bool") return Kind::Bool;
  if (kind == "int2" || kind == "int4" || kind == "oid" || kind == "xid" || kind == "cid") return Kind::Number;
  if (kind == "int8" || kind == "xid8") return Kind::BigInteger;
  if (kind == "float4" || kind == "float8") return Kind::Float;
  if (kind == "numeric") return numeric_class(type.typmod) == NumericClass::Text ? Kind::String : Kind::Float;
  if (kind == "json" || kind == "jsonb") return Kind::Raw;
  if (kind == "vector" || kind == "halfvec") return Kind::Vector;
  if (kind == "hstore") return Kind::Hstore;
  if (kind == "bytea" || kind == "geometry" || kind == "geography") return Kind::String;
  return Kind::Encoded;
}

Fault append_array(const JsonShape& shape, std::string_view wire, Arena& scratch, std::string& out) {
  ArrayText array(wire, shape.delimiter, scratch);
  bool first = true;
  const auto separate = [&] {
    if (!first) out += ',';
    first = false;
  };
  for (;;) {
    switch (array.next()) {
      case ArrayText::Step::Open:
        separate();
        out += '[';
        first = true;
        break;
      case ArrayText::Step::Close:
        out += ']';
        first = false;
        break;
      case ArrayText::Step::Element:
        separate();
        if (!array.element()) {
          out += "null";
        } else if (const Fault fault = append_json(*shape.parts.front(), *array.element(), scratch, out)) {
          return fault;
        }
        break;
      case ArrayText::Step::End:
        return nullptr;
      case ArrayText::Step::Bad:
        return "is not an array as Postgres prints it";
    }
  }
}

Fault append_composite(const JsonShape& shape, std::string_view wire, Arena& scratch, std::string& out) {
  constexpr Fault kBad = "is not a composite value as Postgres prints it";
  if (shape.parts.empty()) {
    out += "{}";
    return wire == "()" ? nullptr : kBad;
  }
  RecordText record(wire, scratch);
  if (!record.open()) return kBad;
  out += '{';
  for (std::size_t i = 0; i < shape.parts.size(); ++i) {
    std::optional<std::string_view> field;
    if (!record.next(field)) return kBad;
    if (i > 0) out += ',';
    out += shape.names[i];
    if (!field) {
      out += "null";
    } else if (const Fault fault = append_json(*shape.parts[i], *field, scratch, out)) {
      return fault;
    }
  }
  out += '}';
  return record.done() ? nullptr : kBad;
}

Fault append_hstore(std::string_view wire, Arena& scratch, std::string& out) {
  HstoreText hstore(wire, scratch);
  out += '{';
  for (bool first = true; !hstore.done(); first = false) {
    std::string_view key;
    std::optional<std::string_view> value;
    if (!hstore.next(key, value)) return "is not an hstore as Postgres prints it";
    if (!first) out += ',';
    append_json_string(key, out);
    out += ':';
    if (value) {
      append_json_string(*value, out);
    } else {
      out += "null";
    }
  }
  out += '}';
  return nullptr;
}

Fault append_vector(std::string_view wire, std::string& out) {
  constexpr Fault kBad = "is not a vector as pgvector prints it";
  if (wire.size() < 2 || wire.front() != '[' || wire.back() != ']') return kBad;
  auto rest = wire.substr(1, wire.size() - 2);
  out += '[';
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    if (!append_json_number(rest.substr(0, comma), out)) return kBad;
    if (comma == std::string_view::npos) break;
    out += ',';
    rest = rest.substr(comma + 1);
    if (rest.empty()) return kBad;
  }
  out += ']';
  return nullptr;
}

Fault append_encoded(const JsonShape& shape, std::string_view wire, Arena& scratch, std::string& out) {
  SqlValue value;
  if (const Fault fault = shape.encoder->encode(wire, scratch, value)) return fault;
  if (value.kind != SqlValue::Kind::Text) return kBadElement;
  append_json_string(value.bytes, out);
  return nullptr;
}

}  // namespace

void append_json_string(std::string_view text, std::string& out) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out += text.substr(start, i - start);
    start = i + 1;
    out += '\\';
    switch (c) {
      case '"':
      case '\\':
        out += text[i];
        break;
      case '\b':
        out += 'b';
        break;
      case '\f':
        out += 'f';
        break;
      case '\n':
        out += 'n';
        break;
      case '\r':
        out += 'r';
        break;
      case '\t':
        out += 't';
        break;
      default:
        out += "u00";
        out += kHex[c >> 4];
        out += kHex[c & 15];
    }
  }
  out += text.substr(start);
  out += '"';
}

bool append_json_number(std::string_view text, std::string& out) {
  if (is_json_number(text)) {
    out += text;
    return true;
  }
  if (!is_special(text)) return false;
  append_json_string(text, out);
  return true;
}

bool append_json_integer(std::string_view text, std::string& out) {
  std::int64_t value = 0;
  if (!parse_int64(text, value)) return false;
  if (value >= -kLargestSafeInteger && value <= kLargestSafeInteger) {
    out += text;
  } else {
    append_json_string(text, out);
  }
  return true;
}

Fault append_json(const JsonShape& shape, std::string_view wire, Arena& scratch, std::string& out) {
  switch (shape.kind) {
    case Kind::Bool:
      if (wire != "t" && wire != "f") return kBadElement;
      out += wire == "t" ? "true" : "false";
      return nullptr;
    case Kind::Number:
      if (!is_json_number(wire)) return kBadElement;
      out += wire;
      return nullptr;
    case Kind::BigInteger:
      return append_json_integer(wire, out) ? nullptr : kBadElement;
    case Kind::Float:
      return append_json_number(wire, out) ? nullptr : kBadElement;
    case Kind::Raw:
      out += wire;
      return nullptr;
    case Kind::String:
      append_json_string(wire, out);
      return nullptr;
    case Kind::Encoded:
      return append_encoded(shape, wire, scratch, out);
    case Kind::Array:
      return append_array(shape, wire, scratch, out);
    case Kind::Composite:
      return append_composite(shape, wire, scratch, out);
    case Kind::Hstore:
      return append_hstore(wire, scratch, out);
    case Kind::Vector:
      return append_vector(wire, out);
  }
  return kBadElement;
}

std::shared_ptr<const JsonShape> compile_json_shape(const PgType& type) {
  if (type.kind == "domain") return type.base ? compile_json_shape(*type.base) : nullptr;
  auto shape = std::make_shared<JsonShape>();
  if (type.kind == "array") {
    shape->kind = Kind::Array;
    shape->delimiter = type.delimiter;
    auto element = type.element ? compile_json_shape(*type.element) : nullptr;
    if (!element) return nullptr;
    shape->parts.push_back(std::move(element));
    return shape;
  }
  if (type.kind == "composite") {
    shape->kind = Kind::Composite;
    for (const auto& field : type.fields) {
      auto part = field.type ? compile_json_shape(*field.type) : nullptr;
      if (!part) return nullptr;
      std::string name;
      append_json_string(field.name, name);
      shape->names.push_back(name + ":");
      shape->parts.push_back(std::move(part));
    }
    return shape;
  }
  shape->kind = scalar_kind(type);
  if (shape->kind != Kind::Encoded) return shape;
  EncodingChoice plain;
  plain.name = "default";
  auto encoder = compile_encoder(std::make_shared<const PgType>(type), plain);
  if (!encoder) return nullptr;
  shape->encoder = *std::move(encoder);
  return shape;
}

namespace {

struct Workshop {
  std::string text;
  Arena parts{16 * 1024};
};

Workshop& workshop() {
  thread_local Workshop instance;
  return instance;
}

constexpr std::size_t kKeptBytes = 1 << 20;

}  // namespace

TextWorkshop::TextWorkshop() {
  workshop().text.clear();
  workshop().parts.clear();
}

TextWorkshop::~TextWorkshop() {
  auto& instance = workshop();
  if (instance.text.capacity() > kKeptBytes) std::string().swap(instance.text);
  instance.parts.clear();
}

std::string& TextWorkshop::text() { return workshop().text; }
Arena& TextWorkshop::parts() { return workshop().parts; }

}  // namespace walbridge::mapping
