#include "pipeline/kafka/rdkafka_topics.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace walbridge::kafka {
namespace {

constexpr std::int32_t kPartition = 0;
constexpr std::size_t kErrorSize = 512;
constexpr int kSafeReplicas = 3;
constexpr int kStepMs = 200;

std::vector<std::pair<const char*, std::string>> topic_settings(const NewTopic& wanted) {
  std::vector<std::pair<const char*, std::string>> all = {{"cleanup.policy", "delete"},
                                                          {"retention.ms", std::to_string(wanted.retention_ms)}};
  if (wanted.replicas >= kSafeReplicas) all.emplace_back("min.insync.replicas", "2");
  return all;
}

AdminOptionsHandle options_for(rd_kafka_t* client, rd_kafka_admin_op_t operation, bool try_only) {
  AdminOptionsHandle options(rd_kafka_AdminOptions_new(client, operation));
  std::array<char, kErrorSize> text{};
  const int timeout_ms = static_cast<int>(kAnswerWithin.count());
  rd_kafka_AdminOptions_set_request_timeout(options.get(), timeout_ms, text.data(), text.size());
  if (try_only) rd_kafka_AdminOptions_set_validate_only(options.get(), 1, text.data(), text.size());
  return options;
}

}  // namespace

std::int64_t TopicFacts::number(const std::string& setting, std::int64_t otherwise) const {
  const auto at = settings.find(setting);
  if (at == settings.end()) return otherwise;
  std::int64_t value = otherwise;
  std::from_chars(at->second.data(), at->second.data() + at->second.size(), value);
  return value;
}

std::string TopicFacts::text(const std::string& setting, const std::string& otherwise) const {
  const auto at = settings.find(setting);
  return at == settings.end() ? otherwise : at->second;
}

Result<TopicQuestions> TopicQuestions::open(const config::Kafka& settings, const std::string& topic, bool writes) {
  WALBRIDGE_TRY_AS(auto client, Client::open(settings, topic, ClientKind::Admin));
  return TopicQuestions(std::move(client), place_of(settings, topic, writes));
}

Result<TopicFacts> TopicQuestions::facts() const {
  WALBRIDGE_TRY_AS(TopicFacts facts, layout());
  if (!facts.exists) return facts;
  WALBRIDGE_TRY_AS(facts.settings, settings());
  return facts;
}

Result<TopicFacts> TopicQuestions::layout() const {
  MetadataHandle metadata;
  const auto code = client_->ask_for_topic(metadata);
  const bool missing = code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
  if (!metadata || (code != RD_KAFKA_RESP_ERR_NO_ERROR && !missing)) {
    return client_->explain(code, rd_kafka_err2str(code));
  }
  TopicFacts facts;
  facts.brokers = metadata->broker_cnt;
  for (int i = 0; i < metadata->topic_cnt && !missing; ++i) {
    const rd_kafka_metadata_topic_t& topic = metadata->topics[i];
    if (place_.topic != topic.topic) continue;
    facts.exists = true;
    facts.partitions = topic.partition_cnt;
    for (int p = 0; p < topic.partition_cnt; ++p) {
      if (topic.partitions[p].id == kPartition) facts.replicas = topic.partitions[p].replica_cnt;
    }
  }
  return facts;
}

Result<EventHandle> TopicQuestions::answer_in(rd_kafka_queue_t* queue) const {
  const auto until = Reach::Clock::now() + kAnswerWithin;
  while (true) {
    EventHandle event(rd_kafka_queue_poll(queue, kStepMs));
    if (event) {
      const auto code = rd_kafka_event_error(event.get());
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return event;
      const char* text = rd_kafka_event_error_string(event.get());
      return client_->explain(code, text == nullptr ? "" : text);
    }
    if (client_->reach().hopeless() || Reach::Clock::now() >= until) {
      return client_->explain(RD_KAFKA_RESP_ERR__TIMED_OUT, "no answer");
    }
  }
}

Result<std::map<std::string, std::string>> TopicQuestions::settings() const {
  const QueueHandle queue(rd_kafka_queue_new(client_->get()));
  const ConfigResourceHandle resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, place_.topic.c_str()));
  rd_kafka_ConfigResource_t* asked = resource.get();
  const auto options = options_for(client_->get(), RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, false);
  rd_kafka_DescribeConfigs(client_->get(), &asked, 1, options.get(), queue.get());
  WALBRIDGE_TRY_AS(const EventHandle event, answer_in(queue.get()));
  std::size_t count = 0;
  const auto* const* answers =
      rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  std::map<std::string, std::string> found;
  for (std::size_t i = 0; i < count; ++i) {
    const auto code = rd_kafka_ConfigResource_error(answers[i]);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return answer_error(code, rd_kafka_err2str(code), place_);
    std::size_t entries = 0;
    const auto* const* entry = rd_kafka_ConfigResource_configs(answers[i], &entries);
    for (std::size_t e = 0; e < entries; ++e) {
      const char* value = rd_kafka_ConfigEntry_value(entry[e]);
      found[rd_kafka_ConfigEntry_name(entry[e])] = value == nullptr ? "" : value;
    }
  }
  return found;
}

Status TopicQuestions::create(const NewTopic& wanted, bool try_only) const {
  std::array<char, kErrorSize> text{};
  const NewTopicHandle topic(rd_kafka_NewTopic_new(place_.topic.c_str(), 1, wanted.replicas, text.data(), text.size()));
  if (!topic) return answer_error(RD_KAFKA_RESP_ERR__INVALID_ARG, text.data(), place_);
  for (const auto& [name, value] : topic_settings(wanted)) {
    rd_kafka_NewTopic_set_config(topic.get(), name, value.c_str());
  }
  const QueueHandle queue(rd_kafka_queue_new(client_->get()));
  rd_kafka_NewTopic_t* asked = topic.get();
  const auto options = options_for(client_->get(), RD_KAFKA_ADMIN_OP_CREATETOPICS, try_only);
  rd_kafka_CreateTopics(client_->get(), &asked, 1, options.get(), queue.get());
  WALBRIDGE_TRY_AS(const EventHandle event, answer_in(queue.get()));
  std::size_t count = 0;
  const auto* const* answers =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto code = rd_kafka_topic_result_error(answers[i]);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) continue;
    if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
        code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED) {
      return Error{Verdict::Operator, "kafka-authorisation",
                   fmt::format("topic {} is not there, and the brokers do not let walbridge create it", place_.topic),
                   acl_command(place_, "Create") + ", or create it: " + create_command(place_, wanted)};
    }
    const char* said = rd_kafka_topic_result_error_string(answers[i]);
    return Error{
        Verdict::Operator, "kafka-create-topic",
        fmt::format("topic {} cannot be created: {}", place_.topic, said == nullptr ? "" : client_->scrubbed(said)),
        create_command(place_, wanted)};
  }
  return {};
}

Status try_to_read(const config::Kafka& settings, const std::string& topic) {
  WALBRIDGE_TRY_AS(const auto client, Client::open(settings, topic, ClientKind::Reader));
  // Who leads the partition is known with this; whoever begins without waits for the next look, a second away.
  std::int64_t low = 0;
  std::int64_t next = 0;
  const auto known = client->ask([&](int timeout_ms) {
    return rd_kafka_query_watermark_offsets(client->get(), topic.c_str(), kPartition, &low, &next, timeout_ms);
  });
  if (known != RD_KAFKA_RESP_ERR_NO_ERROR) return client->explain(known, rd_kafka_err2str(known));
  const QueueHandle queue(rd_kafka_queue_new(client->get()));
  if (rd_kafka_consume_start_queue(client->topic(), kPartition, RD_KAFKA_OFFSET_END, queue.get()) != 0) {
    return answer_error(rd_kafka_last_error(), "cannot be read", client->place());
  }
  Status outcome = client->explain(RD_KAFKA_RESP_ERR__TIMED_OUT, "no answer");
  const auto until = Reach::Clock::now() + kAnswerWithin;
  while (Reach::Clock::now() < until && !client->reach().hopeless()) {
    const MessageHandle message(rd_kafka_consume_queue(queue.get(), kStepMs));
    if (!message) continue;
    outcome = {};
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      const char* text = rd_kafka_message_errstr(message.get());
      outcome = answer_error(message->err, client->scrubbed(text == nullptr ? "" : text), client->place());
    }
    break;
  }
  rd_kafka_consume_stop(client->topic(), kPartition);
  return outcome;
}

std::string create_command(const Place& place, const NewTopic& wanted) {
  std::string arguments = fmt::format("--partitions 1 --replication-factor {}", wanted.replicas);
  for (const auto& [name, value] : topic_settings(wanted)) arguments += fmt::format(" --config {}={}", name, value);
  return topic_command(place, "--create", arguments);
}

}  // namespace walbridge::kafka
