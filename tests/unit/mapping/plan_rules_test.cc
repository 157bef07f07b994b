// What the rules make of a plan and what of them is refused; and names that match nothing.
#include <gmock/gmock.h>

#include "mapping/unused_names.h"
#include "tests/unit/mapping/source_tables.h"

namespace walbridge::mapping {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::TableMaker;
using testing::type;

config::Config with_rule(config::Rule rule) {
  config::Config config;
  config.rules.push_back(std::move(rule));
  return config;
}

config::Rule rule() { return testing::rule_for("public.t"); }

TableMaker simple() {
  return TableMaker("public.t").column("id", "int8").column("v", "text").column("n", "numeric").primary_key({"id"});
}

std::shared_ptr<const TablePlan> plan(const TableMaker& table, const config::Config& config) {
  auto compiled = TablePlan::compile(table.table(), config, {});
  if (!compiled) throw std::runtime_error(describe(compiled.error()));
  return *compiled;
}

Error refusal(const TableMaker& table, const config::Config& config) {
  const auto compiled = TablePlan::compile(table.table(), config, {});
  if (compiled) return {Verdict::Retry, "planned", {}, {}};
  EXPECT_EQ(compiled.error().verdict, Verdict::PoisonRow);
  EXPECT_FALSE(compiled.error().remedy.empty()) << compiled.error().code;
  EXPECT_THAT(compiled.error().message, HasSubstr("public.t"));
  return compiled.error();
}

config::Config mask(const std::string& column, config::Mask mask, const std::string& key = {}) {
  auto made = rule();
  made.columns[column].mask = mask;
  made.columns[column].keep = 4;
  made.columns[column].mask_key = config::Secret(key);
  return with_rule(made);
}

TEST(MaskPlan, KeysTakeOnlyAnInjectiveOne) {
  using config::Mask;
  for (const auto each : {Mask::Null, Mask::Redact, Mask::Sha256, Mask::Truncate, Mask::KeepLast, Mask::EmailDomain}) {
    const auto error = refusal(simple(), mask("id", each));
    EXPECT_EQ(error.code, "key-mask");
    EXPECT_THAT(error.message, HasSubstr("masking a key must be injective"));
  }
  const auto hashed = plan(simple(), mask("id", Mask::HmacSha256, "k"));
  EXPECT_FALSE(hashed->cache().rowid_key);
  EXPECT_EQ(hashed->cache().columns[0].decl, "TEXT");
  auto cut = rule();
  cut.columns["k"].truncate = 3;
  const auto table = TableMaker("public.t").column("k", "text").primary_key({"k"});
  EXPECT_EQ(refusal(table, with_rule(cut)).code, "key-mask");
}

TEST(MaskPlan, IsTextAndSaidByPlan) {
  const auto planned = plan(simple(), mask("n", config::Mask::KeepLast));
  EXPECT_EQ(planned->cache().columns[2].decl, "TEXT");
  EXPECT_EQ(planned->columns()[2].encoding, "mask keep_last 4");
  const auto hidden = plan(TableMaker("public.t").column("id", "int4").column("d", "timestamptz").primary_key({"id"}),
                           mask("d", config::Mask::Null));
  EXPECT_EQ(hidden->cache().columns[1].decl, "DATETIME");
}

TEST(MaskPlan, MergesAsOneSetting) {
  config::Config config = mask("v", config::Mask::HmacSha256, "one");
  config.rules.push_back(rule());
  config.rules[1].columns["v"].as = "w";
  EXPECT_EQ(plan(simple(), config)->columns()[1].encoding, "mask hmac_sha256");
  config.rules[1].columns["v"].mask = config::Mask::Redact;
  EXPECT_EQ(plan(simple(), config)->columns()[1].encoding, "mask redact");
  EXPECT_EQ(plan(simple(), config)->cache().columns[1].name, "w");
}

TEST(Basis, ChangesWithWhatAValueDependsOn) {
  const auto basis = [](const std::shared_ptr<const PgType>& of, const config::Config& config = {}) {
    return plan(TableMaker("public.t").column("id", "int4").column("v", of).primary_key({"id"}), config)
        ->columns()[1]
        .basis;
  };
  EXPECT_EQ(basis(type("varchar", 14, "character varying(10)")), basis(type("varchar", 24, "character varying(20)")));
  EXPECT_EQ(basis(type("varchar")), basis(type("text")));
  EXPECT_EQ(basis(type("int4")), basis(type("int8")));
  EXPECT_NE(basis(type("int4")), basis(type("text")));
  EXPECT_EQ(basis(testing::numeric(10, 2)), basis(testing::numeric(12, 2)));
  EXPECT_NE(basis(testing::numeric(10, 2)), basis(testing::numeric(20, 2)));
  EXPECT_NE(basis(type("bpchar", 7, "character(3)")), basis(type("bpchar", 8, "character(4)")));
  EXPECT_EQ(basis(testing::enum_of({"a"})), basis(testing::enum_of({"a", "b"})));
  config::Config rank;
  rank.types["enum"] = "rank";
  EXPECT_NE(basis(testing::enum_of({"a"}), rank), basis(testing::enum_of({"a", "b"}), rank));
  config::Config specials;
  specials.specials = config::Specials::Null;
  EXPECT_NE(basis(type("float8")), basis(type("float8"), specials));
  EXPECT_EQ(basis(type("text")), basis(type("text"), specials));
  const auto text = basis(type("text"));
  EXPECT_NE(text, basis(type("text"), mask("v", config::Mask::Redact)));
  const auto one = basis(type("text"), mask("v", config::Mask::HmacSha256, "hunter2"));
  EXPECT_NE(one, basis(type("text"), mask("v", config::Mask::HmacSha256, "hunter3")));
  EXPECT_THAT(one, Not(HasSubstr("hunter2")));
  auto cut = rule();
  cut.columns["v"].truncate = 3;
  EXPECT_NE(text, basis(type("text"), with_rule(cut)));
  auto named = rule();
  named.columns["v"].as = "w";
  EXPECT_EQ(text, basis(type("text"), with_rule(named)));
}

TEST(OrderKeyPlan, WhatIsRefused) {
  auto made = rule();
  made.columns["id"].order_key = true;
  EXPECT_EQ(refusal(simple(), with_rule(made)).code, "order-key");
  made = rule();
  made.columns["v"].order_key = true;
  EXPECT_THAT(refusal(simple(), with_rule(made)).message, HasSubstr("ICU"));
  made = rule();
  made.columns["n"].order_key = true;
  EXPECT_EQ(plan(simple(), with_rule(made))->cache().columns.back().name, "n__ord");
  made.columns["n"].mask = config::Mask::Redact;
  EXPECT_THAT(refusal(simple(), with_rule(made)).message, HasSubstr("what the mask hides"));
  made = rule();
  made.columns["n"].order_key = true;
  EXPECT_EQ(refusal(simple().column("N__ORD", "text"), with_rule(made)).code, "name-collision");
}

TEST(OrderKeyPlan, IsNoPartOfTheKeyOrTheDateCheck) {
  auto made = rule();
  made.columns["a"].order_key = true;
  const auto planned = plan(
      TableMaker("public.t").column("a", "timestamptz").column("b", "timestamp").primary_key({"a"}), with_rule(made));
  EXPECT_THAT(planned->cache().key, ElementsAre(0));
  EXPECT_THAT(planned->key_columns(), ElementsAre("a"));
}

TEST(TruncatePlan, IsForTexts) {
  auto made = rule();
  made.columns["n"].truncate = 3;
  EXPECT_EQ(refusal(simple(), with_rule(made)).code, "bad-truncate");
}

TEST(SoftDeletePlan, WhatIsRefused) {
  auto made = rule();
  made.soft_delete = "V";
  EXPECT_EQ(refusal(simple(), with_rule(made)).code, "name-collision");
  made.soft_delete = "_walbridge_gone";
  EXPECT_EQ(refusal(simple(), with_rule(made)).code, "name-collision");
  made.soft_delete = "gone";
  EXPECT_EQ(refusal(TableMaker("public.t").column("a", "int4").identity(ReplicaIdentity::Full), with_rule(made)).code,
            "no-key");
  made.append = true;
  EXPECT_EQ(refusal(simple(), with_rule(made)).code, "bad-rule");
  made.append = false;
  EXPECT_EQ(plan(simple(), with_rule(made))->rows(), "soft delete gone");
}

TEST(WherePlan, IsRefusedByTableWithTheConstruct) {
  auto made = rule();
  made.where = "v > now()";
  const auto error = refusal(simple(), with_rule(made));
  EXPECT_EQ(error.code, "bad-where");
  EXPECT_THAT(error.message, HasSubstr("now()"));
}

TEST(WherePlan, IsPublishedWhenTheReplicaIdentityHoldsItsColumns) {
  const auto published = [](const TableMaker& table, const std::string& where) {
    auto made = rule();
    made.where = where;
    return plan(table, with_rule(made))->publish_where();
  };
  EXPECT_EQ(published(simple(), "id > 5"), "id > 5");
  EXPECT_EQ(published(simple(), "v = 'x'"), "");
  EXPECT_EQ(published(simple().identity(ReplicaIdentity::Full), "v = 'x'"), "v = 'x'");
  EXPECT_EQ(published(simple().leaf(7, "t1"), "id > 5"), "");
  EXPECT_EQ(published(simple().column("e", testing::enum_of({"a"})).identity(ReplicaIdentity::Full), "e = 'a'"), "");
  EXPECT_EQ(plan(simple(), {})->publish_where(), "");
}

TEST(WherePlan, RowsSayWhatDecides) {
  auto made = rule();
  made.where = "id > 5";
  made.append = true;
  EXPECT_EQ(plan(simple(), with_rule(made))->rows(), "append; where id > 5");
  EXPECT_EQ(plan(simple(), {})->rows(), "");
}

TEST(AppendPlan, KeyIsThePrimaryKeyOrNone) {
  auto made = rule();
  made.append = true;
  const auto keyless = TableMaker("public.t").column("a", "int4");
  EXPECT_THAT(plan(keyless, with_rule(made))->cache().key, IsEmpty());
  EXPECT_THAT(plan(simple(), with_rule(made))->cache().key, ElementsAre(0));
  EXPECT_THAT(plan(simple().identity(ReplicaIdentity::Nothing), with_rule(made))->cache().key, ElementsAre(0));
  EXPECT_EQ(refusal(keyless, {}).code, "no-key");
}

TEST(Policies, OfTheFileAndOfARule) {
  config::Config config;
  config.on_ddl.drop_table = config::KeepOrDrop::Drop;
  config.on_ddl.rewrite = config::OnRewrite::Stop;
  config.rules.push_back(rule());
  config.rules[0].on_rewrite = config::OnRewrite::Recopy;
  config.rules[0].on_drop_column = config::KeepOrDrop::Keep;
  const auto planned = plan(simple(), config);
  EXPECT_EQ(planned->on_ddl().drop_table, config::KeepOrDrop::Drop);
  EXPECT_EQ(planned->on_ddl().rewrite, config::OnRewrite::Recopy);
  EXPECT_EQ(planned->on_ddl().drop_column, config::KeepOrDrop::Keep);
  EXPECT_EQ(planned->on_ddl().truncate, config::OnTruncate::Apply);
}

TEST(Constraints, NotNullWhereNothingCanMakeItNull) {
  config::Config config;
  config.constraints.not_null = true;
  config.specials = config::Specials::Null;
  config.rules.push_back(rule());
  config.rules[0].columns["hidden"].mask = config::Mask::Null;
  config.rules[0].columns["starred"].mask = config::Mask::Redact;
  config.rules[0].soft_delete = "gone";
  const auto planned = plan(TableMaker("public.t")
                                .column("id", "int4")
                                .column("a", "text", true)
                                .column("b", "text")
                                .column("f", "float8", true)
                                .column("hidden", "text", true)
                                .column("starred", "text", true)
                                .primary_key({"id"}),
                            config);
  std::vector<std::string> decls;
  for (const auto& column : planned->cache().columns) decls.push_back(column.decl);
  EXPECT_THAT(decls, ElementsAre("INTEGER", "TEXT NOT NULL", "TEXT", "DOUBLE", "TEXT", "TEXT NOT NULL", "DATETIME"));
}

std::vector<std::string> unused(const std::vector<SourceTable>& tables, const config::Config& config) {
  std::vector<std::string> found;
  for (const auto& finding : unused_names(tables, config)) found.push_back(finding.message);
  return found;
}

TEST(UnusedNames, OfColumnsIndexesAndTypes) {
  const std::vector<SourceTable> tables = {simple().column("e", testing::enum_of({"a"}, "shop.mood")).table()};
  config::Config config;
  config.types = {
      {"numeric", "text"},   {"numeric(18,8)", "text"}, {"uuid", "blob"},      {"timestamp with time zone", "text"},
      {"int4[]", "pg_text"}, {"mood", "rank"},          {"shop.mood", "rank"}, {"enum", "rank"}};
  config.rules.push_back(testing::rule_for("*.t"));
  auto& made = config.rules[0];
  made.columns["v"].as = "body";
  made.columns["n"].order_key = true;
  made.computed.push_back({"search", "TEXT", "lower(body)", {}});
  made.soft_delete = "gone";
  config::IndexRule index;
  index.columns = {"id desc", "body", "n__ord", "search", "gone"};
  made.indexes.push_back(index);
  EXPECT_THAT(unused(tables, config), IsEmpty());

  config.types["numerik"] = "text";
  made.types["timestampz"] = "text";
  made.columns["w"].as = "x";
  made.indexes[0].columns.push_back("nope desc");
  made.indexes[0].fts = {"bodi"};
  const auto found = unused(tables, config);
  EXPECT_THAT(found,
              ElementsAre(HasSubstr("types: `numerik` is no type"), HasSubstr("rules.types: `timestampz` is no type"),
                          HasSubstr("rules.columns: `w` is no column of *.t"), HasSubstr("`bodi`"),
                          HasSubstr("rules.indexes: `nope` is no column")));
}

}  // namespace
}  // namespace walbridge::mapping
