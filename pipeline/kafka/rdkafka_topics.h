// What the brokers say of one topic, and its creation: questions that wait some seconds for their answer. Belongs to
// one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "config/config.h"
#include "pipeline/api/result.h"
#include "pipeline/kafka/rdkafka_client.h"

namespace walbridge::kafka {

struct TopicFacts {
  bool exists = false;
  int brokers = 0;  // of the whole cluster
  int partitions = 0;
  int replicas = 0;                             // of partition 0
  std::map<std::string, std::string> settings;  // as in force, with the cluster's defaults

  std::int64_t number(const std::string& setting, std::int64_t otherwise) const;
  std::string text(const std::string& setting, const std::string& otherwise) const;
};

struct NewTopic {
  int replicas = 1;
  std::int64_t retention_ms = 0;
};

class TopicQuestions {
 public:
  static Result<TopicQuestions> open(const config::Kafka& settings, const std::string& topic, bool writes);

  Result<TopicFacts> facts() const;
  // With `try_only` the brokers say whether they would.
  Status create(const NewTopic& wanted, bool try_only) const;
  const Place& place() const { return place_; }

 private:
  TopicQuestions(std::unique_ptr<Client> client, Place place) : client_(std::move(client)), place_(std::move(place)) {}
  Result<TopicFacts> layout() const;
  Result<std::map<std::string, std::string>> settings() const;
  Result<EventHandle> answer_in(rd_kafka_queue_t* queue) const;

  std::unique_ptr<Client> client_;
  Place place_;
};

// One fetch from the end of the topic: whether walbridge may read it.
Status try_to_read(const config::Kafka& settings, const std::string& topic);

// The command that creates `topic` as create() does.
std::string create_command(const Place& place, const NewTopic& wanted);

}  // namespace walbridge::kafka
