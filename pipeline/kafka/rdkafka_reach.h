// Whether brokers answer, as connections and answers tell it: a failure counts until a broker answers something other
// than a greeting. Written by librdkafka's threads, read by the client's; thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>

#include <librdkafka/rdkafka.h>

#include "pipeline/kafka/rdkafka_error.h"

namespace walbridge::kafka {

class Reach {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Reach(Place place) : place_(std::move(place)) {}

  void failed(rd_kafka_resp_err_t code, std::string_view text, Clock::time_point now = Clock::now());
  // Greetings (versions, logins) are answered even to those who are not let in; they do not count.
  void answered(std::int16_t api_key);

  // How long nothing has answered since a connection failed; zero while brokers answer. As long as not all of them are
  // down, that counts only for who waits for an answer: another broker may serve.
  std::chrono::milliseconds unreachable(std::optional<Clock::time_point> waiting_since,
                                        Clock::time_point now = Clock::now()) const;
  // The last failure, if nothing has answered since. What a broker that starts or stops may cause as well is Retry
  // until it has lasted.
  std::optional<Error> trouble(Clock::time_point now = Clock::now()) const;
  // It cannot pass by itself.
  bool hopeless(Clock::time_point now = Clock::now()) const;

 private:
  bool sure(Clock::time_point now) const;

  Place place_;
  mutable std::mutex mutex_;
  std::optional<Error> trouble_;                // guarded, as all below
  std::optional<Clock::time_point> failed_at_;  // the first since an answer
  Clock::time_point trouble_since_{};           // of its verdict
  bool all_down_ = false;
  bool once_answered_ = false;
};

}  // namespace walbridge::kafka
