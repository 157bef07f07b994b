// One picture of the whole bridge, for /status, /metrics, /readyz and the progress display. Taken by any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/api/source.h"
#include "pipeline/bridge.h"
#include "pipeline/topic_status.h"

namespace walbridge::pipeline {

struct TableLoadStatus {
  std::string source_name;
  std::uint64_t rows = 0;
  double estimated_rows = 0;  // < 0: unknown
  bool done = false;
};

struct CacheStatus {
  std::string name;
  CachePhase phase = CachePhase::Waiting;
  bool wants_load = false;
  bool settled = false;  // rules and tables of this start are compared with those of the last
  Checkpoint checkpoint;
  double lag_seconds = 0;  // commit at the source to visible here, of what is not yet visible; 0 caught up
  // Of that, through Kafka: until it was in the topic, until it was read, until it is visible.
  double lag_source_seconds = 0;
  double lag_kafka_seconds = 0;
  double lag_apply_seconds = 0;
  std::size_t buffer_bytes = 0;
  std::optional<Error> last_error;
  std::vector<TableRecord> tables;
  std::vector<mapping::RefusedTable> refused;
  std::vector<TableLoadStatus> loads;  // the first snapshot, then tables that are copied while the stream goes on

  bool is_copying() const;  // some table's rows are still to come
};

struct BridgeStatus {
  std::string name;
  std::string source_id;
  bool streaming = false;
  std::optional<Error> source_error;
  double stream_last_message_age_seconds = 0;
  Lsn received;
  Lsn confirmed;
  Lsn server;
  double source_lag_seconds = 0;   // how long the stream has been away; 0 while it is healthy
  std::optional<SlotStatus> slot;  // as last polled
  CaptureStatus capture;
  std::vector<CacheStatus> caches;
  std::optional<PublisherStatus> publisher;  // the pipeline ends in a topic
  std::optional<TopicStatus> topic;          // it begins in one
  bool only_applies = false;                 // slot and schema capture are another process's

  // Why /readyz is red; empty: green.
  std::vector<std::string> not_ready(double max_lag_seconds) const;
};

// Of a process that only applies.
inline constexpr const char* kSlotNote =
    "slot and schema capture are the publisher's: ask `walbridge status` where it runs";

const char* to_string(CachePhase phase);

BridgeStatus take_status(const Bridge& bridge, const std::optional<SlotStatus>& slot);

// Makes the status of the half that applies the status of both: the source is the publisher's.
void add_publisher(BridgeStatus& apply, BridgeStatus publish);

// The JSON of /status and `walbridge status --json`.
std::string to_json(const BridgeStatus& status, double max_lag_seconds);

}  // namespace walbridge::pipeline
