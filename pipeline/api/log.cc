#include "pipeline/api/log.h"

#include <memory>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <nlohmann/json.hpp>

namespace walbridge::log {
namespace {

struct Setup {
  std::shared_ptr<spdlog::logger> logger;
  Format format = Format::Text;
};

Setup& setup() {
  static Setup instance = [] {
    Setup made;
    made.logger = spdlog::stderr_logger_mt("walbridge");
    made.logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    return made;
  }();
  return instance;
}

spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::Debug:
      return spdlog::level::debug;
    case Level::Info:
      return spdlog::level::info;
    case Level::Warn:
      return spdlog::level::warn;
    case Level::Error:
      return spdlog::level::err;
    case Level::Off:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

// One line whatever a server put into its message.
std::string quoted_if_needed(const std::string& value) {
  if (value.find_first_of(" \t\r\n\"=") == std::string::npos) return value;
  return nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

void configure(Level level, Format format) {
  setup().format = format;
  setup().logger->set_level(spdlog_level(level));
  if (format == Format::Json) {
    setup().logger->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})", spdlog::pattern_time_type::utc);
  }
}

void write(Level level, std::string_view message, std::initializer_list<Field> fields) {
  const auto& logger = setup().logger;
  if (!logger->should_log(spdlog_level(level))) return;
  std::string line;
  if (setup().format == Format::Text) {
    line = message;
    for (const auto& field : fields) {
      if (!field.value.empty()) line += fmt::format(" {}={}", field.key, quoted_if_needed(field.value));
    }
  } else {
    nlohmann::ordered_json object;
    object["message"] = message;
    for (const auto& field : fields) {
      if (!field.value.empty()) object[std::string(field.key)] = field.value;
    }
    const auto text = object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    line = text.substr(1, text.size() - 2);
  }
  logger->log(spdlog_level(level), "{}", line);
}

}  // namespace walbridge::log
