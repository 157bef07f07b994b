// Chunks that appliers ask for, read for one of them at a time: the first come, and of each asker only the newest, for
// the others are given up already. Thread-safe: requests come from the thread that reads the control topic, pieces are
// taken by the publisher.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "pipeline/backfill_desk.h"
#include "pipeline/kafka/requests.h"

namespace walbridge::kafka {

class CopyRequests {
 public:
  pipeline::BackfillDesk& desk() { return desk_; }  // where the reader of chunks finds the current one

  void ask(Request request);
  void withdraw(std::uint64_t id);

  // ---- the publisher's side ----
  std::optional<std::uint64_t> current() const;
  std::vector<ChunkPiece> take(std::uint64_t id) { return desk_.take(id); }
  std::optional<Error> failure(std::uint64_t id) { return desk_.failure(id); }
  void done(std::uint64_t id);  // its mark has passed, or it failed: the next one's turn

 private:
  void next();

  pipeline::BackfillDesk desk_;
  mutable std::mutex mutex_;
  std::deque<Request> waiting_;
  std::optional<Request> current_;
};

}  // namespace walbridge::kafka
