// A stable fingerprint of everything a reader or an encoder of a cache table sees: it changes whenever the table's
// shape does. Stored in the cache, where another hash means that the table must be altered or copied again. Pure.
#pragma once

#include <string>

#include "mapping/table_shape.h"

namespace walbridge::mapping {

std::string schema_hash(const TableShape& shape);

}  // namespace walbridge::mapping
