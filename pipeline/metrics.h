// The Prometheus text of /metrics, made from the same numbers as /status. The one file that knows prometheus-cpp.
#pragma once

#include <string>

#include "pipeline/status.h"

namespace walbridge::pipeline {

// `bridge` for counters and histograms, `status` for the rest.
std::string render_metrics(const Bridge& bridge, const BridgeStatus& status);

}  // namespace walbridge::pipeline
