// What the bridge that runs with this configuration says of itself, on its admin address.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "config/config.h"

namespace walbridge::cli {

// Its /status; null when nobody answers there, or another bridge does.
nlohmann::ordered_json bridge_status(const config::Config& config);

}  // namespace walbridge::cli
