#include "pipeline/kafka/copy_requests.h"

#include <algorithm>

namespace walbridge::kafka {

void CopyRequests::ask(Request request) {
  const std::scoped_lock lock(mutex_);
  if (current_ && current_->id == request.id) return;
  std::erase_if(waiting_, [&](const Request& other) { return other.asker == request.asker; });
  const bool replaces = current_ && current_->asker == request.asker;
  waiting_.push_back(std::move(request));
  if (!current_ || replaces) next();
}

void CopyRequests::withdraw(std::uint64_t id) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(waiting_, [&](const Request& other) { return other.id == id; });
  if (current_ && current_->id == id) next();
}

std::optional<std::uint64_t> CopyRequests::current() const {
  const std::scoped_lock lock(mutex_);
  return current_ ? std::optional(current_->id) : std::nullopt;
}

void CopyRequests::done(std::uint64_t id) {
  const std::scoped_lock lock(mutex_);
  if (current_ && current_->id == id) next();
}

void CopyRequests::next() {
  desk_.withdraw();
  current_.reset();
  if (waiting_.empty()) return;
  current_ = std::move(waiting_.front());
  waiting_.pop_front();
  desk_.ask(current_->chunk);
}

}  // namespace walbridge::kafka
