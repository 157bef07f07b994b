// Whether a cache can go on from where it stands (I6): the one place that decides what a gap is. Pure.
#pragma once

#include <optional>
#include <string>

#include "pipeline/api/sink.h"
#include "pipeline/api/source.h"

namespace walbridge::pipeline {

// What an operator does about a gap.
inline constexpr const char* kStartOver =
    "run `walbridge destroy --caches` and then `walbridge run` to copy everything again";

inline constexpr const char* kStartOverFromTopic =
    "set `kafka.on_gap: resync` and run again: every table is copied anew, readers keep the old rows meanwhile";

// The gap between what the cache `name` holds and what the source with `source_id` and `slot` can still give; none for
// a cache that was never filled.
std::optional<Error> source_gap(const std::string& name, const SinkState& state, const std::string& source_id,
                                const SlotStatus& slot);

}  // namespace walbridge::pipeline
