// The query of one chunk of a backfill. Ordered by the key, so that the index of the key gives the rows and the last
// one says where the next chunk starts. Pure; any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "pipeline/api/source.h"
#include "source-pg/publication.h"

namespace walbridge::source_pg {

// The relation to read: the table, or the leaf that the request names. None: the table has no such leaf.
std::optional<Heap> relation_of(const ChunkRequest& request);

// `quote`: a literal as the connection writes it. One row more than `most_rows` is asked for, which tells whether any
// follows; without a key, or for single rows, all of them. The last column is the heap a row lies in.
// Operator "backfill-request" when the request names columns that the table lacks.
Result<std::string> chunk_sql(const ChunkRequest& request, const std::function<std::string(std::string_view)>& quote);

}  // namespace walbridge::source_pg
