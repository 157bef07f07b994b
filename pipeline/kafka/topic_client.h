// An applier's side of the topic, apart from the stream itself: which stream it holds and up to where, and questions to
// the publisher with their answers. Every member waits for brokers or the publisher, at most some seconds. One thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "pipeline/api/clock.h"
#include "pipeline/kafka/log.h"
#include "pipeline/kafka/record.h"
#include "pipeline/kafka/request_writer.h"
#include "pipeline/kafka/requests.h"

namespace walbridge::kafka {

class TopicClient {
 public:
  // Once per kind of client, for tests put their own logs here.
  struct Logs {
    std::function<Result<std::unique_ptr<LogReader>>()> changes;
    RequestWriter::Open requests;
  };
  TopicClient(const config::Kafka& settings, Logs logs, std::string asker, const Clock& clock, std::uint64_t seed)
      : settings_(settings),
        open_changes_(std::move(logs.changes)),
        requests_(std::move(logs.requests)),
        asker_(std::move(asker)),
        clock_(clock),
        next_id_(seed) {}

  // The newest record's head and the offset behind it. Retry "kafka-no-publisher" when nobody has written for
  // `patience`.
  struct End {
    RecordHead head;
    std::int64_t written_ms = 0;  // since 1970
    std::int64_t next_offset = 0;
    std::int64_t low_offset = 0;
  };
  Result<End> end(std::chrono::milliseconds patience);

  struct Answer {
    RecordHead head;
    std::int64_t next_offset = 0;  // behind it
    std::string value;
  };
  // Asks again every few seconds until the publisher answers or `patience` is over: Retry "kafka-no-publisher".
  Result<Answer> ask(Request request, std::chrono::milliseconds patience);
  // Only tells it.
  Status tell(Request request);

  // Told once when brokers, topic or publisher are waited for longer than a moment, and, without an error, when the
  // wait is over.
  void on_wait(std::function<void(const std::optional<Error>&)> callback) { on_wait_ = std::move(callback); }

  const config::Kafka& settings() const { return settings_; }

 private:
  Request addressed(Request request);
  Result<std::optional<End>> look(std::int64_t until_ms);
  Status send(const Request& request);
  Error no_publisher(const std::string& what) const;
  void waits_for(std::optional<Error> what);  // none: for nobody any more

  const config::Kafka settings_;
  const std::function<Result<std::unique_ptr<LogReader>>()> open_changes_;
  RequestWriter requests_;
  const std::string asker_;
  const Clock& clock_;
  std::uint64_t next_id_;
  std::string stream_;  // of the newest record seen
  std::unique_ptr<LogReader> changes_;
  std::function<void(const std::optional<Error>&)> on_wait_;
  std::optional<Error> waits_for_;
  bool unanswered_ = false;  // what is waited for is an answer
};

}  // namespace walbridge::kafka
