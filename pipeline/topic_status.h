// What there is to say of Kafka: the end of a pipeline that publishes, and how far one that applies has read. Part of
// the status (pipeline/status.h). Taken by any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/api/clock.h"
#include "pipeline/api/error.h"
#include "pipeline/api/lsn.h"
#include "pipeline/kafka/published_topic.h"
#include "pipeline/kafka/topic_stats.h"

namespace walbridge::pipeline {

struct PublisherStatus {
  std::string topic;
  std::string stream;
  bool open = false;
  Lsn published;  // everything before it is confirmed by the brokers
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::uint64_t transactions = 0;
  std::uint64_t unconfirmed_bytes = 0;
  double lag_seconds = 0;  // age of the oldest commit the brokers have not confirmed; 0 caught up
  std::optional<Error> error;

  std::vector<std::string> not_ready(double max_lag_seconds) const;
  std::string line() const;  // for people
};

struct TopicStatus {
  std::string topic;
  std::int64_t next_offset = -1;
  std::int64_t end_offset = -1;
  double behind_seconds = 0;         // how long the newest record read has been in the topic; 0 at its end
  double publisher_lag_seconds = 0;  // of the last transaction read, from its commit to the topic
  std::optional<Error> waits_for;    // brokers, topic or publisher
  double silent_seconds = 0;         // since a publisher was last heard; 0 while there is more to read

  std::int64_t behind_records() const { return end_offset < 0 || next_offset < 0 ? 0 : end_offset - next_offset; }
  // What is older than this many seconds may be there and nobody would know …
  static constexpr double kSilentSeconds = 15;
  // … and after so many no publisher runs.
  static constexpr double kGoneSeconds = 45;

  std::vector<std::string> not_ready() const;
};

PublisherStatus take_status(const kafka::PublishedTopic& topic, const Clock& clock);
TopicStatus take_status(const kafka::TopicStats& stats, const std::string& topic, const Clock& clock);

}  // namespace walbridge::pipeline
