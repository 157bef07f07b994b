// PostGIS' extended well-known binary as GeoJSON (RFC 7946) or WKT. Total: a truncated, cyclic-looking or unknown
// geometry is refused. Pure.
#pragma once

#include <string>
#include <string_view>

namespace walbridge::mapping {

enum class GeometryText { Ok, Malformed, Unsupported };  // Unsupported: curves and surfaces

// Measures are dropped; an SRID other than 4326 becomes a "crs" member, as ST_AsGeoJSON writes it.
GeometryText append_geojson(std::string_view ewkb, std::string& out);

// As ST_AsText: "POINT Z (1 2 3)"; the SRID is left out.
GeometryText append_wkt(std::string_view ewkb, std::string& out);

}  // namespace walbridge::mapping
