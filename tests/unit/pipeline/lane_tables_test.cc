// What news of the schema means for the tables of a cache, and that it costs nothing for those it does not concern.
#include "pipeline/lane_tables.h"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/api/source_json.h"

namespace walbridge::pipeline {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = LaneTables::Change::Kind;

// A table with a key, some columns and one index.
SourceTable table(std::uint32_t oid, int columns = 2, const std::string& index = {}, const std::string& name = {}) {
  const auto own = name.empty() ? "t" + std::to_string(oid) : name;
  std::string json = R"({"v":1,"oid":)" + std::to_string(oid) + R"(,"schema":"public","name":")" + own +
                     R"(","kind":"r","persistence":"p","identity":"d","columns":[)"
                     R"({"attnum":1,"name":"id","type":20,"typmod":-1,"sql":"bigint","not_null":true})";
  for (int i = 2; i <= columns; ++i) {
    json += R"(,{"attnum":)" + std::to_string(i) + R"(,"name":"c)" + std::to_string(i) +
            R"(","type":25,"typmod":-1,"sql":"text"})";
  }
  json += R"(],"indexes":[{"name":")" + own +
          R"(_pkey","method":"btree","primary":true,"unique":true,"key":[{"attnum":1}]},{"name":")" +
          (index.empty() ? own + "_by_c2" : index) +
          R"(","method":"btree","key":[{"attnum":2}]}],)"
          R"("types":{"20":{"name":"int8","kind":"b","category":"N"},"25":{"name":"text","kind":"b","category":"S"}}})";
  auto made = source_table_from_json(json);
  if (!made) throw std::logic_error(describe(made.error()));
  return *std::move(made);
}

std::shared_ptr<const SourceTable> shared(SourceTable table) {
  return std::make_shared<const SourceTable>(std::move(table));
}

class LaneTablesTest : public ::testing::Test {
 protected:
  LaneTablesTest() {
    config_.sinks.push_back({});
    config_.sinks.back().name = "main";
    config_.sinks.back().url = "file:x";
    config_.tables.include = {"public.*"};
    tables_.emplace(config_, config_.sinks.front());
  }

  // A cache that holds exactly these.
  void holds(std::vector<SourceTable> sources) {
    std::vector<TableRecord> records;
    for (const auto& plan : mapping::plan_sink(sources, config_, config_.sinks.front()).tables) {
      TableRecord record;
      record.source_oid = plan->cache().source_oid;
      record.source_name = plan->cache().source_name;
      record.cache_name = plan->cache().name;
      record.state = TableState::Live;
      record.snapshot_lsn = Lsn{1};
      record.schema_hash = plan->cache().schema_hash;
      record.shape = mapping::to_json(mapping::shape_of(*plan));
      for (const auto& source : sources) {
        if (source.oid == record.source_oid) record.description = source.json;
      }
      records.push_back(std::move(record));
    }
    tables_->set_catalog(std::move(sources));
    settle(tables_->assign(records, true));
  }

  // As a lane does, without a cache.
  void settle(std::vector<LaneTables::Change> changes) {
    for (auto& change : changes) {
      tables_->settle(change);
      if (change.kind == Kind::Stop) LaneTables::stop_behind(*change.table, change.error, Lsn{5});
    }
  }

  std::vector<LaneTables::Change> learn(std::vector<SourceTable> changed, std::vector<std::uint32_t> gone = {}) {
    SchemaNews news;
    for (auto& each : changed) news.tables.push_back(shared(std::move(each)));
    news.gone = std::move(gone);
    return tables_->learn(news, Lsn{100});
  }

  static std::vector<std::uint32_t> oids_of(const std::vector<LaneTables::Change>& changes) {
    std::vector<std::uint32_t> oids;
    for (const auto& change : changes) oids.push_back(change.table->record.source_oid);
    return oids;
  }

  config::Config config_;
  std::optional<LaneTables> tables_;
};

TEST_F(LaneTablesTest, NewsConcernWhoTheyAreAbout) {
  holds({table(1), table(2), table(3)});
  const auto* first = tables_->find(1)->plan.get();
  const auto* third = tables_->find(3)->plan.get();
  auto changes = learn({table(2, 3)});
  ASSERT_THAT(oids_of(changes), ElementsAre(2));
  EXPECT_EQ(changes[0].kind, Kind::Alter);
  settle(std::move(changes));
  EXPECT_EQ(tables_->find(1)->plan.get(), first) << "planned once";
  EXPECT_EQ(tables_->find(3)->plan.get(), third);
  EXPECT_THAT(learn({table(2, 3)}), IsEmpty()) << "hearing the same twice changes nothing";
  EXPECT_THAT(oids_of(learn({table(4)})), ElementsAre(4));
}

// A name that is one of a kind among all tables depends on the others.
TEST_F(LaneTablesTest, AnIndexOfAnotherTableMayRenameOneHere) {
  holds({table(1, 2, "by_c"), table(2)});
  ASSERT_EQ(tables_->find(1)->plan->cache().indexes[0].name, "by_c");
  auto changes = learn({table(2, 2, "by_c")});
  EXPECT_THAT(oids_of(changes), ElementsAre(1, 2));
  settle(std::move(changes));
  EXPECT_EQ(tables_->find(1)->plan->cache().indexes[0].name, "t1_by_c");
  EXPECT_EQ(tables_->find(2)->plan->cache().indexes[0].name, "t2_by_c");
  changes = learn({table(2)});
  EXPECT_THAT(oids_of(changes), ElementsAre(1, 2));
  settle(std::move(changes));
  EXPECT_EQ(tables_->find(1)->plan->cache().indexes[0].name, "by_c");
}

// … and is said once: a table that stopped is no longer among the refused.
TEST_F(LaneTablesTest, ARefusedTableIsSaidOnceAndLeavesTheSchemaOfReaders) {
  holds({table(1), table(2)});
  auto keyless = table(1);
  keyless.indexes.clear();
  keyless.json += " ";
  auto changes = learn({keyless, table(3, 2, {}, "T2")});
  ASSERT_THAT(oids_of(changes), ElementsAre(1));
  EXPECT_EQ(changes[0].kind, Kind::Stop);
  settle(std::move(changes));
  ASSERT_EQ(tables_->refused().size(), 1U) << "only who has no record";
  EXPECT_EQ(tables_->refused()[0].source_oid, 3U);
  EXPECT_EQ(tables_->find(1)->record.schema_hash, "");
  changes = learn({table(1)});
  ASSERT_THAT(oids_of(changes), ElementsAre(1));
  EXPECT_EQ(changes[0].kind, Kind::CopyAgain);
  EXPECT_EQ(changes[0].error.code, "recovered");
}

// A cache begins again with what its records say of a table, and the stream with rows of that shape.
TEST_F(LaneTablesTest, ATableThatStaysStoppedIsStillDescribed) {
  holds({table(1)});
  auto keyless = table(1);
  keyless.indexes.clear();
  keyless.json += " ";
  settle(learn({keyless}));
  auto wider = table(1, 3);
  wider.indexes.clear();
  wider.json += "  ";
  auto changes = learn({wider});
  ASSERT_THAT(oids_of(changes), ElementsAre(1));
  EXPECT_EQ(changes[0].kind, Kind::Stop);
  const auto code = changes[0].error.code;
  settle(std::move(changes));
  EXPECT_EQ(tables_->find(1)->record.description, wider.json);
  EXPECT_EQ(tables_->find(1)->record.code, code);
  EXPECT_THAT(learn({wider}), IsEmpty());
}

TEST_F(LaneTablesTest, OtherRulesAreNotAChangeOfTheSource) {
  auto before = table(1);
  holds({before});
  auto records = tables_->states();
  records[0].description = before.json;
  records[0].shape = tables_->find(1)->record.shape;
  config::Rule rule;
  rule.match = "public.t1";
  rule.columns["c2"].mask = config::Mask::Sha256;
  config_.rules.push_back(rule);
  LaneTables masked(config_, config_.sinks.front());
  masked.set_catalog({before});
  auto changes = masked.assign(records, true);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].kind, Kind::CopyAgain);
  EXPECT_EQ(changes[0].error.code, "rules-changed");
  // Its copy was begun under yet other rules.
  records[0].state = TableState::Pending;
  records[0].backfill = FillProgress{}.to_json();
  LaneTables again(config_, config_.sinks.front());
  again.set_catalog({before});
  changes = again.assign(records, true);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].error.code, "rules-changed");
}

TEST_F(LaneTablesTest, APendingTableKeepsItsReasonUntilItsCopyHasBegun) {
  holds({table(1)});
  auto records = tables_->states();
  records[0].state = TableState::Pending;
  records[0].code = "gap";
  records[0].reason = "changes of the table were gone";
  LaneTables again(config_, config_.sinks.front());
  again.set_catalog({table(1)});
  auto changes = again.assign(records, true);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].kind, Kind::CopyAgain);
  EXPECT_EQ(changes[0].error.code, "gap");
  EXPECT_EQ(changes[0].error.message, "changes of the table were gone");
}

// Measured, not judged: the lane of a cache with many tables stands still for so long at each change of the schema.
TEST_F(LaneTablesTest, ManyTables) {
  std::vector<SourceTable> many;
  for (std::uint32_t oid = 1; oid <= 1000; ++oid) many.push_back(table(oid, 12));
  holds(std::move(many));
  const auto begin = std::chrono::steady_clock::now();
  constexpr int kRounds = 10;
  for (int round = 0; round < kRounds; ++round) {
    auto changes = learn({table(500, 13 + round)});
    ASSERT_THAT(oids_of(changes), ElementsAre(500));
    settle(std::move(changes));
  }
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  RecordProperty("milliseconds", std::to_string(took.count() / kRounds));
}

}  // namespace
}  // namespace walbridge::pipeline
