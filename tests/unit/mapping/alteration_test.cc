// What of a change is carried by steps, what must be copied again, and why.
#include <gmock/gmock.h>

#include "mapping/alteration.h"
#include "mapping/table_shape.h"
#include "tests/unit/mapping/source_tables.h"

namespace walbridge::mapping {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TableMaker;

std::shared_ptr<const TablePlan> plan_of(const SourceTable& table, const config::Config& config = {},
                                         const std::string& url = "libsql://cache") {
  config::Sink sink;
  sink.url = url;
  auto plan = TablePlan::compile(table, config, sink);
  if (!plan) throw std::runtime_error(plan.error().message + ": " + plan.error().remedy);
  return *plan;
}

TableMaker prices() {
  return TableMaker("public.t")
      .column("id", "int4")
      .column("name", "text")
      .column("price", testing::numeric(10, 2))
      .primary_key({"id"});
}

config::Config with(config::Rule rule) {
  rule.match = "public.t";
  config::Config config;
  config.rules.push_back(std::move(rule));
  return config;
}

Alteration rules_change(const config::Config& was, const config::Config& now, double rows = 10) {
  auto table = prices().table();
  table.estimated_rows = rows;
  const auto after = plan_of(table, now);
  return alter_table(shape_of(*plan_of(table, was)), table, *after, table, after->on_ddl());
}

TEST(Alteration, NothingChangedIsNothingToDo) {
  const auto done = rules_change({}, {});
  EXPECT_THAT(done.steps, IsEmpty());
  EXPECT_FALSE(done.copy_again);
}

TEST(Alteration, AnotherEncodingIsCopiedForAReasonPeopleUnderstand) {
  config::Rule rule;
  rule.columns["price"].type = "integer_scaled";
  auto done = rules_change({}, with(rule));
  EXPECT_TRUE(done.copy_again);
  EXPECT_EQ(done.reason, "column price: encoding changed from the default to integer_scaled");
  rule.columns["price"].type = "text";  // a number becomes the text Postgres prints: no copy
  done = rules_change({}, with(rule));
  EXPECT_FALSE(done.copy_again) << done.reason;
  EXPECT_THAT(done.steps[1].sql, HasSubstr("printf('%.2f', \"price\")"));
  done = rules_change(with(rule), {});
  EXPECT_TRUE(done.copy_again);
}

TEST(Alteration, RowsThatBelongThereAreDecidedByTheRules) {
  config::Rule rule;
  rule.where = "price > 0";
  EXPECT_TRUE(rules_change({}, with(rule)).copy_again);
  config::Rule soft;
  soft.soft_delete = "gone_at";
  EXPECT_TRUE(rules_change({}, with(soft)).copy_again);
}

TEST(Alteration, AColumnThatIsLetInIsCopiedAndOneThatIsTakenOutGoes) {
  config::Rule rule;
  rule.omit = {"name"};
  const auto in = rules_change(with(rule), {});
  EXPECT_TRUE(in.copy_again);
  EXPECT_EQ(in.reason, "column name was not carried before");
  auto keep = with(rule);
  keep.on_ddl.drop_column = config::KeepOrDrop::Keep;  // says nothing about what a rule hides
  const auto out = rules_change({}, keep);
  ASSERT_EQ(out.steps.size(), 1U);
  EXPECT_EQ(out.steps[0].kind, SchemaStep::Kind::DropColumn);
}

TEST(Alteration, TooManyRowsAreNotMovedInOneTransaction) {
  config::Rule rule;
  rule.columns["price"].type = "text";
  const auto done = rules_change({}, with(rule), 1e7);
  EXPECT_TRUE(done.copy_again);
  EXPECT_THAT(done.reason, HasSubstr("about 10000000 rows are too many to move at once"));
}

TEST(Alteration, AKeptColumnStaysUntilItsNameIsNeeded) {
  config::Config config;
  config.on_ddl.drop_column = config::KeepOrDrop::Keep;
  const auto was = prices().table();
  auto now = was;
  now.columns.erase(now.columns.begin() + 1);
  auto done = alter_table(shape_of(*plan_of(was, config)), was, *plan_of(now, config), now, config.on_ddl);
  EXPECT_THAT(done.steps, IsEmpty());
  ASSERT_EQ(done.shape.kept.size(), 1U);
  const auto read = shape_from_json(to_json(done.shape));
  ASSERT_TRUE(read);
  EXPECT_EQ(to_json(*read), to_json(done.shape));

  auto again = now;
  again.columns.push_back(was.columns[1]);
  again.columns.back().attnum = 4;
  done = alter_table(*read, now, *plan_of(again, config), again, config.on_ddl);
  ASSERT_EQ(done.steps.size(), 2U);
  EXPECT_EQ(done.steps[0].kind, SchemaStep::Kind::DropColumn);
  EXPECT_EQ(done.steps[1].kind, SchemaStep::Kind::AddColumn);
  EXPECT_THAT(done.shape.kept, IsEmpty());
}

TEST(TableShape, HostileTextIsRefused) {
  for (const std::string json :
       {"", "[]", "{}", "null", R"({"name":1,"columns":[],"key":[]})", R"({"name":"t","columns":[],"key":[0]})",
        R"({"name":"t","columns":[{}],"key":[]})",
        R"({"name":"t","columns":[],"key":[],"indexes":[{"name":"i","parts":[],"kind":9}]})"}) {
    EXPECT_FALSE(shape_from_json(json)) << json;
  }
}

std::vector<std::string> parts_of(const CacheIndex& index) {
  auto text = index.parts;
  text.push_back(index.where);
  return text;
}

TEST(PlanIndexes, RulesAddTheirOwn) {
  config::Rule rule;
  config::IndexRule plain;
  plain.columns = {"name desc", "PRICE"};
  plain.where = "price > 1";
  config::IndexRule full_text;
  full_text.fts = {"name"};
  full_text.name = "words";
  rule.indexes = {plain, full_text};
  const auto plan = plan_of(prices().table(), with(rule));
  ASSERT_EQ(plan->cache().indexes.size(), 2U);
  EXPECT_EQ(plan->cache().indexes[0].name, "t_name_price_idx");
  EXPECT_THAT(parts_of(plan->cache().indexes[0]), ElementsAre("\"name\" DESC", "\"price\"", "price > 1"));
  EXPECT_EQ(plan->cache().indexes[1].kind, CacheIndex::Kind::FullText);
}

TEST(PlanIndexes, AnIndexOfARuleWithoutItsColumnIsSaidAndLeavesTheTable) {
  config::Rule rule;
  rule.match = "public.t";
  rule.indexes.emplace_back().columns = {"nmae", "id desc"};
  rule.indexes.emplace_back().columns = {"name"};
  rule.indexes.back().place.line = 12;
  const auto plan = plan_of(prices().table(), with(rule));
  ASSERT_EQ(plan->cache().indexes.size(), 1U);
  EXPECT_EQ(plan->cache().indexes[0].line, 12);
  ASSERT_EQ(plan->not_carried().size(), 1U);
  const auto& said = plan->not_carried()[0];
  EXPECT_EQ(said.name, "on nmae, id desc");
  EXPECT_FALSE(said.in_part);
  EXPECT_THAT(said.reason, HasSubstr("did you mean `name`?"));
}

TEST(PlanIndexes, WhatIsThereInPartIsANote) {
  auto table = prices();
  table.index("some", {"name"}).last_index().partial = true;
  table.last_index().predicate = "(now() > now())";
  table.index("shape", {"name"}, "gist");
  const auto plan = plan_of(table.table());
  ASSERT_EQ(plan->cache().indexes.size(), 1U);
  ASSERT_EQ(plan->not_carried().size(), 2U);
  EXPECT_TRUE(plan->not_carried()[0].in_part) << plan->not_carried()[0].reason;
  EXPECT_FALSE(plan->not_carried()[1].in_part) << plan->not_carried()[1].reason;
}

TEST(PlanIndexes, WhatARuleAsksInVainIsRefused) {
  config::Rule words;
  words.indexes.emplace_back().fts = {"v"};
  const auto keyed = TableMaker("public.t").column("k", "uuid").column("v", "text").primary_key({"k"}).table();
  const auto refused = TablePlan::compile(keyed, with(words), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "bad-index");
}

TEST(PlanIndexes, VectorsAreLibsqlsOwn) {
  auto table = TableMaker("public.t").column("id", "int4").column("e", testing::type("vector", 3)).primary_key({"id"});
  table.index("c", {"e"}, "hnsw").last_index().key[0].operator_class = "vector_cosine_ops";
  table.index("l", {"e"}, "ivfflat");
  table.index("p", {"e"}, "hnsw").last_index().key[0].operator_class = "vector_ip_ops";
  const auto server = plan_of(table.table());
  ASSERT_EQ(server->cache().indexes.size(), 2U);
  EXPECT_THAT(server->cache().indexes[0].parts, ElementsAre("\"e\"", "cosine"));
  EXPECT_THAT(server->cache().indexes[1].parts, ElementsAre("\"e\"", "l2"));
  const auto file = plan_of(table.table(), {}, "file:cache.db");
  EXPECT_THAT(file->cache().indexes, IsEmpty());
  EXPECT_EQ(file->not_carried().size(), 3U);
}

TEST(PlanIndexes, UniqueOnlyWhereTheCacheHoldsNoTwoRowsThatAreOne) {
  const auto table = prices().unique("u", {"name"}).table();
  EXPECT_EQ(plan_of(table)->cache().indexes[0].kind, CacheIndex::Kind::Plain);
  config::Config enforce;
  enforce.constraints.unique = config::UniqueAs::Enforce;
  EXPECT_EQ(plan_of(table, enforce)->cache().indexes[0].kind, CacheIndex::Kind::Unique);
  config::Rule rule;
  rule.columns["name"].truncate = 3;
  auto cut = with(rule);
  cut.constraints.unique = config::UniqueAs::Enforce;
  EXPECT_EQ(plan_of(table, cut)->cache().indexes[0].kind, CacheIndex::Kind::Plain);
}

TEST(PlanSink, WhoHasANameKeepsIt) {
  const auto lower = TableMaker("public.users").column("id", "int4").primary_key({"id"}).table();
  const auto upper = TableMaker("public.Users").column("id", "int4").primary_key({"id"}).table();
  config::Config config;
  config.tables.include = {"*.*"};
  const std::vector<SourceTable> both = {lower, upper};
  EXPECT_EQ(plan_sink(both, config, {}).refused.size(), 2U);
  const auto plan = plan_sink(both, config, {}, {{upper.oid, "Users"}});
  ASSERT_EQ(plan.tables.size(), 1U);
  EXPECT_EQ(plan.tables[0]->cache().source_name, "public.Users");
  const auto kept = plan_sink(both, config, {}, {{1U, "users"}});
  ASSERT_EQ(kept.refused.size(), 2U);
  EXPECT_THAT(kept.refused[0].error.remedy, HasSubstr("drop the old copy"));
}

TEST(Plan, TheHashChangesWithTheShape) {
  const auto hash = [](const SourceTable& table, const config::Config& config = {}) {
    return plan_of(table, config)->cache().schema_hash;
  };
  const auto base = hash(prices().table());
  EXPECT_EQ(base, hash(prices().table()));
  EXPECT_NE(base, hash(prices().index("i", {"name"}).table()));
  config::Rule rule;
  rule.computed.push_back({"twice", "REAL", "price * 2", {}});
  EXPECT_NE(base, hash(prices().table(), with(rule)));
}

}  // namespace
}  // namespace walbridge::mapping
