// What librdkafka and the brokers say, as errors of ours: one table for codes, one for the words of failed connections.
// No value of a property is ever part of one. Pure.
#pragma once

#include <string>
#include <string_view>

#include <librdkafka/rdkafka.h>

#include "config/config.h"
#include "pipeline/api/error.h"

namespace walbridge::kafka {

// What the remedy of an error has to name.
struct Place {
  std::string brokers;
  std::string topic;
  std::string user;  // sasl.username, which is no secret; empty: not known
  bool writes = false;
  bool secured = false;  // a file of properties is needed for Kafka's own tools
  bool made = true;      // by a publisher, when it is not there
  std::uint32_t replicas = 3;
};
Place place_of(const config::Kafka& settings, const std::string& topic, bool writes);

// "kafka-topics.sh --bootstrap-server … --describe --topic …", to be pasted.
std::string tool_command(const Place& place, std::string_view tool, std::string_view arguments);
std::string topic_command(const Place& place, std::string_view verb, std::string_view arguments);  // kafka-topics.sh
std::string config_command(const Place& place, std::string_view setting);                          // kafka-configs.sh
std::string acl_command(const Place& place, std::string_view operations);                          // kafka-acls.sh

// An answer of a broker, or of librdkafka in its place. `text` is librdkafka's; it is cut to what is safe to show.
Error answer_error(rd_kafka_resp_err_t code, std::string_view text, const Place& place);

// Why a connection failed: "kafka-authentication", "kafka-tls" and "kafka-protocol" are an operator's; everything else
// is Retry "kafka-unreachable".
Error connection_error(rd_kafka_resp_err_t code, std::string_view text, const Place& place);

}  // namespace walbridge::kafka
