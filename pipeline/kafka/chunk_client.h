// Asks the publisher for the chunks that lanes want, and hands them what comes. The lanes' side is BackfillDesk, as it
// is when chunks are read from Postgres; the mark that ends a chunk comes through the stream. step() belongs to the
// backfill thread, deliver() and its companions to the reader of the topic.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/api/clock.h"
#include "pipeline/backfill_desk.h"
#include "pipeline/kafka/request_writer.h"
#include "pipeline/kafka/topic_source.h"
#include "pipeline/step.h"

namespace walbridge::kafka {

class ChunkClient {
 public:
  // `asker`: UUID of this process.
  ChunkClient(RequestWriter::Open requests, std::string asker, const Clock& clock)
      : requests_(std::move(requests)), asker_(std::move(asker)), clock_(clock) {}

  // Before the first step.
  void set_desks(std::vector<pipeline::BackfillDesk*> desks);
  void set_stream(std::string stream) { stream_ = std::move(stream); }
  TopicSource::Copies copies();

  pipeline::Step step();
  std::int64_t wake_at_ms() const { return wake_at_ms_; }
  // Rows were asked for, and the publisher has been silent for long. Any thread.
  bool unanswered() const { return unanswered_; }

 private:
  struct Seat {
    pipeline::BackfillDesk* desk = nullptr;
    std::string asker;        // a request of one lane must not displace another's
    std::uint64_t asked = 0;  // 0: nothing
  };
  void fail(Seat& seat, Error error);
  void deliver(Result<ChunkPiece> piece, std::uint64_t id);
  pipeline::BackfillDesk* desk_of(std::uint64_t id) const;

  RequestWriter requests_;
  std::string trouble_;  // code of what was last said about them
  const std::string asker_;
  const Clock& clock_;
  std::string stream_;
  std::vector<Seat> seats_;
  std::atomic<std::int64_t> heard_ms_{0};  // when anything last came for one of the desks
  std::int64_t asked_ms_ = 0;
  std::atomic<bool> unanswered_{false};
  std::int64_t wake_at_ms_ = 0;
};

}  // namespace walbridge::kafka
