#include "pipeline/kafka/rdkafka_verify.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "pipeline/kafka/rdkafka_conf.h"

namespace walbridge::kafka {
namespace {

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kDay = 24 * kHour;
constexpr int kSafeReplicas = 3;

constexpr std::int64_t retention_of(Topic topic) { return topic == Topic::Changes ? 7 * kDay : kDay; }

std::string span(std::int64_t ms) {
  if (ms < 0) return "for ever";
  return ms % kDay == 0 || ms > 2 * kDay ? fmt::format("{} d", ms / kDay) : fmt::format("{} h", ms / kHour);
}

class Verification {
 public:
  Verification(const TopicFacts& facts, const config::Kafka& settings, Topic topic, const Place& place)
      : facts_(facts), settings_(settings), topic_(topic), place_(place) {}

  std::vector<Finding> findings() {
    partitions();
    if (topic_ == Topic::Changes) {
      replicas();
      elections();
      sizes();
      forms();
    }
    cleanup();
    retention();
    add(Finding::Severity::Ok, "kafka-topic",
        fmt::format("{} partition{}, {} replica{} on {} broker{}, kept {}", facts_.partitions, s(facts_.partitions),
                    facts_.replicas, s(facts_.replicas), facts_.brokers, s(facts_.brokers),
                    span(facts_.number("retention.ms", -1))),
        "");
    return std::move(found_);
  }

 private:
  using Severity = Finding::Severity;

  static const char* s(int count) { return count == 1 ? "" : "s"; }

  void add(Severity severity, const char* code, std::string message, std::string fix) {
    found_.push_back({severity, code, "topic " + place_.topic, std::move(message), std::move(fix)});
  }

  void partitions() {
    if (facts_.partitions == 1) return;
    add(Severity::Error, "kafka-partitions",
        fmt::format("it has {} partitions, and the order of commits needs exactly one", facts_.partitions),
        topic_command(place_, "--delete", "") + "and let walbridge create it, or name another topic in kafka." +
            (topic_ == Topic::Changes ? "topic" : "control_topic"));
  }

  void replicas() {
    const auto in_sync = facts_.number("min.insync.replicas", 1);
    if (facts_.replicas <= 1) {
      if (settings_.allow_single_replica) return;
      return add(
          Severity::Error, "kafka-replicas",
          "it has one replica: the loss of one broker takes acknowledged changes away, and Postgres has them no more",
          "give it three with kafka-reassign-partitions.sh, or accept that with kafka.allow_single_replica: true");
    }
    if (in_sync > facts_.replicas) {
      return add(
          Severity::Error, "kafka-min-insync-replicas",
          fmt::format("min.insync.replicas is {} with {} replicas: nothing can be written", in_sync, facts_.replicas),
          config_command(place_, "min.insync.replicas=2"));
    }
    if (in_sync < 2) {
      return add(Severity::Warning, "kafka-min-insync-replicas",
                 "min.insync.replicas is 1: a change may be acknowledged that only one broker holds",
                 config_command(place_, "min.insync.replicas=2"));
    }
    if (facts_.replicas < kSafeReplicas) {
      add(Severity::Warning, "kafka-replicas",
          "it has two replicas and wants both to write: nothing can be published while one broker is down",
          "give it three with kafka-reassign-partitions.sh");
    }
  }

  void elections() {
    if (facts_.text("unclean.leader.election.enable", "false") != "true") return;
    add(Severity::Error, "kafka-unclean-election",
        "unclean.leader.election.enable is true: a broker that is behind may become the leader, and what it lacks is "
        "lost",
        config_command(place_, "unclean.leader.election.enable=false"));
  }

  void cleanup() {
    const std::string policy = facts_.text("cleanup.policy", "delete");
    if (policy == "delete" || policy.empty()) return;
    add(Severity::Error, "kafka-cleanup-policy",
        fmt::format("cleanup.policy is {}: compaction refuses records without a key, or removes them", policy),
        config_command(place_, "cleanup.policy=delete"));
  }

  void retention() {
    const auto ms = facts_.number("retention.ms", -1);
    const auto want = retention_of(topic_);
    if (ms >= 0 && ms < want) {
      add(Severity::Warning, "kafka-retention",
          fmt::format("records are kept {}: a cache that is away for longer must copy its tables again", span(ms)),
          config_command(place_, fmt::format("retention.ms={}", want)));
    }
    const auto bytes = facts_.number("retention.bytes", -1);
    if (bytes >= 0 && topic_ == Topic::Changes) {
      add(Severity::Warning, "kafka-retention",
          fmt::format("only {} bytes of records are kept, however young they are", bytes),
          config_command(place_, "retention.bytes=-1"));
    }
  }

  void sizes() {
    const auto limit = facts_.number("max.message.bytes", static_cast<std::int64_t>(kSmallestMessageLimit));
    if (limit >= static_cast<std::int64_t>(kSmallestMessageLimit)) return;
    add(Severity::Error, "kafka-max-message-bytes",
        fmt::format("max.message.bytes is {}, and {} is the least", limit, kSmallestMessageLimit),
        config_command(place_, "max.message.bytes=1048588"));
  }

  void forms() {
    const std::string codec = facts_.text("compression.type", "producer");
    if (codec != "producer" && codec != settings_.compression &&
        !(codec == "uncompressed" && settings_.compression == "none")) {
      add(Severity::Warning, "kafka-compression",
          fmt::format("compression.type is {} and kafka.compression {}: the brokers compress every record again", codec,
                      settings_.compression),
          config_command(place_, "compression.type=producer"));
    }
    if (facts_.text("message.timestamp.type", "CreateTime") != "CreateTime") {
      add(Severity::Ok, "kafka-timestamp-type",
          "message.timestamp.type is LogAppendTime: Kafka's tools show when brokers got a record; walbridge uses its "
          "own",
          "");
    }
  }

  const TopicFacts& facts_;
  const config::Kafka& settings_;
  Topic topic_;
  const Place& place_;
  std::vector<Finding> found_;
};

}  // namespace

std::vector<Finding> verify(const TopicFacts& facts, const config::Kafka& settings, Topic topic, const Place& place) {
  return Verification(facts, settings, topic, place).findings();
}

Result<NewTopic> new_topic(const TopicFacts& facts, const config::Kafka& settings, Topic topic) {
  NewTopic wanted;
  wanted.replicas =
      settings.replicas != 0 ? static_cast<int>(settings.replicas) : std::clamp(facts.brokers, 1, kSafeReplicas);
  wanted.retention_ms = retention_of(topic);
  if (wanted.replicas == 1 && topic == Topic::Changes && !settings.allow_single_replica) {
    return Error{
        Verdict::Operator, "kafka-replicas",
        fmt::format("topic {} would have one replica ({}): the loss of one broker would take acknowledged changes "
                    "away, and Postgres would have them no more",
                    settings.topic, settings.replicas == 1 ? "kafka.replicas is 1" : "there is one broker"),
        "add brokers, or accept that with kafka.allow_single_replica: true"};
  }
  return wanted;
}

}  // namespace walbridge::kafka
