#include "pipeline/status.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "pipeline/table_fill.h"

namespace walbridge::pipeline {
namespace {

// A healthy but quiet stream still hears a keepalive within the session's wal_sender_timeout / 2.
constexpr double kSilentStreamSeconds = 45;

double cache_lag(const Cache& cache, const ReaderStats& reader, Timestamp now) {
  std::int64_t oldest = cache.stats.oldest_pending_micros;
  if (const auto queued = cache.link.oldest_queued(); queued && (oldest == 0 || queued->micros < oldest)) {
    oldest = queued->micros;
  }
  double lag = oldest == 0 ? 0 : std::max(0.0, seconds_between(Timestamp{oldest}, now));
  const bool heard = static_cast<double>(reader.silent_ms) / 1e3 < kSilentStreamSeconds;
  const bool fed = cache.link.mode() == LaneMode::Attached && reader.streaming && heard;
  if (!fed) {
    // Nobody can know what is committed over there: the time since the cache was last known to be caught up counts.
    std::int64_t last = reader.last_streaming_micros;
    {
      const std::scoped_lock lock(cache.stats.mutex);
      if (last == 0) last = cache.stats.checkpoint.committed_at.micros;
    }
    if (last != 0) lag = std::max(lag, seconds_between(Timestamp{last}, now));
  }
  return lag;
}

nlohmann::ordered_json error_json(const Error& error) {
  return {{"code", error.code},
          {"message", error.message},
          {"remedy", error.remedy},
          {"verdict", to_string(error.verdict)}};
}

nlohmann::ordered_json capture_json(const CaptureStatus& capture) {
  return {{"mode", capture.mode == CaptureStatus::Mode::Triggers ? "triggers" : "polling"},
          {"problem", capture.problem},
          {"fix", capture.fix}};
}

nlohmann::ordered_json slot_json(const SlotStatus& slot) {
  return {{"exists", slot.exists},
          {"active", slot.active},
          {"wal_status", slot.wal_status},
          {"restart_lsn", to_string(slot.restart_lsn)},
          {"confirmed_flush_lsn", to_string(slot.confirmed_flush_lsn)},
          {"retained_bytes", slot.retained_bytes},
          {"safe_bytes", slot.safe_bytes ? nlohmann::ordered_json(*slot.safe_bytes) : nullptr}};
}

nlohmann::ordered_json cache_json(const CacheStatus& cache) {
  nlohmann::ordered_json json;
  json["name"] = cache.name;
  json["phase"] = to_string(cache.phase);
  json["lag_seconds"] = cache.lag_seconds;
  json["commit_lsn"] = to_string(cache.checkpoint.commit_lsn);
  if (!cache.checkpoint.kafka.topic.empty()) {
    json["lag_by_stage"] = {
        {"source", cache.lag_source_seconds}, {"kafka", cache.lag_kafka_seconds}, {"apply", cache.lag_apply_seconds}};
    json["kafka"] = {{"topic", cache.checkpoint.kafka.topic},
                     {"partition", cache.checkpoint.kafka.partition},
                     {"next_offset", cache.checkpoint.kafka.next_offset}};
  }
  json["end_lsn"] = to_string(cache.checkpoint.end_lsn);
  json["commit_time"] =
      cache.checkpoint.committed_at ? nlohmann::ordered_json(to_iso(cache.checkpoint.committed_at)) : nullptr;
  json["buffer_bytes"] = cache.buffer_bytes;
  json["error"] = cache.last_error ? error_json(*cache.last_error) : nlohmann::ordered_json(nullptr);
  json["tables"] = nlohmann::ordered_json::array();
  for (const auto& table : cache.tables) {
    nlohmann::ordered_json row{{"source", table.source_name},
                               {"cache", table.cache_name},
                               {"state", to_string(table.state)},
                               {"schema_hash", table.schema_hash}};
    row["snapshot_lsn"] = to_string(table.snapshot_lsn);
    if (table.state != TableState::Live) {
      row["code"] = table.code;
      row["reason"] = table.reason;
    }
    if (table.state == TableState::Stopped) row["stopped_at"] = to_string(table.stopped_at);
    if (const auto progress = FillProgress::from_json(table.backfill)) row["copied_rows"] = progress->rows;
    json["tables"].push_back(row);
  }
  for (const auto& table : cache.refused) {
    json["tables"].push_back(
        {{"source", table.source_name},
         {"cache", nullptr},
         {"state", "refused"},
         {"code", table.error.code},
         {"reason", table.error.message + (table.error.remedy.empty() ? "" : "; " + table.error.remedy)}});
  }
  json["snapshot"] = nlohmann::ordered_json::array();
  for (const auto& load : cache.loads) {
    json["snapshot"].push_back({{"table", load.source_name},
                                {"rows", load.rows},
                                {"estimated_rows", std::max(load.estimated_rows, 0.0)},
                                {"done", load.done}});
  }
  return json;
}

CacheStatus cache_status(const Cache& cache, const ReaderStats& reader, const Clock& clock) {
  CacheStatus status;
  status.name = cache.settings.name;
  status.phase = cache.phase;
  status.wants_load = cache.wants_load;
  status.settled = cache.stats.settled;  // before the tables: what it settled is in them
  status.lag_seconds = cache_lag(cache, reader, clock.wall());
  status.buffer_bytes = cache.link.queued_bytes();
  {
    const std::scoped_lock lock(cache.stats.mutex);
    status.checkpoint = cache.stats.checkpoint;
    status.last_error = cache.stats.last_error;
    status.tables = cache.stats.tables;
    status.refused = cache.stats.refused;
  }
  const std::scoped_lock lock(cache.progress_mutex);
  for (const auto& progress : cache.progress) {
    status.loads.push_back({progress->source_name, progress->rows, progress->estimated_rows, progress->done});
  }
  for (const auto& table : status.tables) {
    const auto fill = FillProgress::from_json(table.backfill);
    if (fill) status.loads.push_back({table.source_name, fill->rows, fill->expected, false});
  }
  return status;
}

// What is in the topic is no less late for not having been read.
void split_lag(CacheStatus& cache, const TopicStatus& topic) {
  const double silent = topic.silent_seconds > TopicStatus::kSilentSeconds ? topic.silent_seconds : 0;
  const double unread = topic.behind_seconds > 0 ? topic.behind_seconds + topic.publisher_lag_seconds : 0;
  cache.lag_seconds = std::max({cache.lag_seconds, unread, silent});
  if (cache.lag_seconds <= 0) return;
  cache.lag_source_seconds = std::min(cache.lag_seconds, silent > 0 ? silent : topic.publisher_lag_seconds);
  cache.lag_kafka_seconds = std::min(cache.lag_seconds - cache.lag_source_seconds, topic.behind_seconds);
  cache.lag_apply_seconds = cache.lag_seconds - cache.lag_source_seconds - cache.lag_kafka_seconds;
}

}  // namespace

bool CacheStatus::is_copying() const {
  return std::any_of(tables.begin(), tables.end(), [](const TableRecord& table) {
    return table.state == TableState::Pending || !table.backfill.empty();
  });
}

const char* to_string(CachePhase phase) {
  switch (phase) {
    case CachePhase::Waiting:
      return "waiting";
    case CachePhase::Loading:
      return "snapshot";
    case CachePhase::Streaming:
      return "streaming";
    case CachePhase::Failed:
      return "failed";
  }
  return "failed";
}

BridgeStatus take_status(const Bridge& bridge, const std::optional<SlotStatus>& slot) {
  const auto& reader = bridge.reader_stats();
  BridgeStatus status;
  status.name = bridge.config().name;
  status.source_id = bridge.source_id();
  status.streaming = reader.streaming;
  {
    const std::scoped_lock lock(reader.mutex);
    status.source_error = reader.last_error;
  }
  status.stream_last_message_age_seconds = static_cast<double>(reader.silent_ms) / 1e3;
  status.received = Lsn{reader.received_lsn};
  status.confirmed = Lsn{reader.confirmed_lsn};
  status.server = Lsn{reader.server_lsn};
  status.slot = slot;
  status.capture = bridge.capture();
  if (!status.streaming && reader.last_streaming_micros != 0) {
    status.source_lag_seconds =
        std::max(0.0, seconds_between(Timestamp{reader.last_streaming_micros}, bridge.clock().wall()));
  }
  for (const auto& cache : bridge.caches()) status.caches.push_back(cache_status(*cache, reader, bridge.clock()));
  status.only_applies = bridge.config().kafka && !bridge.config().publishes();
  if (bridge.topic() != nullptr) status.publisher = take_status(*bridge.topic(), bridge.clock());
  if (bridge.topic_stats() != nullptr) {
    status.topic = take_status(*bridge.topic_stats(), bridge.config().kafka->topic, bridge.clock());
    for (auto& cache : status.caches) split_lag(cache, *status.topic);
  }
  return status;
}

void add_publisher(BridgeStatus& apply, BridgeStatus publish) {
  apply.source_id = publish.source_id;
  apply.streaming = apply.streaming && publish.streaming;
  if (publish.source_error) apply.source_error = publish.source_error;
  apply.stream_last_message_age_seconds =
      std::max(apply.stream_last_message_age_seconds, publish.stream_last_message_age_seconds);
  apply.received = publish.received;
  apply.confirmed = publish.confirmed;
  apply.server = publish.server;
  apply.source_lag_seconds = std::max(apply.source_lag_seconds, publish.source_lag_seconds);
  apply.slot = std::move(publish.slot);
  apply.capture = std::move(publish.capture);
  apply.publisher = std::move(publish.publisher);
}

std::vector<std::string> BridgeStatus::not_ready(double max_lag_seconds) const {
  std::vector<std::string> reasons;
  if (!streaming)
    reasons.push_back(source_error ? "the stream is closed: " + describe(*source_error) : "the stream is not open");
  if (streaming && stream_last_message_age_seconds > kSilentStreamSeconds) {
    reasons.push_back(fmt::format("nothing heard from the source for {:.0f} s", stream_last_message_age_seconds));
  }
  if (publisher) {
    for (auto& reason : publisher->not_ready(max_lag_seconds)) reasons.push_back(std::move(reason));
  }
  if (topic) {
    for (auto& reason : topic->not_ready()) reasons.push_back(std::move(reason));
  }
  for (const auto& cache : caches) {
    if (cache.wants_load) reasons.push_back("sink " + cache.name + ": the snapshot is not done");
    const bool said = topic && topic->waits_for && cache.last_error && cache.last_error->code == topic->waits_for->code;
    if (cache.phase == CachePhase::Failed || (cache.phase == CachePhase::Waiting && cache.last_error && !said)) {
      reasons.push_back("sink " + cache.name + ": " + (cache.last_error ? describe(*cache.last_error) : "failed"));
    }
    if (cache.lag_seconds > max_lag_seconds) {
      reasons.push_back(
          fmt::format("sink {}: {:.1f} s behind (limit {:.0f} s)", cache.name, cache.lag_seconds, max_lag_seconds));
    }
    for (const auto& table : cache.tables) {
      if (table.state == TableState::Stopped && table.code != "not-selected" && table.code != "dropped") {
        reasons.push_back("sink " + cache.name + ": table " + table.source_name + " stopped [" + table.code + "]");
      }
      if (table.state == TableState::Pending) {
        reasons.push_back("sink " + cache.name + ": table " + table.source_name + " is being copied [" + table.code +
                          "]");
      }
    }
  }
  return reasons;
}

std::string to_json(const BridgeStatus& status, double max_lag_seconds) {
  nlohmann::ordered_json json;
  json["name"] = status.name;
  json["source_id"] = status.source_id;
  const auto reasons = status.not_ready(max_lag_seconds);
  json["ready"] = reasons.empty();
  json["not_ready"] = reasons;
  json["streaming"] = status.streaming;
  json["stream_last_message_age_seconds"] = status.stream_last_message_age_seconds;
  json["received_lsn"] = to_string(status.received);
  json["confirmed_lsn"] = to_string(status.confirmed);
  json["server_lsn"] = to_string(status.server);
  json["source_error"] = status.source_error ? error_json(*status.source_error) : nlohmann::ordered_json(nullptr);
  json["schema_capture"] = nullptr;
  json["slot"] = nullptr;
  if (status.only_applies) {
    json["slot_note"] = kSlotNote;
  } else {
    json["schema_capture"] = capture_json(status.capture);
    if (status.slot) json["slot"] = slot_json(*status.slot);
  }
  if (status.publisher) {
    const auto& publisher = *status.publisher;
    json["kafka"]["publisher"] = {
        {"topic", publisher.topic},
        {"stream", publisher.stream},
        {"open", publisher.open},
        {"published_lsn", to_string(publisher.published)},
        {"transactions", publisher.transactions},
        {"records", publisher.records},
        {"bytes", publisher.bytes},
        {"unconfirmed_bytes", publisher.unconfirmed_bytes},
        {"lag_seconds", publisher.lag_seconds},
        {"error", publisher.error ? error_json(*publisher.error) : nlohmann::ordered_json(nullptr)}};
  }
  if (status.topic) {
    json["kafka"]["consumer"] = {{"topic", status.topic->topic},
                                 {"next_offset", status.topic->next_offset},
                                 {"end_offset", status.topic->end_offset},
                                 {"lag_records", status.topic->behind_records()},
                                 {"lag_seconds", status.topic->behind_seconds},
                                 {"publisher_silent_seconds", status.topic->silent_seconds},
                                 {"error", status.topic->waits_for ? error_json(*status.topic->waits_for) : nullptr}};
  }
  json["caches"] = nlohmann::ordered_json::array();
  for (const auto& cache : status.caches) json["caches"].push_back(cache_json(cache));
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace walbridge::pipeline
