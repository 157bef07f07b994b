// Every name an encoding can be chosen by, in `types:` and in the columns of a rule. Whether a name fits a type is for
// mapping/ to say. A test keeps docs/configuration.md and the JSON Schema at this list.
#pragma once

#include <array>
#include <string_view>

namespace walbridge::config {

inline constexpr auto kEncodings = std::to_array<std::string_view>({
    "default",         // back to the built-in encoding, whatever a wider setting says
    "text",            // every type that has a text form
    "auto",            // numeric: a number up to 15 digits, else text
    "real",            // numeric, money
    "integer_scaled",  // numeric with a scale, money
    "integer",         // bool, integers, oid; bit, varbit up to 63 bits
    "trim",            // char(n)
    "raw",             // bytea
    "hex",             // bytea
    "base64",          // bytea
    "blob",            // uuid, as 16 bytes
    "text_hex",        // uuid, as 32 hex digits
    "compact",         // json, jsonb
    "jsonb_blob",      // json, jsonb
    "text_prisma",     // date, timestamp, timestamptz
    "text_sqlite",     // timestamp, timestamptz
    "utc",             // timestamp
    "unix_s",          // timestamp, timestamptz
    "unix_ms",         // date, timestamp, timestamptz
    "unix_us",         // timestamp, timestamptz
    "unix_ms_frac",    // timestamp, timestamptz
    "julian",          // timestamp, timestamptz
    "epoch_days",      // date
    "us",              // time, interval
    "us_utc",          // timetz
    "postgres",        // interval
    "pg_text",         // arrays, composites, hstore
    "rank",            // enum
    "json",            // ranges, geometric types, vectors
    "f32_blob",        // vector, halfvec
    "f64",             // vector, halfvec
    "f16",             // vector, halfvec
    "ewkb",            // geometry, geography
    "ewkb_hex",        // geometry, geography
    "geojson",         // geometry, geography
    "wkt",             // geometry, geography
    "omit",            // any type: the column is left out
    "error",           // any type: the table is refused
});

// Described in the mapping's specification, not offered by this version.
inline constexpr auto kEncodingsNotYet = std::to_array<std::string_view>({"fold_key", "split"});

}  // namespace walbridge::config
