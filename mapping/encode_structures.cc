// Arrays, composites, hstore, ranges and multiranges: JSON by default or on demand, else Postgres' text.
#include "mapping/json_shape.h"
#include "mapping/nested_text.h"
#include "mapping/number_text.h"
#include "mapping/offers.h"
#include "mapping/utf8.h"

namespace walbridge::mapping {

namespace {

Fault encode_json(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out) {
  if (!valid_utf8(wire)) return kNotUtf8;
  TextWorkshop workshop;
  if (const Fault fault = append_json(*self.shape, wire, workshop.parts(), workshop.text())) return fault;
  out = SqlValue::text(scratch.copy(workshop.text()));
  return nullptr;
}

// A bound as an element of JSON would be; `self.shape` is the subtype's where it is known.
Fault append_bound(const Encoder& self, const std::optional<std::string_view>& bound, Arena& scratch,
                   std::string& out) {
  if (!bound) {
    out += "null";
    return nullptr;
  }
  if (self.shape) return append_json(*self.shape, *bound, scratch, out);
  append_json_string(*bound, out);
  return nullptr;
}

Fault append_range(const Encoder& self, std::string_view wire, std::size_t& at, Arena& scratch, std::string& out) {
  RangeText range;
  if (!read_range(wire, at, scratch, range)) return "is not a range as Postgres prints it";
  out += "{\"lower\":";
  if (const Fault fault = append_bound(self, range.lower, scratch, out)) return fault;
  out += ",\"upper\":";
  if (const Fault fault = append_bound(self, range.upper, scratch, out)) return fault;
  out += ",\"bounds\":\"";
  if (range.empty) {
    out += "empty";
  } else {
    out += range.open;
    out += range.close;
  }
  out += "\"}";
  return nullptr;
}

Fault encode_range(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out) {
  if (!valid_utf8(wire)) return kNotUtf8;
  TextWorkshop workshop;
  std::size_t at = 0;
  if (const Fault fault = append_range(self, wire, at, workshop.parts(), workshop.text())) return fault;
  if (at != wire.size()) return "is not a range as Postgres prints it";
  out = SqlValue::text(scratch.copy(workshop.text()));
  return nullptr;
}

Fault encode_multirange(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out) {
  constexpr Fault kBad = "is not a multirange as Postgres prints it";
  if (!valid_utf8(wire)) return kNotUtf8;
  if (wire.size() < 2 || wire.front() != '{' || wire.back() != '}') return kBad;
  TextWorkshop workshop;
  auto& text = workshop.text();
  text += '[';
  std::size_t at = 1;
  while (at < wire.size() - 1) {
    if (at > 1) {
      if (wire[at++] != ',') return kBad;
      text += ',';
    }
    if (const Fault fault = append_range(self, wire, at, workshop.parts(), text)) return fault;
  }
  if (at != wire.size() - 1) return kBad;
  text += ']';
  out = SqlValue::text(scratch.copy(text));
  return nullptr;
}

// The subtype of a built-in range, as its name says; others give their bounds as strings.
std::shared_ptr<const JsonShape> bound_shape(const PgType& range) {
  struct Builtin {
    std::string_view range;
    std::string_view multirange;
    const char* subtype;
  };
  static constexpr Builtin kBuiltins[] = {{"int4range", "int4multirange", "int4"},
                                          {"int8range", "int8multirange", "int8"},
                                          {"tsrange", "tsmultirange", "timestamp"},
                                          {"tstzrange", "tstzmultirange", "timestamptz"},
                                          {"daterange", "datemultirange", "date"}};
  for (const auto& builtin : kBuiltins) {
    if (range.sql != builtin.range && range.sql != builtin.multirange) continue;
    PgType subtype;
    subtype.kind = builtin.subtype;
    subtype.sql = builtin.subtype;
    return compile_json_shape(subtype);
  }
  return nullptr;
}

}  // namespace

bool offer_structures(const PgType& type, Draft& draft) {
  const auto& kind = type.kind;
  auto& offers = draft.offers;
  if (kind == "array" || kind == "composite" || kind == "hstore") {
    draft.encoder.shape = compile_json_shape(type);
    // json null and SQL NULL elements look alike in JSON, and lower bounds are dropped.
    if (draft.encoder.shape) offers.push_back({"json", "TEXT", encode_json, kind == "hstore"});
    offers.push_back({"pg_text", "TEXT", encode_verbatim});
    return true;
  }
  if (kind == "range") {
    draft.encoder.shape = bound_shape(type);
    offers = {{"text", "TEXT", encode_verbatim}, {"json", "TEXT", encode_range}};
    return true;
  }
  if (kind == "multirange") {
    draft.encoder.shape = bound_shape(type);
    offers = {{"text", "TEXT", encode_verbatim}, {"json", "TEXT", encode_multirange}};
    return true;
  }
  return false;
}

}  // namespace walbridge::mapping
