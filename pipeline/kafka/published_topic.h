// The topic a bridge ends in, with everything that belongs to it: link, publisher, requests of appliers and numbers;
// what a Cache is for a cache.
#pragma once

#include <memory>
#include <string>

#include "pipeline/kafka/publisher.h"
#include "pipeline/kafka/request_server.h"

namespace walbridge::kafka {

// What the command line wires together.
struct PublishEnds {
  Publisher::Logs logs;
  std::unique_ptr<LogReader> requests;  // of the control topic
  std::string topic;
  std::string writer;  // UUID of this process
};

struct PublishedTopic {
  PublishedTopic(PublishEnds ends, std::size_t queue_bytes, const Clock& clock, bool eager_idle, std::uint64_t seed)
      : topic(ends.topic),
        link("kafka", queue_bytes),
        requests(std::move(ends.requests), copies, clock),
        publisher(std::move(ends.logs), link, copies, stats, clock, options_of(ends, eager_idle, seed)) {}

  const std::string topic;
  pipeline::LaneLink link;
  CopyRequests copies;
  RequestServer requests;
  PublisherStats stats;
  Publisher publisher;
  bool started = false;  // the source's slot is there and the publisher knows where it goes on; the loader's

 private:
  static PublisherOptions options_of(const PublishEnds& ends, bool eager_idle, std::uint64_t seed) {
    PublisherOptions options;
    options.topic = ends.topic;
    options.writer = ends.writer;
    options.eager_idle = eager_idle;
    options.seed = seed;
    return options;
  }
};

}  // namespace walbridge::kafka
