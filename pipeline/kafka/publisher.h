// The end of a pipeline in Kafka: takes chunks from its link as a lane does, packs whole transactions into records
// (record.h) and writes them in order. A position is durable, and may be confirmed to the source (I2), once every
// record up to it is. Bounded steps on one thread, without a clock of its own.
//
// Whatever goes wrong with the log has one answer: throw the writer away, look at the end of the topic, and begin again
// from what the source still holds. Repeated transactions carry the positions they had, so readers know them again.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/api/clock.h"
#include "pipeline/backoff.h"
#include "pipeline/kafka/copy_requests.h"
#include "pipeline/kafka/event_codec.h"
#include "pipeline/kafka/log.h"
#include "pipeline/kafka/record.h"
#include "pipeline/lane_link.h"
#include "pipeline/lane_stats.h"
#include "pipeline/step.h"

namespace walbridge::kafka {

struct PublisherOptions {
  std::string topic;  // for messages
  std::string source_id;
  std::string writer;                   // UUID of this process's publisher; a writer that begins again adds a number
  std::size_t block_bytes = 64 * 1024;  // a block is closed at the next commit after so many
  std::size_t part_bytes = 512 * 1024;  // a transaction above it is cut
  std::size_t most_unconfirmed = 32U << 20;  // nothing is taken from the source above it
  std::int64_t progress_ms = 5'000;          // at least so often something is written
  bool eager_idle = false;                   // idle positions at once (`run --once`)
  std::uint64_t seed = 0;
};

// Read by anybody.
struct PublisherStats {
  std::atomic<bool> open{false};  // the start record is written and the stream may flow
  std::atomic<std::uint64_t> records{0};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> transactions{0};
  std::atomic<std::uint64_t> unconfirmed_bytes{0};
  std::atomic<std::uint64_t> published_lsn{0};
  std::atomic<std::int64_t> oldest_unconfirmed_micros{0};  // commit time; 0: everything taken is confirmed
  pipeline::DurationHistogram publish_seconds;             // commit at the source to confirmed by the brokers
  mutable std::mutex mutex;
  std::optional<Error> last_error;  // guarded, as the next
  std::string stream;
};

class Publisher {
 public:
  // What opening needs of the outside; each may wait for brokers some seconds.
  struct Logs {
    std::function<Status()> ensure_topics;
    std::function<Result<std::size_t>()> largest_value;
    std::function<Result<std::unique_ptr<LogWriter>>()> writer;
    std::function<Result<std::unique_ptr<LogReader>>()> reader;
  };

  Publisher(Logs logs, pipeline::LaneLink& link, CopyRequests& copies, PublisherStats& stats, const Clock& clock,
            PublisherOptions options);

  // Where the source goes on, and whether its slot was made just now, so that nobody can go on from what the topic
  // holds. Before the first step().
  void start(Lsn confirmed, bool fresh_slot);
  void set_source_id(std::string source_id) { options_.source_id = std::move(source_id); }

  // An error is an operator's matter; the caller may step() again later.
  Result<pipeline::Step> step();
  std::int64_t wake_at_ms() const { return wake_at_ms_; }
  // Waits a while for what is queued to be confirmed; the last call.
  void finish(std::chrono::milliseconds at_most);

  // From another thread: something to be written between the transactions. The head's stream, writer and positions are
  // the publisher's business.
  void answer(RecordHead head, std::string value);

 private:
  Status open();
  Result<pipeline::Step> confirm_start();
  void begin();
  Status find_end();
  void begin_stream(const char* why);
  void fail(const Error& error);
  Result<bool> pump();
  Result<pipeline::Step> settle_when_drained();
  Status take_reports(std::chrono::milliseconds at_most);
  void note_trouble(std::optional<Error> trouble);
  void emit(RecordHead head, std::string value, Timestamp oldest_commit);
  void emit_block();
  void emit_part(bool last);
  void emit_answers();
  void emit_pieces();
  void emit_progress();
  Status take_chunk();
  void on_event(const Event& event, const Chunk& chunk);
  void on_commit(const TxCommit& commit);
  void cut_if_large();

  Logs logs_;
  pipeline::LaneLink& link_;
  CopyRequests& copies_;
  PublisherStats& stats_;
  const Clock& clock_;
  PublisherOptions options_;
  pipeline::Backoff backoff_;

  std::unique_ptr<LogWriter> writer_;
  std::string stream_;
  std::string writer_id_;
  std::uint64_t epoch_ = 0;
  std::uint64_t lives_ = 0;
  std::size_t largest_value_ = 0;
  Lsn durable_;  // everything before it is confirmed
  bool started_ = false;
  bool fresh_slot_ = false;

  // Encoded, not handed to the writer yet.
  struct Outgoing {
    Headers headers;
    std::string value;
  };
  std::deque<Outgoing> outgoing_;
  // Records in order of writing; what each makes durable once it and all before it are confirmed.
  struct Written {
    Lsn to;
    std::size_t slices = 1;
    Timestamp oldest_commit;
  };
  std::deque<Written> written_;
  std::vector<std::int64_t> offsets_;
  std::int64_t end_offset_ = 0;  // of the topic when it was looked at: the start record's, if nobody came between

  std::shared_ptr<const Chunk> chunk_;
  std::size_t next_event_ = 0;
  EventWriter events_;
  EventWriter::Place whole_;  // end of the last whole transaction in events_
  Lsn emitted_to_;            // position after everything emitted
  Lsn whole_to_;              // … after the last whole transaction in events_
  Lsn idle_to_;               // the source has nothing before this
  Timestamp committed_at_;    // of the last whole transaction
  Timestamp oldest_commit_;   // in events_
  bool skipping_ = false;     // a transaction that is in the log already
  bool in_transaction_ = false;
  bool in_parts_ = false;
  std::uint32_t part_ = 0;
  std::int64_t emitted_ms_ = 0;
  std::int64_t not_before_ms_ = 0;
  std::int64_t wake_at_ms_ = 0;

  std::mutex answers_mutex_;
  std::vector<std::pair<RecordHead, std::string>> answers_;  // guarded
  std::uint64_t lost_copy_ = 0;                              // a request whose pieces went with the writer
};

}  // namespace walbridge::kafka
