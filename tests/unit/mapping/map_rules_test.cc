// Rows under the rules: filters, soft deletes, mode append, masks and order keys, one test per semantic.
#include <gmock/gmock.h>

#include "tests/unit/mapping/source_tables.h"

namespace walbridge::mapping {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MappedTable;
using ::testing::Not;
using testing::null;
using testing::TableMaker;
using testing::unchanged;
using testing::wire;

config::Config with_rule(config::Rule rule) {
  config::Config config;
  config.rules.push_back(std::move(rule));
  return config;
}

config::Config where(const std::string& sql) {
  auto rule = testing::rule_for("public.t");
  rule.where = sql;
  return with_rule(rule);
}

config::Config soft_delete() {
  auto rule = testing::rule_for("public.t");
  rule.soft_delete = "gone";
  return with_rule(rule);
}

config::Config masked(const std::string& column, config::Mask mask, std::uint32_t keep = 0) {
  auto rule = testing::rule_for("public.t");
  rule.columns[column].mask = mask;
  if (keep > 0) rule.columns[column].keep = keep;
  if (mask == config::Mask::HmacSha256) rule.columns[column].mask_key = config::Secret("key");
  return with_rule(rule);
}

TableMaker keyed() {
  return TableMaker("public.t").column("id", "int4").column("v", "text").column("big", "text").primary_key({"id"});
}
TableMaker keyless() {
  return TableMaker("public.t").column("a", "int4").column("b", "text").identity(ReplicaIdentity::Full);
}

TEST(Where, InsertsThatDoNotMatchAreNotMapped) {
  MappedTable t(keyed(), where("v = 'in'"));
  EXPECT_THAT(t.insert({wire("1"), wire("in"), null()}), ElementsAre("upsert 1 'in' null"));
  EXPECT_THAT(t.insert({wire("1"), wire("out"), null()}), IsEmpty());
  EXPECT_THAT(t.insert({wire("1"), null(), null()}), IsEmpty());
}

TEST(Where, AnUpdateLeavesOrEntersTheFilter) {
  MappedTable t(keyed(), where("v = 'in'"));
  EXPECT_THAT(t.update({wire("1"), wire("in"), wire("B")}), ElementsAre("upsert 1 'in' 'B'"));
  EXPECT_THAT(t.update({wire("1"), wire("out"), wire("B")}), ElementsAre("delete where 1"));
  EXPECT_THAT(t.update({wire("1"), null(), unchanged()}), ElementsAre("delete where 1"));
}

// It may have been in the cache before or not: nobody knows without the old row.
TEST(Where, AnUpdateThatMayEnterWithUnchangedValuesIsIncomplete) {
  MappedTable t(keyed(), where("v = 'in'"));
  EXPECT_THAT(t.update({wire("1"), wire("in"), unchanged()}), ElementsAre("incomplete"));
  EXPECT_THAT(t.update({wire("1"), unchanged(), wire("B")}), ElementsAre("incomplete"));
  EXPECT_THAT(t.update({wire("1"), unchanged(), unchanged()}), ElementsAre("incomplete"));
}

TEST(Where, TheFullOldRowTellsAndFills) {
  MappedTable t(keyed().identity(ReplicaIdentity::Full), where("v = 'in'"));
  EXPECT_THAT(t.update_full({wire("1"), wire("out"), wire("B")}, {wire("1"), wire("in"), unchanged()}),
              ElementsAre("upsert 1 'in' 'B'"));
  EXPECT_THAT(t.update_full({wire("1"), wire("in"), wire("B")}, {wire("1"), unchanged(), wire("C")}),
              ElementsAre("upsert 1 'in' 'C'"));
  EXPECT_THAT(t.update_full({wire("1"), wire("in"), wire("B")}, {wire("1"), wire("out"), unchanged()}),
              ElementsAre("delete where 1"));
  EXPECT_THAT(t.update_full({wire("1"), wire("out"), wire("B")}, {wire("1"), wire("too"), unchanged()}), IsEmpty());
  EXPECT_THAT(t.remove_full({wire("1"), wire("out"), null()}), IsEmpty());
  EXPECT_THAT(t.remove_full({wire("1"), wire("in"), null()}), ElementsAre("delete where 1"));
}

TEST(Where, KeyChangesUnderAFilter) {
  MappedTable t(keyed(), where("v = 'in'"));
  EXPECT_THAT(t.update_key({wire("1"), null(), null()}, {wire("2"), wire("in"), wire("B")}),
              ElementsAre("delete where 1", "upsert 2 'in' 'B'"));
  EXPECT_THAT(t.update_key({wire("1"), null(), null()}, {wire("2"), wire("out"), wire("B")}),
              ElementsAre("delete where 1"));
  EXPECT_THAT(t.update_key({wire("1"), null(), null()}, {wire("2"), wire("in"), unchanged()}),
              ElementsAre("delete where 1", "incomplete"));
}

// Of a filter over the key alone the old key tells everything.
TEST(Where, AFilterOverTheKeyNeedsNoOldRow) {
  MappedTable t(keyed(), where("id < 10"));
  EXPECT_THAT(t.update({wire("1"), wire("a"), unchanged()}), ElementsAre("update - 'a' - where 1"));
  EXPECT_THAT(t.update({wire("11"), wire("a"), unchanged()}), IsEmpty());
  EXPECT_THAT(t.update_key({wire("1"), null(), null()}, {wire("2"), wire("a"), unchanged()}),
              ElementsAre("update 2 'a' - where 1"));
  EXPECT_THAT(t.update_key({wire("1"), null(), null()}, {wire("12"), wire("a"), unchanged()}),
              ElementsAre("delete where 1"));
  EXPECT_THAT(t.update_key({wire("12"), null(), null()}, {wire("2"), wire("a"), unchanged()}),
              ElementsAre("delete where 12", "incomplete"));
  EXPECT_THAT(t.update_key({wire("12"), null(), null()}, {wire("2"), wire("a"), wire("B")}),
              ElementsAre("delete where 12", "upsert 2 'a' 'B'"));
  EXPECT_THAT(t.update_key({wire("12"), null(), null()}, {wire("13"), wire("a"), unchanged()}), IsEmpty());
  EXPECT_THAT(t.remove({wire("1"), null(), null()}), ElementsAre("delete where 1"));
  EXPECT_THAT(t.remove({wire("12"), null(), null()}), IsEmpty());
}

TEST(Where, DeletesPassWhenNobodyKnows) {
  MappedTable t(keyed(), where("v = 'in'"));
  EXPECT_THAT(t.remove({wire("1"), null(), null()}), ElementsAre("delete where 1"));
}

TEST(Where, AKeylessTableKnowsBothRows) {
  MappedTable t(keyless(), where("b = 'in'"));
  EXPECT_THAT(t.insert({wire("1"), wire("in")}), ElementsAre("insert 1 'in'"));
  EXPECT_THAT(t.insert({wire("1"), wire("out")}), IsEmpty());
  EXPECT_THAT(t.update_full({wire("1"), wire("in")}, {wire("2"), wire("in")}),
              ElementsAre("update 2 'in' where 1 'in'"));
  EXPECT_THAT(t.update_full({wire("1"), wire("out")}, {wire("1"), wire("in")}), ElementsAre("insert 1 'in'"));
  EXPECT_THAT(t.update_full({wire("1"), wire("in")}, {wire("1"), wire("out")}), ElementsAre("delete where 1 'in'"));
  EXPECT_THAT(t.update_full({wire("1"), wire("out")}, {wire("2"), wire("too")}), IsEmpty());
  EXPECT_THAT(t.remove_full({wire("1"), wire("out")}), IsEmpty());
}

TEST(Where, ColumnsOfTheFilterNeedNotBeCarried) {
  auto rule = testing::rule_for("public.t");
  rule.where = "v = 'in'";
  rule.omit = {"v"};
  MappedTable t(keyed(), with_rule(rule));
  EXPECT_THAT(t.plan->copy_columns(), ElementsAre("id", "big", "v"));
  EXPECT_THAT(t.insert({wire("1"), wire("in"), wire("B")}), ElementsAre("upsert 1 'B'"));
  EXPECT_THAT(
      t.copy({{wire("1"), wire("B"), wire("in")}, {wire("2"), null(), wire("out")}, {wire("3"), null(), null()}}),
      ElementsAre("1 'B'"));
  t.relation.columns.erase(t.relation.columns.begin() + 1);
  const auto refused = t.plan->bind(t.relation);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("column v, which `where` reads, is gone"));
}

TEST(Where, CopiedRowsAreFilteredToo) {
  MappedTable t(keyed(), where("id > 1 AND v IS NOT NULL"));
  EXPECT_THAT(t.copy({{wire("1"), wire("a"), null()}, {wire("2"), wire("b"), null()}, {wire("3"), null(), null()}}),
              ElementsAre("2 'b' null"));
}

TEST(Where, AnInsertThatPostgresMadeOfAnUpdateMayBeIncomplete) {
  MappedTable t(keyed(), where("id < 10"));
  EXPECT_THAT(t.insert({wire("1"), wire("a"), unchanged()}), ElementsAre("incomplete"));
}

TEST(Where, ABadValueIsNamedByPlaceNeverByContent) {
  MappedTable t(keyed(), where("id > 1"));
  EXPECT_THAT(t.insert({wire("oops"), wire("a"), null()}), ElementsAre("error"));
  EXPECT_EQ(t.error.verdict, Verdict::PoisonRow);
  EXPECT_THAT(t.error.message, HasSubstr("column id of public.t, which `where` reads"));
  EXPECT_THAT(describe(t.error), Not(HasSubstr("oops")));
}

TEST(SoftDelete, MarksTheRowWithTheTimeOfTheCommit) {
  MappedTable t(keyed(), soft_delete());
  EXPECT_EQ(t.plan->cache().columns.back().name, "gone");
  EXPECT_EQ(t.plan->cache().columns.back().decl, "DATETIME");
  EXPECT_THAT(t.insert({wire("1"), wire("a"), null()}), ElementsAre("upsert 1 'a' null null"));
  EXPECT_THAT(t.remove({wire("1"), null(), null()}),
              ElementsAre("update - - - '2023-11-14T22:13:20.120+00:00' where 1"));
  EXPECT_THAT(t.copy({{wire("1"), wire("a"), null()}}), ElementsAre("1 'a' null null"));
  EXPECT_EQ(t.truncate(), "soft-truncate - - - '2023-11-14T22:13:20.120+00:00'");
}

TEST(SoftDelete, IsWrittenAsTheProfileWritesInstants) {
  auto config = soft_delete();
  config.profile = config::Profile::Drizzle;
  MappedTable t(keyed(), config);
  EXPECT_EQ(t.plan->cache().columns.back().decl, "BIGINT");
  EXPECT_THAT(t.remove({wire("1"), null(), null()}), ElementsAre("update - - - 1700000000120 where 1"));
  t.context.committed_at.micros = 1'700'000'000'000'000;
  config.profile = config::Profile::Default;
  MappedTable whole(keyed(), config);
  whole.context = t.context;
  EXPECT_THAT(whole.remove({wire("1"), null(), null()}),
              ElementsAre("update - - - '2023-11-14T22:13:20.000+00:00' where 1"));
}

TEST(SoftDelete, UpdatesLeaveTheMarkAlone) {
  MappedTable t(keyed(), soft_delete());
  EXPECT_THAT(t.update({wire("1"), wire("a"), wire("B")}), ElementsAre("upsert 1 'a' 'B' null"));
  EXPECT_THAT(t.update({wire("1"), wire("a"), unchanged()}), ElementsAre("update - 'a' - - where 1"));
  EXPECT_THAT(t.update({wire("1"), unchanged(), unchanged()}), IsEmpty());
}

// A row that moves to a key whose row went softly takes its place.
TEST(SoftDelete, AKeyChangeIsNoDelete) {
  MappedTable t(keyed(), soft_delete());
  EXPECT_THAT(t.update_key({wire("1"), null(), null()}, {wire("2"), wire("a"), null()}),
              ElementsAre("delete where 1", "upsert 2 'a' null null"));
  EXPECT_THAT(t.update_key({wire("1"), null(), null()}, {wire("2"), wire("a"), unchanged()}),
              ElementsAre("delete where 2", "update 2 'a' - - where 1"));
}

TEST(SoftDelete, ComesAfterTheLeafAndFollowsTheFilter) {
  auto config = soft_delete();
  config.rules[0].where = "v = 'in'";
  MappedTable t(keyed().leaf(501, "t1"), config);
  SourceLeaf leaf = t.source.leaves.front();
  t.relation = testing::relation_of(t.source, &leaf);
  t.bind();
  EXPECT_EQ(t.plan->leaf_column(), 3);
  EXPECT_THAT(t.insert({wire("1"), wire("in"), null()}), ElementsAre("upsert 1 'in' null 501 null"));
  EXPECT_THAT(t.update({wire("1"), wire("out"), null()}),
              ElementsAre("update - - - - '2023-11-14T22:13:20.120+00:00' where 1 if there"));
  EXPECT_THAT(t.remove({wire("1"), null(), null()}),
              ElementsAre("update - - - - '2023-11-14T22:13:20.120+00:00' where 1 if there"));
  EXPECT_EQ(t.truncate(), "soft-truncate - - - - '2023-11-14T22:13:20.120+00:00' leaf 501");
}

TEST(Append, TakesInsertsOnly) {
  auto rule = testing::rule_for("public.t");
  rule.append = true;
  MappedTable t(keyed(), with_rule(rule));
  EXPECT_TRUE(t.plan->append_only());
  EXPECT_THAT(t.insert({wire("1"), wire("a"), null()}), ElementsAre("upsert 1 'a' null"));
  EXPECT_THAT(t.update({wire("1"), wire("b"), null()}), IsEmpty());
  EXPECT_THAT(t.update({wire("1"), wire("b"), unchanged()}), IsEmpty());
  EXPECT_THAT(t.remove({wire("1"), null(), null()}), IsEmpty());
  EXPECT_EQ(t.truncate(), "truncate");
}

TEST(Append, NeedsNoKeyAndNoIdentity) {
  auto rule = testing::rule_for("public.t");
  rule.append = true;
  for (const auto identity : {ReplicaIdentity::Default, ReplicaIdentity::Nothing, ReplicaIdentity::Full}) {
    MappedTable t(TableMaker("public.t").column("a", "int4").column("b", "text").identity(identity), with_rule(rule));
    EXPECT_TRUE(t.plan->cache().key.empty());
    EXPECT_THAT(t.insert({wire("1"), wire("a")}), ElementsAre("insert 1 'a'"));
    EXPECT_THAT(t.update({wire("1"), wire("b")}), IsEmpty());
    EXPECT_THAT(t.remove({}), IsEmpty());
  }
}

TEST(Truncate, FollowsThePolicy) {
  auto config = soft_delete();
  config.on_ddl.truncate = config::OnTruncate::Ignore;
  EXPECT_EQ(MappedTable(keyed(), config).truncate(), "nothing");
  config.rules[0].on_truncate = config::OnTruncate::Apply;
  EXPECT_THAT(MappedTable(keyed(), config).truncate(), HasSubstr("soft-truncate"));
}

TEST(Masks, ReplaceTheTextWhateverTheType) {
  const auto table = [](const char* kind) {
    return TableMaker("public.t").column("id", "int4").column("v", kind).primary_key({"id"});
  };
  const auto one = [&](const char* kind, config::Mask mask, std::uint32_t keep, const WireValue& value) {
    MappedTable t(table(kind), masked("v", mask, keep));
    return t.insert({wire("1"), value}).at(0).substr(9);
  };
  using config::Mask;
  EXPECT_EQ(one("text", Mask::Redact, 0, wire("secret")), "'***'");
  EXPECT_EQ(one("text", Mask::Redact, 0, null()), "null");
  EXPECT_EQ(one("timestamptz", Mask::Redact, 0, wire("2024-01-15 12:34:56+00")), "'***'");
  EXPECT_EQ(one("text", Mask::Null, 0, wire("secret")), "null");
  EXPECT_EQ(one("text", Mask::Sha256, 0, wire("abc")),
            "'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'");
  EXPECT_EQ(one("text", Mask::Sha256, 0, wire("")),
            "'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'");
  // RFC 4231's construction with the key "key" over the usual sentence.
  EXPECT_EQ(one("text", Mask::HmacSha256, 0, wire("The quick brown fox jumps over the lazy dog")),
            "'f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8'");
  EXPECT_EQ(one("text", Mask::HmacSha256, 0, null()), "null");
  EXPECT_EQ(one("int4", Mask::KeepLast, 4, wire("41111234")), "'****1234'");
  EXPECT_EQ(one("text", Mask::KeepLast, 4, wire("1234")), "'****'");
  EXPECT_EQ(one("text", Mask::KeepLast, 4, wire("")), "''");
  EXPECT_EQ(one("text", Mask::KeepLast, 2, wire("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80")),
            "'**\xe2\x82\xac\xf0\x9f\x98\x80'");
  EXPECT_EQ(one("text", Mask::Truncate, 2, wire("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80")), "'\xc3\xa4\xe2\x82\xac'");
  EXPECT_EQ(one("numeric", Mask::Truncate, 3, wire("12345.6")), "'123'");
  EXPECT_EQ(one("text", Mask::EmailDomain, 0, wire("ann@example.com")), "'***@example.com'");
  EXPECT_EQ(one("text", Mask::EmailDomain, 0, wire("a@b@example.com")), "'***@example.com'");
  EXPECT_EQ(one("text", Mask::EmailDomain, 0, wire("nobody")), "'***'");
  EXPECT_EQ(one("text", Mask::EmailDomain, 0, wire("")), "'***'");
  // The padding of char(n) is no part of the value.
  EXPECT_EQ(one("bpchar", Mask::KeepLast, 2, wire("abc   ")), "'*bc'");
  EXPECT_EQ(one("bpchar", Mask::Sha256, 0, wire("abc   ")), one("text", Mask::Sha256, 0, wire("abc")));
}

TEST(Masks, ArraysAreOneText) {
  auto maker = TableMaker("public.t").column("id", "int4").column("v", testing::array_of(testing::type("text")));
  MappedTable t(maker.primary_key({"id"}), masked("v", config::Mask::KeepLast, 3));
  EXPECT_EQ(t.plan->cache().columns[1].decl, "TEXT");
  EXPECT_THAT(t.insert({wire("1"), wire("{secret,two}")}), ElementsAre("upsert 1 '*********wo}'"));
}

TEST(Masks, BytesThatAreNotUtf8AreAFault) {
  for (const auto mask : {config::Mask::Truncate, config::Mask::KeepLast, config::Mask::EmailDomain}) {
    MappedTable t(keyed(), masked("v", mask, 4));
    EXPECT_THAT(t.insert({wire("1"), wire("a@\xff\xfe secret"), null()}), ElementsAre("error"));
    EXPECT_THAT(describe(t.error), Not(HasSubstr("secret")));
  }
}

TEST(Masks, AKeyMaskedByHmacStillNamesItsRow) {
  MappedTable t(TableMaker("public.t").column("k", "text").column("v", "text").primary_key({"k"}),
                masked("k", config::Mask::HmacSha256));
  const auto inserted = t.insert({wire("a"), wire("x")});
  const auto removed = t.remove({wire("a"), null()});
  ASSERT_EQ(inserted.size(), 1U);
  EXPECT_EQ(inserted[0].substr(7, 66), removed.at(0).substr(13));
  EXPECT_THAT(t.update_key({wire("a"), null()}, {wire("b"), wire("x")}).size(), 2U);
  EXPECT_THAT(inserted[0], Not(HasSubstr("'a'")));
}

TEST(Masks, UnchangedStaysUnchanged) {
  MappedTable t(keyed(), masked("big", config::Mask::Sha256));
  EXPECT_THAT(t.update({wire("1"), wire("b"), unchanged()}), ElementsAre("update - 'b' - where 1"));
}

TEST(Truncated, CutsCharactersNotBytes) {
  auto rule = testing::rule_for("public.t");
  rule.columns["v"].truncate = 3;
  MappedTable t(keyed(), with_rule(rule));
  EXPECT_THAT(t.insert({wire("1"), wire("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f"), null()}),
              ElementsAre("upsert 1 '\xc3\xa4\xc3\xb6\xc3\xbc' null"));
  EXPECT_THAT(t.insert({wire("1"), wire("abc"), null()}), ElementsAre("upsert 1 'abc' null"));
  EXPECT_THAT(t.insert({wire("1"), null(), null()}), ElementsAre("upsert 1 null null"));
  EXPECT_THAT(t.insert({wire("1"), wire("abc\xff"), null()}), ElementsAre("error"));
  EXPECT_EQ(t.plan->columns()[1].encoding, "truncate 3");
}

TEST(OrderKeys, StandBesideTheirColumn) {
  auto rule = testing::rule_for("public.t");
  rule.columns["price"].order_key = true;
  rule.columns["price"].as = "cost";
  MappedTable t(
      TableMaker("public.t").column("id", "int4").column("price", "numeric").column("v", "text").primary_key({"id"}),
      with_rule(rule));
  EXPECT_EQ(t.plan->cache().columns[1].name, "cost");
  EXPECT_EQ(t.plan->cache().columns[2].name, "cost__ord");
  EXPECT_EQ(t.plan->columns()[2].role, "ord");
  EXPECT_EQ(t.plan->columns()[2].attnum, 2);
  EXPECT_THAT(t.plan->copy_columns(), ElementsAre("id", "price", "v"));
  EXPECT_THAT(t.insert({wire("1"), wire("10.50"), null()}), ElementsAre("upsert 1 '10.50' '3200002105' null"));
  EXPECT_THAT(t.insert({wire("1"), null(), null()}), ElementsAre("upsert 1 null null null"));
  EXPECT_THAT(t.update({wire("1"), unchanged(), wire("x")}), ElementsAre("update - - - 'x' where 1"));
  EXPECT_THAT(t.copy({{wire("1"), wire("-2"), wire("x")}}), ElementsAre("1 '-2' '17999987~' 'x'"));
}

TEST(Keys, AreReadInWireForm) {
  MappedTable t(
      TableMaker("public.t").column("v", "text").column("b", "int4").column("a", "text").primary_key({"a", "b"}),
      masked("a", config::Mask::HmacSha256));
  EXPECT_THAT(t.plan->key_columns(), ElementsAre("a", "b"));
  std::vector<WireValue> row = {wire("x"), wire("7"), wire("k")};
  EXPECT_THAT(t.bound.key_of(row), ElementsAre("k", "7"));
  row.resize(1);
  EXPECT_THAT(t.bound.key_of(row), ElementsAre("", ""));
}

}  // namespace
}  // namespace walbridge::mapping
