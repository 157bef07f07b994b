// The control topic, as those who ask write it. A writer that came to its end (the topic was deleted, a request was
// refused) is replaced by the next call. One thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "pipeline/kafka/log.h"
#include "pipeline/kafka/requests.h"

namespace walbridge::kafka {

class RequestWriter {
 public:
  using Open = std::function<Result<std::unique_ptr<LogWriter>>()>;
  explicit RequestWriter(Open open) : open_(std::move(open)) {}

  // Queues it. Retry "kafka-full": later.
  Status write(const Request& request);
  // What became of requests since the last call. After an error all that were not answered must be asked again.
  Status look();
  // Waits until one is stored.
  Status confirm(std::chrono::milliseconds at_most);

 private:
  Result<std::size_t> reports(std::chrono::milliseconds at_most);

  const Open open_;
  std::unique_ptr<LogWriter> writer_;
};

}  // namespace walbridge::kafka
