// A topic with one partition that fits into a test, behind the seams of pipeline/kafka/log.h. A writer's records wait
// in its queue until the brokers take them, in its order; what it had queued when it went away may be stored later, or
// never (a zombie). One thread; the seed behind `random` decides when what happens.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "pipeline/kafka/log.h"
#include "tests/sim/sim_cache.h"

namespace walbridge::sim {

class MemoryLog {
 public:
  MemoryLog(std::mt19937_64& random, StepClock& clock) : random_(random), clock_(clock) {}

  struct Faults {
    double refuse = 0;      // a record to be stored is refused for good
    double late = 0;        // a call for reports brings none
    double full = 0;        // a writer takes nothing
    double read_error = 0;  // a call of a reader fails
    double deaf = 0;        // … hears nothing
  };
  Faults faults;
  std::function<void(const kafka::LogRecord&)> on_report;  // a writer is about to hear that it was stored

  std::unique_ptr<kafka::LogWriter> writer();
  std::unique_ptr<kafka::LogReader> reader();

  // The brokers take something of what some writer queued.
  void step();

  // ---- what befalls topics ----
  void recreate();                     // empty, from offset 0
  void rewind(std::int64_t next);      // what lies at `next` and behind is gone
  void retain_from(std::int64_t low);  // what lies before `low` is gone
  void forget_zombies();               // what writers that are gone had queued is never stored
  bool has_zombies() const;

  kafka::LogRange range() const { return {low_, low_ + static_cast<std::int64_t>(records_.size())}; }
  kafka::LogRecord at(std::int64_t offset) const;

 private:
  friend class MemoryWriter;
  friend class MemoryReader;
  struct Record {
    kafka::Headers headers;
    std::string value;
    std::int64_t timestamp_ms = 0;
  };
  struct Unreported {
    std::int64_t offset = 0;
    std::shared_ptr<const Record> record;
  };
  // The brokers' side of a writer.
  struct Producer {
    std::deque<std::shared_ptr<const Record>> queued;
    std::deque<Unreported> stored;
    std::int64_t last_offset = -1;  // reported
    std::size_t unconfirmed_bytes = 0;
    std::optional<Error> end;
    bool gone = false;
    bool outlived_topic = false;  // what it queued before is stored only while it lives
  };

  bool happens(double probability) { return std::bernoulli_distribution(probability)(random_); }

  std::mt19937_64& random_;
  StepClock& clock_;
  std::int64_t low_ = 0;
  std::deque<std::shared_ptr<const Record>> records_;
  std::vector<std::shared_ptr<Producer>> producers_;
};

}  // namespace walbridge::sim
