// librdkafka behind the seams of log.h, and what `check` says of brokers and topics. A walbridge that was built without
// it answers every one of these with Operator "kafka-not-built".
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "pipeline/api/finding.h"
#include "pipeline/api/result.h"
#include "pipeline/kafka/log.h"

namespace walbridge::kafka {

enum class Topic { Changes, Control };  // config.topic, config.control_topic

bool built_with_kafka();

// None of them waits for a broker. Operator "kafka-property": a property librdkafka does not know, or one that
// walbridge owns; "kafka-scram": a librdkafka that cannot (before 2.6.1).
Result<std::unique_ptr<LogWriter>> open_writer(const config::Kafka& settings, Topic topic, std::size_t queue_bytes);
Result<std::unique_ptr<LogReader>> open_reader(const config::Kafka& settings, Topic topic);

// Creates what is missing, if config allows it. Waits for brokers, at most some seconds: Retry "kafka-unreachable".
// Operator "kafka-topic-missing" (with the command that makes it), "kafka-partitions", "kafka-cleanup-policy", …:
// whatever check_topics() calls an error.
Status ensure_topics(const config::Kafka& settings);

// Everything `check` has to say for the role of `settings`; each finding with the command that mends it.
std::vector<Finding> check_topics(const config::Kafka& settings);

// For a publisher: the largest value a record may have (max.message.bytes less what the batch needs).
Result<std::size_t> largest_value(const config::Kafka& settings);

}  // namespace walbridge::kafka
