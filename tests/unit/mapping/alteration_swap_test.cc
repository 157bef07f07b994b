// What only the old table has survives the copy that takes its place.
#include <gmock/gmock.h>

#include "mapping/alteration.h"
#include "mapping/table_shape.h"
#include "tests/unit/mapping/source_tables.h"
#include "tests/unit/mapping/sqlite_cache.h"

namespace walbridge::mapping {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::SqliteCache;
using testing::TableMaker;
using ::testing::UnorderedElementsAre;
using Row = SqliteCache::Row;

constexpr const char* kNow = "'2024-05-05T00:00:00Z'";

std::shared_ptr<const TablePlan> plan_of(const SourceTable& table, const config::Config& config) {
  auto plan = TablePlan::compile(table, config, {});
  if (!plan) throw std::runtime_error(plan.error().message + ": " + plan.error().remedy);
  return *plan;
}

SourceColumn& column(SourceTable& table, const std::string& name) {
  for (auto& each : table.columns) {
    if (each.name == name) return each;
  }
  throw std::runtime_error("no column " + name);
}

void drop(SourceTable& table, const std::string& name) {
  std::erase_if(table.columns, [&](const SourceColumn& each) { return each.name == name; });
}

void add(SourceTable& table, const std::string& name, const std::string& kind) {
  SourceColumn made;
  made.attnum = static_cast<std::int16_t>(table.columns.back().attnum + 1);
  made.name = name;
  made.type = testing::type(kind);
  table.columns.push_back(std::move(made));
}

SourceTable keyed() {
  return TableMaker("public.t")
      .column("id", "int4")
      .column("name", "text")
      .column("note", "text")
      .primary_key({"id"})
      .table();
}

SourceTable two_part_key() {
  return TableMaker("public.t")
      .column("a", "text")
      .column("b", "int4")
      .column("note", "text")
      .primary_key({"b", "a"})
      .table();
}

SourceTable keyless() {
  return TableMaker("public.t").column("level", "int4").column("line", "text").column("note", "text").table();
}

// An old table "t" and a filled one beside it.
class SwapIn : public ::testing::Test {
 protected:
  void had(const SourceTable& table, std::initializer_list<const char*> rows) {
    const auto plan = plan_of(table, config);
    before = shape_of(*plan);
    cache.create(plan->cache());
    for (const auto* row : rows) cache.execute("INSERT INTO t VALUES (" + std::string(row) + ")");
  }

  void swap(const SourceTable& table, std::initializer_list<const char*> rows) {
    after = plan_of(table, config);
    cache.execute(create_table_sql(after->cache(), "fill"));
    for (const auto* row : rows) cache.execute("INSERT INTO fill VALUES (" + std::string(row) + ")");
    done = swap_in(&before, *after, "fill", config.rules[0].soft_delete ? kNow : "", &table);
    for (const auto& step : done.steps) cache.apply(step);
    EXPECT_EQ(cache.integrity(), "'ok'");
    EXPECT_THAT(cache.tables(), ElementsAre(after->cache().name));
    std::vector<std::string> columns;
    for (const auto& each : cache.query("SELECT name FROM pragma_table_xinfo('t') ORDER BY cid")) {
      columns.push_back(each[0]);
    }
    std::vector<std::string> expected;
    for (const auto& each : done.shape.columns) expected.push_back("'" + each.name + "'");
    for (const auto& each : done.shape.kept) expected.push_back("'" + each.name + "'");
    EXPECT_EQ(columns, expected) << "the shape is what the table is";
  }

  std::vector<Row> rows() { return cache.query("SELECT * FROM t"); }

  config::Rule& rule() { return config.rules[0]; }

  void SetUp() override {
    config.rules.push_back(testing::rule_for("public.t"));
    config.constraints.not_null = true;
  }

  config::Config config;
  SqliteCache cache;
  TableShape before;
  std::shared_ptr<const TablePlan> after;
  Swap done;
};

class SwapSoftDelete : public SwapIn {
 protected:
  void SetUp() override {
    SwapIn::SetUp();
    rule().soft_delete = "gone_at";
  }
};

class SwapAppendOnly : public SwapIn {
 protected:
  void SetUp() override {
    SwapIn::SetUp();
    rule().append = true;
  }
};

class SwapKeptColumns : public SwapIn {
 protected:
  void SetUp() override {
    SwapIn::SetUp();
    config.on_ddl.drop_column = config::KeepOrDrop::Keep;
  }
};

TEST_F(SwapIn, WithoutRulesTheCopyIsAllThereIs) {
  had(keyed(), {"1, 'a', 'n'", "2, 'b', 'n'"});
  swap(keyed(), {"1, 'A', NULL"});
  EXPECT_THAT(rows(), ElementsAre(Row{"1", "'A'", "NULL"}));
  EXPECT_EQ(done.steps.size(), 2U);
  EXPECT_EQ(to_json(done.shape), to_json(shape_of(*after)));
  EXPECT_EQ(swap_in(nullptr, *after, "fill", {}).steps.size(), 1U);
}

TEST_F(SwapSoftDelete, EveryRowThatIsNotInTheCopyIsCarriedWithAMark) {
  had(keyed(), {"1, 'a', 'n', NULL", "2, 'b', NULL, 'then'", "3, 'c', 'n', NULL", "4, 'd', 'n', 'then'"});
  swap(keyed(), {"1, 'A', NULL, NULL", "4, 'D', NULL, NULL"});
  EXPECT_THAT(rows(), UnorderedElementsAre(Row{"1", "'A'", "NULL", "NULL"}, Row{"2", "'b'", "NULL", "'then'"},
                                           Row{"3", "'c'", "'n'", kNow}, Row{"4", "'D'", "NULL", "NULL"}));
  EXPECT_THAT(done.notes, IsEmpty());
}

TEST_F(SwapSoftDelete, AKeyOfSeveralColumns) {
  had(two_part_key(), {"'x', 1, 'n', NULL", "'X', 1, 'n', NULL", "'x', 2, 'n', 'then'"});
  swap(two_part_key(), {"'x', 1, 'm', NULL"});
  EXPECT_THAT(rows(), UnorderedElementsAre(Row{"'x'", "1", "'m'", "NULL"}, Row{"'X'", "1", "'n'", kNow},
                                           Row{"'x'", "2", "'n'", "'then'"}));
}

TEST_F(SwapSoftDelete, ColumnsAreWhoTheyAreWhateverTheirNames) {
  had(keyed(), {"2, 'b', 'n', NULL"});
  auto now = keyed();
  column(now, "id").name = "no\"1";
  std::swap(column(now, "name").name, column(now, "note").name);
  rule().soft_delete = "left at";
  swap(now, {"1, 'A', 'N', NULL"});
  EXPECT_THAT(cache.query("SELECT \"no\"\"1\", name, note, \"left at\" FROM t ORDER BY 1"),
              ElementsAre(Row{"1", "'N'", "'A'", "NULL"}, Row{"2", "'n'", "'b'", kNow}));
}

TEST_F(SwapSoftDelete, ValuesThatAreWrittenInAnotherWayAreLost) {
  had(keyed(), {"2, 'b', 'n', NULL"});
  auto now = keyed();
  column(now, "note").type = testing::type("int4");
  add(now, "more", "text");
  swap(now, {"1, 'A', 7, 'new', NULL"});
  EXPECT_THAT(rows(),
              UnorderedElementsAre(Row{"1", "'A'", "7", "'new'", "NULL"}, Row{"2", "'b'", "NULL", "NULL", kNow}));
}

TEST_F(SwapSoftDelete, AMaskThatIsNewHidesOldRowsToo) {
  had(keyed(), {"2, 'secret', 'n', NULL"});
  rule().columns["name"].mask = config::Mask::Null;
  swap(keyed(), {});
  EXPECT_THAT(rows(), ElementsAre(Row{"2", "NULL", "'n'", kNow}));
}

TEST_F(SwapSoftDelete, ARowWithoutAValueThatMustBeThereIsNotCarriedAndThatIsSaid) {
  had(keyed(), {"2, 'b', 'n', NULL"});
  auto now = keyed();
  add(now, "more", "text");
  column(now, "more").not_null = true;
  swap(now, {"1, 'A', 'n', 'new', NULL"});
  EXPECT_THAT(rows(), ElementsAre(Row{"1", "'A'", "'n'", "'new'", "NULL"}));
  EXPECT_THAT(done.notes, ElementsAre(HasSubstr("column more, which is NOT NULL")));
}

TEST_F(SwapSoftDelete, AColumnThatMayNoLongerBeNullLosesOnlyTheRowsThatAre) {
  had(keyed(), {"2, NULL, 'n', 'then'", "3, 'c', 'n', 'then'"});
  auto now = keyed();
  column(now, "name").not_null = true;
  swap(now, {});
  EXPECT_THAT(rows(), ElementsAre(Row{"3", "'c'", "'n'", "'then'"}));
}

TEST_F(SwapSoftDelete, AKeyThatIsAnotherCarriesNothing) {
  for (const std::string change : {"type", "other", "order"}) {
    SCOPED_TRACE(change);
    cache.execute("DROP TABLE IF EXISTS t");
    had(two_part_key(), {"'x', 1, 'n', 'then'"});
    auto now = two_part_key();
    if (change == "type") column(now, "b").type = testing::type("text");
    if (change == "other") now.indexes[0].key.pop_back();
    if (change == "order") std::swap(now.indexes[0].key[0], now.indexes[0].key[1]);
    swap(now, {});
    EXPECT_THAT(rows(), IsEmpty());
    EXPECT_THAT(done.notes, ElementsAre(HasSubstr("their key is not the copied table's")));
  }
}

TEST_F(SwapSoftDelete, WhatWasDeletedStaysDeletedUnderANewSoftDeleteOrAnotherKindOfMark) {
  rule().soft_delete.reset();
  had(keyed(), {"2, 'b', 'n'"});
  rule().soft_delete = "gone_at";
  swap(keyed(), {"1, 'A', 'n', NULL"});
  EXPECT_THAT(rows(), UnorderedElementsAre(Row{"1", "'A'", "'n'", "NULL"}, Row{"2", "'b'", "'n'", kNow}));

  cache.execute("DROP TABLE t");
  had(keyed(), {"2, 'b', 'n', 'then'"});
  config.types["timestamptz"] = "unix_ms";
  swap(keyed(), {});
  ASSERT_NE(before.columns.back().decl, done.shape.columns.back().decl);
  EXPECT_THAT(rows(), ElementsAre(Row{"2", "'b'", "'n'", kNow}));
}

TEST_F(SwapAppendOnly, WithAKeyRowsThatAreNotInTheCopyAreCarriedByIt) {
  had(keyed(), {"1, 'a', 'n'", "2, NULL, 'n'", "3, 'c', 'n'"});
  auto now = keyed();
  column(now, "note").type = testing::type("int4");
  swap(now, {"1, 'A', 7"});
  EXPECT_THAT(rows(), UnorderedElementsAre(Row{"1", "'A'", "7"}, Row{"2", "NULL", "NULL"}, Row{"3", "'c'", "NULL"}));
}

// Nobody had told of the column when the copy began: rows that only the old table has still hold its default.
TEST_F(SwapAppendOnly, CarriedRowsGetTheColumnsThatCameMeanwhile) {
  const auto was = keyless();
  had(was, {"1, 'a', 'n'", "1, 'a', 'n'", "3, 'gone', 'n'"});
  auto now = was;
  for (const char* name : {"five", "own", "bare"}) {
    add(now, name, "int4");
    now.columns.back().expression = name == std::string("own") ? "random()" : "5";
  }
  column(now, "five").missing = "5";
  column(now, "bare").expression.clear();
  const auto plan = plan_of(now, config);
  const auto widened = widen_for_carry(before, was, *plan, now);
  ASSERT_EQ(widened.steps.size(), 1U) << "own has another value in each row, bare is NULL in all";
  for (const auto& step : widened.steps) cache.apply(step);
  before = widened.shape;
  EXPECT_THAT(widen_for_carry(before, was, *plan, now).steps, IsEmpty());
  swap(now, {"1, 'a', 'n', 5, 7, NULL", "2, 'b', 'n', 6, 8, 9"});
  EXPECT_THAT(rows(), UnorderedElementsAre(
                          Row{"1", "'a'", "'n'", "5", "7", "NULL"}, Row{"1", "'a'", "'n'", "5", "NULL", "NULL"},
                          Row{"3", "'gone'", "'n'", "5", "NULL", "NULL"}, Row{"2", "'b'", "'n'", "6", "8", "9"}));

  config.rules[0].append = false;
  auto mirrored = keyed();
  add(mirrored, "five", "int4");
  mirrored.columns.back().missing = "5";
  EXPECT_THAT(widen_for_carry(shape_of(*plan_of(keyed(), config)), keyed(), *plan_of(mirrored, config), mirrored).steps,
              IsEmpty())
      << "nothing is carried over";
}

TEST_F(SwapAppendOnly, WithAKeyThatIsAnotherNothingIsCarried) {
  had(keyed(), {"1, 'a', 'n'", "2, 'b', 'n'"});
  auto now = keyed();
  column(now, "id").type = testing::type("text");
  swap(now, {"'1', 'a', 'n'"});
  EXPECT_THAT(rows(), ElementsAre(Row{"'1'", "'a'", "'n'"}));
  EXPECT_EQ(done.notes.size(), 1U);
}

TEST_F(SwapAppendOnly, WithoutAKeyAsManyOfEqualRowsAsThereWere) {
  had(keyless(), {"1, 'a', NULL", "1, 'a', NULL", "1, 'a', NULL", "1, 'A', NULL", "NULL, NULL, NULL",
                  "NULL, NULL, NULL", "2, 'b', 'n'", "3, 'gone', 'n'", "3, 'gone', 'n'"});
  swap(keyless(),
       {"1, 'a', NULL", "NULL, NULL, NULL", "NULL, NULL, NULL", "2, 'b', 'n'", "2, 'b', 'n'", "9, 'new', 'n'"});
  EXPECT_THAT(rows(),
              UnorderedElementsAre(Row{"1", "'a'", "NULL"}, Row{"1", "'a'", "NULL"}, Row{"1", "'a'", "NULL"},
                                   Row{"1", "'A'", "NULL"}, Row{"NULL", "NULL", "NULL"}, Row{"NULL", "NULL", "NULL"},
                                   Row{"2", "'b'", "'n'"}, Row{"2", "'b'", "'n'"}, Row{"3", "'gone'", "'n'"},
                                   Row{"3", "'gone'", "'n'"}, Row{"9", "'new'", "'n'"}));
}

TEST_F(SwapAppendOnly, WithoutAKeyOnlyColumnsWrittenAlikeAreCompared) {
  had(keyless(), {"1, 'a', 'x'", "1, 'a', 'y'", "2, 'b', 'z'"});
  auto now = keyless();
  column(now, "level").name = "severity";
  column(now, "note").type = testing::type("int4");
  swap(now, {"1, 'a', 5"});
  EXPECT_THAT(rows(), UnorderedElementsAre(Row{"1", "'a'", "5"}, Row{"1", "'a'", "NULL"}, Row{"2", "'b'", "NULL"}));

  cache.execute("DROP TABLE t");
  had(TableMaker("public.t").column("line", "text").table(), {"'1'"});
  swap(TableMaker("public.t").column("line", "int4").table(), {"2"});
  EXPECT_THAT(rows(), ElementsAre(Row{"2"}));
  EXPECT_THAT(done.notes, ElementsAre(HasSubstr("no column is written as it was")));
}

TEST_F(SwapAppendOnly, WithoutAKeyTextsThatOnlyLookAlikeAreTwo) {
  const auto table = TableMaker("public.t").column("line", "citext").table();
  had(table, {"'a'"});
  ASSERT_THAT(before.columns[0].decl, HasSubstr("NOCASE"));
  swap(table, {"'A'", "'A'"});
  EXPECT_THAT(rows(), UnorderedElementsAre(Row{"'a'"}, Row{"'A'"}, Row{"'A'"}));
}

TEST_F(SwapAppendOnly, WithoutAKeyARowIsTheSameInAnotherPartition) {
  const auto table = TableMaker("public.t").column("line", "text").leaf(7, "t1").leaf(8, "t2").table();
  had(table, {"'a', 7", "'b', 7"});
  swap(table, {"'a', 8"});
  EXPECT_THAT(rows(), UnorderedElementsAre(Row{"'a'", "8"}, Row{"'b'", "7"}));
}

TEST_F(SwapAppendOnly, AColumnThatIsKeptComesWithCarriedRowsToo) {
  config.on_ddl.drop_column = config::KeepOrDrop::Keep;
  had(keyed(), {"1, 'a', 'one'", "2, 'b', 'two'", "3, 'c', NULL"});
  auto now = keyed();
  drop(now, "note");
  swap(now, {"1, 'A'", "4, 'D'"});
  EXPECT_THAT(rows(), UnorderedElementsAre(Row{"1", "'A'", "'one'"}, Row{"2", "'b'", "'two'"}, Row{"3", "'c'", "NULL"},
                                           Row{"4", "'D'", "NULL"}));
}

TEST_F(SwapKeptColumns, GetTheirOldValuesByKey) {
  auto was = two_part_key();
  add(was, "must", "text");
  column(was, "must").not_null = true;
  had(was, {"'x', 1, 'one', 'm1'", "'x', 2, NULL, 'm2'", "'gone', 3, 'three', 'm3'"});
  auto now = was;
  drop(now, "note");
  drop(now, "must");
  column(now, "a").name = "renamed";
  swap(now, {"'x', 1", "'x', 2", "'new', 4"});
  EXPECT_THAT(rows(), UnorderedElementsAre(Row{"'x'", "1", "'one'", "'m1'"}, Row{"'x'", "2", "NULL", "'m2'"},
                                           Row{"'new'", "4", "NULL", "NULL"}));
  ASSERT_EQ(done.shape.kept.size(), 2U);
  EXPECT_EQ(done.shape.kept[1].decl.find("NOT NULL"), std::string::npos);

  // Kept once, kept by the next copy.
  before = done.shape;
  swap(now, {"'x', 1"});
  EXPECT_THAT(rows(), ElementsAre(Row{"'x'", "1", "'one'", "'m1'"}));
  EXPECT_EQ(done.shape.kept.size(), 2U);
}

TEST_F(SwapKeptColumns, GiveWayToANewColumnOfTheirName) {
  had(keyed(), {"1, 'a', 'one'"});
  auto now = keyed();
  drop(now, "note");
  add(now, "more", "int4");
  now.columns.back().attnum = 4;
  column(now, "more").name = "NOTE";
  swap(now, {"1, 'A', 5"});
  EXPECT_THAT(rows(), ElementsAre(Row{"1", "'A'", "5"}));
  EXPECT_THAT(done.shape.kept, IsEmpty());
  EXPECT_THAT(done.notes, ElementsAre(HasSubstr("another one has its name now")));
}

TEST_F(SwapKeptColumns, NeedAKeyToFindTheirRows) {
  rule().append = true;
  had(keyless(), {"1, 'a', 'one'"});
  auto now = keyless();
  drop(now, "note");
  swap(now, {"1, 'a'"});
  EXPECT_THAT(rows(), ElementsAre(Row{"1", "'a'"}));
  EXPECT_THAT(done.notes, ElementsAre(HasSubstr("no key in common")));

  cache.execute("DROP TABLE t");
  had(keyed(), {"1, 'a', 'one'"});
  now = keyed();
  drop(now, "note");
  column(now, "id").type = testing::type("text");
  swap(now, {"'1', 'a'"});
  EXPECT_THAT(rows(), ElementsAre(Row{"'1'", "'a'"}));
}

TEST_F(SwapKeptColumns, AreNeitherHiddenNorCompanionsNorWhatARuleTookOut) {
  rule().soft_delete = "gone_at";
  rule().columns["name"].order_key = true;
  auto was = TableMaker("public.t")
                 .column("id", "int4")
                 .column("name", "numeric")
                 .column("note", "text")
                 .primary_key({"id"})
                 .leaf(7, "t1")
                 .table();
  had(was, {});
  ASSERT_EQ(before.columns.size(), 6U);
  auto now = was;
  drop(now, "name");
  now.leaves.clear();
  now.kind = 'r';
  rule().soft_delete.reset();
  rule().omit = {"note"};
  rule().columns.clear();
  swap(now, {});
  ASSERT_EQ(done.shape.kept.size(), 1U);
  EXPECT_EQ(done.shape.kept[0].name, "name");
}

TEST_F(SwapKeptColumns, GoWhenNobodyKeepsThem) {
  config.on_ddl.drop_column = config::KeepOrDrop::Drop;
  had(keyed(), {"1, 'a', 'one'"});
  auto now = keyed();
  drop(now, "note");
  swap(now, {"1, 'a'"});
  EXPECT_THAT(rows(), ElementsAre(Row{"1", "'a'"}));
  EXPECT_THAT(done.notes, IsEmpty());
}

}  // namespace
}  // namespace walbridge::mapping
