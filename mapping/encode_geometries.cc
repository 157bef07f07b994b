// PostGIS geometry and geography, which arrive as hex of their EWKB.
#include "mapping/ewkb.h"
#include "mapping/hex.h"
#include "mapping/json_shape.h"
#include "mapping/offers.h"

namespace walbridge::mapping {

namespace {

constexpr Fault kNotEwkb = "is not EWKB in hex as PostGIS prints it";

bool to_bytes(std::string_view wire, Arena& scratch, std::string_view& out) {
  if (wire.empty()) return false;
  char* const bytes = scratch.allocate(wire.size() / 2 + 1);
  out = {bytes, wire.size() / 2};
  return decode_hex(wire, bytes);
}

Fault encode_ewkb(const Encoder&, std::string_view wire, Arena& scratch, SqlValue& out) {
  std::string_view bytes;
  if (!to_bytes(wire, scratch, bytes)) return kNotEwkb;
  out = SqlValue::blob(bytes);
  return nullptr;
}

Fault encode_ewkb_hex(const Encoder&, std::string_view wire, Arena&, SqlValue& out) {
  if (wire.size() % 2 != 0 || !is_hex(wire)) return kNotEwkb;
  out = SqlValue::text(wire);
  return nullptr;
}

template <GeometryText (*append)(std::string_view, std::string&)>
Fault encode_geometry_text(const Encoder&, std::string_view wire, Arena& scratch, SqlValue& out) {
  TextWorkshop workshop;
  std::string_view bytes;
  if (!to_bytes(wire, workshop.parts(), bytes)) return kNotEwkb;
  switch (append(bytes, workshop.text())) {
    case GeometryText::Malformed:
      return "is not a whole geometry in EWKB";
    case GeometryText::Unsupported:
      return "holds a curve or a surface, which its encoding cannot express";
    case GeometryText::Ok:
      break;
  }
  out = SqlValue::text(scratch.copy(workshop.text()));
  return nullptr;
}

}  // namespace

bool offer_geometries(const PgType& type, Draft& draft) {
  if (type.kind != "geometry" && type.kind != "geography") return false;
  draft.offers = {{"ewkb", "BLOB", encode_ewkb, true, CacheColumn::Form::Blob},
                  {"ewkb_hex", "TEXT", encode_ewkb_hex},
                  {"geojson", "TEXT", encode_geometry_text<append_geojson>, false},
                  {"wkt", "TEXT", encode_geometry_text<append_wkt>, false}};
  return true;
}

}  // namespace walbridge::mapping
