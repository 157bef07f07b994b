// Encodings the corpus has no cell for: specials, structures as JSON, geometry and vectors.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "mapping/encoder.h"
#include "tests/unit/mapping/source_tables.h"

namespace walbridge::mapping {
namespace {

using testing::type;

std::string encode(const std::shared_ptr<const PgType>& of, const EncodingChoice& choice, const std::string& wire) {
  const auto encoder = compile_encoder(of, choice);
  if (!encoder) return encoder.error().code;
  Arena scratch;
  SqlValue value;
  if ((*encoder)->encode(wire, scratch, value) != nullptr) return "fault";
  if (value.kind == SqlValue::Kind::Real) return "real " + nlohmann::json(value.real).dump();
  if (value.kind != SqlValue::Kind::Blob) return testing::show(value);
  std::string hex = "x";
  for (const char c : value.bytes) {
    hex += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    hex += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  return hex;
}

std::string encode(const std::string& kind, const std::string& encoding, const std::string& wire) {
  EncodingChoice choice;
  choice.name = encoding;
  return encode(type(kind), choice, wire);
}

std::string with_specials(const std::string& kind, config::Specials specials, const std::string& wire,
                          const std::string& encoding = "", bool key = false) {
  EncodingChoice choice;
  choice.name = encoding;
  choice.specials = specials;
  choice.key = key;
  return encode(type(kind), choice, wire);
}

TEST(Specials, FollowThePolicy) {
  using config::Specials;
  EXPECT_EQ(with_specials("float8", Specials::Text, "-Infinity"), "'-Infinity'");
  EXPECT_EQ(with_specials("float8", Specials::Null, "NaN"), "null");
  EXPECT_EQ(with_specials("float8", Specials::Error, "Infinity"), "fault");
  EXPECT_EQ(with_specials("float8", Specials::Clamp, "NaN"), "null");
  EXPECT_EQ(with_specials("float8", Specials::Clamp, "-Infinity"), "real -1.7976931348623157e+308");
  EXPECT_EQ(with_specials("float4", Specials::Clamp, "Infinity"), "real 3.4028235e+38");
  EXPECT_EQ(with_specials("numeric", Specials::Clamp, "Infinity"), "'Infinity'");
  EXPECT_EQ(with_specials("numeric", Specials::Null, "NaN"), "null");
  EXPECT_EQ(with_specials("numeric", Specials::Clamp, "Infinity", "real"), "real 1.7976931348623157e+308");
  EXPECT_EQ(with_specials("timestamptz", Specials::Text, "infinity"), "'infinity'");
  EXPECT_EQ(with_specials("timestamptz", Specials::Clamp, "infinity"), "'9999-12-31T23:59:59.999999+00:00'");
  EXPECT_EQ(with_specials("timestamptz", Specials::Clamp, "-infinity", "unix_ms"), "-62135596800000");
  EXPECT_EQ(with_specials("date", Specials::Clamp, "-infinity"), "'0001-01-01'");
  EXPECT_EQ(with_specials("date", Specials::Null, "infinity", "epoch_days"), "null");
  EXPECT_EQ(with_specials("timestamp", Specials::Error, "infinity"), "fault");
}

TEST(Specials, KeysKeepThemAsText) {
  EXPECT_EQ(with_specials("float8", config::Specials::Null, "NaN", "", true), "'NaN'");
  EXPECT_EQ(with_specials("float8", config::Specials::Clamp, "Infinity", "", true), "'Infinity'");
  EXPECT_EQ(with_specials("float8", config::Specials::Error, "Infinity", "", true), "fault");
}

TEST(Alternatives, Numbers) {
  EXPECT_EQ(encode("bool", "text", "t"), "'true'");
  EXPECT_EQ(encode("oid", "text", "4294967295"), "'4294967295'");
  EXPECT_EQ(encode("xid8", "", "18446744073709551615"), "fault");
  EXPECT_EQ(encode("money", "", "-$1,234.50"), "'-1234.50'");
  EXPECT_EQ(encode("money", "integer_scaled", "-$92,233,720,368,547,758.08"), "-9223372036854775808");
  EXPECT_EQ(encode("money", "real", "$0.50"), "real 0.5");
  EXPECT_EQ(encode("bit", "integer", "0101"), "5");
  EXPECT_EQ(encode("varbit", "integer", std::string(64, '1')), "fault");
  EXPECT_EQ(encode("numeric", "real", "1" + std::string(400, '0')), "fault");
  EXPECT_EQ(encode("numeric", "real", "0." + std::string(400, '0') + "1"), "real 0.0");
  EXPECT_EQ(encode("numeric", "integer_scaled", "1"), "unknown-encoding");
  EncodingChoice scaled;
  scaled.name = "integer_scaled";
  EXPECT_EQ(encode(testing::numeric(18, 8), scaled, "-1.5"), "-150000000");
  EXPECT_EQ(encode(testing::numeric(30, 2), scaled, "92233720368547758.08"), "fault");
  EXPECT_EQ(encode(testing::numeric(5, -2), scaled, "12300"), "12300");
}

TEST(Alternatives, Texts) {
  EXPECT_EQ(encode("bpchar", "trim", "ab   "), "'ab'");
  EXPECT_EQ(encode("bpchar", "trim", "   "), "''");
  EXPECT_EQ(encode("char", "", "\xe9"), "'\\xe9'");
  EXPECT_EQ(encode("text", "", "\xed\xa0\x80"), "fault");  // a surrogate
  EXPECT_EQ(encode("text", "", "\xc0\xaf"), "fault");      // overlong
  EXPECT_EQ(encode("text", "", "\xf4\x8f\xbf\xbf"), "'\xf4\x8f\xbf\xbf'");
  EXPECT_EQ(encode("text", "", "12345678\xff"), "fault");
  EXPECT_EQ(encode("jsonb", "jsonb_blob", R"({"a": [1]})"), R"('{"a": [1]}')");
  EXPECT_EQ(encode("json", "compact", " "), "''");
  EXPECT_EQ(encode("json", "jsonb_blob", std::string(1001, '[') + std::string(1001, ']')), "fault");
  EXPECT_EQ(encode("json", "jsonb_blob", "\"" + std::string(2000, '[') + "\\\"\""),
            "'\"" + std::string(2000, '[') + "\\\"\"'");
  const auto encoder = *compile_encoder(type("jsonb"), EncodingChoice{"jsonb_blob", {}, {}, false});
  EXPECT_EQ(encoder->form, CacheColumn::Form::Jsonb);
  EXPECT_EQ(encoder->decl, "BLOB");
  EXPECT_EQ(encode(testing::enum_of({"low", "high"}), EncodingChoice{"rank", {}, {}, false}, "high"), "1");
  EXPECT_EQ(encode(testing::enum_of({"low", "high"}), EncodingChoice{"rank", {}, {}, false}, "new"), "fault");
}

TEST(Alternatives, Temporals) {
  EXPECT_EQ(encode("time", "us", "24:00:00"), "86400000000");
  EXPECT_EQ(encode("timetz", "us_utc", "12:34:56.5-03:30:15"), "57911500000");
  EXPECT_EQ(encode("timestamp", "utc", "2024-01-15 12:34:56"), "'2024-01-15T12:34:56.000+00:00'");
  EXPECT_EQ(encode("timestamptz", "utc", "2024-01-15 12:34:56+00"), "unknown-encoding");
  EXPECT_EQ(encode("timestamptz", "", "2024-01-15 12:34:56+05:30"), "fault");  // the session is not UTC
  EXPECT_EQ(encode("timestamptz", "", "15/01/2024 12:34:56 UTC"), "fault");
  EXPECT_EQ(encode("interval", "postgres", "P1Y2M3DT4H5M6.789S"), "'1 year 2 mons 3 days 04:05:06.789'");
  EXPECT_EQ(encode("interval", "postgres", "P1M-3DT4H5M6S"), "'1 mon -3 days +04:05:06'");
  EXPECT_EQ(encode("interval", "postgres", "P-1Y-2M-3DT-4H-5M-6.789012S"),
            "'-1 years -2 mons -3 days -04:05:06.789012'");
  EXPECT_EQ(encode("interval", "postgres", "PT0S"), "'00:00:00'");
  EXPECT_EQ(encode("interval", "postgres", "PT-0.5S"), "'-00:00:00.5'");
  EXPECT_EQ(encode("interval", "us", "P1M-1DT0.5S"), "2505600500000");
  EXPECT_EQ(encode("interval", "us", "P999999999999Y"), "9223372036854775807");
}

TEST(Alternatives, Structures) {
  const auto named = [](const std::string& kind, const std::string& sql) { return type(kind, -1, sql); };
  const EncodingChoice json{"json", {}, {}, false};
  EXPECT_EQ(encode(named("range", "int4range"), json, "[1,10)"), R"~('{"lower":1,"upper":10,"bounds":"[)"}')~");
  EXPECT_EQ(encode(named("range", "numrange"), json, "(,2.50]"), R"~('{"lower":null,"upper":"2.50","bounds":"(]"}')~");
  EXPECT_EQ(encode(named("range", "int4range"), json, "empty"), R"~('{"lower":null,"upper":null,"bounds":"empty"}')~");
  EXPECT_EQ(encode(named("range", "tsrange"), json, R"~(["2024-01-01 00:00:00",infinity))~"),
            R"~('{"lower":"2024-01-01T00:00:00.000","upper":"infinity","bounds":"[)"}')~");
  EXPECT_EQ(encode(named("range", "textrange"), json, R"~(["a,""b""",c\)d])~"),
            R"~('{"lower":"a,\"b\"","upper":"c)d","bounds":"[]"}')~");
  EXPECT_EQ(encode(named("multirange", "int4multirange"), json, "{[1,3),[5,8)}"),
            R"~('[{"lower":1,"upper":3,"bounds":"[)"},{"lower":5,"upper":8,"bounds":"[)"}]')~");
  EXPECT_EQ(encode(named("multirange", "int4multirange"), json, "{}"), "'[]'");
  EXPECT_EQ(encode("point", "json", "(0.5,-1e-300)"), "'[0.5,-1e-300]'");
  EXPECT_EQ(encode("point", "json", "(NaN,Infinity)"), R"('["NaN","Infinity"]')");
  EXPECT_EQ(encode("line", "json", "{1,-1,0}"), "'[1,-1,0]'");
  EXPECT_EQ(encode("lseg", "json", "[(0,0),(1,1)]"), "'[[0,0],[1,1]]'");
  EXPECT_EQ(encode("path", "json", "[(0,0),(1,1)]"), R"('{"closed":false,"points":[[0,0],[1,1]]}')");
  EXPECT_EQ(encode("path", "json", "((0,0),(1,1))"), R"('{"closed":true,"points":[[0,0],[1,1]]}')");
  EXPECT_EQ(encode("circle", "json", "<(1.5,2.5),0>"), R"('{"center":[1.5,2.5],"radius":0}')");
  EXPECT_EQ(encode("hstore", "pg_text", R"("a"=>"1")"), R"('"a"=>"1"')");
  EXPECT_EQ(encode(testing::array_of(type("int4")), json, "{1,}"), "fault");
  EXPECT_EQ(encode(testing::array_of(type("int4")), json, "{1,2}x"), "fault");
  EXPECT_EQ(encode(testing::array_of(type("int4")), json, "{1\",\"2}"), "fault");  // no JSON is smuggled in
  EXPECT_EQ(encode(testing::array_of(type("text")), json, std::string(100000, '{')), "fault");
}

TEST(Alternatives, Vectors) {
  const auto as = [](const std::string& kind, std::int32_t dimensions, const std::string& name,
                     const std::string& wire) {
    EncodingChoice choice;
    choice.name = name;
    return encode(type(kind, dimensions), choice, wire);
  };
  EXPECT_EQ(as("vector", 2, "f64", "[1,-2]"), "x000000000000f03f00000000000000c002");
  EXPECT_EQ(as("halfvec", 4, "f16", "[1,-2,65504,5.9604645e-08]"), "x003c00c0ff7b010005");
  EXPECT_EQ(as("vector", 3, "f16", "[0.1,2049,0.000061]"), "x662e0068ff0305");
  EXPECT_EQ(as("vector", 1, "f16", "[65520]"), "fault");
  EXPECT_EQ(as("vector", 3, "", "[1,2]"), "fault");
  EXPECT_EQ(as("vector", -1, "", "[1,,2]"), "fault");
  EXPECT_EQ(as("sparsevec", 5, "json", "{1:1.5,3:-2}/5"), R"('{"dim":5,"values":{"1":1.5,"3":-2}}')");
  EXPECT_EQ(as("sparsevec", 5, "json", "{}/5"), R"('{"dim":5,"values":{}}')");
  EXPECT_EQ((*compile_encoder(type("vector", 3), EncodingChoice{"f64", {}, {}, false}))->decl, "F64_BLOB(3)");
}

// The hex is what PostGIS 3.3 prints for the WKT in the comment.
TEST(Alternatives, Geometry) {
  // SRID=4326;POINT(13.4 52.5)
  const std::string point = "0101000020E6100000CDCCCCCCCCCC2A400000000000404A40";
  EXPECT_EQ(encode("geometry", "geojson", point), R"('{"type":"Point","coordinates":[13.4,52.5]}')");
  EXPECT_EQ(encode("geography", "wkt", point), "'POINT(13.4 52.5)'");
  EXPECT_EQ(encode("geometry", "ewkb_hex", point), "'" + point + "'");
  EXPECT_EQ(encode("geometry", "", point), "x0101000020e6100000cdcccccccccc2a400000000000404a40");
  // POINT EMPTY
  const std::string empty = "0101000000000000000000F87F000000000000F87F";
  EXPECT_EQ(encode("geometry", "geojson", empty), R"('{"type":"Point","coordinates":[]}')");
  EXPECT_EQ(encode("geometry", "wkt", empty), "'POINT EMPTY'");
  // POINT ZM (1 2 3 4)
  const std::string zm = "01010000C0000000000000F03F000000000000004000000000000008400000000000001040";
  EXPECT_EQ(encode("geometry", "geojson", zm), R"('{"type":"Point","coordinates":[1,2,3]}')");
  EXPECT_EQ(encode("geometry", "wkt", zm), "'POINT ZM (1 2 3 4)'");
  // GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 0,1 1))
  const std::string collection =
      "0107000000020000000101000000000000000000F03F000000000000004001020000000200000000000000000000000000000000000000"
      "000000000000F03F000000000000F03F";
  EXPECT_EQ(encode("geometry", "wkt", collection), "'GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 0,1 1))'");
  EXPECT_EQ(encode("geometry", "geojson", collection),
            R"('{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1,2]},)"
            R"({"type":"LineString","coordinates":[[0,0],[1,1]]}]}')");
  // SRID=3857;MULTIPOLYGON(((0 0,1 0,1 1,0 0)))
  const std::string multi = "0106000020110F00000100000001030000000100000004000000" + std::string(32, '0') +
                            "000000000000F03F" + std::string(16, '0') + "000000000000F03F000000000000F03F" +
                            std::string(32, '0');
  EXPECT_EQ(encode("geometry", "wkt", multi), "'MULTIPOLYGON(((0 0,1 0,1 1,0 0)))'");
  EXPECT_EQ(encode("geometry", "geojson", multi),
            R"('{"type":"MultiPolygon","crs":{"type":"name","properties":{"name":"EPSG:3857"}},)"
            R"("coordinates":[[[[0,0],[1,0],[1,1],[0,0]]]]}')");
  EXPECT_EQ(encode("geometry", "wkt", "010200000000000000"), "'LINESTRING EMPTY'");
  EXPECT_EQ(encode("geometry", "geojson", "0108000000"), "fault");            // a curve
  EXPECT_EQ(encode("geometry", "geojson", point.substr(0, 30)), "fault");     // cut off
  EXPECT_EQ(encode("geometry", "geojson", point + "00"), "fault");            // something behind
  EXPECT_EQ(encode("geometry", "geojson", "0102000000FFFFFFFF00"), "fault");  // a count beyond the bytes
  std::string deep;
  for (int i = 0; i < 10000; ++i) deep += "010700000001000000";
  EXPECT_EQ(encode("geometry", "wkt", deep), "fault");
}

}  // namespace
}  // namespace walbridge::mapping
