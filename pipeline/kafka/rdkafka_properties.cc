#include "pipeline/kafka/rdkafka_properties.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace walbridge::kafka {
namespace {

constexpr auto kMechanisms =
    std::to_array<std::string_view>({"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI", "OAUTHBEARER"});

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

void add_unused(const config::Kafka& settings, std::string_view prefix, const char* protocols,
                std::vector<Finding>& found) {
  std::string names;
  for (const auto& [name, value] : settings.properties) {
    if (name.starts_with(prefix)) names += (names.empty() ? "" : ", ") + name;
  }
  if (names.empty()) return;
  found.push_back({Finding::Severity::Warning, "kafka-property-unused", "kafka.properties",
                   fmt::format("without effect, since security.protocol is not {}: {}", protocols, names),
                   fmt::format("set kafka.properties.\"security.protocol\" to {}, or remove them", protocols)});
}

}  // namespace

std::vector<Finding> doubtful_properties(const config::Kafka& settings) {
  std::vector<Finding> found;
  const auto protocol = settings.properties.find("security.protocol");
  const auto chosen = protocol == settings.properties.end() ? "plaintext" : lower(protocol->second.reveal());
  if (!chosen.ends_with("ssl")) add_unused(settings, "ssl.", "ssl or sasl_ssl", found);
  if (!chosen.starts_with("sasl_")) {
    add_unused(settings, "sasl.", "sasl_ssl or sasl_plaintext", found);
    return found;
  }
  for (const char* name : {"sasl.mechanism", "sasl.mechanisms"}) {
    const auto mechanism = settings.properties.find(name);
    if (mechanism == settings.properties.end()) continue;
    if (std::find(kMechanisms.begin(), kMechanisms.end(), mechanism->second.reveal()) != kMechanisms.end()) continue;
    found.push_back({Finding::Severity::Error, "kafka-mechanism", "kafka.properties",
                     fmt::format("{} is no mechanism to log in with", name),
                     fmt::format("one of {}, in capitals", fmt::join(kMechanisms, ", "))});
  }
  return found;
}

}  // namespace walbridge::kafka
