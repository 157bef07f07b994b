#include "pipeline/lane_link.h"

namespace walbridge::pipeline {

LaneMode LaneLink::mode() const {
  const std::scoped_lock lock(mutex_);
  return mode_;
}

StreamPosition LaneLink::resume_from() const {
  const std::scoped_lock lock(mutex_);
  return resume_from_;
}

void LaneLink::change_mode(LaneMode mode, bool drop_queue) {
  {
    const std::scoped_lock lock(mutex_);
    mode_ = mode;
    if (drop_queue) {
      queue_.clear();
      queued_bytes_ = 0;
    }
    woken_ = true;
  }
  changed_.notify_all();
}

void LaneLink::attach() { change_mode(LaneMode::Attached, false); }

void LaneLink::detach() {
  {
    const std::scoped_lock lock(mutex_);
    if (mode_ != LaneMode::Attached) return;
    mode_ = LaneMode::Detached;
    woken_ = true;
  }
  changed_.notify_all();
}

bool LaneLink::has_room() const {
  const std::scoped_lock lock(mutex_);
  return queued_bytes_ < budget_bytes_;
}

void LaneLink::push(std::shared_ptr<const Chunk> chunk, Timestamp oldest_commit) {
  {
    const std::scoped_lock lock(mutex_);
    if (mode_ != LaneMode::Attached) return;  // the lane failed meanwhile and will ask for these changes again
    const std::size_t bytes = chunk->bytes();
    queue_.push_back({std::move(chunk), bytes, oldest_commit});
    queued_bytes_ += bytes;
    woken_ = true;
  }
  changed_.notify_all();
}

std::shared_ptr<const Chunk> LaneLink::pop() {
  std::shared_ptr<const Chunk> chunk;
  bool made_room = false;
  {
    const std::scoped_lock lock(mutex_);
    if (queue_.empty()) return nullptr;
    chunk = std::move(queue_.front().chunk);
    const bool was_full = queued_bytes_ >= budget_bytes_;
    queued_bytes_ -= queue_.front().bytes;
    queue_.pop_front();
    made_room = was_full && queued_bytes_ < budget_bytes_;
  }
  if (made_room) tell_reader();
  return chunk;
}

void LaneLink::ready(StreamPosition resume_from) {
  {
    const std::scoped_lock lock(mutex_);
    resume_from_ = resume_from;
  }
  change_mode(LaneMode::Ready, true);
  tell_reader();
}

void LaneLink::reopen() {
  change_mode(LaneMode::Opening, true);
  tell_reader();
}

void LaneLink::stop() {
  change_mode(LaneMode::Stopped, true);
  tell_reader();
}

void LaneLink::set_durable(Lsn lsn) {
  {
    const std::scoped_lock lock(mutex_);
    durable_ = lsn;
  }
  tell_reader();
}

std::optional<Lsn> LaneLink::durable() const {
  const std::scoped_lock lock(mutex_);
  return durable_;
}

std::size_t LaneLink::queued_bytes() const {
  const std::scoped_lock lock(mutex_);
  return queued_bytes_;
}

std::optional<Timestamp> LaneLink::oldest_queued() const {
  const std::scoped_lock lock(mutex_);
  for (const auto& item : queue_) {
    if (item.oldest_commit) return item.oldest_commit;
  }
  return std::nullopt;
}

void LaneLink::wait(std::chrono::milliseconds at_most) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, at_most, [this] { return woken_ || !queue_.empty(); });
  woken_ = false;
}

void LaneLink::wake() {
  {
    const std::scoped_lock lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

}  // namespace walbridge::pipeline
