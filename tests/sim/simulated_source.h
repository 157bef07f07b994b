// A Postgres that fits into a test: a list of committed transactions, a slot that forgets what was confirmed, and a
// stream that can break anywhere. Behaves like the real one where it matters to the engine: START at a transaction's
// end does not send it again, START anywhere before does, confirmed log is gone.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "pipeline/api/source.h"

namespace walbridge::sim {

// The tables' rows by key: what a cache must hold.
using Rows = std::map<std::int64_t, std::string>;
using World = std::map<std::uint32_t, Rows>;  // by table oid

struct SimChange {
  std::uint32_t table = 0;
  RowChange::Op op = RowChange::Op::Insert;
  std::int64_t key = 0;
  std::string value;  // "<poison>" cannot be mapped
};

struct SimTransaction {
  Lsn commit_lsn;
  Lsn end_lsn;
  std::vector<SimChange> changes;
};

class SimulatedSource final : public Source {
 public:
  SimulatedSource(std::uint64_t seed, std::vector<std::uint32_t> tables);

  // ---- the world ----
  void commit_random_transaction(std::size_t most_changes);
  void commit(std::vector<SimChange> changes);
  void advance_idle(std::uint64_t bytes) { end_.value += bytes; }
  // The rows after every transaction with commit_lsn <= `at`.
  World world_at(Lsn at) const;
  Lsn end() const { return end_; }
  const std::vector<SimTransaction>& transactions() const { return transactions_; }
  Lsn confirmed() const { return confirmed_; }
  double break_probability = 0;            // per poll
  std::function<void()> meanwhile;         // called inside start(): other threads do not wait for a connection
  std::optional<std::string> broken_rule;  // set when the engine did what it must never do

  // ---- Source ----
  Status start(Lsn from) override;
  Result<bool> poll(Chunk& into, std::size_t budget_bytes) override;
  Status confirm(Lsn durable) override;
  void wait(std::chrono::milliseconds, bool) override {}
  void wake() noexcept override {}
  void stop() noexcept override { streaming_ = false; }
  std::int64_t silent_ms() const override { return 0; }
  Lsn server_position() const override { return end_; }

 private:
  void append_event(Chunk& into, std::size_t position);

  std::mt19937_64 random_;
  std::vector<std::uint32_t> tables_;
  std::map<std::uint32_t, std::shared_ptr<const Relation>> relations_;
  std::vector<SimTransaction> transactions_;
  World present_;
  Lsn end_{1000};
  Lsn confirmed_;
  bool streaming_ = false;
  std::size_t next_transaction_ = 0;
  std::size_t next_part_ = 0;  // 0 begin, 1..n changes, n+1 commit
  Lsn idle_told_;
};

// The catalog entry matching the relations above: id bigint primary key, value text.
SourceTable simulated_table(std::uint32_t oid);

}  // namespace walbridge::sim
