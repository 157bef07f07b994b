// Names, keys and replica identities of tests/corpus/04_idents.sql against idents.json, and the rules that mend them.
#include <gmock/gmock.h>

#include "tests/unit/mapping/corpus.h"
#include "tests/unit/mapping/source_tables.h"

namespace walbridge::mapping {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TableMaker;

// As the catalog describes what 04_idents.sql makes; leaves are folded into their root.
std::vector<SourceTable> ident_tables() {
  using T = TableMaker;
  return {
      T("Sales.Order Items")
          .column("id", "int4")
          .column("Select", "text")
          .column("select", "text")
          .column("a\"b", "int4")
          .column("ünï", "text")
          .column("rowid", "int4")
          .column("group", "text")
          .column("2x", "int4")
          .primary_key({"id"})
          .table(),
      T("app.users")
          .column("id", "uuid")
          .column("email", "text")
          .primary_key({"id"})
          .unique("users_email_key", {"email"})
          .table(),
      T("public.users").column("id", "int8").column("email", "text").primary_key({"id"}).table(),
      T("public.Users").column("id", "int4").primary_key({"id"}).table(),
      T("public.sqlite_stuff").column("id", "int4").primary_key({"id"}).table(),
      T("public.table")
          .column("id", "int4")
          .column("index", "int4")
          .column("primary", "int4")
          .primary_key({"id"})
          .table(),
      T("public.dots.and;semis").column("id", "int4").column("x.y", "int4").primary_key({"id"}).table(),
      T("public.t_63_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
          .column("id", "int4")
          .primary_key({"id"})
          .table(),
      T("public.k_composite")
          .column("b", "text")
          .column("a", "int4")
          .column("v", "int4")
          .primary_key({"a", "b"})
          .table(),
      T("public.k_uniq_null")
          .column("id", "int4")
          .column("u", "int4")
          .column("w", "int4")
          .primary_key({"id"})
          .unique("k_uniq_null_u_key", {"u"})
          .table(),
      T("public.k_full")
          .column("a", "int4")
          .column("b", "text")
          .column("c", "float8")
          .identity(ReplicaIdentity::Full)
          .table(),
      T("public.k_index_ident")
          .column("a", "int4", true)
          .column("b", "text", true)
          .column("c", "text")
          .unique("k_ii", {"b", "a"})
          .identity_index("k_ii")
          .table(),
      T("public.k_citext").column("e", "citext").column("v", "int4").primary_key({"e"}).table(),
      T("public.k_numeric").column("n", "numeric").column("v", "int4").primary_key({"n"}).table(),
      T("public.k_float").column("f", "float8").column("v", "int4").primary_key({"f"}).table(),
      T("public.k_bpchar")
          .column("c", testing::type("bpchar", 9, "character(5)"))
          .column("v", "int4")
          .primary_key({"c"})
          .table(),
      T("public.k_tstz").column("t", "timestamptz").column("v", "int4").primary_key({"t"}).table(),
      T("public.p_root")
          .column("id", "int4")
          .column("region", "text")
          .column("v", "int4")
          .primary_key({"id", "region"})
          .leaf(501, "p_eu")
          .leaf(502, "p_us")
          .table(),
      T("public.i_parent").column("id", "int4").column("v", "int4").primary_key({"id"}).table(),
      T("public.i_child").column("id", "int4", true).column("v", "int4").column("extra", "int4").table(),
      T("public.u_unlogged").column("id", "int4").primary_key({"id"}).unlogged().table(),
  };
}

std::shared_ptr<const TablePlan> find_plan(const SinkPlan& plan, const std::string& source_name) {
  for (const auto& table : plan.tables) {
    if (table->cache().source_name == source_name) return table;
  }
  return nullptr;
}

const Error* find_refusal(const SinkPlan& plan, const std::string& source_name) {
  for (const auto& refused : plan.refused) {
    if (refused.source_name == source_name) return &refused.error;
  }
  return nullptr;
}

std::vector<std::string> key_names(const TablePlan& plan) {
  std::vector<std::string> names;
  for (const auto position : plan.cache().key) names.push_back(plan.cache().columns[position].name);
  return names;
}

// Each table of idents.json is either planned as it says or refused if it says so.
TEST(Idents, EveryTableBecomesWhatTheCorpusSays) {
  const auto tables = ident_tables();
  const auto plan = plan_sink(tables, {}, {});
  const auto expected_tables = testing::read_json("idents.json").at("tables");
  for (const auto& [name, expected] : expected_tables.items()) {
    SCOPED_TRACE(name);
    if (expected.value("note", "") == "folded into p_root") {
      EXPECT_EQ(find_plan(plan, name), nullptr);
      continue;
    }
    bool refused = expected.contains("refused") || expected.value("note", "") == "unlogged: skipped";
    if (expected.contains("columns")) {
      for (const auto& column : expected.at("columns")) {
        refused = refused || column.get<std::string>().starts_with("refused");
      }
    }
    const auto planned = find_plan(plan, name);
    if (refused) {
      EXPECT_EQ(planned, nullptr);
      ASSERT_NE(find_refusal(plan, name), nullptr);
      EXPECT_FALSE(find_refusal(plan, name)->remedy.empty());
      continue;
    }
    ASSERT_NE(planned, nullptr) << (find_refusal(plan, name) != nullptr ? describe(*find_refusal(plan, name)) : "");
    EXPECT_EQ(planned->cache().name, expected.at("sqlite").get<std::string>());
    if (expected.contains("key")) {
      const auto key = expected.at("key").is_null() ? std::vector<std::string>()
                                                    : expected.at("key").get<std::vector<std::string>>();
      EXPECT_EQ(key_names(*planned), key);
    }
    if (expected.contains("key_collation")) {
      EXPECT_THAT(planned->cache().columns[planned->cache().key.front()].decl,
                  HasSubstr("COLLATE " + expected.at("key_collation").get<std::string>()));
    }
  }
  EXPECT_EQ(plan.tables.size() + plan.refused.size(), tables.size());
}

TEST(Idents, CollidingTablesAreBothRefusedWithTheNameToAdd) {
  const auto tables = ident_tables();
  const auto plan = plan_sink(tables, {}, {});
  const auto* lower = find_refusal(plan, "public.users");
  const auto* upper = find_refusal(plan, "public.Users");
  ASSERT_NE(lower, nullptr);
  ASSERT_NE(upper, nullptr);
  EXPECT_EQ(lower->code, "name-collision");
  EXPECT_THAT(lower->message, HasSubstr("public.Users"));
  EXPECT_THAT(upper->remedy, HasSubstr("as: \"public_Users\""));
}

TEST(Idents, ARuleMendsATableCollision) {
  config::Config config;
  config.rules.push_back(testing::rule_for("public.Users"));
  config.rules.back().as = "{schema}_{table}";
  const auto tables = ident_tables();
  const auto plan = plan_sink(tables, config, {});
  EXPECT_NE(find_plan(plan, "public.users"), nullptr);
  ASSERT_NE(find_plan(plan, "public.Users"), nullptr);
  EXPECT_EQ(find_plan(plan, "public.Users")->cache().name, "public_Users");
}

TEST(Idents, ARuleMendsAColumnCollision) {
  const auto table = ident_tables().front();
  const auto refused = TablePlan::compile(table, {}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "name-collision");
  EXPECT_EQ(refused.error().verdict, Verdict::PoisonRow);
  EXPECT_THAT(refused.error().remedy, HasSubstr("columns: {\"select\": {as: \"select_2\"}}"));

  config::Config renaming;
  renaming.rules.push_back(testing::rule_for("Sales.Order Items"));
  renaming.rules.back().columns["Select"].as = "Select_2";
  const auto renamed = TablePlan::compile(table, renaming, {});
  ASSERT_TRUE(renamed);
  EXPECT_EQ((*renamed)->cache().columns[1].name, "Select_2");
  EXPECT_EQ((*renamed)->cache().columns[3].name, "a\"b");

  config::Config omitting;
  omitting.rules.push_back(testing::rule_for("Sales.Order Items"));
  omitting.rules.back().omit = {"Select"};
  ASSERT_TRUE(TablePlan::compile(table, omitting, {}));
}

TEST(Names, TheColumnThatARuleNamedIsTheOneToNameOtherwise) {
  auto table = TableMaker("public.t").column("big", "int4").column("e", "int4").column("BIG_2", "int4");
  config::Config config;
  config.rules.push_back(testing::rule_for("public.t"));
  config.rules.back().columns["e"].as = "big";
  const auto later = TablePlan::compile(table.primary_key({"big"}).table(), config, {});
  ASSERT_FALSE(later);
  EXPECT_THAT(later.error().message, HasSubstr("columns big and e of public.t would both be \"big\""));
  EXPECT_THAT(later.error().remedy, HasSubstr("columns: {\"e\": {as: \"big_3\"}}"));
  config.rules.back().columns.clear();
  config.rules.back().columns["big"].as = "E";
  const auto earlier = TablePlan::compile(table.table(), config, {});
  ASSERT_FALSE(earlier);
  EXPECT_THAT(earlier.error().remedy, HasSubstr("columns: {\"big\": {as: \"E_2\"}}"));
}

TEST(Names, ReservedPrefixesAreRefusedInAnyCase) {
  for (const std::string name : {"SQLite_x", "libsql_x", "_WALBRIDGE_x"}) {
    const auto table = TableMaker("public." + name).column("id", "int4").primary_key({"id"}).table();
    const auto plan = TablePlan::compile(table, {}, {});
    ASSERT_FALSE(plan) << name;
    EXPECT_EQ(plan.error().code, "reserved-name");
  }
  const auto column = TableMaker("public.t").column("id", "int4").column("_walbridge_leaf", "text").primary_key({"id"});
  const auto plan = TablePlan::compile(column.table(), {}, {});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, "reserved-name");
}

TEST(Names, NamingPatternsAndDroppedSchemas) {
  const auto table = TableMaker("app.users").column("id", "int4").primary_key({"id"}).table();
  config::Config config;
  EXPECT_EQ((*TablePlan::compile(table, config, {}))->cache().name, "app_users");
  config.naming.drop_schema = {"public", "app"};
  EXPECT_EQ((*TablePlan::compile(table, config, {}))->cache().name, "users");
  config.naming.drop_schema = {};
  config.naming.table = "pg_{schema}__{table}";
  EXPECT_EQ((*TablePlan::compile(table, config, {}))->cache().name, "pg_app__users");
  config.rules.push_back(testing::rule_for("app.*"));
  config.rules.back().as = "{table}_of_{schema}";
  EXPECT_EQ((*TablePlan::compile(table, config, {}))->cache().name, "users_of_app");
}

TEST(Names, IndexesThatClashTakeTheirTablesNameInFront) {
  const auto one = TableMaker("public.a")
                       .column("id", "int4")
                       .column("x", "int4")
                       .primary_key({"id"})
                       .index("by_x", {"x"})
                       .index("B", {"x"})
                       .table();
  const auto two =
      TableMaker("s.a").column("id", "int4").column("x", "int4").primary_key({"id"}).index("By_X", {"x"}).table();
  const auto three = TableMaker("public.b").column("id", "int4").primary_key({"id"}).table();
  const std::vector<SourceTable> tables = {one, two, three};
  const auto plan = plan_sink(tables, {}, {});
  ASSERT_EQ(plan.tables.size(), 3U);
  EXPECT_EQ(plan.tables[0]->cache().indexes[0].name, "a_by_x");
  EXPECT_EQ(plan.tables[0]->cache().indexes[1].name, "a_B");  // a table is called b
  EXPECT_EQ(plan.tables[1]->cache().indexes[0].name, "s_a_By_X");
}

TEST(Names, OnlySelectedTablesArePlanned) {
  const auto tables = ident_tables();
  config::Config config;
  config.tables.include = {"public.k_*"};
  config.tables.exclude = {"*_full"};
  config::Sink sink;
  sink.tables = config::TableFilter{{"public.k_f*", "public.k_n*"}, {}};
  const auto plan = plan_sink(tables, config, sink);
  std::vector<std::string> names;
  for (const auto& table : plan.tables) names.push_back(table->cache().name);
  EXPECT_THAT(names, ElementsAre("k_numeric", "k_float"));
  EXPECT_TRUE(plan.refused.empty());
}

}  // namespace
}  // namespace walbridge::mapping
