// What became of an enum's labels: told by their oids, which a rename keeps. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/api/pg_type.h"

namespace walbridge::mapping {

std::vector<std::pair<std::string, std::string>> renamed_labels(const PgType& was, const PgType& now);

// Ranks that are other ones now; nothing when a label is gone, which Postgres does not do to an enum.
std::optional<std::vector<std::pair<std::int64_t, std::int64_t>>> changed_ranks(const PgType& was, const PgType& now);

// Whether two states of a type hold, at any depth, an enum one of whose labels was renamed.
bool holds_renamed_label(const PgType& was, const PgType& now);

}  // namespace walbridge::mapping
