// LogReader over a consumer of librdkafka without a group: it reads from the offset it is told and never moves by
// itself; see log.h.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "pipeline/kafka/log.h"
#include "pipeline/kafka/rdkafka_client.h"

namespace walbridge::kafka {

class RdkafkaReader : public LogReader {
 public:
  explicit RdkafkaReader(std::unique_ptr<Client> client);
  ~RdkafkaReader() override;

  Result<LogRange> range() override;
  Status seek(std::int64_t offset) override;
  Result<std::optional<LogRecord>> next() override;
  bool at_end() const override;
  std::int64_t known_end() const override;
  void wait(std::chrono::milliseconds at_most, bool for_data) override;
  void wake() noexcept override;

 private:
  void stop();
  void stir();
  Error failure(const rd_kafka_message_t& message) const;
  std::optional<Error> outage();

  std::unique_ptr<Client> client_;
  QueueHandle queue_;
  bool reading_ = false;
  MessageHandle current_;        // what the last record's value points into
  MessageHandle pending_;        // found by wait()
  std::int64_t position_ = -1;   // of the next record
  std::int64_t end_ = -1;        // the largest anybody spoke of since seek()
  std::size_t taken_bytes_ = 0;  // since stir()
  Reach::Clock::time_point seeked_at_{};

  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> woken_{false};
};

}  // namespace walbridge::kafka
