// What a configuration's caches are fed from, and what it reads: Postgres, or a topic (kafka.role). The one place that
// wires Kafka to the rest.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "pipeline/api/clock.h"
#include "pipeline/api/source.h"
#include "pipeline/bridge.h"
#include "pipeline/kafka/topic_client.h"

namespace walbridge::cli {

// The database, or, for kafka.role apply, the topic in its place.
std::unique_ptr<SourceAdmin> open_source_admin(const config::Config& config);
// What the caches' positions and identities belong to: the topic if there is one.
std::unique_ptr<SourceAdmin> open_feed_admin(const config::Config& config);

// Of the topic, for who does not read it: one look, which waits for brokers only.
Result<kafka::TopicClient::End> end_of_topic(const config::Config& config);

// The parts of a pipeline from the database into the caches, or into the topic.
Result<pipeline::BridgeParts> parts_from_source(const config::Config& config, const Clock& clock);
// … and of one from the topic into the caches.
Result<pipeline::BridgeParts> parts_from_topic(const config::Config& config, const Clock& clock);

}  // namespace walbridge::cli
