#include "tests/sim/simulated_source.h"

#include <algorithm>
#include <stdexcept>

#include "pipeline/api/source_json.h"

namespace walbridge::sim {
namespace {

std::shared_ptr<const Relation> relation_of(std::uint32_t oid) {
  auto relation = std::make_shared<Relation>();
  relation->oid = oid;
  relation->schema = "public";
  relation->name = "t" + std::to_string(oid);
  relation->columns = {{"id", 20, -1, true}, {"value", 25, -1, false}, {"big", 25, -1, false}};
  return relation;
}

WireValue text(Arena& arena, const std::string& value) { return {WireValue::Kind::Text, arena.copy(value)}; }

}  // namespace

SourceTable simulated_table(std::uint32_t oid) {
  const auto name = "t" + std::to_string(oid);
  const auto json =
      R"({"v":1,"oid":)" + std::to_string(oid) + R"(,"schema":"public","name":")" + name +
      R"(","kind":"r","persistence":"p","identity":"d","columns":[)"
      R"({"attnum":1,"name":"id","type":20,"typmod":-1,"sql":"bigint","not_null":true},)"
      R"({"attnum":2,"name":"value","type":25,"typmod":-1,"sql":"text"},)"
      R"({"attnum":3,"name":"big","type":25,"typmod":-1,"sql":"text"}],)"
      R"("indexes":[{"name":")" +
      name +
      R"(_pkey","method":"btree","primary":true,"unique":true,"key":[{"attnum":1}]}],)"
      R"("types":{"20":{"name":"int8","kind":"b","category":"N"},"25":{"name":"text","kind":"b","category":"S"}}})";
  auto table = source_table_from_json(json);
  if (!table) throw std::logic_error(describe(table.error()));
  return *std::move(table);
}

SimulatedSource::SimulatedSource(std::uint64_t seed, std::vector<std::uint32_t> tables)
    : random_(seed), tables_(std::move(tables)) {
  for (const auto table : tables_) relations_[table] = relation_of(table);
}

SimTransaction& SimulatedSource::add_transaction(std::size_t changes) {
  SimTransaction transaction;
  transaction.xid = static_cast<std::uint32_t>(transactions_.size() + 3);
  transaction.commit_lsn = Lsn{end_.value + 8 * (1 + changes)};
  transaction.end_lsn = Lsn{transaction.commit_lsn.value + 40};
  end_ = transaction.end_lsn;
  transactions_.push_back(std::move(transaction));
  return transactions_.back();
}

void SimulatedSource::commit(std::vector<SimChange> changes) {
  auto& transaction = add_transaction(changes.size());
  transaction.changes = std::move(changes);
  transaction.visible = !std::bernoulli_distribution(invisible_probability)(random_);
}

void SimulatedSource::commit_mark(std::uint64_t chunk) { add_transaction(1).mark = chunk; }

void SimulatedSource::ask_for_copy(std::uint32_t table) { add_transaction(1).copy_wanted = table; }

void SimulatedSource::make_some_visible() {
  for (auto& transaction : transactions_) {
    const std::uint64_t patience = transaction.xid % 8 == 0 ? 16 : 2;  // some wait long, over several chunks
    transaction.visible = transaction.visible || random_() % patience == 0;
  }
}

bool SimulatedSource::locked(std::uint32_t table, std::int64_t key) const {
  return std::any_of(transactions_.begin(), transactions_.end(), [&](const SimTransaction& transaction) {
    return !transaction.visible &&
           std::any_of(transaction.changes.begin(), transaction.changes.end(), [&](const SimChange& change) {
             return change.table == table && (change.key == key || change.moved_from == key);
           });
  });
}

std::vector<std::uint32_t> SimulatedSource::invisible_writers(std::uint32_t table) const {
  std::vector<std::uint32_t> writers;
  for (const auto& transaction : transactions_) {
    const bool wrote = std::any_of(transaction.changes.begin(), transaction.changes.end(),
                                   [&](const SimChange& change) { return change.table == table; });
    if (!transaction.visible && wrote) writers.push_back(transaction.xid);
  }
  return writers;
}

XidSnapshot SimulatedSource::snapshot() const {
  XidSnapshot snapshot;
  snapshot.xmax = transactions_.size() + 3;
  for (const auto& transaction : transactions_) {
    if (!transaction.visible) snapshot.running.push_back(transaction.xid);
  }
  snapshot.xmin = snapshot.running.empty() ? snapshot.xmax : snapshot.running.front();
  return snapshot;
}

namespace {

void play(const SimChange& change, Rows& rows) {
  if (change.op == RowChange::Op::Delete) {
    rows.erase(change.key);
    return;
  }
  const auto from = change.moved_from.value_or(change.key);
  SimRow row{change.value, change.big.value_or(rows[from].big)};
  if (change.op == RowChange::Op::Update) rows.erase(from);
  rows[change.key] = std::move(row);
}

}  // namespace

Rows SimulatedSource::visible_rows(std::uint32_t table) const {
  Rows rows;
  for (const auto& transaction : transactions_) {
    if (!transaction.visible) continue;
    for (const auto& change : transaction.changes) {
      if (change.table == table) play(change, rows);
    }
  }
  return rows;
}

SimChange SimulatedSource::random_change(std::uint32_t table) {
  auto& rows = present_[table];
  const auto key = static_cast<std::int64_t>(random_() % 40);
  const auto found = rows.find(key);
  SimChange change{table, RowChange::Op::Insert, key, "v" + std::to_string(random_() % 100000), {}, {}};
  change.big = "b" + std::to_string(random_() % 1000);
  if (found == rows.end()) return change;
  if (random_() % 3 == 0) {
    change.op = RowChange::Op::Delete;
    return change;
  }
  change.op = RowChange::Op::Update;
  if (random_() % 2 == 0) change.big.reset();
  const auto to = static_cast<std::int64_t>(random_() % 40);
  if (random_() % 4 == 0 && !rows.contains(to) && !locked(table, to)) {
    change.moved_from = key;
    change.key = to;
  }
  return change;
}

void SimulatedSource::commit_random_transaction(std::size_t most_changes) {
  std::vector<SimChange> changes;
  const auto count = 1 + random_() % most_changes;
  for (std::size_t i = 0; i < count; ++i) {
    auto change = random_change(tables_[random_() % tables_.size()]);
    if (locked(change.table, change.moved_from.value_or(change.key))) continue;  // it would wait for that lock
    play(change, present_[change.table]);
    changes.push_back(std::move(change));
  }
  if (!changes.empty()) commit(std::move(changes));
}

World SimulatedSource::world_at(Lsn at) const {
  World world;
  for (const auto table : tables_) world[table];
  for (const auto& transaction : transactions_) {
    if (transaction.commit_lsn > at) break;
    for (const auto& change : transaction.changes) play(change, world[change.table]);
  }
  return world;
}

Status SimulatedSource::start(StreamPosition position) {
  const Lsn from = position.lsn;
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
    const auto& transaction = transactions_[next_transaction_];
    const auto parts = transaction.changes.size() + (transaction.mark != 0 || transaction.copy_wanted != 0 ? 3 : 2);
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
    into.events.emplace_back(TxBegin{transaction.xid, transaction.commit_lsn, Timestamp{1}});
    return;
  }
  if (position == 1 && transaction.mark != 0) {
    into.events.emplace_back(BackfillMark{transaction.mark});
    return;
  }
  if (position == 1 && transaction.copy_wanted != 0) {
    auto news = std::make_shared<SchemaNews>();
    news->requested = {transaction.copy_wanted};
    into.events.emplace_back(SchemaChanged{news.get()});
    into.news.push_back(std::move(news));
    return;
  }
  if (position > transaction.changes.size()) {
    into.events.emplace_back(TxCommit{transaction.commit_lsn, transaction.end_lsn, Timestamp{1}});
    return;
  }
  const auto& change = transaction.changes[position - 1];
  const auto& relation = relations_[change.table];
  into.relations.push_back(relation);
  auto row = into.arena.array<WireValue>(3);
  row[0] = text(into.arena, std::to_string(change.key));
  RowChange out;
  out.op = change.op;
  out.relation = relation.get();
  if (change.op == RowChange::Op::Delete) {
    out.old_kind = RowChange::Old::Key;
    out.old_row = row;
  } else {
    row[1] = text(into.arena, change.value == "<poison>" ? std::string("\xff\xfe") : change.value);
    row[2] = change.big ? text(into.arena, *change.big) : WireValue{WireValue::Kind::Unchanged, {}};
    out.new_row = row;
    if (change.moved_from) {
      auto old = into.arena.array<WireValue>(3);
      old[0] = text(into.arena, std::to_string(*change.moved_from));
      out.old_kind = RowChange::Old::Key;
      out.old_row = old;
    }
  }
  into.events.emplace_back(out);
}

Status SimulatedSource::confirm(Lsn durable) {
  if (durable > end_) broken_rule = "a position was confirmed that the source never had";
  confirmed_ = std::max(confirmed_, durable);
  return Done{};
}

Status SimulatedBackfill::open(const ChunkRequest& request) {
  const Error broken{Verdict::Retry, "broken", "the connection broke", {}, {}};
  if (breaks()) return broken;
  const auto oid = request.table->oid;
  if (request.first) {
    if (waits_for_ != request.id) writers_ = source_.invisible_writers(oid);
    waits_for_ = request.id;
    const auto now = source_.snapshot();
    std::erase_if(writers_, [&](std::uint32_t xid) { return now.sees(xid); });
    if (!writers_.empty()) return Error{Verdict::Retry, "writers", "transactions are still open", {}, {}};
  }
  request_ = request;
  snapshot_ = source_.snapshot();
  rows_ = source_.visible_rows(oid);
  if (!request.only.empty()) {
    std::erase_if(rows_, [&](const Rows::value_type& row) {
      return std::find(request.only.begin(), request.only.end(), RowKey{std::to_string(row.first)}) ==
             request.only.end();
    });
  } else if (!request.after.empty()) {
    rows_.erase(rows_.begin(), rows_.upper_bound(std::stoll(request.after.front())));
  }
  return {};
}

Result<ChunkPiece> SimulatedBackfill::next() {
  if (!request_ || breaks()) return Error{Verdict::Retry, "broken", "the connection broke", {}, {}};
  ChunkPiece piece;
  piece.id = request_->id;
  piece.snapshot = snapshot_;
  piece.seen = *relation_of(request_->table->oid);
  for (const auto& [key, row] : rows_) {
    if (request_->only.empty() && piece.rows == request_->most_rows) break;
    piece.values.push_back(text(piece.arena, std::to_string(key)));
    piece.values.push_back(text(piece.arena, row.value));
    piece.values.push_back(text(piece.arena, row.big));
    piece.heaps.push_back(request_->table->oid);
    ++piece.rows;
  }
  piece.ends_chunk = true;
  piece.ends_table = piece.rows == rows_.size();
  return piece;
}

Status SimulatedBackfill::mark(std::uint64_t chunk) {
  if (breaks()) return Error{Verdict::Retry, "broken", "the connection broke", {}, {}};
  source_.commit_mark(chunk);
  return {};
}

}  // namespace walbridge::sim
