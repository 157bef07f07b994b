// `kafka`.
#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "config/address.h"
#include "config/kafka_properties.h"
#include "config/sections.h"

namespace walbridge::config {
namespace {

// The first in the order of its enumeration, the last too.
constexpr auto kRoles = std::to_array<std::string_view>({"publish", "apply", "both"});
constexpr auto kCodecs = std::to_array<std::string_view>({"lz4", "zstd", "gzip", "snappy", "none"});
constexpr auto kOnGap = std::to_array<std::string_view>({"stop", "resync"});

constexpr std::size_t kLongestTopic = 249;
constexpr std::int64_t kMostReplicas = 32767;
constexpr std::size_t kLongestProperty = 64;
constexpr std::string_view kControlSuffix = ".control";

std::string trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return std::string(text);
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t comma = 0; comma != std::string_view::npos;) {
    comma = text.find(',');
    parts.push_back(trimmed(text.substr(0, comma)));
    if (comma != std::string_view::npos) text.remove_prefix(comma + 1);
  }
  return parts;
}

void read_brokers(const Field& field, std::string& joined) {
  if (!field.present()) return;
  const auto add = [&](const Field& place, const std::string& written) {
    for (const std::string& broker : split_list(written)) {
      if (auto fault = broker_address_fault(broker)) return place.problem(*std::move(fault));
      joined += (joined.empty() ? "" : ",") + broker;
    }
  };
  if (!field.is_list()) {
    if (const auto written = field.text()) add(field, *written);
    return;
  }
  const std::vector<Field> items = field.items();
  if (items.empty()) field.problem("must list at least one broker as host:port");
  for (const Field& item : items) {
    if (const auto written = item.text()) add(item, *written);
  }
}

std::optional<std::string> read_topic(const Field& field, std::size_t longest) {
  auto name = field.text();
  if (!name) return std::nullopt;
  const bool fits =
      name->size() <= longest && *name != "." && *name != ".." && std::all_of(name->begin(), name->end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-';
      });
  if (fits) return name;
  field.problem(fmt::format("a topic's name must be 1 to {} of a-z, A-Z, 0-9, `.`, `_` and `-`", longest));
  return std::nullopt;
}

void read_topics(const Field& field, Kafka& kafka) {
  const Field control = field.child("control_topic");
  // Two topics stand side by side in the name of the second.
  const std::size_t longest = control.present() ? kLongestTopic : kLongestTopic - kControlSuffix.size();
  if (auto topic = read_topic(field.required("topic", "name the topic of the changes, e.g. shop.changes"), longest)) {
    kafka.topic = *std::move(topic);
    kafka.control_topic = kafka.topic + std::string(kControlSuffix);
  }
  if (auto topic = read_topic(control, kLongestTopic)) {
    if (*topic == kafka.topic) control.problem("must be another topic than `topic`: it holds what appliers ask for");
    kafka.control_topic = *std::move(topic);
  }
}

bool is_property_name(const std::string& name) {
  return !name.empty() && name.size() <= kLongestProperty && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
  });
}

void read_properties(const Field& field, std::map<std::string, Secret>& properties) {
  if (!field.check_map()) return;
  for (const Field& entry : field.entries()) {
    // What is no name may be a password that lost its colon: it is not repeated.
    if (!is_property_name(entry.key())) {
      field.reading().problems.push_back({field.reading().file, entry.line(), "kafka.properties",
                                          "holds what is no name of a librdkafka property: a-z, 0-9, `.` and `_`"});
    } else if (const char* reason = owned_kafka_property(entry.key())) {
      entry.problem(reason);
    } else if (auto value = read_secret(entry, true)) {
      properties[entry.key()] = *std::move(value);
    }
  }
}

}  // namespace

void read_kafka(const Field& root, Config& config) {
  const Field field = root.child("kafka");
  if (!field.present()) return;
  Kafka& kafka = config.kafka.emplace();
  kafka.place.line = field.line();
  if (!field.check_map()) return;
  read_brokers(field.required("brokers", "name at least one as host:port"), kafka.brokers);
  read_topics(field, kafka);
  if (const auto at = field.child("role").choice(kRoles)) kafka.role = static_cast<KafkaRole>(*at);
  if (const auto at = field.child("compression").choice(kCodecs)) kafka.compression = kCodecs.at(*at);
  if (const auto create = field.child("create_topic").boolean()) kafka.create_topic = *create;
  if (const auto count = field.child("replicas").integer(0, kMostReplicas)) {
    kafka.replicas = static_cast<std::uint32_t>(*count);
  }
  if (const auto allow = field.child("allow_single_replica").boolean()) kafka.allow_single_replica = *allow;
  if (const auto at = field.child("on_gap").choice(kOnGap)) kafka.on_gap = static_cast<OnGap>(*at);
  read_properties(field.child("properties"), kafka.properties);
}

}  // namespace walbridge::config
