#include "pipeline/kafka/request_server.h"

#include <utility>

#include "pipeline/api/log.h"

namespace walbridge::kafka {
namespace {

using pipeline::Step;

constexpr std::int64_t kTryAgainMs = 1'000;
constexpr std::size_t kMostTasks = 1'000;  // an applier asks again; a flood must not fill memory

}  // namespace

Step RequestServer::step() {
  if (clock_.now_ms() < not_before_ms_) return Step::Idle;
  const auto failed = [&](const Error& error) {
    log::debug("the control topic cannot be read", {{"code", error.code}, {"error", error.message}});
    begun_ = false;
    not_before_ms_ = clock_.now_ms() + kTryAgainMs;
    return Step::Idle;
  };
  if (!begun_) {  // what was asked while nobody answered is asked again
    const auto range = requests_->range();
    if (!range) return failed(range.error());
    if (auto sought = requests_->seek(range->next); !sought) return failed(sought.error());
    begun_ = true;
  }
  auto record = requests_->next();
  if (!record) return failed(record.error());
  if (!*record) return Step::Idle;
  auto request = request_from_json((*record)->value);
  if (!request) {
    log::warn("a request in the control topic cannot be read",
              {{"offset", (*record)->offset}, {"code", request.error().code}, {"error", request.error().message}});
    return Step::Progressed;
  }
  if (request->kind == Request::Kind::Withdraw) {
    copies_.withdraw(request->id);
  } else if (request->kind == Request::Kind::Chunk && is_approved(*request)) {
    copies_.ask(*std::move(request));
  } else {
    const std::scoped_lock lock(mutex_);
    if (tasks_.size() < kMostTasks) tasks_.push_back(*std::move(request));
  }
  return Step::Progressed;
}

// What is read is what the publisher's own catalog calls the table; the asker's description must be the same.
bool RequestServer::is_approved(Request& request) {
  if (!request.chunk.table) return false;
  const std::scoped_lock lock(mutex_);
  const auto found = approved_.find(request.chunk.table->oid);
  if (found == approved_.end() || found->second.table->json != request.chunk.table->json) return false;
  request.chunk.table = found->second.table;
  request.chunk.append_only = found->second.append_only;
  request.chunk.publish_where.clear();
  return true;
}

void RequestServer::approve(const SourceTable& table, bool append_only) {
  const std::scoped_lock lock(mutex_);
  approved_[table.oid] = {std::make_shared<const SourceTable>(table), append_only};
}

void RequestServer::copy(Request request) {
  {
    const std::scoped_lock lock(mutex_);
    const auto found = approved_.find(request.chunk.table->oid);
    if (found == approved_.end()) return;
    request.chunk.table = found->second.table;
    request.chunk.append_only = found->second.append_only;
    request.chunk.publish_where.clear();
  }
  copies_.ask(std::move(request));
}

std::vector<Request> RequestServer::take_tasks() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(tasks_, {});
}

}  // namespace walbridge::kafka
