// Rows of the stream and of COPY into changes of the cache, one test per semantic.
#include <gmock/gmock.h>

#include "tests/unit/mapping/source_tables.h"

namespace walbridge::mapping {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::null;
using testing::TableMaker;
using testing::unchanged;
using testing::wire;
using Row = std::vector<WireValue>;

using Table = testing::MappedTable;

TableMaker keyed() {
  return TableMaker("public.t").column("id", "int4").column("v", "text").column("big", "text").primary_key({"id"});
}
TableMaker keyless() {
  return TableMaker("public.t").column("a", "int4").column("b", "text").identity(ReplicaIdentity::Full);
}

TEST(Map, InsertsUpdatesAndDeletes) {
  Table t(keyed());
  EXPECT_THAT(t.insert({wire("1"), wire("a"), null()}), ElementsAre("upsert 1 'a' null"));
  EXPECT_THAT(t.update({wire("1"), wire("b"), wire("B")}), ElementsAre("upsert 1 'b' 'B'"));
  EXPECT_THAT(t.remove({wire("1"), null(), null()}), ElementsAre("delete where 1"));
}

TEST(Map, UnchangedToastIsNamedByNoUpdate) {
  Table t(keyed());
  EXPECT_THAT(t.update({wire("1"), wire("b"), unchanged()}), ElementsAre("update - 'b' - where 1"));
  EXPECT_THAT(t.update({wire("1"), null(), unchanged()}), ElementsAre("update - null - where 1"));
  // nothing that the cache could set
  EXPECT_THAT(t.update({wire("1"), unchanged(), unchanged()}), IsEmpty());
}

TEST(Map, FullIdentityFillsUnchangedValuesFromTheOldRow) {
  Table t(keyed().identity(ReplicaIdentity::Full));
  EXPECT_THAT(t.update_full({wire("1"), wire("a"), wire("B")}, {wire("1"), wire("b"), unchanged()}),
              ElementsAre("upsert 1 'b' 'B'"));
  EXPECT_THAT(t.update_full({wire("1"), wire("a"), wire("B")}, {wire("2"), wire("b"), unchanged()}),
              ElementsAre("delete where 1", "upsert 2 'b' 'B'"));
  EXPECT_THAT(t.remove_full({wire("1"), wire("a"), wire("B")}), ElementsAre("delete where 1"));
}

TEST(Map, AKeyChangeDeletesFirstThenWrites) {
  Table t(keyed());
  EXPECT_THAT(t.update_key({wire("1"), null(), null()}, {wire("2"), wire("a"), null()}),
              ElementsAre("delete where 1", "upsert 2 'a' null"));
}

TEST(Map, AKeyChangeWithUnchangedValuesMovesTheRow) {
  Table t(keyed());
  EXPECT_THAT(t.update_key({wire("1"), null(), null()}, {wire("2"), wire("a"), unchanged()}),
              ElementsAre("update 2 'a' - where 1"));
}

TEST(Map, AnOldKeyThatDidNotChangeIsNoKeyChange) {
  Table t(keyed());
  EXPECT_THAT(t.update_key({wire("1"), null(), null()}, {wire("1"), wire("a"), unchanged()}),
              ElementsAre("update - 'a' - where 1"));
}

// The server sends the old key when a key value is stored out of line; the new row then says "unchanged".
TEST(Map, AnUnchangedKeyValueComesFromTheOldKey) {
  Table t(TableMaker("public.t").column("k", "text").column("v", "text").primary_key({"k"}));
  EXPECT_THAT(t.update_key({wire("long"), null()}, {unchanged(), wire("b")}), ElementsAre("upsert 'long' 'b'"));
  EXPECT_THAT(t.update({unchanged(), wire("b")}), ElementsAre("error"));
  EXPECT_THAT(t.error.message, HasSubstr("column k of public.t"));
}

// Postgres calls them equal, the stream calls them different: 1.0 -> 1.00, Foo -> FOO.
TEST(Map, KeysAreComparedAsStored) {
  Table text(TableMaker("public.t").column("n", "numeric").column("v", "int4").primary_key({"n"}));
  EXPECT_THAT(text.update_key({wire("1.0"), null()}, {wire("1.00"), wire("1")}),
              ElementsAre("delete where '1.0'", "upsert '1.00' 1"));
  Table number(TableMaker("public.t").column("f", "float8").column("v", "int4").primary_key({"f"}));
  EXPECT_THAT(number.update_key({wire("0"), null()}, {wire("-0"), wire("1")}), ElementsAre("upsert real 1"));
}

TEST(Map, WithoutAKeyAllColumnsNameTheRow) {
  Table t(keyless());
  EXPECT_THAT(t.insert({wire("1"), null()}), ElementsAre("insert 1 null"));
  EXPECT_THAT(t.update_full({wire("1"), null()}, {wire("2"), wire("x")}), ElementsAre("update 2 'x' where 1 null"));
  EXPECT_THAT(t.update_full({wire("1"), wire("long")}, {wire("2"), unchanged()}),
              ElementsAre("update 2 'long' where 1 'long'"));
  EXPECT_THAT(t.remove_full({null(), wire("x")}), ElementsAre("delete where null 'x'"));
  EXPECT_THAT(t.update({wire("1"), null()}), ElementsAre("error"));
  EXPECT_THAT(t.remove({wire("1"), null()}), ElementsAre("error"));
}

TEST(Map, RowsOfAPartitionCarryItsOidAndItsOwnColumnOrder) {
  Table t(keyed().leaf(501, "t1"));
  SourceLeaf leaf = t.source.leaves.front();
  t.relation = testing::relation_of(t.source, &leaf);
  std::swap(t.relation.columns[0], t.relation.columns[2]);
  t.bind();
  EXPECT_THAT(t.insert({wire("B"), wire("a"), wire("1")}), ElementsAre("upsert 1 'a' 'B' 501"));
  EXPECT_THAT(t.update({unchanged(), wire("a"), wire("1")}), ElementsAre("update - 'a' - 501 where 1"));
  EXPECT_THAT(t.remove({null(), null(), wire("1")}), ElementsAre("delete where 1"));
  EXPECT_EQ(t.truncate(), "truncate leaf 501");
}

TEST(Map, KeylessPartitionsMatchWithinTheirLeaf) {
  Table t(keyless().leaf(501, "t1"));
  SourceLeaf leaf = t.source.leaves.front();
  t.relation = testing::relation_of(t.source, &leaf);
  t.bind();
  EXPECT_THAT(t.remove_full({wire("1"), wire("x")}), ElementsAre("delete where 1 'x' 501"));
  EXPECT_THAT(t.update_full({wire("1"), wire("x")}, {wire("2"), wire("x")}),
              ElementsAre("update 2 'x' 501 where 1 'x' 501"));
}

TEST(Map, TruncateOfATableOrARootIsOfAllRows) {
  Table plain(keyed());
  EXPECT_EQ(plain.truncate(), "truncate");
  Table root(keyed().leaf(501, "t1"));
  EXPECT_EQ(root.truncate(), "truncate");
}

TEST(Map, ABadValueIsNamedByPlaceNeverByContent) {
  Table t(keyed());
  EXPECT_THAT(t.insert({wire("1"), wire("\xff secret"), null()}), ElementsAre("error"));
  EXPECT_EQ(t.error.verdict, Verdict::PoisonRow);
  EXPECT_THAT(t.error.message, HasSubstr("column v of public.t (text)"));
  EXPECT_THAT(describe(t.error), Not(HasSubstr("secret")));
  EXPECT_THAT(t.insert({wire("oops"), wire("x"), null()}), ElementsAre("error"));
  EXPECT_THAT(describe(t.error), Not(HasSubstr("oops")));
}

TEST(Map, ShortRowsAndMissingKeysAreErrorsNotCrashes) {
  Table t(keyed());
  EXPECT_THAT(t.insert({wire("1")}), ElementsAre("error"));
  EXPECT_THAT(t.insert({wire("1"), unchanged(), null()}), ElementsAre("error"));
  EXPECT_THAT(t.update_key({wire("1")}, {wire("1"), wire("a"), null()}), ElementsAre("error"));
  EXPECT_THAT(t.remove({}), ElementsAre("error"));
  EXPECT_THAT(t.remove({null(), null(), null()}), ElementsAre("error"));
}

TEST(MapCopy, ValuesOutliveTheWire) {
  Table t(TableMaker("public.t")
              .column("id", "int4")
              .column("v", "text")
              .column("n", testing::numeric(10, 2))
              .column("b", "bytea")
              .column("d", "timestamptz")
              .column("e", "text")
              .primary_key({"id"})
              .leaf(501, "t1"));
  const auto bound = t.plan->bind_copy(501);
  LoadBlock block;
  for (int i = 0; i < 3; ++i) {
    std::string v = "text " + std::to_string(i);
    std::string b = "\\x6162";
    std::string d = "2024-01-15 12:34:56.5+00";
    const Row row = {wire("7"), wire(v), wire("1.00"), wire(b), wire(d), wire(std::string_view(v).substr(0, 0))};
    ASSERT_TRUE(bound.map_copy(row, block));
    v.assign(v.size(), '#');
    b.assign(b.size(), '#');
    d.assign(d.size(), '#');
  }
  EXPECT_EQ(block.rows, 3U);
  EXPECT_EQ(block.table, &t.plan->cache());
  ASSERT_EQ(block.values.size(), 21U);
  EXPECT_EQ(testing::show(std::span(block.values).subspan(7, 7)),
            "7 'text 1' 1 blob '2024-01-15T12:34:56.500+00:00' '' 501");
  EXPECT_EQ(block.values[3].bytes, "ab");
  EXPECT_NE(block.values[5].bytes.data(), nullptr);
}

TEST(MapCopy, ABadRowLeavesTheBlockAsItWas) {
  Table t(keyed());
  const auto bound = t.plan->bind_copy(t.source.oid);
  LoadBlock block;
  ASSERT_TRUE(bound.map_copy(Row{wire("1"), wire("a"), null()}, block));
  EXPECT_FALSE(bound.map_copy(Row{wire("2"), wire("\xff"), null()}, block));
  EXPECT_FALSE(bound.map_copy(Row{wire("2")}, block));
  EXPECT_EQ(block.rows, 1U);
  EXPECT_EQ(block.values.size(), 3U);
}

}  // namespace
}  // namespace walbridge::mapping
