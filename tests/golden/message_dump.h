// Decoded messages as text, one line each with every field: what goldens compare. Prints values, so tests only.
#pragma once

#include <string>

#include "source-pg/pgoutput.h"

namespace walbridge::golden {

std::string dump(const source_pg::pgoutput::AnyMessage& message);

}  // namespace walbridge::golden
