// Reads what appliers ask of the publisher. A chunk of a table that is known as it is goes straight to be read; all
// else waits for the thread that speaks with the source's catalog. step() belongs to the backfill thread, the members
// marked so to the loader.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "pipeline/api/clock.h"
#include "pipeline/kafka/copy_requests.h"
#include "pipeline/kafka/log.h"
#include "pipeline/kafka/requests.h"
#include "pipeline/step.h"

namespace walbridge::kafka {

class RequestServer {
 public:
  RequestServer(std::unique_ptr<LogReader> requests, CopyRequests& copies, const Clock& clock)
      : requests_(std::move(requests)), copies_(copies), clock_(clock) {}

  pipeline::Step step();
  void wait(std::chrono::milliseconds at_most) { requests_->wait(at_most, true); }
  void wake() noexcept { requests_->wake(); }

  // ---- the loader's side ----
  std::vector<Request> take_tasks();
  // How a published table is read from here on, whoever asks for it.
  void approve(const SourceTable& table, bool append_only);
  void copy(Request request);  // one that has been approved

 private:
  struct Approved {
    std::shared_ptr<const SourceTable> table;
    bool append_only = false;
  };
  bool is_approved(Request& request);

  std::unique_ptr<LogReader> requests_;
  CopyRequests& copies_;
  const Clock& clock_;
  bool begun_ = false;
  std::int64_t not_before_ms_ = 0;

  mutable std::mutex mutex_;
  std::map<std::uint32_t, Approved> approved_;  // guarded, as the next
  std::vector<Request> tasks_;
};

}  // namespace walbridge::kafka
