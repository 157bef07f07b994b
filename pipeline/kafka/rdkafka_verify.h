// Whether a topic is one walbridge can trust with changes: facts to findings, each with the command that mends it.
// Pure.
#pragma once

#include <vector>

#include "config/config.h"
#include "pipeline/api/finding.h"
#include "pipeline/kafka/open.h"
#include "pipeline/kafka/rdkafka_error.h"
#include "pipeline/kafka/rdkafka_topics.h"

namespace walbridge::kafka {

// Of a topic that exists; in the last place an Ok that says what it is like.
std::vector<Finding> verify(const TopicFacts& facts, const config::Kafka& settings, Topic topic, const Place& place);

// What walbridge would create. Operator "kafka-replicas" when only one replica can be had and that is not allowed.
Result<NewTopic> new_topic(const TopicFacts& facts, const config::Kafka& settings, Topic topic);

}  // namespace walbridge::kafka
