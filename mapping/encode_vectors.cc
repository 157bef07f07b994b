// pgvector's types in libSQL's vector formats: little-endian numbers; f64 and f16 end in a byte that names the format
// (libsql-sqlite3/src/vectorInt.h). A wrong length would be stored in silence, so the dimension is checked here.
#include <bit>
#include <cmath>
#include <cstring>

#include "mapping/json_shape.h"
#include "mapping/number_text.h"
#include "mapping/offers.h"
#include "mapping/utf8.h"

namespace walbridge::mapping {

namespace {

static_assert(std::endian::native == std::endian::little);

constexpr Fault kNotAVector = "is not a vector as pgvector prints it";
constexpr char kFloat64Format = 2;
constexpr char kFloat16Format = 5;

// Calls take(double) for each number of "[1,2,3]".
template <class Take>
Fault each_number(std::string_view wire, Take take) {
  if (wire.size() < 2 || wire.front() != '[' || wire.back() != ']') return kNotAVector;
  auto rest = wire.substr(1, wire.size() - 2);
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    double value = 0;
    if (parse_double(rest.substr(0, comma), value) != DoubleText::Ok || !take(value)) return kNotAVector;
    if (comma == std::string_view::npos) return nullptr;
    rest = rest.substr(comma + 1);
    if (rest.empty()) return kNotAVector;
  }
  return nullptr;
}

std::size_t count_numbers(std::string_view wire) {
  if (wire.size() <= 2) return 0;
  std::size_t count = 1;
  for (const char c : wire) count += c == ',' ? 1 : 0;
  return count;
}

Fault check_dimension(const Encoder& self, std::size_t count) {
  if (self.scale > 0 && count != static_cast<std::size_t>(self.scale)) return "has not as many dimensions as its type";
  return nullptr;
}

// Round to nearest, ties to even. Exact for what came from a halfvec.
std::uint16_t to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000;
  const float magnitude = std::fabs(value);
  if (!(magnitude < 65520.0F)) return static_cast<std::uint16_t>(sign | 0x7c00);
  if (magnitude < 6.103515625e-05F) {  // subnormal: units of 2^-24
    const auto units = static_cast<std::uint32_t>(std::lrint(std::ldexp(magnitude, 24)));
    return static_cast<std::uint16_t>(sign | units);
  }
  const std::uint32_t rebased = (bits & 0x7fffffff) - (112U << 23);
  const std::uint32_t rounded = rebased + 0xfff + (rebased >> 13 & 1);
  return static_cast<std::uint16_t>(sign | rounded >> 13);
}

// Encodes every number with `convert` into Number, then `format` as the last byte unless it is 0.
template <class Number, class Convert>
Fault encode_numbers(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out, char format,
                     Convert convert) {
  const std::size_t count = count_numbers(wire);
  if (const Fault fault = check_dimension(self, count)) return fault;
  const std::size_t size = count * sizeof(Number) + (format != 0 ? 1 : 0);
  char* const bytes = scratch.allocate(size + 1);
  char* end = bytes;
  const Fault fault = each_number(wire, [&](double value) {
    Number number{};
    if (!convert(value, number)) return false;
    std::memcpy(end, &number, sizeof(Number));
    end += sizeof(Number);
    return true;
  });
  if (fault != nullptr) return fault;
  if (format != 0) *end++ = format;
  if (static_cast<std::size_t>(end - bytes) != size) return kNotAVector;
  out = SqlValue::blob({bytes, size});
  return nullptr;
}

Fault encode_f32(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out) {
  return encode_numbers<float>(self, wire, scratch, out, 0, [](double value, float& number) {
    number = static_cast<float>(value);
    return std::isfinite(number);
  });
}

Fault encode_f64(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out) {
  return encode_numbers<double>(self, wire, scratch, out, kFloat64Format, [](double value, double& number) {
    number = value;
    return true;
  });
}

Fault encode_f16(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out) {
  const Fault fault =
      encode_numbers<std::uint16_t>(self, wire, scratch, out, kFloat16Format, [](double value, std::uint16_t& number) {
        number = to_half(static_cast<float>(value));
        return (number & 0x7fff) != 0x7c00;
      });
  return fault == kNotAVector ? "is not a vector of numbers that a half float holds" : fault;
}

Fault encode_vector_json(const Encoder&, std::string_view wire, Arena&, SqlValue& out) {
  if (wire.size() < 2 || wire.front() != '[' || wire.back() != ']' || !is_ascii(wire)) return kNotAVector;
  out = SqlValue::text(wire);  // pgvector's own text is JSON
  return nullptr;
}

// "{1:1.5,3:-2}/5" -> {"dim":5,"values":{"1":1.5,"3":-2}}; indices count from 1, as pgvector's do.
Fault encode_sparse_json(const Encoder&, std::string_view wire, Arena& scratch, SqlValue& out) {
  constexpr Fault kBad = "is not a sparsevec as pgvector prints it";
  const auto close = wire.find("}/");
  std::int64_t number = 0;
  if (wire.empty() || wire.front() != '{' || close == std::string_view::npos) return kBad;
  const auto dimension = wire.substr(close + 2);
  if (!parse_int64(dimension, number)) return kBad;
  TextWorkshop workshop;
  auto& text = workshop.text();
  text.append("{\"dim\":").append(dimension).append(",\"values\":{");
  auto rest = wire.substr(1, close - 1);
  for (bool first = true; !rest.empty(); first = false) {
    const auto comma = rest.find(',');
    const auto pair = rest.substr(0, comma);
    const auto colon = pair.find(':');
    if (colon == std::string_view::npos || !parse_int64(pair.substr(0, colon), number)) return kBad;
    if (!first) text += ',';
    text.append("\"").append(pair.substr(0, colon)).append("\":");
    if (!append_json_number(pair.substr(colon + 1), text)) return kBad;
    if (comma == std::string_view::npos) break;
    rest = rest.substr(comma + 1);
    if (rest.empty()) return kBad;
  }
  text.append("}}");
  out = SqlValue::text(scratch.copy(text));
  return nullptr;
}

}  // namespace

bool offer_vectors(const PgType& type, Draft& draft) {
  constexpr auto kBlob = CacheColumn::Form::Blob;
  if (type.kind == "sparsevec") {
    draft.offers = {{"text", "TEXT", encode_verbatim}, {"json", "TEXT", encode_sparse_json}};
    return true;
  }
  if (type.kind != "vector" && type.kind != "halfvec") return false;
  draft.encoder.scale = type.typmod > 0 ? type.typmod : 0;
  const auto blob = [&](const std::string& name) {
    return type.typmod > 0 ? name + "(" + std::to_string(type.typmod) + ")" : std::string("BLOB");
  };
  draft.offers = {{"f32_blob", blob("F32_BLOB"), encode_f32, true, kBlob},
                  {"json", "TEXT", encode_vector_json},
                  {"f64", blob("F64_BLOB"), encode_f64, true, kBlob},
                  {"f16", blob("F16_BLOB"), encode_f16, type.kind == "halfvec", kBlob}};
  return true;
}

}  // namespace walbridge::mapping
