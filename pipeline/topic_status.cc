#include "pipeline/topic_status.h"

#include <algorithm>

#include <fmt/format.h>

namespace walbridge::pipeline {

PublisherStatus take_status(const kafka::PublishedTopic& topic, const Clock& clock) {
  const auto& stats = topic.stats;
  PublisherStatus status;
  status.topic = topic.topic;
  status.open = stats.open;
  status.published = Lsn{stats.published_lsn};
  status.records = stats.records;
  status.bytes = stats.bytes;
  status.transactions = stats.transactions;
  status.unconfirmed_bytes = stats.unconfirmed_bytes;
  std::int64_t oldest = stats.oldest_unconfirmed_micros;
  if (const auto queued = topic.link.oldest_queued(); queued && (oldest == 0 || queued->micros < oldest)) {
    oldest = queued->micros;
  }
  if (oldest != 0) status.lag_seconds = std::max(0.0, seconds_between(Timestamp{oldest}, clock.wall()));
  const std::scoped_lock lock(stats.mutex);
  status.stream = stats.stream;
  status.error = stats.last_error;
  return status;
}

std::vector<std::string> PublisherStatus::not_ready(double max_lag_seconds) const {
  std::vector<std::string> reasons;
  if (!open || error)
    reasons.push_back("topic " + topic + ": " + (error ? describe(*error) : "publishing has not begun"));
  if (lag_seconds > max_lag_seconds) {
    reasons.push_back(fmt::format("topic {}: {:.1f} s behind (limit {:.0f} s)", topic, lag_seconds, max_lag_seconds));
  }
  return reasons;
}

std::string PublisherStatus::line() const {
  return fmt::format("topic {}: {}, {} transactions in {} records, confirmed up to {}, {:.1f} s behind", topic,
                     open ? "publishing" : "not publishing", transactions, records, to_string(published), lag_seconds);
}

std::vector<std::string> TopicStatus::not_ready() const {
  std::vector<std::string> reasons;
  if (silent_seconds > kGoneSeconds) {
    reasons.push_back(
        fmt::format("topic {}: no publisher heard for {:.0f} s; {}", topic, silent_seconds, kafka::kStartPublisher));
  }
  if (waits_for) reasons.push_back(describe(*waits_for));
  return reasons;
}

TopicStatus take_status(const kafka::TopicStats& stats, const std::string& topic, const Clock& clock) {
  TopicStatus status;
  status.topic = topic;
  status.next_offset = stats.next_offset;
  status.end_offset = std::max<std::int64_t>(stats.end_offset, stats.next_offset);
  status.publisher_lag_seconds = static_cast<double>(stats.publish_lag_micros.load()) / 1e6;
  const auto now = clock.wall();
  const auto age = [&](std::int64_t micros) {
    return micros == 0 ? 0.0 : std::max(0.0, seconds_between(Timestamp{micros}, now));
  };
  if (stats.at_end) {
    status.silent_seconds = age(stats.heard_micros);
  } else {
    status.behind_seconds = age(stats.produced_micros);
  }
  const std::scoped_lock lock(stats.mutex);
  status.waits_for = stats.waits_for;
  return status;
}

}  // namespace walbridge::pipeline
