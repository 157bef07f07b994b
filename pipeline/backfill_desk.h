// The hand-over point between a lane that copies a table and the thread that reads it: at most one chunk is asked for,
// read or waiting at a time, so memory is bounded by one chunk. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "pipeline/api/source.h"

namespace walbridge::pipeline {

class BackfillDesk {
 public:
  // ---- the lane's side ----
  void ask(ChunkRequest request);
  void withdraw();  // nothing is wanted any more; what comes for it is dropped
  bool asked() const;
  // The pieces that have come for chunk `id`, in order. Everything that belongs to a mark has come before the mark.
  std::vector<ChunkPiece> take(std::uint64_t id);
  // The chunk cannot be read (Retry: ask anew); said once.
  std::optional<Error> failure(std::uint64_t id);

  // ---- the reading side ----
  std::optional<ChunkRequest> next();  // what is asked for and nobody reads yet
  bool wanted(std::uint64_t id) const;
  bool deliver(ChunkPiece piece);  // false: not wanted any more
  void fail(std::uint64_t id, Error error);
  std::size_t undelivered_bytes() const;  // pieces that were not taken yet
  // Of a table without a key pieces are taken as they come, of all others with the chunk's mark: only for the former can
  // whoever delivers wait.
  bool wants_a_pause() const;
  // Called whenever there is something for the other side. Set before threads start.
  void on_ask(std::function<void()> callback) { asked_ = std::move(callback); }
  void on_delivery(std::function<void()> callback) { delivered_ = std::move(callback); }

 private:
  mutable std::mutex mutex_;
  std::optional<ChunkRequest> request_;
  bool reading_ = false;
  std::vector<ChunkPiece> pieces_;
  std::optional<Error> failure_;
  std::function<void()> asked_;
  std::function<void()> delivered_;
};

}  // namespace walbridge::pipeline
