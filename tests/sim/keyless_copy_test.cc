// The copy of a table without a key, piece by piece, through the real lane, link and desk: whatever the lane loses on
// the way, each row of the source is in the cache once. What the stream and the reader of the rows say is scripted.
#include <algorithm>
#include <memory>

#include <gtest/gtest.h>

#include "mapping/table_plan.h"
#include "mapping/table_shape.h"
#include "pipeline/api/cache_sql.h"
#include "pipeline/api/source_json.h"
#include "pipeline/lane.h"
#include "tests/contract/fake_sink.h"
#include "tests/sim/sim_cache.h"

namespace walbridge::sim {
namespace {

using testing::FakeCache;
using testing::FakeRow;
using testing::FakeSink;

constexpr std::uint32_t kOid = 21;
constexpr const char* kSourceId = "sim/1/db/slot";

SourceTable keyless_table() {
  auto table = source_table_from_json(
      R"({"v":1,"oid":21,"schema":"public","name":"events","kind":"r","persistence":"p","identity":"f","columns":[)"
      R"({"attnum":1,"name":"n","type":20,"typmod":-1,"sql":"bigint"},)"
      R"({"attnum":2,"name":"v","type":25,"typmod":-1,"sql":"text"}],"indexes":[],)"
      R"("types":{"20":{"name":"int8","kind":"b","category":"N"},"25":{"name":"text","kind":"b","category":"S"}}})");
  if (!table) throw std::logic_error(describe(table.error()));
  return *std::move(table);
}

std::shared_ptr<const Relation> relation() {
  auto relation = std::make_shared<Relation>();
  relation->oid = kOid;
  relation->schema = "public";
  relation->name = "events";
  relation->replica_identity = ReplicaIdentity::Full;
  relation->columns = {{"n", 20, -1, true}, {"v", 25, -1, true}};
  return relation;
}

config::Config one_file() {
  config::Config config;
  config.sinks.push_back({});
  config.sinks.back().name = "main";
  config.sinks.back().url = "file:x";
  config.tables.include = {"*"};
  return config;
}

using Pairs = std::vector<std::pair<std::int64_t, std::string>>;

class KeylessCopy : public ::testing::Test {
 protected:
  void SetUp() override {
    auto plans = mapping::plan_sink({source_}, config_, config_.sinks.front());
    ASSERT_EQ(plans.tables.size(), 1U);
    const auto& plan = *plans.tables.front();
    TableRecord record;
    record.source_oid = kOid;
    record.source_name = "public.events";
    record.cache_name = plan.cache().name;
    record.state = TableState::Live;
    record.snapshot_lsn = Lsn{1};
    record.schema_hash = plan.cache().schema_hash;
    record.description = source_[0].json;
    record.shape = mapping::to_json(mapping::shape_of(plan));
    FakeSink sink(kept_, "s");
    ASSERT_TRUE(sink.open());
    const CacheTable* tables[] = {&plan.cache()};
    ASSERT_TRUE(sink.begin_load(tables));
    Checkpoint checkpoint;
    checkpoint.end_lsn = Lsn{1000};
    ASSERT_TRUE(sink.finish_load({&record, 1}, kSourceId, checkpoint));
    name_ = plan.cache().name;
    live();
  }

  // A process begins: everything but the cache is new.
  void live() {
    lane_.reset();
    desk_ = std::make_unique<pipeline::BackfillDesk>();
    link_ = std::make_unique<pipeline::LaneLink>("main", 1 << 20);
    stats_ = std::make_unique<pipeline::LaneStats>();
    sink_ = std::make_unique<FakeSink>(kept_, "s");
    pipeline::LaneOptions options;
    options.source_id = kSourceId;
    options.stream = "s";
    options.seed = ++seed_;
    lane_ = std::make_unique<pipeline::Lane>(*sink_, *link_, *stats_, *desk_, clock_,
                                             pipeline::LaneTables(config_, config_.sinks.front()), options);
    auto state = sink_->open();
    ASSERT_TRUE(state);
    lane_->start(*state->checkpoint, state->tables, source_);
    ASSERT_EQ(link_->mode(), pipeline::LaneMode::Ready);
    link_->attach();
  }

  // The stream breaks and begins again; `inside` a transaction, of which the lane must give up what it has.
  void stream_again(bool inside) {
    if (inside) {
      auto chunk = std::make_shared<Chunk>();
      chunk->events.emplace_back(TxBegin{29, Lsn{end_ + 100}, Timestamp{1}});
      link_->push(chunk, {});
      steps();
    }
    link_->detach();
    steps();
    ASSERT_EQ(link_->mode(), pipeline::LaneMode::Ready);
    link_->attach();
  }

  void steps() {
    for (int i = 0; i < 50; ++i) {
      clock_.ms += 200;
      ASSERT_TRUE(lane_->step());
    }
  }

  // A committed transaction with one event in it.
  void stream(std::uint32_t xid, const std::function<Event(Chunk&)>& event) {
    auto chunk = std::make_shared<Chunk>();
    end_ += 100;
    chunk->events.emplace_back(TxBegin{xid, Lsn{end_}, Timestamp{1}});
    chunk->events.push_back(event(*chunk));
    chunk->events.emplace_back(TxCommit{Lsn{end_}, Lsn{end_ + 40}, Timestamp{1}});
    link_->push(chunk, {});
    steps();
  }

  void ask_for_copy(std::uint32_t xid) {
    stream(xid, [](Chunk& chunk) {
      auto news = std::make_shared<SchemaNews>();
      news->requested = {kOid};
      chunk.news.push_back(news);
      return Event(SchemaChanged{news.get()});
    });
  }

  void insert(std::uint32_t xid, std::int64_t n, const std::string& v) {
    stream(xid, [&](Chunk& chunk) {
      chunk.relations.push_back(relation());
      auto row = chunk.arena.array<WireValue>(2);
      row[0] = {WireValue::Kind::Text, chunk.arena.copy(std::to_string(n))};
      row[1] = {WireValue::Kind::Text, chunk.arena.copy(v)};
      RowChange change;
      change.relation = chunk.relations.back().get();
      change.new_row = row;
      return Event(change);
    });
  }

  void mark(std::uint32_t xid, std::uint64_t id) {
    stream(xid, [&](Chunk&) { return Event(BackfillMark{id}); });
  }

  void deliver(std::uint64_t id, const Pairs& rows, std::uint64_t below_xid, bool ends) {
    ChunkPiece piece;
    piece.id = id;
    piece.snapshot = {below_xid, below_xid, {}};
    for (const auto& [n, v] : rows) {
      piece.values.push_back({WireValue::Kind::Text, piece.arena.copy(std::to_string(n))});
      piece.values.push_back({WireValue::Kind::Text, piece.arena.copy(v)});
      piece.heaps.push_back(kOid);
      ++piece.rows;
    }
    piece.ends_chunk = piece.ends_table = ends;
    ASSERT_TRUE(desk_->deliver(std::move(piece)));
    steps();
  }

  std::uint64_t request() {
    const auto request = desk_->next();
    if (!request) ADD_FAILURE() << "the lane asks for nothing";
    return request ? request->id : 0;
  }

  Pairs rows(const std::string& table) const {
    Pairs found;
    const auto kept = kept_->tables.find(table);
    if (kept == kept_->tables.end()) return found;
    for (const auto& row : kept->second.rows())
      found.emplace_back(std::get<std::int64_t>(row[0]), std::get<std::string>(row[1]));
    std::sort(found.begin(), found.end());
    return found;
  }
  Pairs filled() const { return rows(backfill_table_name("s", kOid)); }

  const TableRecord& record() const { return kept_->records.at({"s", kOid}); }

  // What the source holds: told whole under a new request, with the mark behind it.
  void copy_all() {
    const auto id = request();
    deliver(id, {{1, "a"}, {1, "a"}, {2, "b"}}, 30, true);
    finish(id);
  }

  void finish(std::uint64_t id) {
    insert(31, 3, "while it was copied");
    mark(32, id);
    EXPECT_TRUE(record().backfill.empty()) << record().backfill;
    EXPECT_EQ(record().state, TableState::Live);
    EXPECT_EQ(rows(name_), (Pairs{{1, "a"}, {1, "a"}, {2, "b"}, {3, "while it was copied"}}));
    EXPECT_FALSE(kept_->tables.contains(backfill_table_name("s", kOid)));
  }

  config::Config config_ = one_file();
  std::vector<SourceTable> source_{keyless_table()};
  std::shared_ptr<FakeCache> kept_ = std::make_shared<FakeCache>();
  StepClock clock_;
  std::string name_;
  std::uint64_t seed_ = 0;
  std::uint64_t end_ = 1000;
  std::unique_ptr<pipeline::BackfillDesk> desk_;
  std::unique_ptr<pipeline::LaneLink> link_;
  std::unique_ptr<pipeline::LaneStats> stats_;
  std::unique_ptr<FakeSink> sink_;
  std::unique_ptr<pipeline::Lane> lane_;
};

TEST_F(KeylessCopy, ComesWholeAtItsMark) {
  ask_for_copy(10);
  copy_all();
}

TEST_F(KeylessCopy, PiecesCommittedBeforeTheStreamBrokeDoNotComeTwice) {
  ask_for_copy(10);
  const auto first = request();
  deliver(first, {{1, "a"}, {1, "a"}}, 20, false);
  ASSERT_EQ(filled(), (Pairs{{1, "a"}, {1, "a"}})) << "the story needs a piece that is durable";
  stream_again(true);
  steps();
  EXPECT_FALSE(desk_->wanted(first));
  EXPECT_EQ(filled(), Pairs{}) << "the copy begins anew";
  copy_all();
}

TEST_F(KeylessCopy, GoesOnWhenTheStreamBreaksBetweenTransactions) {
  ask_for_copy(10);
  const auto id = request();
  deliver(id, {{1, "a"}, {1, "a"}}, 30, false);
  stream_again(false);
  steps();
  deliver(id, {{2, "b"}}, 30, true);
  finish(id);
}

TEST_F(KeylessCopy, PiecesCommittedBeforeACrashDoNotComeTwice) {
  ask_for_copy(10);
  deliver(request(), {{1, "a"}, {1, "a"}}, 20, false);
  ASSERT_EQ(filled().size(), 2U);
  live();
  steps();
  EXPECT_EQ(filled(), Pairs{});
  copy_all();
}

TEST_F(KeylessCopy, AChunkThatCannotBeReadToItsEndBeginsAnew) {
  ask_for_copy(10);
  const auto first = request();
  deliver(first, {{1, "a"}}, 20, false);
  ASSERT_EQ(filled().size(), 1U);
  desk_->fail(first, {Verdict::Retry, "broken", "the connection broke", {}, {}});
  steps();
  EXPECT_EQ(filled(), Pairs{});
  copy_all();
}

}  // namespace
}  // namespace walbridge::sim
