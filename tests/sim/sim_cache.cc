#include "tests/sim/sim_cache.h"

#include <cstdlib>

#include <gtest/gtest.h>

#include "mapping/table_shape.h"

namespace walbridge::sim {

using testing::FakeCall;
using testing::FakeFault;
using testing::FakeSink;

std::optional<FakeFault> Faults::operator()(FakeCall call) const {
  if (call == FakeCall::Peek || call == FakeCall::BeginLoad || call == FakeCall::FinishLoad) return std::nullopt;
  const Error error{Verdict::Retry, "busy", "simulated", {}, {}};
  if (down) return FakeFault{error, false};
  if (!std::bernoulli_distribution(probability)(*random)) return std::nullopt;
  // A commit may take effect although its answer is lost.
  return FakeFault{error, call == FakeCall::Commit && (*random)() % 2 == 0};
}

void SimCache::crash() {
  lane.reset();
  desk.reset();
  link.reset();
  sink.reset();
}

SimPlan::SimPlan() {
  config.sinks.push_back({});
  config.sinks.back().name = "main";
  config.sinks.back().url = "file:x";
  config.tables.include = {"*"};
  for (const auto oid : kTables) tables.push_back(simulated_table(oid));
  sink = mapping::plan_sink(tables, config, config.sinks.front());
}

namespace {

void first_load(SimCache& cache, const SimPlan& plan, const SimStart& start) {
  std::vector<const CacheTable*> tables;
  std::vector<TableRecord> records;
  for (const auto& planned : plan.sink.tables) {
    tables.push_back(&planned->cache());
    TableRecord record;
    record.source_oid = planned->cache().source_oid;
    record.source_name = planned->cache().source_name;
    record.cache_name = planned->cache().name;
    record.state = TableState::Live;
    record.snapshot_lsn = Lsn{1};
    record.schema_hash = planned->cache().schema_hash;
    record.description = simulated_table(record.source_oid).json;
    record.shape = mapping::to_json(mapping::shape_of(*planned));
    records.push_back(record);
  }
  Checkpoint checkpoint;
  checkpoint.end_lsn = Lsn{1000};
  checkpoint.kafka = start.kafka;
  ASSERT_TRUE(cache.sink->begin_load(tables));
  ASSERT_TRUE(cache.sink->finish_load(records, start.source_id, checkpoint));
}

void start_lane(SimCache& cache, const SimPlan& plan, const SimStart& start) {
  const Calm calm(*cache.faults);
  ASSERT_EQ(plan.sink.tables.size(), 3U);
  auto state = cache.sink->open();
  ASSERT_TRUE(state) << describe(state.error());
  if (!state->checkpoint) {
    first_load(cache, plan, start);
    state = cache.sink->open();
    ASSERT_TRUE(state);
  }
  cache.lane->start(*state->checkpoint, state->tables, plan.tables);
}

}  // namespace

void open_cache(SimCache& cache, const std::string& name, const SimPlan& plan, const SimStart& start,
                const Clock& clock, std::mt19937_64& random, bool split) {
  SinkLimits limits;
  limits.rows_per_commit = 1 + random() % 40;
  if (split && random() % 2 == 0) {
    limits.rows_per_part = 3 + random() % 10;
    limits.bytes_per_part = 1 << 20;
  }
  auto faults = cache.faults;
  cache.sink = std::make_unique<FakeSink>(
      cache.kept, "s", [faults](FakeCall call) { return (*faults)(call); }, limits);
  cache.link = std::make_unique<pipeline::LaneLink>(name, 16 * 1024);
  cache.stats = std::make_unique<pipeline::LaneStats>();
  pipeline::LaneOptions options;
  options.source_id = start.source_id;
  options.seed = random();
  options.stream = "s";
  options.backfill_rows = 1 + random() % 15;
  options.backfill_window_bytes = random() % 4 == 0 ? 600 : 100'000;
  cache.desk = std::make_unique<pipeline::BackfillDesk>();
  cache.lane = std::make_unique<pipeline::Lane>(*cache.sink, *cache.link, *cache.stats, *cache.desk, clock,
                                                pipeline::LaneTables(plan.config, plan.config.sinks.front()), options);
  start_lane(cache, plan, start);
}

World contents(const SimCache& cache, const SimPlan& plan) {
  World world;
  for (const auto& planned : plan.sink.tables) {
    auto& rows = world[planned->cache().source_oid];
    const auto table = cache.kept->tables.find(planned->cache().name);
    if (table == cache.kept->tables.end()) continue;
    for (const auto& row : table->second.rows())
      rows[std::get<std::int64_t>(row[0])] = {std::get<std::string>(row[1]), std::get<std::string>(row[2])};
  }
  return world;
}

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

}  // namespace walbridge::sim
