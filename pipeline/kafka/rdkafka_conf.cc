#include "pipeline/kafka/rdkafka_conf.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "config/kafka_properties.h"
#include "config/nearest.h"

namespace walbridge::kafka {
namespace {

constexpr int kFirstWithScram = 0x020601ff;
constexpr std::size_t kErrorSize = 512;

struct Setting {
  const char* name;
  std::string value;
};

// Before the user's properties, which may say otherwise.
std::vector<Setting> defaults(ClientKind kind) {
  std::vector<Setting> all = {
      {"client.id", "walbridge"},
      {"socket.keepalive.enable", "true"},
      {"socket.timeout.ms", "15000"},
      {"socket.connection.setup.timeout.ms", "10000"},
      {"topic.metadata.refresh.interval.ms", "10000"},  // a topic that went is noticed
  };
  // A question to the broker waits behind the fetch that is under way.
  if (kind == ClientKind::Reader) all.push_back({"fetch.wait.max.ms", "100"});
  return all;
}

std::vector<Setting> ours(const config::Kafka& settings, ClientKind kind, std::size_t queue_bytes) {
  std::vector<Setting> all = {
      {"bootstrap.servers", settings.brokers}, {"reconnect.backoff.ms", "100"}, {"reconnect.backoff.max.ms", "1000"},
      {"statistics.interval.ms", "0"},         {"log.thread.name", "false"},    {"allow.auto.create.topics", "false"},
  };
  const auto add = [&](std::initializer_list<Setting> more) { all.insert(all.end(), more); };
  if (kind == ClientKind::Writer) {
    add({
        {"enable.idempotence", "true"},
        // With it a refused record ends the writer before anything is stored behind it.
        {"enable.gapless.guarantee", "true"},
        {"acks", "all"},
        {"max.in.flight", "5"},
        {"message.timeout.ms", "0"},
        {"compression.type", settings.compression},
        {"linger.ms", "0"},  // the publisher keeps what is small together, see Publisher::settle_when_drained()
        {"batch.size", std::to_string(kBatchBytes)},
        {"message.max.bytes", std::to_string(kLargestMessage)},
        {"queue.buffering.max.messages", "0"},
        // The bound is LogWriter's own; this one only has to lie above it.
        {"queue.buffering.max.kbytes",
         std::to_string(std::min<std::size_t>((2 * queue_bytes + kLargestMessage) / 1024, 2147483647))},
    });
  }
  if (kind == ClientKind::Reader) {
    add({
        {"auto.offset.reset", "error"},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"enable.partition.eof", "true"},
        {"isolation.level", "read_uncommitted"},
        {"check.crcs", "true"},
        {"queued.max.messages.kbytes", std::to_string(kReadAheadKib)},
    });
  }
  return all;
}

// The rows of librdkafka's own table of properties: name, who it is for, range, …
std::vector<std::vector<std::string>> property_rows() {
  char* text = nullptr;
  std::size_t size = 0;
  std::FILE* stream = ::open_memstream(&text, &size);
  if (stream == nullptr) return {};
  rd_kafka_conf_properties_show(stream);
  std::fclose(stream);
  const std::string table(text, size);
  std::free(text);  // NOLINT(cppcoreguidelines-no-malloc): open_memstream's
  std::vector<std::vector<std::string>> rows;
  for (std::size_t at = 0; at < table.size();) {
    const std::size_t end = std::min(table.find('\n', at), table.size());
    std::vector<std::string> cells;
    for (std::size_t cell = at; cell < end && cells.size() < 3;) {
      const std::size_t bar = std::min(table.find('|', cell), end);
      std::string word = table.substr(cell, bar - cell);
      word.erase(0, word.find_first_not_of(' '));
      word.erase(word.find_last_not_of(' ') + 1);
      cells.push_back(std::move(word));
      cell = bar + 1;
    }
    if (cells.size() == 3 && cells[0] != "Property" && !cells[0].starts_with("-")) rows.push_back(std::move(cells));
    at = end + 1;
  }
  return rows;
}

Error bad_property(const std::string& name, std::string message, std::string remedy) {
  return {Verdict::Operator, "kafka-property", fmt::format("kafka.properties.\"{}\" {}", name, message),
          std::move(remedy)};
}

Error unknown_property(const std::string& name) {
  const auto rows = property_rows();
  std::vector<std::string_view> names;
  for (const auto& row : rows) {
    if (config::owned_kafka_property(row[0]) == nullptr) names.emplace_back(row[0]);
  }
  const auto near = config::nearest(name, names);
  return bad_property(
      name, fmt::format("is no property of librdkafka {}", rd_kafka_version_str()),
      near ? fmt::format("did you mean {}?", *near) : "its CONFIGURATION.md lists them; remove this one");
}

// librdkafka's own message would repeat the value.
Error bad_value(const std::string& name) {
  for (const auto& row : property_rows()) {
    if (row[0] == name && !row[2].empty()) return bad_property(name, "has a value it cannot have", "one of " + row[2]);
  }
  return bad_property(name, "has a value it cannot have", "see librdkafka's CONFIGURATION.md");
}

Status set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  std::array<char, kErrorSize> text{};
  switch (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text.data(), text.size())) {
    case RD_KAFKA_CONF_OK:
      return {};
    case RD_KAFKA_CONF_UNKNOWN:
      return unknown_property(name);
    default:
      return bad_value(name);
  }
}

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

bool is_secret_property(std::string_view name) {
  for (const std::string_view part : {"password", "secret", ".pem", "oauthbearer.config", "sasl.kerberos.kinit.cmd"}) {
    if (name.find(part) != std::string_view::npos) return true;
  }
  return false;
}

std::optional<Error> scram_fault(const config::Kafka& settings, int librdkafka_version) {
  if (librdkafka_version >= kFirstWithScram) return std::nullopt;
  const auto protocol = settings.properties.find("security.protocol");
  if (protocol == settings.properties.end() || !upper(protocol->second.reveal()).starts_with("SASL"))
    return std::nullopt;
  for (const char* name : {"sasl.mechanism", "sasl.mechanisms"}) {
    const auto mechanism = settings.properties.find(name);
    if (mechanism == settings.properties.end() || !upper(mechanism->second.reveal()).starts_with("SCRAM")) continue;
    return Error{
        Verdict::Operator, "kafka-scram",
        fmt::format("{} is SCRAM, and librdkafka {} logs in with it in a way that newer brokers refuse as a wrong "
                    "password",
                    name, rd_kafka_version_str()),
        "use sasl.mechanism: PLAIN over TLS or a client certificate, or a walbridge built with librdkafka 2.6.1 "
        "or newer"};
  }
  return std::nullopt;
}

Result<ConfHandle> make_conf(const config::Kafka& settings, ClientKind kind, std::size_t queue_bytes) {
  if (auto fault = scram_fault(settings, rd_kafka_version())) return *std::move(fault);
  ConfHandle conf(rd_kafka_conf_new());
  for (const Setting& setting : defaults(kind)) WALBRIDGE_TRY(set(conf.get(), setting.name, setting.value));
  for (const auto& [name, value] : settings.properties) {
    if (const char* reason = config::owned_kafka_property(name)) {
      return bad_property(name, reason, "remove it from kafka.properties");
    }
    WALBRIDGE_TRY(set(conf.get(), name, value.reveal()));
  }
  for (const Setting& setting : ours(settings, kind, queue_bytes)) {
    WALBRIDGE_TRY(set(conf.get(), setting.name, setting.value));
  }
  return conf;
}

}  // namespace walbridge::kafka
