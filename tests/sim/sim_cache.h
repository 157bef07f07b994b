// What the simulations have in common: a clock that stands still between steps, and a cache that a real lane feeds,
// whose sink fails on demand. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "mapping/table_plan.h"
#include "pipeline/lane.h"
#include "tests/contract/fake_sink.h"
#include "tests/sim/simulated_source.h"

namespace walbridge::sim {

inline constexpr const char* kSourceId = "sim/1/db/slot";
inline constexpr std::uint32_t kTables[] = {11, 12, 13};

class StepClock final : public Clock {
 public:
  std::int64_t now_ms() const override { return ms; }
  Timestamp wall() const override { return {ms * 1000 + 1}; }
  std::int64_t ms = 1000;
};

struct Faults {
  std::mt19937_64* random = nullptr;
  double probability = 0;
  bool down = false;
  std::optional<testing::FakeFault> operator()(testing::FakeCall call) const;
};

struct SimCache {
  std::shared_ptr<testing::FakeCache> kept = std::make_shared<testing::FakeCache>();
  std::shared_ptr<Faults> faults = std::make_shared<Faults>();
  std::unique_ptr<testing::FakeSink> sink;
  std::unique_ptr<pipeline::LaneLink> link;
  std::unique_ptr<pipeline::LaneStats> stats;
  std::unique_ptr<pipeline::BackfillDesk> desk;
  std::unique_ptr<pipeline::Lane> lane;
  Checkpoint last_seen;
  int slowness = 1;

  const Checkpoint& checkpoint() const { return kept->positions.at("s").checkpoint; }
  void crash();  // what is kept stays
};

// The caches' common settings, and what is planned for them.
struct SimPlan {
  SimPlan();
  config::Config config;
  std::vector<SourceTable> tables;
  mapping::SinkPlan sink;
};

// Where a cache begins that was never filled: empty, as the simulated source is there.
struct SimStart {
  std::string source_id = kSourceId;
  KafkaPlace kafka{};
};

// A new lane and sink for what is kept, filled first if need be, and ready for the stream. `split`: it may apply large
// transactions in parts.
void open_cache(SimCache& cache, const std::string& name, const SimPlan& plan, const SimStart& start,
                const Clock& clock, std::mt19937_64& random, bool split);

// Works without faults while it lives.
class Calm {
 public:
  explicit Calm(Faults& faults) : faults_(faults), was_(faults) { faults_.probability = 0, faults_.down = false; }
  ~Calm() { faults_ = was_; }
  Calm(const Calm&) = delete;
  Calm& operator=(const Calm&) = delete;

 private:
  Faults& faults_;
  Faults was_;
};

World contents(const SimCache& cache, const SimPlan& plan);

// From the environment.
std::uint64_t number_from(const char* name, std::uint64_t otherwise);

}  // namespace walbridge::sim
