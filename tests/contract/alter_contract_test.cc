// Changes of the schema: every kind of step, between the rows of one transaction, taken back with it, and on names and
// objects that belong to somebody else.
#include <utility>

#include "pipeline/api/cache_sql.h"
#include "tests/contract/contract_suite.h"

namespace walbridge::testing {
namespace {

CacheTable people() { return make_table(201, "people", {"id INTEGER", "name TEXT", "age BIGINT"}, {0}, true); }
CacheColumn text_column(const std::string& name) { return {name, "TEXT", CacheColumn::Form::Plain}; }
CacheIndex plain_index(const std::string& name, std::vector<std::string> parts) {
  return {CacheIndex::Kind::Plain, name, std::move(parts)};
}

CacheTable with_column(CacheTable table, CacheColumn column) {
  table.columns.push_back(std::move(column));
  table.schema_hash += "+";
  return table;
}
CacheTable named(CacheTable table, const std::string& name) {
  table.name = name;
  return table;
}

class AlterContract : public Contract {
 protected:
  // `people` with two rows, at checkpoint 2000.
  std::unique_ptr<Sink> with_people() {
    auto sink = filled({&people_});
    EXPECT_OK(sink->begin());
    EXPECT_OK(upsert(*sink, people_, {integer(1), text("ann"), integer(30)}));
    EXPECT_OK(upsert(*sink, people_, {integer(2), text("bob"), null()}));
    EXPECT_OK(sink->commit(at(2000)));
    return sink;
  }

  Rows schema(const std::string& where) {
    auto rows = cache_->query("SELECT type, name, tbl_name FROM sqlite_master WHERE " + where);
    EXPECT_TRUE(rows);
    return rows.value_or(Rows{});
  }
  void expect_sound() {
    const std::optional<Rows> sound = cache_->speaks_sql() ? std::optional(Rows{{text_cell("ok")}}) : std::nullopt;
    EXPECT_EQ(sound, cache_->query("PRAGMA integrity_check"));
  }
  // Applies `steps` to `people` and expects that table to be poisoned, however late.
  Error refused(Sink& sink, const std::vector<SchemaStep>& steps) {
    EXPECT_OK(sink.begin());
    auto outcome = alter(sink, steps);
    if (outcome) outcome = sink.commit(at(3000));
    EXPECT_FALSE(outcome);
    sink.abandon();
    if (outcome) return {};
    EXPECT_EQ(Verdict::PoisonRow, outcome.error().verdict) << describe(outcome.error());
    EXPECT_FALSE(outcome.error().remedy.empty());
    EXPECT_EQ(at(2000), peek().checkpoint);
    return outcome.error();
  }

  CacheTable people_ = people();
};

TEST_P(AlterContract, ColumnIsAddedBetweenTheRowsOfATransaction) {
  const auto sink = with_people();
  const auto after = with_column(people_, text_column("mail"));
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, people_, {integer(3), text("before"), integer(3)}));
  ASSERT_OK(alter(*sink, {add_column_step("people", text_column("mail"), text("it's none"))}));
  ASSERT_OK(upsert(*sink, after, {integer(1), text("ann"), integer(31), null()}));
  ASSERT_OK(upsert(*sink, after, {integer(4), text("after"), null(), text("a@b")}));
  EXPECT_EQ(2U, rows(people_).size());
  ASSERT_OK(sink->commit(at(3000)));
  EXPECT_EQ(sorted({row({integer(1), text("ann"), integer(31), null()}),
                    row({integer(2), text("bob"), null(), text("it's none")}),
                    row({integer(3), text("before"), integer(3), text("it's none")}),
                    row({integer(4), text("after"), null(), text("a@b")})}),
            rows(after));
  EXPECT_EQ(at(3000), peek().checkpoint);
  expect_sound();
}

TEST_P(AlterContract, FillsKeepTheirClassAndValue) {
  const auto sink = with_people();
  const std::pair<CacheColumn, SqlValue> added[] = {
      {{"i", "BIGINT", CacheColumn::Form::Plain}, integer(-INT64_MAX)},
      {{"r", "DOUBLE", CacheColumn::Form::Plain}, real(0.1)},
      {{"huge", "DOUBLE", CacheColumn::Form::Plain}, real(-1.7976931348623157e308)},
      {{"b", "BLOB", CacheColumn::Form::Blob}, blob(std::string_view("\x00\xff'", 3))},
      {text_column("t"), text("a'b\"c\né")},
      {text_column("n"), null()}};
  auto after = people_;
  std::vector<SchemaStep> steps;
  Values expected = {integer(1), text("ann"), integer(30)};
  for (const auto& [column, fill] : added) {
    after = with_column(after, column);
    steps.push_back(add_column_step("people", column, fill));
    expected.push_back(fill);
  }
  ASSERT_OK(sink->begin());
  ASSERT_OK(alter(*sink, steps));
  ASSERT_OK(erase(*sink, after, {integer(2)}));
  ASSERT_OK(sink->commit(at(3000)));
  EXPECT_EQ(Rows({row(expected)}), rows(after));
}

TEST_P(AlterContract, ColumnsAreDroppedAndRenamed) {
  const auto sink = with_people();
  auto after = make_table(201, "people", {"id INTEGER", "title TEXT"}, {0}, true);
  after.schema_hash = "hash-2";
  ASSERT_OK(sink->begin());
  ASSERT_OK(update(*sink, people_, {integer(2)}, {absent(), text("robert"), absent()}));
  ASSERT_OK(alter(*sink, {drop_column_step("people", "age"), rename_column_step("people", "name", "title")}));
  ASSERT_OK(update(*sink, after, {integer(1)}, {absent(), text("anna")}));
  ASSERT_OK(sink->commit(at(3000)));
  EXPECT_EQ(sorted({row({integer(1), text("anna")}), row({integer(2), text("robert")})}), rows(after));
  expect_sound();
}

TEST_P(AlterContract, TablesAreMadeRenamedAndDropped) {
  const auto sink = with_people();
  const auto pets = make_table(202, "pets", {"id INTEGER", "name TEXT"}, {0}, true);
  const auto humans = named(people_, "humans");
  ASSERT_OK(sink->begin());
  ASSERT_OK(alter(*sink, {create_step(pets, "pets"), rename_step("people", "humans")}));
  ASSERT_OK(upsert(*sink, pets, {integer(1), text("rex")}));
  ASSERT_OK(upsert(*sink, humans, {integer(3), text("cid"), null()}));
  ASSERT_OK(sink->record(live(pets)));
  ASSERT_OK(sink->record(live(humans)));
  ASSERT_OK(sink->commit(at(3000)));
  EXPECT_FALSE(cache_->rows(people_));
  EXPECT_EQ(3U, rows(humans).size());
  EXPECT_EQ(1U, rows(pets).size());
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, pets, {integer(2), text("tom")}));
  ASSERT_OK(alter(*sink, {drop_step("pets"), drop_step("never there")}));
  ASSERT_OK(sink->forget(pets.source_oid));
  ASSERT_OK(sink->commit(at(4000)));
  EXPECT_FALSE(cache_->rows(pets));
  ASSERT_EQ(1U, peek().tables.size());
  EXPECT_EQ("humans", peek().tables[0].cache_name);
  expect_sound();
}

TEST_P(AlterContract, NameMayChangeItsCaseOnly) {
  const auto sink = with_people();
  ASSERT_OK(sink->begin());
  ASSERT_OK(alter(*sink, {rename_step("people", "People")}));
  ASSERT_OK(sink->record(live(named(people_, "People"))));
  ASSERT_OK(sink->commit(at(3000)));
  EXPECT_EQ(2U, rows(named(people_, "People")).size());
  if (!cache_->is_sqlite()) return;
  EXPECT_EQ(Rows({{text_cell("People")}}), cache_->query("SELECT name FROM sqlite_master WHERE name = 'People'"));
}

// The rebuild that a change of the key needs, and a table filled beside the one readers see.
TEST_P(AlterContract, TableIsRebuiltBesideAndSwappedIn) {
  const auto sink = with_people();
  auto after = make_table(201, "people", {"name TEXT", "age BIGINT"}, {0});
  after.schema_hash = "hash-2";
  const auto beside = backfill_table_name("main", 201);
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, people_, {integer(3), text("cid"), integer(5)}));
  ASSERT_OK(alter(*sink, {create_step(after, beside),
                          execute_step("people", "INSERT INTO \"" + beside +
                                                     "\" (\"name\", \"age\") SELECT \"name\", \"age\" FROM \"people\""),
                          drop_step("people"), rename_step(beside, "people"),
                          index_step("people", plain_index("by_age", {"\"age\" DESC"}))}));
  ASSERT_OK(upsert(*sink, after, {text("cid"), integer(6)}));
  ASSERT_OK(sink->commit(at(3000)));
  EXPECT_EQ(sorted({row({text("ann"), integer(30)}), row({text("bob"), null()}), row({text("cid"), integer(6)})}),
            rows(after));
  expect_sound();
}

TEST_P(AlterContract, StatementMovesRows) {
  const auto sink = with_people();
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, people_, {integer(3), text("ann"), null()}));
  ASSERT_OK(alter(*sink, {execute_step("people", "UPDATE \"people\" SET \"name\" = 'eve' WHERE \"name\" = 'ann'")}));
  ASSERT_OK(upsert(*sink, people_, {integer(4), text("ann"), null()}));
  ASSERT_OK(sink->commit(at(3000)));
  EXPECT_EQ(sorted({row({integer(1), text("eve"), integer(30)}), row({integer(2), text("bob"), null()}),
                    row({integer(3), text("eve"), null()}), row({integer(4), text("ann"), null()})}),
            rows(people_));
}

TEST_P(AlterContract, AbandonTakesTheSchemaBack) {
  const auto sink = with_people();
  const auto pets = make_table(202, "pets", {"id INTEGER", "name TEXT"}, {0}, true);
  ASSERT_OK(sink->begin());
  ASSERT_OK(alter(*sink, {add_column_step("people", text_column("mail"), null()), create_step(pets, "pets")}));
  ASSERT_OK(upsert(*sink, pets, {integer(1), text("rex")}));
  ASSERT_OK(alter(*sink, {drop_step("people")}));
  sink->abandon();
  EXPECT_EQ(2U, rows(people_).size());
  EXPECT_FALSE(cache_->rows(pets));
  EXPECT_EQ(std::nullopt, cache_->query("SELECT people.mail FROM people"));
  ASSERT_TRUE(sink->open());
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, people_, {integer(3), text("cid"), null()}));
  ASSERT_OK(sink->commit(at(3000)));
  EXPECT_EQ(3U, rows(people_).size());
  expect_sound();
}

TEST_P(AlterContract, WriterThatDiesLeavesTheSchema) {
  {
    const auto dead = with_people();
    ASSERT_OK(dead->begin());
    ASSERT_OK(alter(*dead, {drop_step("people")}));
  }
  const auto sink = open();
  EXPECT_EQ(2U, rows(people_).size());
  EXPECT_EQ(at(2000), peek().checkpoint);
}

TEST_P(AlterContract, LostAnswerOfAnAlterIsSettled) {
  const auto sink = with_people();
  if (!cache_->lose_next_commit_answer()) GTEST_SKIP() << "no answer can be lost";
  const auto after = with_column(people_, text_column("mail"));
  ASSERT_OK(sink->begin());
  ASSERT_OK(alter(*sink, {add_column_step("people", text_column("mail"), null())}));
  const auto lost = sink->commit(at(3000));
  ASSERT_FALSE(lost);
  EXPECT_EQ(Verdict::Retry, lost.error().verdict);
  ASSERT_OK(sink->commit(at(3000)));
  EXPECT_EQ(2U, rows(after).size());
  EXPECT_EQ(at(3000), peek().checkpoint);
}

TEST_P(AlterContract, FencedWriterAltersNothing) {
  const auto earlier = with_people();
  const auto later = open();
  auto outcome = earlier->begin();
  if (outcome) outcome = alter(*earlier, {drop_step("people")});
  if (outcome) outcome = earlier->commit(at(3000));
  ASSERT_FALSE(outcome);
  EXPECT_EQ("fenced", outcome.error().code) << describe(outcome.error());
  earlier->abandon();
  EXPECT_EQ(2U, rows(people_).size());
}

TEST_P(AlterContract, NameOfSomebodyElseIsRefused) {
  const auto pets = make_table(202, "pets", {"id INTEGER", "name TEXT"}, {0}, true);
  const auto sink = with_people();
  cache_->make_strange_table("pets");
  for (const auto& steps : {std::vector{create_step(pets, "pets")}, std::vector{rename_step("people", "pets")}}) {
    const auto error = refused(*sink, steps);
    EXPECT_EQ("table-exists", error.code);
    EXPECT_EQ(steps.front().table, error.table);
    ASSERT_TRUE(sink->open());
  }
  ASSERT_OK(sink->begin());
  ASSERT_OK(alter(*sink, {drop_step("pets")}));
  ASSERT_OK(sink->commit(at(3000)));
  EXPECT_EQ(cache_->speaks_sql() ? std::optional(Rows()) : std::nullopt, cache_->query("SELECT x FROM pets"));
  EXPECT_EQ(2U, rows(people_).size());
}

TEST_P(AlterContract, SwapOntoANameOfSomebodyElseNamesTheTable) {
  const auto pets = make_table(202, "pets", {"id INTEGER", "name TEXT"}, {0}, true);
  const auto sink = with_people();
  cache_->make_strange_table("pets");
  const auto beside = backfill_table_name("main", 202);
  const auto error = refused(*sink, {create_step(pets, beside), rename_step(beside, "pets")});
  EXPECT_EQ("table-exists", error.code);
  EXPECT_EQ("pets", error.table);
}

TEST_P(AlterContract, OwnLeftoverMakesRoom) {
  const auto sink = with_people();
  auto record = live(people_);
  record.backfill = "{}";
  const auto beside = backfill_table_name("main", 201);
  const auto half_filled = named(people_, beside);
  ASSERT_OK(sink->begin());
  ASSERT_OK(alter(*sink, {create_step(people_, beside)}));
  ASSERT_OK(upsert(*sink, half_filled, {integer(9), text("half"), null()}));
  ASSERT_OK(sink->record(record));
  ASSERT_OK(sink->commit(at(3000)));
  ASSERT_OK(sink->begin());
  ASSERT_OK(alter(*sink, {create_step(people_, beside), create_step(people_, "people")}));
  ASSERT_OK(upsert(*sink, people_, {integer(7), text("new"), null()}));
  ASSERT_OK(sink->commit(at(4000)));
  EXPECT_TRUE(rows(half_filled).empty());
  EXPECT_EQ(1U, rows(people_).size());
}

TEST_P(AlterContract, RefusedStatementPoisonsItsTable) {
  if (!cache_->speaks_sql()) GTEST_SKIP() << "no SQL";
  const auto sink = with_people();
  const std::vector<SchemaStep> wrong[] = {
      {add_computed_step("people", {"c", "TEXT", "no_such_function(name)"})},
      {index_step("people", plain_index("wrong", {"\"no such column\""})),
       add_column_step("people", text_column("name"), null())},
      {execute_step("people", "UPDATE people SET nowhere = 'hidden-value'")},
      {add_column_step("people", {"name", "TEXT", CacheColumn::Form::Plain}, text("hidden-value"))},
      {drop_column_step("people", "id")}};
  for (const auto& steps : wrong) {
    const auto error = refused(*sink, steps);
    EXPECT_EQ("schema-refused", error.code) << describe(error);
    EXPECT_EQ("people", error.table);
    EXPECT_EQ(std::string::npos, describe(error).find("hidden-value")) << describe(error);
    ASSERT_TRUE(sink->open());
    EXPECT_EQ(2U, rows(people_).size());
  }
  expect_sound();
}

TEST_P(AlterContract, UpdateMayMissItsRow) {
  const auto sink = with_people();
  ASSERT_OK(sink->begin());
  ASSERT_OK(update_if_there(*sink, people_, {integer(9)}, {absent(), text("nobody"), absent()}));
  ASSERT_OK(update_if_there(*sink, people_, {integer(1)}, {absent(), text("anna"), absent()}));
  ASSERT_OK(erase(*sink, people_, {integer(2)}));
  ASSERT_OK(update_if_there(*sink, people_, {integer(2)}, {absent(), text("gone"), absent()}));
  ASSERT_OK(sink->commit(at(3000)));
  EXPECT_EQ(Rows({row({integer(1), text("anna"), integer(30)})}), rows(people_));
  ASSERT_OK(sink->begin());
  auto outcome = update_if_there(*sink, people_, {integer(9)}, {absent(), text("nobody"), absent()});
  if (outcome) outcome = update(*sink, people_, {integer(9)}, {absent(), absent(), integer(1)});
  if (outcome) outcome = sink->commit(at(4000));
  ASSERT_FALSE(outcome);
  EXPECT_EQ("row-missing", outcome.error().code) << describe(outcome.error());
}

TEST_P(AlterContract, SoftTruncationMarksWhatIsNotMarked) {
  auto table = make_table(203, "soft", {"id INTEGER", "leaf BIGINT", "gone TEXT"}, {0}, true);
  const auto sink = filled({&table});
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, table, {integer(1), integer(7), null()}));
  ASSERT_OK(upsert(*sink, table, {integer(2), integer(7), text("early")}));
  ASSERT_OK(upsert(*sink, table, {integer(3), integer(8), null()}));
  ASSERT_OK(soft_truncate(*sink, table, {absent(), absent(), text("late")}, 1, 7));
  ASSERT_OK(upsert(*sink, table, {integer(4), integer(7), null()}));
  ASSERT_OK(sink->commit(at(2000)));
  const auto marked = [&](const char* third, const char* fourth) {
    return sorted({row({integer(1), integer(7), text("late")}), row({integer(2), integer(7), text("early")}),
                   row({integer(3), integer(8), third == nullptr ? null() : text(third)}),
                   row({integer(4), integer(7), fourth == nullptr ? null() : text(fourth)})});
  };
  EXPECT_EQ(marked(nullptr, nullptr), rows(table));
  ASSERT_OK(sink->begin());
  ASSERT_OK(soft_truncate(*sink, table, {absent(), absent(), text("all")}));
  ASSERT_OK(sink->commit(at(3000)));
  EXPECT_EQ(marked("all", "all"), rows(table));
}

INSTANTIATE_TEST_SUITE_P(Caches, AlterContract, ::testing::ValuesIn(caches_under_test()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace walbridge::testing
