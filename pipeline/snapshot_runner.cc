#include "pipeline/snapshot_runner.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "pipeline/api/log.h"

namespace walbridge::pipeline {
namespace {

struct Part {
  const TableLoad* load = nullptr;
  CopyPart part;
  std::deque<std::unique_ptr<LoadBlock>> blocks;
  bool done = false;
};

// All parts in order; workers take the next one, the writer follows at its own pace.
class PartBoard {
 public:
  PartBoard(std::deque<Part> parts, std::size_t buffer_bytes, const std::atomic<bool>& cancelled)
      : parts_(std::move(parts)), buffer_bytes_(buffer_bytes), cancelled_(cancelled) {}

  Part* take() {
    const std::scoped_lock lock(mutex_);
    if (failure_ || next_ >= parts_.size()) return nullptr;
    return &parts_[next_++];
  }

  std::unique_ptr<LoadBlock> blank() {
    const std::scoped_lock lock(mutex_);
    if (blanks_.empty()) return std::make_unique<LoadBlock>();
    auto block = std::move(blanks_.back());
    blanks_.pop_back();
    return block;
  }

  // Waits for room, except for the part the writer is at: that one always moves, so nothing can lock up.
  bool put(Part& part, std::unique_ptr<LoadBlock> block) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      return stopped() || buffered_ < buffer_bytes_ || (&part == &parts_[writer_at_] && part.blocks.size() < 2);
    });
    if (stopped()) return false;
    buffered_ += cost(*block);
    part.blocks.push_back(std::move(block));
    changed_.notify_all();
    return true;
  }

  void finish(Part& part) {
    const std::scoped_lock lock(mutex_);
    part.done = true;
    changed_.notify_all();
  }

  // The next block in order; null when all parts are done or something failed.
  std::unique_ptr<LoadBlock> get(const TableLoad*& load) {
    std::unique_lock lock(mutex_);
    while (true) {
      if (stopped() || writer_at_ >= parts_.size()) return nullptr;
      auto& part = parts_[writer_at_];
      if (!part.blocks.empty()) {
        auto block = std::move(part.blocks.front());
        part.blocks.pop_front();
        buffered_ -= cost(*block);
        load = part.load;
        changed_.notify_all();
        return block;
      }
      if (part.done) {
        ++writer_at_;
        const bool last_of_table = writer_at_ >= parts_.size() || parts_[writer_at_].load != part.load;
        if (last_of_table) part.load->progress->done = true;
        changed_.notify_all();
        continue;
      }
      // A cancellation has no notification of its own.
      changed_.wait_for(lock, std::chrono::milliseconds(100));
    }
  }

  void recycle(std::unique_ptr<LoadBlock> block) {
    block->arena.clear();
    block->values.clear();
    block->rows = 0;
    const std::scoped_lock lock(mutex_);
    if (blanks_.size() < 8) blanks_.push_back(std::move(block));
  }

  void fail(Error error) {
    const std::scoped_lock lock(mutex_);
    if (!failure_) failure_ = std::move(error);
    changed_.notify_all();
  }

  void poison(const TableLoad& load, const Error& error) {
    const std::scoped_lock lock(mutex_);
    poisoned_.emplace(load.source.oid, error);
  }
  bool is_poisoned(const TableLoad& load) {
    const std::scoped_lock lock(mutex_);
    return poisoned_.contains(load.source.oid);
  }

  std::optional<Error> failure() {
    const std::scoped_lock lock(mutex_);
    if (!failure_ && cancelled_) return Error{Verdict::Retry, "stopped", "the load was interrupted", {}, {}};
    return failure_;
  }
  PoisonedTables poisoned() { return poisoned_; }

 private:
  static std::size_t cost(const LoadBlock& block) {
    return block.arena.reserved() + block.values.size() * sizeof(SqlValue);
  }
  bool stopped() const { return failure_.has_value() || cancelled_; }

  std::deque<Part> parts_;
  const std::size_t buffer_bytes_;
  const std::atomic<bool>& cancelled_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t next_ = 0;
  std::size_t writer_at_ = 0;
  std::size_t buffered_ = 0;
  std::vector<std::unique_ptr<LoadBlock>> blanks_;
  std::optional<Error> failure_;
  PoisonedTables poisoned_;
};

Status copy_part(PartBoard& board, Part& part, SnapshotReader& reader) {
  WALBRIDGE_TRY_AS(const Relation seen, reader.describe(part.part.oid, part.part.schema, part.part.name));
  WALBRIDGE_TRY(fits_snapshot(*part.load, seen));
  WALBRIDGE_TRY_AS(auto copy, PartCopy::open(*part.load, part.part, reader));
  bool more = true;
  while (more) {
    auto block = board.blank();
    WALBRIDGE_TRY_AS(more, copy.fill(*block));
    if (block->rows > 0 && !board.put(part, std::move(block))) return Done{};
  }
  return Done{};
}

void copy_parts(PartBoard& board, SnapshotSource& source) {
  auto reader = source.reader();
  if (!reader) return board.fail(std::move(reader.error()));
  while (Part* part = board.take()) {
    if (!board.is_poisoned(*part->load)) {
      if (auto copied = copy_part(board, *part, **reader); !copied) {
        if (copied.error().verdict != Verdict::PoisonRow) return board.fail(std::move(copied.error()));
        board.poison(*part->load, copied.error());
        // A COPY given up in the middle leaves its connection unusable.
        reader = source.reader();
        if (!reader) return board.fail(std::move(reader.error()));
      }
    }
    board.finish(*part);
  }
}

Result<std::deque<Part>> all_parts(SnapshotSource& source, std::span<const TableLoad> loads, std::uint64_t part_bytes) {
  std::deque<Part> parts;
  for (const auto& load : loads) {
    WALBRIDGE_TRY_AS(auto of_table, source.parts(load.source, part_bytes));
    for (auto& part : of_table) {
      parts.emplace_back();
      parts.back().load = &load;
      parts.back().part = std::move(part);
    }
  }
  return parts;
}

Status write_blocks(PartBoard& board, Sink& sink, const std::atomic<bool>& cancelled) {
  const TableLoad* load = nullptr;
  while (auto block = board.get(load)) {
    if (!board.is_poisoned(*load)) {
      if (auto loaded = insist([&] { return sink.load(*block); }, cancelled); !loaded) {
        if (loaded.error().verdict != Verdict::PoisonRow) return loaded;
        board.poison(*load, loaded.error());
      } else {
        load->progress->rows += block->rows;
      }
    }
    board.recycle(std::move(block));
  }
  return Done{};
}

}  // namespace

Status insist(const std::function<Status()>& attempt, const std::atomic<bool>& cancelled) {
  constexpr int kAttempts = 20;
  constexpr std::chrono::milliseconds kFirstPause{100};
  constexpr std::chrono::milliseconds kLongestPause{4'000};
  auto pause = kFirstPause;
  for (int left = kAttempts;; --left) {
    auto outcome = attempt();
    if (outcome || outcome.error().verdict != Verdict::Retry || left == 0 || cancelled) return outcome;
    log::warn("cache does not take the snapshot, trying again",
              {{"code", outcome.error().code}, {"error", outcome.error().message}});
    for (auto waited = std::chrono::milliseconds{0}; waited < pause && !cancelled; waited += kFirstPause) {
      std::this_thread::sleep_for(kFirstPause);
    }
    pause = std::min(pause * 2, kLongestPause);
  }
}

Result<PoisonedTables> run_snapshot(SnapshotSource& source, Sink& sink, std::span<const TableLoad> loads,
                                    const SnapshotOptions& options, const std::atomic<bool>& cancelled) {
  WALBRIDGE_TRY_AS(auto parts, all_parts(source, loads, options.part_bytes));
  PartBoard board(std::move(parts), options.buffer_bytes, cancelled);
  {
    std::vector<std::jthread> workers;
    for (std::uint32_t i = 0; i < options.workers; ++i) {
      workers.emplace_back([&] { copy_parts(board, source); });
    }
    if (auto written = write_blocks(board, sink, cancelled); !written) board.fail(std::move(written.error()));
  }
  if (auto failure = board.failure()) return *failure;
  return board.poisoned();
}

}  // namespace walbridge::pipeline
