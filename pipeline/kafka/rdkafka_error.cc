#include "pipeline/kafka/rdkafka_error.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

namespace walbridge::kafka {
namespace {

constexpr std::size_t kLongestText = 300;

bool holds(std::string_view text, std::string_view part) {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  };
  return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

// One line without librdkafka's remarks on time and state: "(after 3ms in state CONNECT, 2 identical error(s)
// suppressed)".
std::string tidy(std::string_view text) {
  const std::size_t remark = text.find(" (after ");
  std::string out(text.substr(0, std::min(remark, kLongestText)));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return out;
}

// "kafka-" and librdkafka's name of the code: "kafka-not-leader-for-partition".
std::string code_name(rd_kafka_resp_err_t code) {
  std::string name = rd_kafka_err2name(code);
  name.erase(0, name.find_first_not_of('_'));
  std::string out = "kafka-";
  for (const char c : name) out += c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// Passes by itself: the brokers elect, load, or are busy.
constexpr auto kPassing = std::to_array<rd_kafka_resp_err_t>({
    RD_KAFKA_RESP_ERR__TRANSPORT,
    RD_KAFKA_RESP_ERR__RESOLVE,
    RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
    RD_KAFKA_RESP_ERR__TIMED_OUT,
    RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE,
    RD_KAFKA_RESP_ERR__WAIT_COORD,
    RD_KAFKA_RESP_ERR__WAIT_CACHE,
    RD_KAFKA_RESP_ERR__RETRY,
    RD_KAFKA_RESP_ERR__OUTDATED,
    RD_KAFKA_RESP_ERR__DESTROY,
    RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
    RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
    RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
    RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE,
    RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE,
    RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION,
    RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
    RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
    RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
    RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
    RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    RD_KAFKA_RESP_ERR_NOT_CONTROLLER,
    RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
    RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH,
    RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH,
    RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE,
    RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED,
    RD_KAFKA_RESP_ERR_PREFERRED_LEADER_NOT_AVAILABLE,
    RD_KAFKA_RESP_ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE,
});

bool passes(rd_kafka_resp_err_t code) { return std::find(kPassing.begin(), kPassing.end(), code) != kPassing.end(); }

Error missing_topic(const Place& place) {
  const auto settings =
      fmt::format("--partitions 1 --replication-factor {} --config cleanup.policy=delete", place.replicas);
  return {Verdict::Retry, "kafka-topic-missing", fmt::format("topic {} is not there", place.topic),
          place.made ? "the publisher creates it: see that one runs" : topic_command(place, "--create", settings)};
}

Error unauthorised(std::string_view what, const Place& place, std::string_view operations) {
  return {Verdict::Operator, "kafka-authorisation", fmt::format("the brokers do not allow {}", what),
          acl_command(place, operations)};
}

}  // namespace

Place place_of(const config::Kafka& settings, const std::string& topic, bool writes) {
  Place place{settings.brokers, topic, "", writes, settings.properties.count("security.protocol") > 0};
  place.made = settings.create_topic;
  if (settings.replicas != 0) place.replicas = settings.replicas;
  const auto user = settings.properties.find("sasl.username");
  if (user != settings.properties.end()) place.user = user->second.reveal();
  return place;
}

std::string tool_command(const Place& place, std::string_view tool, std::string_view arguments) {
  return fmt::format("{}.sh --bootstrap-server {}{} {}", tool, place.brokers,
                     place.secured ? " --command-config client.properties" : "", arguments);
}

std::string topic_command(const Place& place, std::string_view verb, std::string_view arguments) {
  return tool_command(place, "kafka-topics", fmt::format("{} --topic {} {}", verb, place.topic, arguments));
}

std::string config_command(const Place& place, std::string_view setting) {
  return tool_command(
      place, "kafka-configs",
      fmt::format("--alter --entity-type topics --entity-name {} --add-config {}", place.topic, setting));
}

std::string acl_command(const Place& place, std::string_view operations) {
  std::string arguments = fmt::format("--add --allow-principal User:{}", place.user.empty() ? "NAME" : place.user);
  for (std::size_t comma = 0; comma != std::string_view::npos;) {
    comma = operations.find(',');
    arguments += fmt::format(" --operation {}", operations.substr(0, comma));
    if (comma != std::string_view::npos) operations.remove_prefix(comma + 1);
  }
  return tool_command(place, "kafka-acls", fmt::format("{} --topic {}", arguments, place.topic));
}

Error answer_error(rd_kafka_resp_err_t code, std::string_view text, const Place& place) {
  const char* rights = place.writes ? "Read,Write,Describe,DescribeConfigs" : "Read,Describe,DescribeConfigs";
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      return {
          Verdict::Gap, "kafka-offset-gone",
          fmt::format("topic {} has no record at the offset asked for any more, or not yet", place.topic),
          "set `kafka.on_gap: resync` and run again: every table is copied anew, readers keep the old rows meanwhile"};
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return missing_topic(place);
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return unauthorised(fmt::format("{} topic {}", place.writes ? "to write" : "to read", place.topic), place,
                          rights);
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED: {
      Error error = unauthorised(fmt::format("idempotent writes, which topic {} needs", place.topic), place, rights);
      error.remedy += "; brokers before 3.0 also want IdempotentWrite on --cluster";
      return error;
    }
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
      return {Verdict::Operator, "kafka-record-refused",
              fmt::format("topic {} refused a record as too large: max.message.bytes was lowered", place.topic),
              config_command(place, "max.message.bytes=1048588")};
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
      return {Verdict::Operator, "kafka-corrupt-record",
              fmt::format("topic {} holds bytes that do not add up: {}", place.topic, tidy(text)),
              "look at the disks of the brokers; what cannot be read again is copied anew with `kafka.on_gap: resync`"};
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
    case RD_KAFKA_RESP_ERR__SSL:
      return connection_error(code, text, place);
    default:
      break;
  }
  if (passes(code)) {
    return {Verdict::Retry, "kafka-unreachable",
            fmt::format("topic {} at {}: {}", place.topic, place.brokers, tidy(text)), ""};
  }
  return {Verdict::Operator, code_name(code), fmt::format("topic {}: {}", place.topic, tidy(text)),
          "look into the brokers' logs; walbridge check tells what it can"};
}

Error connection_error(rd_kafka_resp_err_t code, std::string_view text, const Place& place) {
  const std::string said = tidy(text);
  if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED ||
      code == RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM || code == RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE) {
    return {Verdict::Operator, "kafka-authentication", fmt::format("the brokers refuse to let walbridge in: {}", said),
            "check sasl.mechanism, sasl.username and sasl.password in kafka.properties"};
  }
  if (holds(text, "connecting to a PLAINTEXT broker listener") || holds(text, "wrong version number") ||
      holds(text, "unexpected eof")) {
    return {Verdict::Operator, "kafka-protocol", fmt::format("TLS was spoken to a port without TLS: {}", said),
            "set security.protocol in kafka.properties to plaintext or sasl_plaintext, or name the brokers' TLS port"};
  }
  if (holds(text, "incorrect security.protocol") || holds(text, "connecting to a SSL listener") ||
      holds(text, "connecting to a SASL") || holds(text, "broker might require SASL")) {
    return {
        Verdict::Operator, "kafka-protocol", fmt::format("the port wants TLS or a login: {}", said),
        "set security.protocol in kafka.properties to ssl or sasl_ssl (sasl_plaintext: a login without TLS), or name "
        "another port"};
  }
  if (code == RD_KAFKA_RESP_ERR__SSL || holds(text, "SSL routines") || holds(text, "SSL handshake failed")) {
    const bool client = holds(text, "certificate required") || holds(text, "bad certificate") ||
                        holds(text, "handshake failure") || holds(text, "certificate unknown");
    return {Verdict::Operator, "kafka-tls", fmt::format("no TLS connection: {}", said),
            client ? "the brokers want a certificate they trust: set ssl.certificate.location and ssl.key.location in "
                     "kafka.properties"
                   : "set ssl.ca.location in kafka.properties to the authority that signed the brokers' certificates, "
                     "and name the brokers as their certificates do"};
  }
  return {Verdict::Retry, "kafka-unreachable", fmt::format("no broker of {} answers: {}", place.brokers, said), ""};
}

}  // namespace walbridge::kafka
