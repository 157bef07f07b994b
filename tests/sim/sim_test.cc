// Many small lives of the engine that ships: the real reader, links and lanes, a simulated source and fake caches. A
// seed decides who steps and what breaks. After every step each cache must equal the source at exactly its checkpoint.
// WALBRIDGE_SIM_SEEDS=N runs more lives, WALBRIDGE_SIM_SEED=S just one.
#include <memory>
#include <random>

#include <gtest/gtest.h>

#include "pipeline/backfill_reader.h"
#include "pipeline/lane.h"
#include "pipeline/reader.h"
#include "tests/sim/sim_cache.h"
#include "tests/sim/simulated_source.h"

namespace walbridge::sim {
namespace {

class Life {
 public:
  // `split`: some caches apply large transactions in parts.
  Life(std::uint64_t seed, std::size_t caches, bool split = true)
      : split_(split),
        random_(seed),
        source_(seed ^ 0x9e37, {kTables, kTables + 3}),
        backfill_(source_, seed ^ 0x51ed) {
    for (std::size_t i = 0; i < caches; ++i) add_cache();
    source_.meanwhile = [this] {
      for (auto& cache : caches_) {
        if (random_() % 2 == 0) step_lane(cache);
      }
    };
    start_engine();
  }

  void run(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFatalFailure(); ++i) {
      one_step();
      check();
    }
  }

  // Everything works again: all caches must arrive within a bounded number of steps.
  void settle() {
    source_.break_probability = backfill_.break_probability = source_.invisible_probability = 0;
    for (auto& cache : caches_) {
      cache.faults->probability = 0;
      cache.faults->down = false;
      cache.slowness = 1;
    }
    for (int i = 0; i < 20000; ++i) {
      clock_.ms += 50;
      (void)reader_->step();
      (void)backfill_reader_->step();
      source_.make_some_visible();
      for (auto& cache : caches_) step_lane(cache);
      check();
      if (::testing::Test::HasFatalFailure() || arrived()) break;
    }
    ASSERT_TRUE(arrived()) << "a cache did not catch up";
    const auto last = source_.transactions().empty() ? Lsn{} : source_.transactions().back().commit_lsn;
    for (auto& cache : caches_) EXPECT_EQ(contents(cache, plan_), source_.world_at(last));
    EXPECT_EQ(source_.confirmed(), *reader_->frontier());
  }

  // kill -9: everything in memory is gone, what the fakes keep is not.
  void crash() {
    reader_.reset();
    backfill_reader_.reset();
    backfill_.close();
    source_.stop();
    for (auto& cache : caches_) cache.crash();
    start_engine();
  }

  // Without new transactions or checks of the whole.
  void step_everything() {
    (void)reader_->step();
    (void)backfill_reader_->step();
    for (auto& cache : caches_) step_lane(cache);
  }

  SimulatedBackfill& backfill() { return backfill_; }
  std::uint64_t copies() const { return copies_; }
  SimulatedSource& source() { return source_; }
  std::vector<SimCache>& caches() { return caches_; }
  StepClock& clock() { return clock_; }

 private:
  void add_cache() {
    caches_.emplace_back();
    caches_.back().faults->random = &random_;
  }

  void start_engine() {
    std::vector<pipeline::LaneLink*> links;
    std::vector<pipeline::BackfillDesk*> desks;
    std::size_t number = 0;
    for (auto& cache : caches_) {
      open_cache(cache, "c" + std::to_string(number++), plan_, {}, clock_, random_, split_);
      desks.push_back(cache.desk.get());
      links.push_back(cache.link.get());
    }
    pipeline::ReaderOptions options;
    options.seed = random_();
    options.slow_lane_ms = 200;
    options.stuck_ms = 1000;
    reader_ = std::make_unique<pipeline::Reader>(source_, links, clock_, reader_stats_, options);
    backfill_reader_ =
        std::make_unique<pipeline::BackfillReader>(backfill_, desks, clock_, random_(), [](std::uint32_t) {});
  }

  void one_step() {
    clock_.ms += static_cast<std::int64_t>(random_() % 4);
    switch (random_() % 16) {
      case 0:
        source_.commit_random_transaction(random_() % 10 == 0 ? 60 : 5);
        break;
      case 1:
        source_.commit_random_transaction(2);
        break;
      case 2:
        if (random_() % 20 == 0) source_.advance_idle(random_() % 2 == 0 ? 100 : 20ULL << 20U);
        break;
      case 3:
      case 4:
      case 5:
        (void)reader_->step();
        break;
      case 6:
        if (random_() % 12 == 0) {
          source_.ask_for_copy(kTables[random_() % 3]);
          ++copies_;
        }
        break;
      case 7:
        source_.make_some_visible();
        break;
      case 8:
      case 9:
        (void)backfill_reader_->step();
        break;
      default: {
        auto& cache = caches_[random_() % caches_.size()];
        if (random_() % static_cast<std::uint64_t>(cache.slowness) == 0) step_lane(cache);
      }
    }
  }

  void step_lane(SimCache& cache) {
    auto step = cache.lane->step();
    if (!step) FAIL() << "a lane gave up: " << describe(step.error());
  }

  void check() {
    ASSERT_FALSE(source_.broken_rule) << *source_.broken_rule;
    for (auto& cache : caches_) {
      const auto& position = cache.kept->positions.at("s");
      const auto& now = position.checkpoint;
      ASSERT_GE(now.end_lsn, cache.last_seen.end_lsn) << "a checkpoint went back";
      ASSERT_GE(now.commit_lsn, cache.last_seen.commit_lsn) << "a checkpoint went back";
      cache.last_seen = now;
      ASSERT_LE(source_.confirmed(), now.end_lsn) << "confirmed before it was durable";
      ASSERT_LT(cache.link->queued_bytes(), 64U * 1024) << "the queue has no bound";
      if (now.partial_commit_lsn) continue;  // inside a transaction that is applied in parts, and says so
      ASSERT_EQ(contents(cache, plan_), source_.world_at(now.commit_lsn)) << "not the source at its checkpoint";
    }
  }

  bool arrived() const {
    for (const auto& cache : caches_) {
      const auto& transactions = source_.transactions();
      if (!transactions.empty() && cache.kept->positions.at("s").checkpoint.commit_lsn < transactions.back().commit_lsn)
        return false;
      for (const auto& [key, record] : cache.kept->records) {
        if (record.state == TableState::Pending || !record.backfill.empty()) return false;
      }
    }
    return source_.confirmed() == reader_->frontier();
  }

  bool split_;
  std::mt19937_64 random_;
  StepClock clock_;
  SimulatedSource source_;
  SimulatedBackfill backfill_;
  std::uint64_t copies_ = 0;
  const SimPlan plan_;
  std::vector<SimCache> caches_;
  pipeline::ReaderStats reader_stats_;
  std::unique_ptr<pipeline::Reader> reader_;
  std::unique_ptr<pipeline::BackfillReader> backfill_reader_;
};

void live(std::uint64_t seed) {
  SCOPED_TRACE("replay with WALBRIDGE_SIM_SEED=" + std::to_string(seed));
  std::mt19937_64 choice(seed * 7919 + 1);
  Life life(seed, 1 + choice() % 3);
  for (int phase = 0; phase < 6 && !::testing::Test::HasFatalFailure(); ++phase) {
    life.source().break_probability = choice() % 2 == 0 ? 0 : 0.02;
    life.source().invisible_probability = choice() % 2 == 0 ? 0 : 0.5;
    life.backfill().break_probability = choice() % 2 == 0 ? 0 : 0.03;
    for (auto& cache : life.caches()) {
      cache.faults->probability = choice() % 2 == 0 ? 0 : 0.03;
      cache.faults->down = choice() % 8 == 0;
      cache.slowness = choice() % 4 == 0 ? 30 : 1;
    }
    life.run(250);
    if (choice() % 3 == 0) life.crash();
  }
  if (!::testing::Test::HasFatalFailure()) life.settle();
}

TEST(Sim, EveryLifeIsExactAtEveryStep) {
  const auto only = number_from("WALBRIDGE_SIM_SEED", 0);
  if (only != 0) return live(only);
  const auto seeds = number_from("WALBRIDGE_SIM_SEEDS", 60);
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    live(seed);
    if (::testing::Test::HasFailure()) return;
  }
}

// A cache that is away does not hold up the others, and gets everything when it is back.
TEST(Sim, AFailingCacheDoesNotStopTheOthers) {
  Life life(4711, 2);
  life.caches()[0].faults->down = true;
  life.run(3000);
  const auto last = life.source().transactions().back().commit_lsn;
  for (int i = 0; i < 4000; ++i) {
    life.clock().ms += 10;
    life.run(1);
  }
  const auto stands_at = [&](std::size_t i) { return life.caches()[i].kept->positions.at("s").checkpoint.commit_lsn; };
  EXPECT_GE(stands_at(1), last);
  EXPECT_LT(stands_at(0), last);
  EXPECT_LE(life.source().confirmed(), life.caches()[0].kept->positions.at("s").checkpoint.end_lsn);
  life.settle();
}

// A row that cannot be mapped stops its table exactly before its transaction; the others go on (I8).
TEST(Sim, APoisonedRowFreezesItsTableBeforeItsTransaction) {
  Life life(42, 1, false);
  life.run(800);
  const auto before = life.source().transactions().empty() ? Lsn{} : life.source().transactions().back().commit_lsn;
  const auto frozen = life.source().world_at(before).at(11);
  life.source().commit({{12, RowChange::Op::Insert, 1000, "a", "", {}},
                        {11, RowChange::Op::Insert, 1001, "half", "", {}},
                        {11, RowChange::Op::Insert, 1002, "<poison>", "", {}}});
  life.source().commit(
      {{11, RowChange::Op::Insert, 1003, "later", "", {}}, {12, RowChange::Op::Insert, 1004, "b", "", {}}});
  auto& cache = life.caches()[0];
  for (int i = 0; i < 3000; ++i) {
    life.clock().ms += 20;
    life.step_everything();
  }
  const auto rows = [&](const char* table) {
    Rows found;
    for (const auto& row : cache.kept->tables.at(table).rows())
      found[std::get<std::int64_t>(row[0])] = {std::get<std::string>(row[1]), std::get<std::string>(row[2])};
    return found;
  };
  EXPECT_EQ(rows("t11"), frozen);
  EXPECT_EQ(rows("t12")[1000].value, "a");
  EXPECT_EQ(rows("t12")[1004].value, "b");
  const auto& record = cache.kept->records.at({"s", 11});
  EXPECT_EQ(record.state, TableState::Stopped);
  EXPECT_FALSE(record.code.empty());
  EXPECT_EQ(record.reason.find("\xff"), std::string::npos);
}

}  // namespace
}  // namespace walbridge::sim
