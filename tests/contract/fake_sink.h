// A cache in memory behind the Sink seam, with faults on demand: for the simulation and, like every sink, under the
// contract suite. The FakeCache is what lasts, a FakeSink is one connection to it. One thread at a time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "pipeline/api/sink.h"
#include "tests/contract/fake_stage.h"
#include "tests/contract/fake_tables.h"

namespace walbridge::testing {

struct FakePosition {
  std::string source_id;  // empty: never filled
  std::int64_t epoch = 0;
  std::int64_t guard = 0;
  Checkpoint checkpoint;
};

// What survives a crash of the bridge.
struct FakeCache {
  std::map<std::string, FakeTable> tables;  // by name
  std::map<std::string, FakePosition> positions;
  std::map<std::pair<std::string, std::uint32_t>, TableRecord> records;  // by stream and source oid
  std::size_t commits = 0;
};

enum class FakeCall { Open, Peek, BeginLoad, Load, FinishLoad, Begin, Apply, Alter, Record, Forget, Commit, Remove };

struct FakeFault {
  Error error;
  bool takes_effect = false;  // the call is done, its answer is lost: what a connection cut at the wrong moment does
};
// Asked at every call; nullopt lets it through.
using FakeFaults = std::function<std::optional<FakeFault>(FakeCall)>;
// A fault at the `nth` (from 1) `call`, none otherwise.
FakeFaults fail_nth(FakeCall call, std::size_t nth, FakeFault fault);

class FakeSink final : public Sink {
 public:
  FakeSink(std::shared_ptr<FakeCache> cache, std::string stream, FakeFaults faults = {}, SinkLimits limits = {});

  const SinkLimits& limits() const override { return limits_; }
  Result<SinkState> open() override;
  Result<SinkState> peek() override;
  std::vector<Finding> check(std::span<const CacheTable* const> tables) override;
  Status begin_load(std::span<const CacheTable* const> tables) override;
  Status load(const LoadBlock& block) override;
  Status finish_load(std::span<const TableRecord> records, const std::string& source_id,
                     const Checkpoint& checkpoint) override;
  Status begin() override;
  Status apply(const CacheChange& change) override;
  Status alter(std::span<const SchemaStep> steps) override;
  Status record(const TableRecord& record) override;
  Status forget(std::uint32_t source_oid) override;
  Status commit(const Checkpoint& checkpoint) override;
  void abandon() noexcept override;
  Status remove(std::span<const TableRecord> records) override;

 private:
  enum class Phase { Closed, Ready, Transaction, Load };

  // The fault before a call takes effect, and after.
  Status before(FakeCall call);
  Status after();
  Status require(Phase phase) const;
  SinkState state() const;
  Status move_position(const std::string& source_id, const Checkpoint& wanted);
  Status require_loadable(const CacheTable& table) const;

  std::shared_ptr<FakeCache> cache_;
  std::string stream_;
  FakeFaults faults_;
  SinkLimits limits_;
  std::optional<FakeFault> pending_;  // of the call at hand, due once it has taken effect

  Phase phase_ = Phase::Closed;
  FakePosition stored_;
  std::map<std::string, FakeTable> loading_;
  FakeStage stage_;                                                       // tables as the open transaction sees them
  bool touched_ = false;                                                  // something came after begin()
  std::vector<std::variant<TableRecord, std::uint32_t>> staged_records_;  // written, forgotten
};

}  // namespace walbridge::testing
