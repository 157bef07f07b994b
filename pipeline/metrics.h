// The Prometheus text of /metrics, made from the same numbers as /status. The one file that knows prometheus-cpp.
#pragma once

#include <string>

#include "pipeline/status.h"

namespace walbridge::pipeline {

// `bridge` for counters and histograms, `status` for the rest. `publisher`: the half of the same process that ends in
// the topic `bridge` begins with, or null.
std::string render_metrics(const Bridge& bridge, const Bridge* publisher, const BridgeStatus& status);

}  // namespace walbridge::pipeline
