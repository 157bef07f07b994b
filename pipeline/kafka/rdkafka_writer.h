// LogWriter over an idempotent producer of librdkafka; see log.h.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "pipeline/kafka/log.h"
#include "pipeline/kafka/rdkafka_client.h"

namespace walbridge::kafka {

class RdkafkaWriter : public LogWriter {
 public:
  RdkafkaWriter(std::unique_ptr<Client> client, std::size_t queue_bytes);
  ~RdkafkaWriter() override;

  Result<bool> write(const Headers& headers, std::string_view value) override;
  Status reports(std::chrono::milliseconds at_most, std::vector<std::int64_t>& offsets) override;
  void on_report(std::function<void()> callback) override;
  std::size_t unconfirmed_bytes() const override { return unconfirmed_bytes_; }
  std::int64_t unreachable_ms() const override;
  std::optional<Error> trouble() const override;
  void wake() noexcept override;

 private:
  struct Unconfirmed {
    std::size_t bytes;
    Reach::Clock::time_point since;
  };

  rd_kafka_resp_err_t produce(std::string_view value, rd_kafka_headers_t* headers);
  void take(rd_kafka_event_t* event, std::vector<std::int64_t>& offsets);
  void confirm(const rd_kafka_message_t& message, std::vector<std::int64_t>& offsets);
  void finish(Error error);

  std::unique_ptr<Client> client_;
  QueueHandle events_;
  std::function<void()> on_report_;
  std::size_t queue_bytes_;
  std::deque<Unconfirmed> unconfirmed_;  // in order of write()
  std::size_t unconfirmed_bytes_ = 0;
  std::int64_t last_offset_ = -1;
  std::optional<Error> fatal_;  // librdkafka has given up; why, may still come
  std::optional<Error> end_;    // final
  std::atomic<bool> woken_{false};
};

}  // namespace walbridge::kafka
