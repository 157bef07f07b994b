// The seam to Kafka: one partition of one topic, as a log that is written at its end and read from any offset. Behind
// it stand librdkafka (rdkafka_*.cc), a log in memory (tests), or an error where librdkafka was left out of the
// build. Each object belongs to one thread; wake() alone may come from any.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/api/result.h"

namespace walbridge::kafka {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct LogRecord {
  std::int64_t offset = -1;
  std::int64_t timestamp_ms = 0;  // CreateTime: when the publisher produced it
  Headers headers;
  std::string_view value;  // valid until the reader's next call
};

class LogWriter {
 public:
  virtual ~LogWriter() = default;

  // Queues a copy of the record behind all others. False: the queue is full of what the brokers have not confirmed yet;
  // take reports, then try again. Never blocks.
  virtual Result<bool> write(const Headers& headers, std::string_view value) = 0;

  // Appends the offsets of records the brokers have confirmed since the last call, in the order of write(), without
  // gaps; waits up to `at_most` for the first one, unless wake() is called. An error is final: a record was refused, or
  // offsets went back (the topic was replaced or rewound), and what was queued is thrown away, so that nothing is
  // stored behind a hole. An unreachable broker is not an error: it is waited for, and unreachable_ms() grows.
  virtual Status reports(std::chrono::milliseconds at_most, std::vector<std::int64_t>& offsets) = 0;

  // Called, from a thread of the writer's own, when there is something for reports() to bring; set before the first
  // write().
  virtual void on_report(std::function<void()> callback) = 0;

  virtual std::size_t unconfirmed_bytes() const = 0;
  virtual std::int64_t unreachable_ms() const = 0;   // 0: a broker answers, or was never needed
  virtual std::optional<Error> trouble() const = 0;  // why it is unreachable; no secret in it
  virtual void wake() noexcept = 0;
};

struct LogRange {
  std::int64_t low = 0;   // first offset that is there
  std::int64_t next = 0;  // offset the next record will get; == low: empty
};

class LogReader {
 public:
  virtual ~LogReader() = default;

  // Asks the brokers. Retry "kafka-unreachable"; Retry "kafka-topic-missing"; Operator: authentication, authorisation.
  virtual Result<LogRange> range() = 0;

  // The next record() is the one at `offset`. Errors as range(), and Gap "kafka-offset-gone" when no such offset is
  // there (it may also come from next(), where the broker finds out).
  virtual Status seek(std::int64_t offset) = 0;

  // The next record, or none if none is here yet. Never blocks, never skips an offset that holds a record, never
  // moves by itself. After an error: seek().
  virtual Result<std::optional<LogRecord>> next() = 0;

  // Everything that was in the log when the broker was last heard has been read.
  virtual bool at_end() const = 0;
  virtual std::int64_t known_end() const = 0;  // offset behind the last record, as the broker last said; -1 unknown

  // Blocks until a record is here (if `for_data`), wake() was called, or the time is up.
  virtual void wait(std::chrono::milliseconds at_most, bool for_data) = 0;
  virtual void wake() noexcept = 0;
};

}  // namespace walbridge::kafka
