// What a plan makes of columns, types, keys and indexes, and what it refuses.
#include <gmock/gmock.h>

#include "pipeline/api/cache_sql.h"
#include "tests/unit/mapping/source_tables.h"

namespace walbridge::mapping {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TableMaker;
using testing::type;

Result<std::shared_ptr<const TablePlan>> compile(const TableMaker& table, const config::Config& config = {}) {
  return TablePlan::compile(table.table(), config, {});
}

config::Config with_rule(config::Rule rule) {
  config::Config config;
  config.rules.push_back(std::move(rule));
  return config;
}

TableMaker simple() { return TableMaker("public.t").column("id", "int8").column("v", "text").primary_key({"id"}); }

std::string refusal(const TableMaker& table, const config::Config& config = {}) {
  const auto plan = compile(table, config);
  if (plan) return "planned";
  EXPECT_EQ(plan.error().verdict, Verdict::PoisonRow);
  EXPECT_FALSE(plan.error().remedy.empty()) << plan.error().code;
  EXPECT_THAT(plan.error().message, HasSubstr("public.t"));
  return plan.error().code;
}

TEST(Plan, ASingleIntegerKeyIsTheRowid) {
  for (const std::string kind : {"int2", "int4", "int8"}) {
    const auto plan = compile(TableMaker("public.t").column("id", kind).column("v", "text").primary_key({"id"}));
    ASSERT_TRUE(plan);
    EXPECT_TRUE((*plan)->cache().rowid_key);
    EXPECT_EQ(create_table_sql((*plan)->cache(), "t"), R"(CREATE TABLE "t" ("id" INTEGER PRIMARY KEY, "v" TEXT))");
  }
  const auto domain =
      compile(TableMaker("public.t").column("id", testing::domain_of(type("int4"), "posint")).primary_key({"id"}));
  EXPECT_TRUE((*domain)->cache().rowid_key);
}

TEST(Plan, OtherKeysAreNot) {
  EXPECT_FALSE((*compile(TableMaker("public.t").column("id", "oid").primary_key({"id"})))->cache().rowid_key);
  EXPECT_FALSE((*compile(TableMaker("public.t").column("id", "int4").column("b", "int4").primary_key({"id", "b"})))
                   ->cache()
                   .rowid_key);
  auto rule = testing::rule_for("public.t");
  rule.columns["id"].type = "text";
  const auto text = compile(simple(), with_rule(rule));
  EXPECT_FALSE((*text)->cache().rowid_key);
  EXPECT_EQ((*text)->cache().columns[0].decl, "TEXT");
}

TEST(Plan, ColumnsAreChosenAndRenamed) {
  auto rule = testing::rule_for("public.*");
  rule.only = {"id", "a*", "b_secret"};
  rule.omit = {"*_secret"};
  rule.columns["a1"].as = "first";
  const auto table = TableMaker("public.t")
                         .column("id", "int4")
                         .column("a1", "text")
                         .column("a2_secret", "text")
                         .column("b_secret", "text")
                         .column("c", "text")
                         .generated("a_gen", "int4")
                         .primary_key({"id"});
  const auto plan = compile(table, with_rule(rule));
  ASSERT_TRUE(plan);
  EXPECT_THAT((*plan)->copy_columns(), ElementsAre("id", "a1"));
  EXPECT_EQ((*plan)->cache().columns[1].name, "first");
  std::vector<std::string> left_out;
  for (const auto& each : (*plan)->not_carried()) left_out.push_back(each.name);
  EXPECT_THAT(left_out, ElementsAre("a2_secret", "b_secret", "c", "a_gen"));
}

TEST(Plan, OmitAddsUpOverRules) {
  config::Config config;
  config.rules.push_back(testing::rule_for("*"));
  config.rules.back().omit = {"*_secret"};
  config.rules.push_back(testing::rule_for("public.t"));
  config.rules.back().omit = {"v"};
  const auto plan = compile(simple().column("x_secret", "text").column("w", "text"), config);
  EXPECT_THAT((*plan)->copy_columns(), ElementsAre("id", "w"));
}

// column in a rule > rule, specific before general > types."numeric(18,8)" > types.numeric > profile > built in
TEST(Plan, EncodingPrecedence) {
  const auto table =
      TableMaker("public.t").column("id", "int4").column("n", testing::numeric(18, 8)).primary_key({"id"});
  const auto encoding = [&](const config::Config& config) {
    const auto plan = compile(table, config);
    return plan ? (*plan)->columns()[1].encoding : plan.error().code;
  };
  config::Config config;
  EXPECT_EQ(encoding(config), "default");
  config.profile = config::Profile::Django;
  EXPECT_EQ(encoding(config), "real");
  config.types["numeric"] = "text";
  EXPECT_EQ(encoding(config), "text");
  config.types["numeric(18,8)"] = "integer_scaled";
  EXPECT_EQ(encoding(config), "integer_scaled");
  config.rules.push_back(testing::rule_for("public.*"));
  config.rules.back().types["numeric"] = "real";
  EXPECT_EQ(encoding(config), "real");
  config.rules.back().types["numeric(18,8)"] = "text";
  EXPECT_EQ(encoding(config), "text");
  config.rules.push_back(testing::rule_for("public.t"));
  config.rules.back().types["numeric(18,8)"] = "integer_scaled";
  EXPECT_EQ(encoding(config), "integer_scaled");
  config.rules.front().columns["n"].type = "real";
  EXPECT_EQ(encoding(config), "real");
  config.rules.back().columns["n"].type = "default";
  EXPECT_EQ(encoding(config), "default");
}

TEST(Plan, DomainsAnswerToTheirOwnNameAndToTheirBase) {
  const auto table = TableMaker("public.t")
                         .column("id", "int4")
                         .column("a", testing::domain_of(testing::numeric(20, 2), "shop.price"))
                         .primary_key({"id"});
  config::Config config;
  config.types["numeric"] = "real";
  EXPECT_EQ((*compile(table, config))->columns()[1].encoding, "real");
  config.types["shop.price"] = "integer_scaled";
  EXPECT_EQ((*compile(table, config))->columns()[1].encoding, "integer_scaled");
  config.types.erase("shop.price");
  config.types["price"] = "text";
  EXPECT_EQ((*compile(table, config))->columns()[1].encoding, "text");
}

TEST(Plan, TypesAnswerToEverydayNames) {
  const auto plan_of = [&](const std::string& name, const std::string& encoding, std::shared_ptr<const PgType> of) {
    config::Config config;
    config.types[name] = encoding;
    const auto plan =
        compile(TableMaker("public.t").column("id", "int4").column("x", std::move(of)).primary_key({"id"}), config);
    return plan ? (*plan)->columns()[1].encoding : plan.error().code;
  };
  EXPECT_EQ(plan_of("timestamp with time zone", "unix_ms", type("timestamptz", 3, "timestamp(3) with time zone")),
            "unix_ms");
  EXPECT_EQ(plan_of("timestamptz(3)", "unix_ms", type("timestamptz", 3, "timestamp(3) with time zone")), "unix_ms");
  EXPECT_EQ(plan_of("bigint", "text", type("int8", -1, "bigint")), "text");
  EXPECT_EQ(plan_of("char", "trim", type("bpchar", 9, "character(5)")), "trim");
  EXPECT_EQ(plan_of("char", "trim", type("char", -1, "\"char\"")), "default");
  EXPECT_EQ(plan_of("array", "pg_text", testing::array_of(type("int4", -1, "integer"))), "pg_text");
  EXPECT_EQ(plan_of("integer[]", "pg_text", testing::array_of(type("int4", -1, "integer"))), "pg_text");
  EXPECT_EQ(plan_of("enum", "rank", testing::enum_of({"a"})), "rank");
}

TEST(Plan, AnEncodingATypeDoesNotHaveIsRefusedWithThoseItHas) {
  auto rule = testing::rule_for("public.t");
  rule.columns["v"].type = "unix_ms";
  const auto plan = compile(simple(), with_rule(rule));
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, "unknown-encoding");
  EXPECT_THAT(plan.error().message, HasSubstr("column v of public.t"));
  EXPECT_THAT(plan.error().remedy, HasSubstr("text"));
}

TEST(Plan, UnknownTypes) {
  const auto table = simple().column("x", "some_extension_type");
  config::Config config;
  EXPECT_EQ((*compile(table, config))->cache().columns[2].decl, "TEXT");
  config.unknown_types = config::UnknownTypes::Omit;
  EXPECT_THAT((*compile(table, config))->copy_columns(), ElementsAre("id", "v"));
  config.unknown_types = config::UnknownTypes::Error;
  EXPECT_EQ(refusal(table, config), "unknown-type");
  config.types["some_extension_type"] = "text";
  EXPECT_TRUE(compile(table, config));
}

TEST(Plan, Profiles) {
  const auto table = TableMaker("public.t")
                         .column("id", "int4")
                         .column("ts", "timestamp")
                         .column("tz", "timestamptz")
                         .column("d", "date")
                         .column("j", "jsonb")
                         .column("u", "uuid")
                         .column("i", "interval")
                         .column("n", "numeric")
                         .column("n2", testing::numeric(20, 2))
                         .primary_key({"id"});
  const auto encodings = [&](config::Profile profile) {
    config::Config config;
    config.profile = profile;
    const auto plan = compile(table, config);
    std::string all;
    for (std::size_t i = 1; i < (*plan)->columns().size(); ++i) all += (*plan)->columns()[i].encoding + " ";
    return all;
  };
  using config::Profile;
  EXPECT_EQ(encodings(Profile::Default), "default default default default default default default default ");
  EXPECT_EQ(encodings(Profile::Drizzle), "unix_ms unix_ms default default default default default default ");
  EXPECT_EQ(encodings(Profile::Prisma), "text_prisma text_prisma text_prisma compact default default default default ");
  EXPECT_EQ(encodings(Profile::Rails), "text_sqlite text_sqlite default default default default default default ");
  EXPECT_EQ(encodings(Profile::Django), "text_sqlite text_sqlite default default text_hex us real real ");
  EXPECT_EQ(encodings(Profile::SqlAlchemy), "text_sqlite text_sqlite default default default default real real ");

  config::Config rails;
  rails.profile = Profile::Rails;
  const auto plan = *compile(table, rails);
  EXPECT_EQ(plan->cache().columns[4].decl, "JSON_TEXT");
  EXPECT_EQ(plan->cache().columns[7].decl, "DECIMAL_TEXT");
  EXPECT_EQ(plan->cache().columns[8].decl, "DECIMAL_TEXT(20,2)");
}

TEST(Plan, TwoDateFormatsAreRefusedUnlessAColumnSaysSo) {
  const auto table = simple().column("a", "timestamp").column("b", "timestamptz");
  config::Config config;
  config.types["timestamptz"] = "unix_ms";
  EXPECT_EQ(refusal(table, config), "mixed-dates");
  config.types["timestamp"] = "unix_ms";
  EXPECT_TRUE(compile(table, config));
  config.types.clear();
  config.rules.push_back(testing::rule_for("public.t"));
  config.rules.back().columns["b"].type = "unix_ms";
  EXPECT_TRUE(compile(table, config));
}

TEST(Keys, OfReplicaIdentities) {
  const auto two = TableMaker("public.t").column("a", "int4", true).column("b", "text", true).unique("u", {"b", "a"});
  EXPECT_EQ(refusal(two), "no-key");
  EXPECT_THAT(compile(two).error().remedy, HasSubstr(R"(ALTER TABLE "public"."t" REPLICA IDENTITY FULL)"));
  EXPECT_THAT((*compile(TableMaker(two).identity_index("u")))->cache().key, ElementsAre(1, 0));
  EXPECT_TRUE((*compile(TableMaker(two).identity(ReplicaIdentity::Full)))->cache().key.empty());
  EXPECT_EQ(refusal(TableMaker(two).identity(ReplicaIdentity::Nothing)), "no-key");
  EXPECT_EQ(refusal(simple().identity(ReplicaIdentity::Nothing)), "no-key");
  EXPECT_THAT((*compile(simple().identity(ReplicaIdentity::Full)))->cache().key, ElementsAre(0));
  // the index that was the identity has been dropped
  EXPECT_EQ(refusal(simple().identity(ReplicaIdentity::Index)), "no-key");
}

TEST(Keys, ADeferrablePrimaryKeyIdentifiesNothing) {
  const auto deferrable = TableMaker("public.t").column("id", "int4").primary_key({"id"}, false);
  EXPECT_EQ(refusal(deferrable), "no-key");
  EXPECT_TRUE((*compile(TableMaker(deferrable).identity(ReplicaIdentity::Full)))->cache().key.empty());
}

TEST(Keys, ARulesKeyMustBeUniqueCoveredAndNotNull) {
  const auto table = TableMaker("public.t")
                         .column("id", "int4")
                         .column("sku", "text", true)
                         .column("maybe", "text")
                         .primary_key({"id"})
                         .unique("t_sku", {"sku"})
                         .unique("t_maybe", {"maybe"});
  const auto full = TableMaker(table).identity(ReplicaIdentity::Full);
  const auto with_key = [](std::vector<std::string> key) {
    auto rule = testing::rule_for("public.t");
    rule.key = std::move(key);
    return with_rule(rule);
  };
  EXPECT_THAT((*compile(full, with_key({"sku"})))->cache().key, ElementsAre(1));
  EXPECT_EQ(refusal(table, with_key({"sku"})), "bad-key");     // not in the replica identity
  EXPECT_EQ(refusal(full, with_key({"nothing"})), "bad-key");  // no such column
  EXPECT_EQ(refusal(full, with_key({"maybe"})), "bad-key");    // may be NULL
  EXPECT_EQ(refusal(TableMaker("public.t").column("a", "int4", true).identity(ReplicaIdentity::Full), with_key({"a"})),
            "bad-key");  // not unique
}

TEST(Keys, MustBeCarriedAndExact) {
  auto omitting = testing::rule_for("public.t");
  omitting.omit = {"id"};
  EXPECT_EQ(refusal(simple(), with_rule(omitting)), "key-omitted");

  const auto refused_as = [](const std::string& kind, const std::string& encoding, std::int32_t typmod = -1) {
    auto rule = testing::rule_for("public.t");
    rule.columns["k"].type = encoding;
    return refusal(TableMaker("public.t").column("k", type(kind, typmod)).primary_key({"k"}), with_rule(rule));
  };
  EXPECT_EQ(refused_as("numeric", "real"), "key-encoding");
  EXPECT_EQ(refused_as("timestamptz", "unix_s"), "key-encoding");
  EXPECT_EQ(refused_as("timestamptz", "unix_ms"), "key-encoding");
  EXPECT_EQ(refused_as("timestamptz", "unix_ms", 3), "planned");
  EXPECT_EQ(refused_as("timestamptz", "unix_us"), "planned");
  EXPECT_EQ(refused_as("uuid", "blob"), "planned");
  EXPECT_EQ(refused_as("timetz", "us_utc"), "key-encoding");
}

TEST(Plan, WhatCannotBeMapped) {
  EXPECT_EQ(refusal(simple().unlogged()), "unlogged");
  auto wide = TableMaker("public.t").column("id", "int4").primary_key({"id"});
  for (int i = 0; i < 2000; ++i) wide.column("c" + std::to_string(i), "int4");
  EXPECT_EQ(refusal(wide), "too-many-columns");
  auto nothing = testing::rule_for("public.t");
  nothing.only = {"zz*"};
  EXPECT_EQ(refusal(simple(), with_rule(nothing)), "no-columns");
  auto misspelt = testing::rule_for("public.t");
  misspelt.columns["vv"].type = "text";
  EXPECT_EQ(refusal(simple(), with_rule(misspelt)), "unknown-column");
  auto many = testing::rule_for("public.*");
  many.columns["vv"].type = "text";
  EXPECT_TRUE(compile(simple(), with_rule(many)));
}

TEST(Plan, Partitions) {
  const auto plan = compile(simple().leaf(7, "t1"));
  ASSERT_TRUE(plan);
  EXPECT_TRUE((*plan)->has_leaf_column());
  EXPECT_EQ((*plan)->cache().columns.back().name, "_walbridge_leaf");
  EXPECT_EQ((*plan)->columns().size() + 1, (*plan)->cache().columns.size());
  EXPECT_THAT((*plan)->copy_columns(), ElementsAre("id", "v"));
}

TEST(Plan, Indexes) {
  auto table = simple().column("a", "int4").column("b", "int4");
  table.index("plain", {"a", "b"});
  table.last_index().key[1].descending = true;
  table.index("covering", {"a"});
  table.last_index().included = {4, 3};
  table.index("hashed", {"v"}, "hash").index("words", {"v"}, "gin").unique("one", {"a"});
  table.index("part", {"a"});
  table.last_index().partial = true;
  table.index("expr", {"a"});
  table.last_index().key[0].attnum = 0;
  const auto plan = *compile(table);
  std::vector<std::string> carried;
  for (const auto& index : plan->cache().indexes)
    carried.push_back(create_index_sql(plan->cache(), index, index.name).front());
  EXPECT_THAT(carried, ElementsAre(R"(CREATE INDEX "plain" ON "t" ("a", "b" DESC))",
                                   R"(CREATE INDEX "covering" ON "t" ("a", "b"))",
                                   R"(CREATE INDEX "hashed" ON "t" ("v"))", R"(CREATE INDEX "one" ON "t" ("a"))",
                                   R"(CREATE INDEX "part" ON "t" ("a"))"));  // for all rows: its condition is unknown
  std::vector<std::string> dropped;
  for (const auto& each : plan->not_carried()) dropped.push_back(each.name);
  EXPECT_THAT(dropped, ElementsAre("words", "part", "expr"));
}

TEST(SchemaHash, ChangesWithWhatAReaderOrAnEncoderSees) {
  const auto hash = [](const TableMaker& table, const config::Config& config = {}) {
    return (*compile(table, config))->cache().schema_hash;
  };
  const auto base = hash(simple());
  EXPECT_EQ(base.size(), 16U);
  EXPECT_EQ(base, hash(simple()));
  EXPECT_NE(base, hash(simple().column("more", "int4")));
  EXPECT_NE(base, hash(simple().leaf(7, "t1")));
  EXPECT_NE(base, hash(simple().index("i", {"v"})));
  auto rule = testing::rule_for("public.t");
  rule.columns["v"].as = "w";
  EXPECT_NE(base, hash(simple(), with_rule(rule)));

  auto rank = testing::rule_for("public.t");
  rank.columns["e"].type = "rank";
  const auto with_enum = [&](std::vector<std::string> labels) {
    return simple().column("e", testing::enum_of(labels));
  };
  EXPECT_EQ(hash(with_enum({"a"})), hash(with_enum({"a", "b"})));
  EXPECT_NE(hash(with_enum({"a"}), with_rule(rank)), hash(with_enum({"a", "b"}), with_rule(rank)));
}

}  // namespace
}  // namespace walbridge::mapping
