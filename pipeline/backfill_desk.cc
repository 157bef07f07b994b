#include "pipeline/backfill_desk.h"

namespace walbridge::pipeline {

void BackfillDesk::ask(ChunkRequest request) {
  {
    const std::scoped_lock lock(mutex_);
    request_ = std::move(request);
    reading_ = false;
    pieces_.clear();
    failure_.reset();
  }
  if (asked_) asked_();
}

void BackfillDesk::withdraw() {
  const std::scoped_lock lock(mutex_);
  request_.reset();
  reading_ = false;
  pieces_.clear();
  failure_.reset();
}

bool BackfillDesk::asked() const {
  const std::scoped_lock lock(mutex_);
  return request_.has_value();
}

std::vector<ChunkPiece> BackfillDesk::take(std::uint64_t id) {
  std::vector<ChunkPiece> taken;
  {
    const std::scoped_lock lock(mutex_);
    if (!request_ || request_->id != id) return {};
    taken.swap(pieces_);
  }
  if (!taken.empty() && asked_) asked_();  // there is room again
  return taken;
}

std::optional<Error> BackfillDesk::failure(std::uint64_t id) {
  const std::scoped_lock lock(mutex_);
  if (!request_ || request_->id != id) return std::nullopt;
  return std::exchange(failure_, std::nullopt);
}

std::optional<ChunkRequest> BackfillDesk::next() {
  const std::scoped_lock lock(mutex_);
  if (!request_ || reading_) return std::nullopt;
  reading_ = true;
  return request_;
}

bool BackfillDesk::wanted(std::uint64_t id) const {
  const std::scoped_lock lock(mutex_);
  return request_ && request_->id == id;
}

bool BackfillDesk::deliver(ChunkPiece piece) {
  {
    const std::scoped_lock lock(mutex_);
    if (!request_ || request_->id != piece.id) return false;
    pieces_.push_back(std::move(piece));
  }
  if (delivered_) delivered_();
  return true;
}

void BackfillDesk::fail(std::uint64_t id, Error error) {
  {
    const std::scoped_lock lock(mutex_);
    if (!request_ || request_->id != id) return;
    failure_ = std::move(error);
  }
  if (delivered_) delivered_();
}

bool BackfillDesk::wants_a_pause() const {
  constexpr std::size_t kMostUndelivered = 8U << 20;
  {
    const std::scoped_lock lock(mutex_);
    if (!request_ || !request_->key.empty()) return false;
  }
  return undelivered_bytes() > kMostUndelivered;
}

std::size_t BackfillDesk::undelivered_bytes() const {
  const std::scoped_lock lock(mutex_);
  std::size_t bytes = 0;
  for (const auto& piece : pieces_) bytes += piece.arena.reserved();
  return bytes;
}

}  // namespace walbridge::pipeline
