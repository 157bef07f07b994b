// Publishers that begin at the same moment: one of them has the epoch, and the others look again.
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "pipeline/kafka/publisher.h"
#include "tests/sim/memory_log.h"

namespace walbridge::sim {
namespace {

struct Begun {
  Begun(MemoryLog& log, StepClock& clock, const std::string& name) {
    kafka::PublisherOptions options;
    options.topic = "t";
    options.source_id = "source";
    options.writer = name;
    kafka::Publisher::Logs logs;
    logs.ensure_topics = [] { return Status(); };
    logs.largest_value = [] { return Result<std::size_t>(100'000); };
    logs.writer = [&log] { return Result<std::unique_ptr<kafka::LogWriter>>(log.writer()); };
    logs.reader = [&log] { return Result<std::unique_ptr<kafka::LogReader>>(log.reader()); };
    publisher = std::make_unique<kafka::Publisher>(std::move(logs), link, copies, stats, clock, std::move(options));
    publisher->start(Lsn{100}, false);
  }

  pipeline::LaneLink link{"kafka", 1U << 20};
  kafka::CopyRequests copies;
  kafka::PublisherStats stats;
  std::unique_ptr<kafka::Publisher> publisher;
};

TEST(PublisherStart, OfTwoThatLookAtOneEndOneHasTheEpoch) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    StepClock clock;
    MemoryLog log(random, clock);
    Begun first(log, clock, "first");
    Begun second(log, clock, "second");
    for (int i = 0; i < 2; ++i) {  // looks at the end, then writes its start record
      ASSERT_TRUE(first.publisher->step());
      ASSERT_TRUE(second.publisher->step());
    }
    for (int i = 0; i < 1000 && log.range().next < 2; ++i) log.step();
    ASSERT_EQ(log.range().next, 2);
    EXPECT_EQ(kafka::head_of(log.at(0))->epoch, kafka::head_of(log.at(1))->epoch) << "nobody looked at the same end";
    for (auto* each : {&first, &second}) {
      clock.ms += 10;
      ASSERT_TRUE(each->publisher->step());
    }
    EXPECT_NE(first.stats.open, second.stats.open) << "one of them has it, the other one knows";

    for (int i = 0; i < 1000 && !(first.stats.open && second.stats.open); ++i) {
      clock.ms += 100;
      log.step();
      ASSERT_TRUE(first.publisher->step());
      ASSERT_TRUE(second.publisher->step());
    }
    ASSERT_TRUE(first.stats.open && second.stats.open);
    std::map<std::uint64_t, std::set<std::string>> writers;
    for (auto offset = std::int64_t{2}; offset < log.range().next; ++offset) {
      const auto head = kafka::head_of(log.at(offset));
      ASSERT_TRUE(head);
      writers[head->epoch].insert(head->writer);
    }
    for (const auto& [epoch, names] : writers) EXPECT_EQ(names.size(), 1U) << "epoch " << epoch;
  }
}

}  // namespace
}  // namespace walbridge::sim
