#include "tests/sim/simulated_source.h"

#include <algorithm>

namespace walbridge::sim {
namespace {

std::shared_ptr<const Relation> relation_of(std::uint32_t oid) {
  auto relation = std::make_shared<Relation>();
  relation->oid = oid;
  relation->schema = "public";
  relation->name = "t" + std::to_string(oid);
  relation->columns = {{"id", 20, -1, true}, {"value", 25, -1, false}};
  return relation;
}

WireValue text(Arena& arena, const std::string& value) { return {WireValue::Kind::Text, arena.copy(value)}; }

}  // namespace

SourceTable simulated_table(std::uint32_t oid) {
  const auto type = [](const char* kind, std::uint32_t type_oid) {
    auto made = std::make_shared<PgType>();
    made->kind = made->sql = kind;
    made->oid = type_oid;
    return made;
  };
  SourceTable table;
  table.oid = oid;
  table.schema = "public";
  table.name = "t" + std::to_string(oid);
  table.columns = {{1, "id", type("int8", 20), true, false, true}, {2, "value", type("text", 25), false, false, true}};
  SourceIndex key;
  key.name = table.name + "_pkey";
  key.method = "btree";
  key.primary = key.unique = true;
  key.key = {{1, false}};
  table.indexes = {key};
  return table;
}

SimulatedSource::SimulatedSource(std::uint64_t seed, std::vector<std::uint32_t> tables)
    : random_(seed), tables_(std::move(tables)) {
  for (const auto table : tables_) relations_[table] = relation_of(table);
}

void SimulatedSource::commit(std::vector<SimChange> changes) {
  SimTransaction transaction;
  transaction.commit_lsn = Lsn{end_.value + 8 * (1 + changes.size())};
  transaction.end_lsn = Lsn{transaction.commit_lsn.value + 40};
  end_ = transaction.end_lsn;
  transaction.changes = std::move(changes);
  transactions_.push_back(std::move(transaction));
}

void SimulatedSource::commit_random_transaction(std::size_t most_changes) {
  std::vector<SimChange> changes;
  const auto count = 1 + random_() % most_changes;
  for (std::size_t i = 0; i < count; ++i) {
    const auto table = tables_[random_() % tables_.size()];
    auto& rows = present_[table];
    const auto key = static_cast<std::int64_t>(random_() % 40);
    const auto found = rows.find(key);
    SimChange change{table, RowChange::Op::Insert, key, "v" + std::to_string(random_() % 100000)};
    if (found == rows.end()) {
      rows[key] = change.value;
    } else if (random_() % 3 == 0) {
      change.op = RowChange::Op::Delete;
      rows.erase(found);
    } else {
      change.op = RowChange::Op::Update;
      found->second = change.value;
    }
    changes.push_back(std::move(change));
  }
  commit(std::move(changes));
}

World SimulatedSource::world_at(Lsn at) const {
  World world;
  for (const auto table : tables_) world[table];
  for (const auto& transaction : transactions_) {
    if (transaction.commit_lsn > at) break;
    for (const auto& change : transaction.changes) {
      if (change.op == RowChange::Op::Delete) {
        world[change.table].erase(change.key);
      } else {
        world[change.table][change.key] = change.value;
      }
    }
  }
  return world;
}

Status SimulatedSource::start(Lsn from) {
  if (meanwhile) meanwhile();
  if (from < confirmed_) {
    broken_rule = "the stream was asked for log that had been confirmed";
    return Error{Verdict::Gap, "slot-ahead", "asked for confirmed log", {}, {}};
  }
  if (break_probability > 0 && random_() % 5 == 0) return Error{Verdict::Retry, "refused", "no connection", {}, {}};
  streaming_ = true;
  next_part_ = 0;
  idle_told_ = {};
  next_transaction_ = static_cast<std::size_t>(
      std::partition_point(transactions_.begin(), transactions_.end(),
                           [&](const SimTransaction& transaction) { return transaction.end_lsn <= from; }) -
      transactions_.begin());
  return Done{};
}

Result<bool> SimulatedSource::poll(Chunk& into, std::size_t) {
  if (!streaming_) return Error{Verdict::Retry, "closed", "the stream is closed", {}, {}};
  if (std::bernoulli_distribution(break_probability)(random_)) {
    streaming_ = false;
    return Error{Verdict::Retry, "broken", "the connection broke", {}, {}};
  }
  bool appended = false;
  for (auto budget = random_() % 12; budget > 0 && next_transaction_ < transactions_.size(); --budget) {
    append_event(into, next_part_);
    appended = true;
    const auto parts = transactions_[next_transaction_].changes.size() + 2;
    if (++next_part_ == parts) {
      next_part_ = 0;
      ++next_transaction_;
    }
  }
  if (!appended && next_transaction_ == transactions_.size() && idle_told_ != end_) {
    into.events.emplace_back(IdlePosition{end_});
    idle_told_ = end_;
    appended = true;
  }
  return appended;
}

void SimulatedSource::append_event(Chunk& into, std::size_t position) {
  const auto& transaction = transactions_[next_transaction_];
  if (position == 0) {
    into.events.emplace_back(TxBegin{1, transaction.commit_lsn, Timestamp{1}});
    return;
  }
  if (position > transaction.changes.size()) {
    into.events.emplace_back(TxCommit{transaction.commit_lsn, transaction.end_lsn, Timestamp{1}});
    return;
  }
  const auto& change = transaction.changes[position - 1];
  const auto& relation = relations_[change.table];
  into.relations.push_back(relation);
  auto row = into.arena.array<WireValue>(2);
  row[0] = text(into.arena, std::to_string(change.key));
  RowChange out;
  out.op = change.op;
  out.relation = relation.get();
  if (change.op == RowChange::Op::Delete) {
    out.old_kind = RowChange::Old::Key;
    out.old_row = row;
  } else {
    row[1] = text(into.arena, change.value == "<poison>" ? std::string("\xff\xfe") : change.value);
    out.new_row = row;
  }
  into.events.emplace_back(out);
}

Status SimulatedSource::confirm(Lsn durable) {
  if (durable > end_) broken_rule = "a position was confirmed that the source never had";
  confirmed_ = std::max(confirmed_, durable);
  return Done{};
}

}  // namespace walbridge::sim
