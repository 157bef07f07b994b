#include "cli/running.h"

#include <nlohmann/json.hpp>

#include "pipeline/admin.h"

namespace walbridge::cli {

nlohmann::ordered_json bridge_status(const config::Config& config) {
  if (config.admin.listen.empty()) return nullptr;
  const auto answer = pipeline::admin_get(config.admin.listen, "/status");
  if (!answer) return nullptr;
  auto json = nlohmann::ordered_json::parse(*answer, nullptr, false);
  if (json.is_discarded() || !json.is_object() || json.value("name", "") != config.name) return nullptr;
  return json;
}

}  // namespace walbridge::cli
