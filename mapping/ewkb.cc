#include "mapping/ewkb.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace walbridge::mapping {

namespace {

constexpr int kDeepestCollection = 32;

enum Type : std::uint32_t {
  kPoint = 1,
  kLineString = 2,
  kPolygon = 3,
  kMultiPoint = 4,
  kMultiLineString = 5,
  kMultiPolygon = 6,
  kCollection = 7,
};

constexpr std::array<const char*, 8> kGeoJsonNames = {
    "", "Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"};
constexpr std::array<const char*, 8> kWktNames = {
    "", "POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION"};

struct Header {
  std::uint32_t type = 0;
  bool z = false;
  bool m = false;
  std::int32_t srid = 0;
  std::size_t dimensions() const { return 2 + (z ? 1U : 0U) + (m ? 1U : 0U); }
};

using Position = std::array<double, 4>;  // x y, then z and m as the header says

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  GeometryText header(Header& out) {
    if (bytes_.size() - at_ < 5) return GeometryText::Malformed;
    const char order = bytes_[at_++];
    if (order != 0 && order != 1) return GeometryText::Malformed;
    little_ = order == 1;
    std::uint32_t word = 0;
    if (!read(word)) return GeometryText::Malformed;
    out.z = (word & 0x80000000U) != 0;
    out.m = (word & 0x40000000U) != 0;
    const bool has_srid = (word & 0x20000000U) != 0;
    std::uint32_t type = word & 0x1fffffffU;
    const std::uint32_t iso = type / 1000;  // ISO 13249-3 adds 1000 for Z, 2000 for M
    out.z = out.z || iso == 1 || iso == 3;
    out.m = out.m || iso == 2 || iso == 3;
    type %= 1000;
    out.srid = 0;
    if (has_srid && !read(out.srid)) return GeometryText::Malformed;
    out.type = type;
    return iso <= 3 && type >= kPoint && type <= kCollection ? GeometryText::Ok : GeometryText::Unsupported;
  }
  // A count can be no larger than the bytes behind it allow.
  bool count(std::uint32_t& out) { return read(out) && out <= bytes_.size() - at_; }
  bool position(const Header& header, Position& out) {
    for (std::size_t i = 0; i < header.dimensions(); ++i) {
      std::uint64_t bits = 0;
      if (!read(bits)) return false;
      out[i] = std::bit_cast<double>(bits);
    }
    return true;
  }
  bool done() const { return at_ == bytes_.size(); }

 private:
  template <class Number>
  bool read(Number& out) {
    if (bytes_.size() - at_ < sizeof(Number)) return false;
    std::array<char, sizeof(Number)> raw{};
    for (std::size_t i = 0; i < raw.size(); ++i) raw[little_ ? i : raw.size() - 1 - i] = bytes_[at_ + i];
    std::memcpy(&out, raw.data(), raw.size());
    at_ += raw.size();
    return true;
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
  bool little_ = true;
};

void append_number(double value, std::string& out) {
  std::array<char, 32> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

// The punctuation of the two formats; everything else is shared.
struct GeoJsonStyle {
  static constexpr char kOpen = '[';
  static constexpr char kClose = ']';

  static void position(const Header& header, const Position& at, std::string& out) {
    out += '[';
    for (std::size_t i = 0; i < (header.z ? 3U : 2U); ++i) {
      if (i > 0) out += ',';
      if (std::isfinite(at[i])) {
        append_number(at[i], out);
      } else {
        out += "null";
      }
    }
    out += ']';
  }
};

struct WktStyle {
  static constexpr char kOpen = '(';
  static constexpr char kClose = ')';

  static void position(const Header& header, const Position& at, std::string& out) {
    for (std::size_t i = 0; i < header.dimensions(); ++i) {
      if (i > 0) out += ' ';
      append_number(at[i], out);
    }
  }
};

template <class Style>
class Writer {
 public:
  Writer(Reader& reader, std::string& out) : reader_(reader), out_(out) {}

  bool positions(const Header& header) {
    return list([&] {
      Position at{};
      if (!reader_.position(header, at)) return false;
      Style::position(header, at, out_);
      return true;
    });
  }

  bool rings(const Header& header) {
    return list([&] { return positions(header); });
  }

  // The members of a multi-geometry, each with a header of its own that must name `member`.
  GeometryText members(std::uint32_t member) {
    GeometryText outcome = GeometryText::Ok;
    const bool whole = list([&] {
      Header header;
      outcome = reader_.header(header);
      if (outcome != GeometryText::Ok) return false;
      if (header.type != member) return false;
      if (member == kPoint) return point(header);
      return member == kLineString ? positions(header) : rings(header);
    });
    if (whole || outcome == GeometryText::Unsupported) return outcome;
    return GeometryText::Malformed;
  }

  template <class Item>
  bool list(Item item) {
    std::uint32_t count = 0;
    if (!reader_.count(count)) return false;
    out_ += Style::kOpen;
    for (std::uint32_t i = 0; i < count; ++i) {
      if (i > 0) out_ += ',';
      if (!item()) return false;
    }
    out_ += Style::kClose;
    return true;
  }

 private:
  bool point(const Header& header) {
    Position at{};
    if (!reader_.position(header, at)) return false;
    Style::position(header, at, out_);
    return true;
  }

  Reader& reader_;
  std::string& out_;
};

// An empty point is one of NaNs.
bool is_empty_point(const Position& at) { return std::isnan(at[0]) && std::isnan(at[1]); }

GeometryText geojson(Reader& reader, std::string& out, int depth) {
  Header header;
  if (depth > kDeepestCollection) return GeometryText::Malformed;
  if (const auto read = reader.header(header); read != GeometryText::Ok) return read;
  out.append("{\"type\":\"").append(kGeoJsonNames[header.type]).append("\"");
  if (depth == 0 && header.srid != 0 && header.srid != 4326) {
    out.append(",\"crs\":{\"type\":\"name\",\"properties\":{\"name\":\"EPSG:");
    out.append(std::to_string(header.srid)).append("\"}}");
  }
  out += header.type == kCollection ? ",\"geometries\":" : ",\"coordinates\":";
  Writer<GeoJsonStyle> writer(reader, out);
  GeometryText outcome = GeometryText::Ok;
  if (header.type == kPoint) {
    Position at{};
    if (!reader.position(header, at)) return GeometryText::Malformed;
    if (is_empty_point(at)) {
      out += "[]";
    } else {
      GeoJsonStyle::position(header, at, out);
    }
  } else if (header.type == kLineString) {
    outcome = writer.positions(header) ? GeometryText::Ok : GeometryText::Malformed;
  } else if (header.type == kPolygon) {
    outcome = writer.rings(header) ? GeometryText::Ok : GeometryText::Malformed;
  } else if (header.type == kCollection) {
    const bool whole = writer.list([&] { return (outcome = geojson(reader, out, depth + 1)) == GeometryText::Ok; });
    if (!whole && outcome == GeometryText::Ok) outcome = GeometryText::Malformed;
  } else {
    outcome = writer.members(header.type - 3);
  }
  out += '}';
  return outcome;
}

GeometryText wkt(Reader& reader, std::string& out, int depth) {
  Header header;
  if (depth > kDeepestCollection) return GeometryText::Malformed;
  if (const auto read = reader.header(header); read != GeometryText::Ok) return read;
  out += kWktNames[header.type];
  if (header.z || header.m) out.append(" ").append(header.z ? "Z" : "").append(header.m ? "M" : "").append(" ");
  const std::size_t body = out.size();
  Writer<WktStyle> writer(reader, out);
  GeometryText outcome = GeometryText::Ok;
  if (header.type == kPoint) {
    Position at{};
    if (!reader.position(header, at)) return GeometryText::Malformed;
    out += '(';
    if (!is_empty_point(at)) WktStyle::position(header, at, out);
    out += ')';
  } else if (header.type == kLineString) {
    outcome = writer.positions(header) ? GeometryText::Ok : GeometryText::Malformed;
  } else if (header.type == kPolygon) {
    outcome = writer.rings(header) ? GeometryText::Ok : GeometryText::Malformed;
  } else if (header.type == kCollection) {
    const bool whole = writer.list([&] { return (outcome = wkt(reader, out, depth + 1)) == GeometryText::Ok; });
    if (!whole && outcome == GeometryText::Ok) outcome = GeometryText::Malformed;
  } else {
    outcome = writer.members(header.type - 3);
  }
  if (out.size() == body + 2) {
    out.resize(body);
    out.append(header.z || header.m ? "EMPTY" : " EMPTY");
  }
  return outcome;
}

}  // namespace

GeometryText append_geojson(std::string_view ewkb, std::string& out) {
  Reader reader(ewkb);
  const auto outcome = geojson(reader, out, 0);
  return outcome == GeometryText::Ok && !reader.done() ? GeometryText::Malformed : outcome;
}

GeometryText append_wkt(std::string_view ewkb, std::string& out) {
  Reader reader(ewkb);
  const auto outcome = wkt(reader, out, 0);
  return outcome == GeometryText::Ok && !reader.done() ? GeometryText::Malformed : outcome;
}

}  // namespace walbridge::mapping
