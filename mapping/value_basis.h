// Everything the stored values of a column depend on, as a text: two columns with the same text hold the same value for
// the same row, so a change that leaves it alone copies nothing. Pure.
#pragma once

#include <string>

#include "mapping/encoder.h"
#include "pipeline/api/pg_type.h"

namespace walbridge::mapping {

// Holds of a mask's key only a fingerprint.
std::string value_basis(const PgType& type, const Encoder& encoder);

}  // namespace walbridge::mapping
