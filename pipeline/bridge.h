// Start-up, which is also crash recovery: there is no second path. Compares what the source offers with what each
// cache holds, refuses gaps and strangers (I6), loads what is missing at the exact point where the stream will go on,
// and hands each cache to its lane. Runs on one thread, the supervisor's.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "pipeline/api/clock.h"
#include "pipeline/api/sink.h"
#include "pipeline/api/source.h"
#include "pipeline/cache.h"
#include "pipeline/kafka/chunk_client.h"
#include "pipeline/kafka/published_topic.h"
#include "pipeline/kafka/topic_stats.h"
#include "pipeline/reader.h"

namespace walbridge::pipeline {

// What the command line wires together. Owned by the bridge.
struct BridgeParts {
  std::unique_ptr<SourceAdmin> admin;
  std::unique_ptr<Source> source;
  std::unique_ptr<SnapshotSource> snapshot;
  std::unique_ptr<BackfillSource> backfill;  // none where the source is a topic
  std::vector<std::unique_ptr<Sink>> sinks;  // in the order of config.sinks, or none at all

  // ---- through Kafka ----
  std::optional<kafka::PublishEnds> publish;       // the pipeline ends in a topic
  std::unique_ptr<kafka::ChunkClient> chunks;      // the source is a topic: rows of copies come from its publisher
  std::unique_ptr<kafka::TopicStats> topic_stats;  // … and how far it is read
  bool start_over = false;  // whatever the caches hold has a gap behind it: all tables are copied again
};

// How one table is published for all caches together.
struct PublishedAs {
  std::string where;
  bool append_only = false;
};

class Bridge {
 public:
  Bridge(const config::Config& config, BridgeParts parts, const Clock& clock, bool once);

  // Identity, lock, plan, preflight, publication, slot, and every cache opened as far as it can be.
  Status prepare(const std::atomic<bool>& cancelled);

  // Opens, loads and starts every cache that is due, and calls `started` as soon as one is. Caches that fail are due
  // again later; the error is theirs alone.
  void bring_up_caches(const std::atomic<bool>& cancelled, const std::function<void(Cache&)>& started);

  // Keeps the stream told of the schema: announces what lanes could not read, polls the catalog where there are no
  // event triggers, and watches that these, and the publication, are still what they were. Call often, on the same
  // thread.
  void tend_schema();
  // A table that somebody saw changed; thread-safe.
  void describe_again(std::uint32_t source_oid);
  CaptureStatus capture() const;  // thread-safe

  // ---- a pipeline that ends in a topic ----
  // Makes the slot if there is none, and starts the publisher; true once it may be stepped. Call until it is.
  bool bring_up_topic();
  // Does what appliers ask for. Call often, on the loader's thread.
  void serve_requests();
  kafka::PublishedTopic* topic() { return topic_.get(); }
  const kafka::PublishedTopic* topic() const { return topic_.get(); }

  // ---- one that begins in a topic ----
  kafka::ChunkClient* chunks() { return parts_.chunks.get(); }
  const kafka::TopicStats* topic_stats() const { return parts_.topic_stats.get(); }

  // The position `--once` drains to: where the source stood when prepare() ran.
  Lsn target() const { return target_; }
  // A slot made by this run that no cache depends on yet is removed again rather than left holding log.
  void drop_unused_slot();

  const config::Config& config() const { return config_; }
  std::vector<std::unique_ptr<Cache>>& caches() { return caches_; }
  const std::vector<std::unique_ptr<Cache>>& caches() const { return caches_; }
  Reader& reader() { return *reader_; }
  Source& source() { return *parts_.source; }
  SourceAdmin& admin() { return *parts_.admin; }
  BackfillSource& backfill() { return *parts_.backfill; }
  const ReaderStats& reader_stats() const { return reader_stats_; }
  const std::string& source_id() const { return source_id_; }
  const Clock& clock() const { return clock_; }
  std::uint64_t seed() const { return seed_; }

 private:
  Status plan_tables();
  Status prepare_capture();
  Status prepare_publication();
  Status check_slot();
  void warn_of_silence(const SlotStatus::TopicRange& topic) const;
  Status require_room(Cache& cache) const;
  Status open_cache(Cache& cache);
  void load_caches(const std::vector<Cache*>& due, const std::atomic<bool>& cancelled,
                   const std::function<void(Cache&)>& started);
  Status load_cache(Cache& cache, SnapshotPoint point, const std::vector<SourceTable>& tables,
                    const std::atomic<bool>& cancelled);
  Status finish_load(Cache& cache, std::vector<TableRecord>& records, const Checkpoint& checkpoint,
                     const std::atomic<bool>& cancelled);
  Status begin_in_topic(const Cache& cache, const mapping::SinkPlan& plan, std::vector<TableRecord>& records) const;
  void stop_loaded_table(const Cache& cache, TableRecord& record, const Error& error) const;
  std::vector<TableLoad> table_loads(Cache& cache, const mapping::SinkPlan& plan,
                                     const std::vector<SourceTable>& tables) const;
  void start_lane(Cache& cache);
  void cache_failed(Cache& cache, const Error& error);
  void note_known(const Cache& cache);
  void watch_capture();
  void watch_publication();
  std::vector<const SourceTable*> watched_tables();
  Status plan_topic();
  void say_refused(const mapping::TopicPlan& plan);
  void answer_request(kafka::Request request);
  void approve_chunk(kafka::Request request);
  // Each false: to be tried again.
  bool announce_undescribed();
  bool copy_unpublished();
  std::vector<PublishedTable> published() const;

  const config::Config& config_;
  BridgeParts parts_;
  const Clock& clock_;
  const std::uint64_t seed_;
  std::string source_id_;
  std::vector<SourceTable> tables_;              // as of the last look at the whole catalog
  std::map<std::uint32_t, PublishedAs> wanted_;  // what any cache takes of them
  std::vector<std::unique_ptr<Cache>> caches_;
  ReaderStats reader_stats_;
  std::unique_ptr<kafka::PublishedTopic> topic_;
  std::unique_ptr<Reader> reader_;
  SlotStatus slot_;
  bool slot_made_here_ = false;
  Lsn target_;

  mutable std::mutex schema_mutex_;  // guards the next two
  CaptureStatus capture_;
  std::set<std::uint32_t> stale_;
  std::optional<std::map<std::uint32_t, std::string>> known_;  // what the caches last knew of the catalog
  bool triggers_lost_ = false;                                 // since the start
  std::map<std::string, std::string> said_refused_;            // not published: table and code
  std::vector<std::uint32_t> unpublished_;                     // when the bridge started
  std::int64_t announce_due_ms_ = 0;
  std::int64_t catalog_due_ms_ = 0;
  std::int64_t capture_due_ms_ = 0;
  std::int64_t topic_due_ms_ = 0;
  std::int64_t tables_due_ms_ = 0;
};

}  // namespace walbridge::pipeline
