#include "cli/feeds.h"

#include <chrono>
#include <iostream>
#include <random>

#include <fmt/format.h>

#include "cli/context.h"
#include "pipeline/api/log.h"
#include "pipeline/kafka/open.h"
#include "pipeline/kafka/topic_admin.h"
#include "pipeline/kafka/topic_source.h"
#include "pipeline/system_clock.h"
#include "source-pg/open.h"

namespace walbridge::cli {
namespace {

constexpr std::size_t kRequestQueueBytes = 4U << 20;
constexpr std::size_t kPublishQueueBytes = 48U << 20;
constexpr std::chrono::milliseconds kLook{2'000};

std::string new_uuid() {
  std::random_device random;
  const auto word = [&] { return static_cast<unsigned>(random()); };
  const unsigned words[] = {word(), word(), word(), word()};
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:04x}{:08x}", words[0], words[1] >> 16U, words[1] & 0xfffU,
                     (words[2] >> 16U & 0x3fffU) | 0x8000U, words[2] & 0xffffU, words[3]);
}

std::uint64_t new_seed() {
  std::random_device random;
  return (static_cast<std::uint64_t>(random()) << 31U) ^ random();
}

kafka::RequestWriter::Open request_writer(const config::Kafka& settings) {
  return [settings] { return kafka::open_writer(settings, kafka::Topic::Control, kRequestQueueBytes); };
}

std::shared_ptr<kafka::TopicClient> topic_client(const config::Config& config, const Clock& clock) {
  const auto settings = *config.kafka;
  return std::make_shared<kafka::TopicClient>(
      settings,
      kafka::TopicClient::Logs{[settings] { return kafka::open_reader(settings, kafka::Topic::Changes); },
                               request_writer(settings)},
      new_uuid(), clock, new_seed());
}

std::unique_ptr<SourceAdmin> topic_admin(const config::Config& config, bool asks_catalog) {
  static const pipeline::SystemClock clock;
  const auto settings = *config.kafka;
  auto client = topic_client(config, clock);
  client->on_wait([](const std::optional<Error>& error) {
    if (!error) return;
    std::cerr << "waiting, at most " << kafka::kPatience.count() << " s: " << error->message << "\n";
  });
  return std::make_unique<kafka::TopicAdmin>(std::move(client), asks_catalog,
                                             [settings] { return kafka::check_topics(settings); });
}

// What a running applier waits for, in its status and once in its log.
std::function<void(const std::optional<Error>&)> waits_into(kafka::TopicStats& stats) {
  return [&stats](const std::optional<Error>& error) {
    if (error) log::warn(error->message, {{"code", error->code}, {"remedy", error->remedy}});
    const std::scoped_lock lock(stats.mutex);
    stats.waits_for = error;
  };
}

}  // namespace

std::unique_ptr<SourceAdmin> open_source_admin(const config::Config& config) {
  const bool from_topic = config.kafka && !config.publishes();
  return from_topic ? topic_admin(config, true) : source_pg::open_source_admin(config);
}

std::unique_ptr<SourceAdmin> open_feed_admin(const config::Config& config) {
  const bool from_topic = config.kafka && config.applies();
  return from_topic ? topic_admin(config, false) : source_pg::open_source_admin(config);
}

Result<kafka::TopicClient::End> end_of_topic(const config::Config& config) {
  static const pipeline::SystemClock clock;
  return topic_client(config, clock)->end(kLook);
}

Result<pipeline::BridgeParts> parts_from_source(const config::Config& config, const Clock&) {
  pipeline::BridgeParts parts;
  parts.admin = source_pg::open_source_admin(config);
  parts.source = source_pg::open_source(config);
  parts.snapshot = source_pg::open_snapshot_source(config);
  parts.backfill = source_pg::open_backfill_source(config);
  if (!config.publishes()) {
    WALBRIDGE_TRY_AS(parts.sinks, open_sinks(config));
    return parts;
  }
  const auto settings = *config.kafka;
  kafka::PublishEnds ends;
  ends.topic = settings.topic;
  ends.writer = new_uuid();
  ends.logs.ensure_topics = [settings] { return kafka::ensure_topics(settings); };
  ends.logs.largest_value = [settings] { return kafka::largest_value(settings); };
  ends.logs.writer = [settings] { return kafka::open_writer(settings, kafka::Topic::Changes, kPublishQueueBytes); };
  ends.logs.reader = [settings] { return kafka::open_reader(settings, kafka::Topic::Changes); };
  WALBRIDGE_TRY_AS(ends.requests, kafka::open_reader(settings, kafka::Topic::Control));
  parts.publish = std::move(ends);
  return parts;
}

Result<pipeline::BridgeParts> parts_from_topic(const config::Config& config, const Clock& clock) {
  const auto settings = *config.kafka;
  pipeline::BridgeParts parts;
  parts.topic_stats = std::make_unique<kafka::TopicStats>();
  parts.chunks = std::make_unique<kafka::ChunkClient>(request_writer(settings), new_uuid(), clock);
  WALBRIDGE_TRY_AS(auto reader, kafka::open_reader(settings, kafka::Topic::Changes));
  auto source = std::make_unique<kafka::TopicSource>(std::move(reader), settings.topic, clock, *parts.topic_stats);
  source->set_copies(parts.chunks->copies());
  parts.source = std::move(source);
  auto client = topic_client(config, clock);
  if (!config.publishes()) client->on_wait(waits_into(*parts.topic_stats));
  parts.admin =
      std::make_unique<kafka::TopicAdmin>(client, false, [settings] { return kafka::check_topics(settings); });
  parts.snapshot = std::make_unique<kafka::TopicSnapshot>(client);
  WALBRIDGE_TRY_AS(parts.sinks, open_sinks(config));
  return parts;
}

}  // namespace walbridge::cli
