// A relation that no longer fits its plan stops the table instead of mapping rows wrongly.
#include <gmock/gmock.h>

#include "tests/unit/mapping/source_tables.h"

namespace walbridge::mapping {
namespace {

using ::testing::HasSubstr;
using testing::TableMaker;

TableMaker maker() {
  return TableMaker("public.t")
      .column("id", "int4")
      .column("n", testing::numeric(10, 2))
      .column("v_secret", "text")
      .generated("g", "int4")
      .primary_key({"id"});
}

class Bind : public ::testing::Test {
 protected:
  // What bind() says of the relation after `change`: "" when it fits.
  template <class Change>
  std::string misfit(Change change, const TableMaker& of = maker(), const config::Config& config = {}) {
    const auto source = of.table();
    const auto plan = TablePlan::compile(source, config, {});
    if (!plan) return describe(plan.error());
    auto relation = testing::relation_of(source);
    change(relation);
    const auto bound = (*plan)->bind(relation);
    if (bound) return "";
    EXPECT_EQ(bound.error().code, "relation-changed");
    EXPECT_EQ(bound.error().verdict, Verdict::PoisonRow);
    EXPECT_THAT(bound.error().message, HasSubstr("public.t"));
    EXPECT_THAT(bound.error().remedy, HasSubstr("restart walbridge"));
    return bound.error().message;
  }

  static config::Config omitting_secrets() {
    config::Config config;
    config.rules.push_back(testing::rule_for("public.*"));
    config.rules.back().omit = {"*_secret"};
    return config;
  }
};

TEST_F(Bind, TheSameShapeFitsInAnyOrder) {
  EXPECT_EQ(misfit([](Relation&) {}), "");
  EXPECT_EQ(misfit([](Relation& r) { std::swap(r.columns[0], r.columns[1]); }), "");
}

TEST_F(Bind, ColumnsThatCameWentOrChanged) {
  EXPECT_THAT(misfit([](Relation& r) {
                r.columns.push_back({"fresh", 25, -1, false});
              }),
              HasSubstr("column fresh is new"));
  EXPECT_THAT(misfit([](Relation& r) { r.columns.erase(r.columns.begin() + 1); }), HasSubstr("column n is gone"));
  EXPECT_THAT(misfit([](Relation& r) { r.columns[1].name = "m"; }), HasSubstr("column n is gone"));
  EXPECT_THAT(misfit([](Relation& r) { r.columns[1].type_oid = 25; }),
              HasSubstr("column n is no longer numeric(10,2)"));
  EXPECT_THAT(misfit([](Relation& r) { r.columns[1].typmod += 1; }), HasSubstr("column n"));
}

TEST_F(Bind, ColumnsTheRulesLeaveOutMayComeAndGo) {
  EXPECT_EQ(misfit([](Relation& r) { r.columns.push_back({"g", 23, -1, false}); }), "");  // generated, Postgres 18
  const auto config = omitting_secrets();
  EXPECT_EQ(misfit([](Relation& r) { r.columns.pop_back(); }, maker(), config), "");
  EXPECT_EQ(misfit([](Relation& r) { r.columns.push_back({"new_secret", 25, -1, false}); }, maker(), config), "");
  auto only = config;
  only.rules.front().only = {"id", "n*"};
  EXPECT_EQ(misfit([](Relation& r) { r.columns.push_back({"fresh", 25, -1, false}); }, maker(), only), "");
  EXPECT_THAT(misfit(
                  [](Relation& r) {
                    r.columns.push_back({"n2", 25, -1, false});
                  },
                  maker(), only),
              HasSubstr("column n2 is new"));
}

TEST_F(Bind, ARenamedTableIsNotTheSame) {
  EXPECT_THAT(misfit([](Relation& r) { r.name = "u"; }), HasSubstr("public.t is now public.u"));
  EXPECT_THAT(misfit([](Relation& r) { r.schema = "s"; }), HasSubstr("public.t is now s.t"));
  EXPECT_THAT(misfit([](Relation& r) { r.oid += 1; }), HasSubstr("not one of the tables"));
}

TEST_F(Bind, TheIdentityMustStillNameTheKey) {
  EXPECT_EQ(misfit([](Relation& r) { r.replica_identity = ReplicaIdentity::Full; }), "");
  EXPECT_THAT(misfit([](Relation& r) { r.replica_identity = ReplicaIdentity::Nothing; }), HasSubstr("nothing"));
  EXPECT_THAT(misfit([](Relation& r) { r.columns[0].key = false; }), HasSubstr("column id"));
  const auto keyless = TableMaker("public.t").column("a", "int4").identity(ReplicaIdentity::Full);
  EXPECT_EQ(misfit([](Relation&) {}, keyless), "");
  EXPECT_THAT(misfit([](Relation& r) { r.replica_identity = ReplicaIdentity::Default; }, keyless),
              HasSubstr("no longer full"));
}

TEST_F(Bind, LeavesAreKnownByNameAndOid) {
  const auto source = maker().leaf(501, "t1").table();
  const auto plan = *TablePlan::compile(source, {}, {});
  SourceLeaf leaf = source.leaves.front();
  EXPECT_TRUE(plan->bind(testing::relation_of(source, &leaf)));
  EXPECT_TRUE(plan->bind(testing::relation_of(source)));
  leaf.name = "t2";
  EXPECT_FALSE(plan->bind(testing::relation_of(source, &leaf)));
  leaf = {777, "public", "attached_later"};
  EXPECT_FALSE(plan->bind(testing::relation_of(source, &leaf)));
}

}  // namespace
}  // namespace walbridge::mapping
