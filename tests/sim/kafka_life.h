// One life of a pipeline through Kafka, made of what ships: a publisher's process, the topics in memory, an applier's
// process with some caches. Invariant, checked after every step: what a cache holds is the source at exactly its
// checkpoint, and the source is told nothing that the brokers have not confirmed. One thread; a seed decides all.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "pipeline/backfill_reader.h"
#include "pipeline/kafka/chunk_client.h"
#include "pipeline/kafka/publisher.h"
#include "pipeline/kafka/request_server.h"
#include "pipeline/kafka/topic_source.h"
#include "pipeline/reader.h"
#include "tests/sim/memory_log.h"
#include "tests/sim/sim_cache.h"
#include "tests/sim/simulated_source.h"

namespace walbridge::sim {

class KafkaLife {
 public:
  KafkaLife(std::uint64_t seed, std::size_t caches);

  void run(int steps);
  // Everything works again: all caches must arrive within a bounded number of steps.
  void settle();
  void draw_faults(std::mt19937_64& choice);

  // kill -9: everything in the process's memory is gone, what the source, the topics and the caches keep is not.
  void crash_publisher();
  void crash_applier();

  // Something befell the changes topic: from here on an applier may find that it cannot go on.
  void allow_gap() { gap_allowed_ = true; }
  const std::optional<std::string>& gap() const { return gap_; }  // the applier has stopped
  void forget_gap();  // … and is started again, with the caches as they are
  // What `kafka.on_gap: resync` does: the caches begin anew where the topic ends, and copy every table.
  void start_over();
  std::int64_t smallest_offset() const;  // that a cache goes on from

  MemoryLog& changes() { return changes_; }
  SimulatedSource& source() { return source_; }
  std::mt19937_64& random() { return random_; }

  // What happened, so that a test can tell that it tested something.
  struct Counts {
    std::uint64_t parts = 0;
    std::uint64_t slices = 0;
    std::uint64_t pieces = 0;
    std::uint64_t fenced = 0;  // records of a writer behind a newer one's
    std::uint64_t starts = 0;
    std::uint64_t copies = 0;
  };
  Counts count() const;

 private:
  struct PublisherProcess {
    pipeline::LaneLink link{"kafka", 16 * 1024};
    kafka::CopyRequests copies;
    kafka::PublisherStats stats;
    std::unique_ptr<kafka::RequestServer> requests;
    std::unique_ptr<kafka::Publisher> publisher;
    pipeline::ReaderStats reader_stats;
    std::unique_ptr<pipeline::Reader> reader;
    std::unique_ptr<pipeline::BackfillReader> backfill;
  };
  struct ApplierProcess {
    kafka::TopicStats topic_stats;
    std::unique_ptr<kafka::ChunkClient> chunks;
    std::unique_ptr<kafka::TopicSource> source;
    pipeline::ReaderStats reader_stats;
    std::unique_ptr<pipeline::Reader> reader;
  };

  void start_publisher();
  void start_applier();
  void one_step();
  void publisher_step();
  void source_step();
  void applier_step();
  void lane_step(SimCache& cache);
  void step_all();
  void check();
  void check(SimCache& cache);
  bool arrived() const;
  std::string places() const;
  std::string applier_source_id() const { return std::string(kSourceId) + "@" + stream_; }

  std::mt19937_64 random_;
  StepClock clock_;
  SimulatedSource source_;
  SimulatedBackfill backfill_;
  MemoryLog changes_;
  MemoryLog control_;
  const SimPlan plan_;
  std::vector<SimCache> caches_;
  std::map<const SimCache*, std::size_t> checked_commits_;
  std::unique_ptr<PublisherProcess> publishing_;
  std::unique_ptr<ApplierProcess> applying_;
  std::string stream_;
  std::uint64_t lives_ = 0;
  bool fresh_slot_ = true;
  Lsn reported_;  // the highest position whose records were reported
  bool gap_allowed_ = false;
  std::optional<std::string> gap_;
  std::uint64_t copies_ = 0;
};

}  // namespace walbridge::sim
