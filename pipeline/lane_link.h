// The one hand-over point between the reader and a lane: a queue of chunks bounded in bytes, the lane's durable
// position, and who may act next. Thread-safe; the reader's and the lane's members are marked.
//
//   Opening ──ready()──▶ Ready ──attach()──▶ Attached ──detach()──▶ Detached ──ready()──▶ Ready
//      ▲ ◀──reopen()── any                                              Stopped: needs a person
//
// Invariants: chunks flow only while Attached; a lane becomes Ready only with everything it took either durable or
// rolled back, so a stream that starts at the smallest resume position omits nothing (I3).
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "pipeline/api/change.h"

namespace walbridge::pipeline {

enum class LaneMode { Opening, Ready, Attached, Detached, Stopped };

class LaneLink {
 public:
  LaneLink(std::string name, std::size_t budget_bytes) : name_(std::move(name)), budget_bytes_(budget_bytes) {}

  const std::string& name() const { return name_; }
  LaneMode mode() const;

  // ---- the reader's side ----
  StreamPosition resume_from() const;  // requires Ready
  void attach();                       // Ready -> Attached
  bool has_room() const;
  void push(std::shared_ptr<const Chunk> chunk, Timestamp oldest_commit);  // requires Attached and has_room()
  void detach();  // Attached -> Detached; the lane finishes what is queued

  // ---- the lane's side ----
  std::shared_ptr<const Chunk> pop();      // null: nothing queued
  void ready(StreamPosition resume_from);  // drops the queue
  void reopen();                           // drops the queue; the lane must open its sink first
  void stop();                             // drops the queue
  void set_durable(Lsn lsn);
  void wait(std::chrono::milliseconds at_most);  // until something is queued or the mode changes

  // ---- anybody ----
  // Everything below is durable in this cache. None: the cache was never filled and holds nothing back.
  std::optional<Lsn> durable() const;
  std::size_t queued_bytes() const;
  std::optional<Timestamp> oldest_queued() const;
  void wake();
  // Called whenever the lane made room, became ready or more became durable. Set before threads start.
  void on_lane_progress(std::function<void()> callback) { lane_progress_ = std::move(callback); }

 private:
  struct Item {
    std::shared_ptr<const Chunk> chunk;
    std::size_t bytes = 0;
    Timestamp oldest_commit;
  };
  void change_mode(LaneMode mode, bool drop_queue);
  void tell_reader() const {
    if (lane_progress_) lane_progress_();
  }

  const std::string name_;
  const std::size_t budget_bytes_;
  std::function<void()> lane_progress_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  LaneMode mode_ = LaneMode::Opening;
  std::deque<Item> queue_;
  std::size_t queued_bytes_ = 0;
  StreamPosition resume_from_;
  std::optional<Lsn> durable_;
};

}  // namespace walbridge::pipeline
