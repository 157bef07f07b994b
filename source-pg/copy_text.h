// One row of COPY's text format into values, un-escaped where it lies (Postgres docs, COPY, "Text Format").
// Pure; the hot path of a snapshot.
#pragma once

#include <cstddef>
#include <vector>

#include "pipeline/api/change.h"

namespace walbridge::source_pg {

// Splits `line` (its line end already cut off) into `row`, one value per column; views into `line`, which is
// overwritten. Every byte string is a row of some number of columns: the caller compares the count.
void split_copy_line(char* line, std::size_t size, std::vector<WireValue>& row);

}  // namespace walbridge::source_pg
