// What open.h promises, put together.
#include "pipeline/kafka/open.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "pipeline/kafka/rdkafka_properties.h"
#include "pipeline/kafka/rdkafka_reader.h"
#include "pipeline/kafka/rdkafka_topics.h"
#include "pipeline/kafka/rdkafka_verify.h"
#include "pipeline/kafka/rdkafka_writer.h"

namespace walbridge::kafka {
namespace {

constexpr auto kTopics = std::to_array<Topic>({Topic::Changes, Topic::Control});
constexpr std::size_t kRecordOverhead = 4096;  // the batch's head, the record's headers
constexpr std::size_t kIncompressible = 64;    // a codec may add a little to what it cannot compress

const std::string& name_of(const config::Kafka& settings, Topic topic) {
  return topic == Topic::Changes ? settings.topic : settings.control_topic;
}

// Who publishes writes the changes, who applies writes requests.
bool writes(const config::Kafka& settings, Topic topic) {
  return settings.role != (topic == Topic::Changes ? config::KafkaRole::Apply : config::KafkaRole::Publish);
}

Error missing(const Place& place, const NewTopic& wanted) {
  return {Verdict::Operator, "kafka-topic-missing",
          fmt::format("topic {} is not there, and kafka.create_topic is false", place.topic),
          create_command(place, wanted)};
}

// Right after its creation a topic may not be known to the broker that is asked.
Result<TopicFacts> facts_once_there(const TopicQuestions& questions) {
  const auto until = Reach::Clock::now() + kAnswerWithin;
  while (true) {
    auto facts = questions.facts();
    const bool too_early = facts ? !facts->exists : facts.error().code == "kafka-topic-missing";
    if (!too_early || Reach::Clock::now() >= until) return facts;
  }
}

Status ensure(const config::Kafka& settings, Topic topic) {
  WALBRIDGE_TRY_AS(const auto questions,
                   TopicQuestions::open(settings, name_of(settings, topic), writes(settings, topic)));
  WALBRIDGE_TRY_AS(TopicFacts facts, questions.facts());
  if (!facts.exists) {
    WALBRIDGE_TRY_AS(const NewTopic wanted, new_topic(facts, settings, topic));
    if (!settings.create_topic) return missing(questions.place(), wanted);
    WALBRIDGE_TRY(questions.create(wanted, false));
    WALBRIDGE_TRY_AS(facts, facts_once_there(questions));
  }
  for (const Finding& finding : verify(facts, settings, topic, questions.place())) {
    if (finding.severity != Finding::Severity::Error) continue;
    return Error{Verdict::Operator, finding.code, finding.subject + ": " + finding.message, finding.fix};
  }
  return {};
}

// What the checks of one topic found; the error ends them.
Status look(const config::Kafka& settings, Topic topic, std::vector<Finding>& found) {
  WALBRIDGE_TRY_AS(const auto questions,
                   TopicQuestions::open(settings, name_of(settings, topic), writes(settings, topic)));
  WALBRIDGE_TRY_AS(const TopicFacts facts, questions.facts());
  if (facts.exists) {
    for (Finding& finding : verify(facts, settings, topic, questions.place())) found.push_back(std::move(finding));
    return try_to_read(settings, name_of(settings, topic));
  }
  WALBRIDGE_TRY_AS(const NewTopic wanted, new_topic(facts, settings, topic));
  if (!settings.create_topic) return missing(questions.place(), wanted);
  WALBRIDGE_TRY(questions.create(wanted, true));
  const char* who = settings.role == config::KafkaRole::Apply ? "the publisher" : "run";
  found.push_back({Finding::Severity::Ok, "kafka-topic-new", "topic " + name_of(settings, topic),
                   fmt::format("is not there yet; {} creates it with {} replica{}", who, wanted.replicas,
                               wanted.replicas == 1 ? "" : "s"),
                   ""});
  return {};
}

}  // namespace

bool built_with_kafka() { return true; }

Result<std::unique_ptr<LogWriter>> open_writer(const config::Kafka& settings, Topic topic, std::size_t queue_bytes) {
  WALBRIDGE_TRY_AS(auto client, Client::open(settings, name_of(settings, topic), ClientKind::Writer, queue_bytes));
  return std::unique_ptr<LogWriter>(std::make_unique<RdkafkaWriter>(std::move(client), queue_bytes));
}

Result<std::unique_ptr<LogReader>> open_reader(const config::Kafka& settings, Topic topic) {
  WALBRIDGE_TRY_AS(auto client, Client::open(settings, name_of(settings, topic), ClientKind::Reader));
  return std::unique_ptr<LogReader>(std::make_unique<RdkafkaReader>(std::move(client)));
}

Status ensure_topics(const config::Kafka& settings) {
  for (const Topic topic : kTopics) WALBRIDGE_TRY(ensure(settings, topic));
  return {};
}

std::vector<Finding> check_topics(const config::Kafka& settings) {
  std::vector<Finding> found = doubtful_properties(settings);
  for (const Topic topic : kTopics) {
    const auto outcome = look(settings, topic, found);
    if (outcome) continue;
    const Error& error = outcome.error();
    const bool of_topic = error.code == "kafka-authorisation" || error.code.starts_with("kafka-topic") ||
                          error.code == "kafka-create-topic" || error.code == "kafka-replicas";
    found.push_back({Finding::Severity::Error, error.code, of_topic ? "topic " + name_of(settings, topic) : "kafka",
                     error.message,
                     error.remedy.empty() ? "see whether the brokers run and can be reached" : error.remedy});
    if (!of_topic) break;  // the other topic has no other answer
  }
  return found;
}

Result<std::size_t> largest_value(const config::Kafka& settings) {
  WALBRIDGE_TRY_AS(const auto questions, TopicQuestions::open(settings, settings.topic, true));
  WALBRIDGE_TRY_AS(const TopicFacts facts, questions.facts());
  if (!facts.exists) return answer_error(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "", questions.place());
  const auto limit = static_cast<std::size_t>(
      std::clamp<std::int64_t>(facts.number("max.message.bytes", kSmallestMessageLimit), 2 * kRecordOverhead,
                               static_cast<std::int64_t>(kLargestMessage)));
  return limit - limit / kIncompressible - kRecordOverhead;
}

}  // namespace walbridge::kafka
