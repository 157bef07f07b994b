// Settings for tests that need no broker: nobody listens where they point.
#pragma once

#include <map>
#include <string>

#include "config/config.h"

namespace walbridge::kafka {

inline config::Kafka settings_with(const std::map<std::string, std::string>& properties = {}) {
  config::Kafka settings;
  settings.brokers = "127.0.0.1:1";
  settings.topic = "shop.changes";
  settings.control_topic = "shop.changes.control";
  for (const auto& [name, value] : properties) settings.properties.emplace(name, config::Secret(value));
  return settings;
}

inline bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace walbridge::kafka
