// A Postgres that fits into a test: a list of committed transactions, a slot that forgets what was confirmed, and a
// stream that can break anywhere. Behaves like the real one where it matters to the engine: START at a transaction's
// end does not send it again, START anywhere before does, confirmed log is gone. And, for copies under way: a committed
// transaction is in the log at once but visible to snapshots only later (synchronous replication), and keeps its rows
// locked until then; unchanged long values are not sent again.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "pipeline/api/source.h"

namespace walbridge::sim {

struct SimRow {
  std::string value;
  std::string big;  // not sent again when it did not change
  friend bool operator==(const SimRow&, const SimRow&) = default;
  friend std::ostream& operator<<(std::ostream& out, const SimRow& row) { return out << row.value << "/" << row.big; }
};
// The tables' rows by key: what a cache must hold.
using Rows = std::map<std::int64_t, SimRow>;
using World = std::map<std::uint32_t, Rows>;  // by table oid

struct SimChange {
  std::uint32_t table = 0;
  RowChange::Op op = RowChange::Op::Insert;
  std::int64_t key = 0;
  std::string value;                         // "<poison>" cannot be mapped
  std::optional<std::string> big = "";       // none: unchanged
  std::optional<std::int64_t> moved_from{};  // the key it had
};

struct SimTransaction {
  std::uint32_t xid = 0;
  Lsn commit_lsn;
  Lsn end_lsn;
  std::vector<SimChange> changes;
  std::uint64_t mark = 0;         // of a chunk
  std::uint32_t copy_wanted = 0;  // somebody asks for a copy of this table
  bool visible = true;
};

class SimulatedSource final : public Source {
 public:
  SimulatedSource(std::uint64_t seed, std::vector<std::uint32_t> tables);

  // ---- the world ----
  void commit_random_transaction(std::size_t most_changes);
  void commit(std::vector<SimChange> changes);
  void commit_mark(std::uint64_t chunk);
  void ask_for_copy(std::uint32_t table);
  double invisible_probability = 0;  // of a transaction that commits now
  void make_some_visible();
  bool locked(std::uint32_t table, std::int64_t key) const;
  std::vector<std::uint32_t> invisible_writers(std::uint32_t table) const;
  XidSnapshot snapshot() const;
  Rows visible_rows(std::uint32_t table) const;
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
  Status start(StreamPosition position) override;
  Result<bool> poll(Chunk& into, std::size_t budget_bytes) override;
  Status confirm(Lsn durable) override;
  void wait(std::chrono::milliseconds, bool) override {}
  void wake() noexcept override {}
  void stop() noexcept override { streaming_ = false; }
  std::int64_t silent_ms() const override { return 0; }
  Lsn server_position() const override { return end_; }
  void trust(const std::string&) override {}

 private:
  void append_event(Chunk& into, std::size_t position);
  SimTransaction& add_transaction(std::size_t changes);
  SimChange random_change(std::uint32_t table);

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

// Reads chunks of a SimulatedSource. One thing may happen between any two of its calls: everything.
class SimulatedBackfill final : public BackfillSource {
 public:
  SimulatedBackfill(SimulatedSource& source, std::uint64_t seed) : source_(source), random_(seed) {}
  double break_probability = 0;

  void trust(const std::string&) override {}
  Status open(const ChunkRequest& request) override;
  Result<ChunkPiece> next() override;
  Status mark(std::uint64_t chunk) override;
  void close() noexcept override { request_.reset(); }

 private:
  bool breaks() { return std::bernoulli_distribution(break_probability)(random_); }

  SimulatedSource& source_;
  std::mt19937_64 random_;
  std::optional<ChunkRequest> request_;
  XidSnapshot snapshot_;
  Rows rows_;
  std::uint64_t waits_for_ = 0;         // the request whose writers are being waited for
  std::vector<std::uint32_t> writers_;  // those that are left
};

// The catalog entry matching the relations above: id bigint primary key, value text, big text.
SourceTable simulated_table(std::uint32_t oid);

}  // namespace walbridge::sim
