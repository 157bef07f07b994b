// One client of librdkafka and one topic of it: its life, what it knows of the brokers, and its log lines on their way
// into ours. Belongs to one thread; librdkafka's threads reach only `reach` and the log lines.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "config/config.h"
#include "pipeline/api/result.h"
#include "pipeline/kafka/rdkafka_conf.h"
#include "pipeline/kafka/rdkafka_handles.h"
#include "pipeline/kafka/rdkafka_reach.h"

namespace walbridge::kafka {

// A question to the brokers waits so long.
inline constexpr std::chrono::milliseconds kAnswerWithin{5000};

class Client {
 public:
  static Result<std::unique_ptr<Client>> open(const config::Kafka& settings, const std::string& topic, ClientKind kind,
                                              std::size_t queue_bytes = 0);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  rd_kafka_t* get() const { return client_; }
  rd_kafka_topic_t* topic() const { return topic_.get(); }
  const Place& place() const { return place_; }
  const Reach& reach() const { return reach_; }

  // Looks at one event of the client itself: a failure goes to `reach`. True: it is fatal.
  bool note(rd_kafka_event_t* event);

  // Asks again and again, in short steps, until the answer is not "nobody there", or it is plain that nobody will be.
  rd_kafka_resp_err_t ask(const std::function<rd_kafka_resp_err_t(int timeout_ms)>& question) const;
  // What the brokers say of the topic itself: a topic one may not see looks like a missing one to all other questions.
  rd_kafka_resp_err_t ask_for_topic(MetadataHandle& metadata) const;
  // What to say of the outcome of ask().
  Error explain(rd_kafka_resp_err_t code, const std::string& text) const;

  // `text` without any secret of the configuration.
  std::string scrubbed(std::string text) const;

 private:
  Client(const config::Kafka& settings, const std::string& topic, ClientKind kind);

  class LogLines;
  Place place_;
  Reach reach_;
  std::vector<std::string> secrets_;
  std::unique_ptr<LogLines> lines_;
  rd_kafka_t* client_ = nullptr;
  TopicHandle topic_;
};

}  // namespace walbridge::kafka
