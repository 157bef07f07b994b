// Many small lives of the pipeline through Kafka (tests/sim/kafka_life.h): publishers and appliers die at any step,
// what dead publishers had queued comes late or never, brokers refuse, keep silent, and lose topics.
// WALBRIDGE_SIM_SEEDS=N runs more lives, WALBRIDGE_SIM_SEED=S just one.
#include <functional>
#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "tests/sim/kafka_life.h"

namespace walbridge::sim {
namespace {

KafkaLife::Counts& operator+=(KafkaLife::Counts& sum, const KafkaLife::Counts& more) {
  sum.parts += more.parts;
  sum.slices += more.slices;
  sum.pieces += more.pieces;
  sum.fenced += more.fenced;
  sum.starts += more.starts;
  sum.copies += more.copies;
  return sum;
}

// True: all seeds, not just one.
bool for_each_seed(std::uint64_t otherwise, const std::function<void(std::uint64_t)>& live) {
  const auto run = [&](std::uint64_t seed) {
    SCOPED_TRACE("replay with WALBRIDGE_SIM_SEED=" + std::to_string(seed));
    live(seed);
  };
  const auto only = number_from("WALBRIDGE_SIM_SEED", 0);
  if (only != 0) {
    run(only);
    return false;
  }
  const auto seeds = number_from("WALBRIDGE_SIM_SEEDS", otherwise);
  for (std::uint64_t seed = 1; seed <= seeds && !::testing::Test::HasFailure(); ++seed) run(seed);
  return !::testing::Test::HasFailure();
}

TEST(KafkaSim, EveryLifeIsExactAtEveryStep) {
  KafkaLife::Counts sum;
  const bool all = for_each_seed(40, [&](std::uint64_t seed) {
    std::mt19937_64 choice(seed * 7919 + 1);
    KafkaLife life(seed, 1 + choice() % 3);
    for (int phase = 0; phase < 6 && !::testing::Test::HasFatalFailure(); ++phase) {
      life.draw_faults(choice);
      life.run(400);
    }
    if (!::testing::Test::HasFatalFailure()) life.settle();
    sum += life.count();
  });
  if (!all) return;
  EXPECT_GT(sum.parts, 0U);
  EXPECT_GT(sum.slices, 0U);
  EXPECT_GT(sum.pieces, 0U);
  EXPECT_GT(sum.fenced, 0U);
  EXPECT_GT(sum.starts, 0U);
}

enum class Mishap { Recreated, Rewound, Retention };

// True: no cache can have what it needs.
bool befall(KafkaLife& life, Mishap mishap) {
  auto& log = life.changes();
  const auto range = log.range();
  const auto size = static_cast<std::uint64_t>(range.next - range.low);
  life.allow_gap();
  // What was on its way to the old topic does not outlive it, unless its writer does: that one may go on by itself.
  const bool writer_dies = mishap == Mishap::Recreated && life.random()() % 2 == 0;
  if (writer_dies) life.crash_publisher();
  if (mishap != Mishap::Retention) log.forget_zombies();
  if (mishap == Mishap::Recreated) {
    log.recreate();
    return writer_dies;
  }
  if (mishap == Mishap::Rewound) {
    log.rewind(range.low + static_cast<std::int64_t>(life.random()() % (size + 1)));
    return false;
  }
  const auto low = range.low + static_cast<std::int64_t>(life.random()() % size);
  const bool needed = life.smallest_offset() < low;
  log.retain_from(low);
  life.crash_applier();
  return needed;
}

// Whatever a topic loses, a cache never differs from the source at its checkpoint: it goes on, or stops with a gap and
// arrives again once its tables are copied anew.
TEST(KafkaSim, ALostTopicIsAGapAndNeverADifference) {
  std::map<std::string, int> gaps;
  const bool all = for_each_seed(40, [&](std::uint64_t seed) {
    std::mt19937_64 choice(seed * 104729 + 5);
    KafkaLife life(seed, 1 + choice() % 2);
    for (int phase = 0; phase < 6 && !::testing::Test::HasFatalFailure(); ++phase) {
      life.draw_faults(choice);
      life.run(200 + static_cast<int>(choice() % 300));
      if (life.gap() || ::testing::Test::HasFatalFailure()) break;
      const auto mishap = static_cast<Mishap>(choice() % 3);
      SCOPED_TRACE("mishap " + std::to_string(static_cast<int>(mishap)));
      const bool hopeless = befall(life, mishap);
      life.run(static_cast<int>(choice() % 500));
      if (!life.gap() && (hopeless || choice() % 2 == 0)) life.settle();
      ASSERT_TRUE(life.gap() || !hopeless) << "went on without what was lost";
      if (life.gap() && hopeless) {  // whoever starts it again hears the same
        life.forget_gap();
        life.settle();
        ASSERT_TRUE(life.gap()) << "went on without what was lost";
      }
      if (!life.gap()) continue;
      ++gaps[*life.gap()];
      life.start_over();
    }
    if (!::testing::Test::HasFatalFailure()) life.settle();
    if (life.gap() && !::testing::Test::HasFatalFailure()) {
      ++gaps[*life.gap()];
      life.start_over();
      life.settle();
    }
    ASSERT_FALSE(life.gap()) << *life.gap();
  });
  if (!all) return;
  for (const auto* code : {"kafka-other-stream", "kafka-retention", "kafka-rewound"}) EXPECT_GT(gaps[code], 0) << code;
}

}  // namespace
}  // namespace walbridge::sim
