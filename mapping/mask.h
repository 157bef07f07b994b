// What a cache may hold of a value it must not hold: encoders that stand in the place of a column's own, so that
// nothing behind them ever sees the text. Postgres' text in; text of SQLite out, whatever the type. NULL stays NULL.
// Pure.
#pragma once

#include <cstdint>
#include <memory>

#include "config/config.h"
#include "mapping/encoder.h"

namespace walbridge::mapping {

// `stored` is the encoder the column would have. Of all masks only HmacSha256 keeps different values apart (exact).
std::shared_ptr<const Encoder> masked(const std::shared_ptr<const Encoder>& stored, const config::ColumnRule& rule);

// Cuts what `stored` makes to so many characters; null when its values are no plain text.
std::shared_ptr<const Encoder> truncated(const std::shared_ptr<const Encoder>& stored, std::uint32_t characters);

// A text that is another one when the key is, and does not give it away.
std::string fingerprint(const config::Secret& key);

}  // namespace walbridge::mapping
