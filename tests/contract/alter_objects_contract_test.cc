// What hangs on a table while its schema changes: a user's views, indexes and triggers, computed columns, indexes of
// every kind; and what an earlier version or an interrupted backfill left behind.
#include <chrono>
#include <cstdio>

#include "pipeline/api/cache_sql.h"
#include "tests/contract/contract_suite.h"

namespace walbridge::testing {
namespace {

CacheTable notes() { return make_table(301, "notes", {"id INTEGER", "title TEXT", "body TEXT"}, {0}, true); }

class AlterObjects : public Contract {
 protected:
  void SetUp() override {
    if (!cache_->speaks_sql()) GTEST_SKIP() << "no SQL";
  }
  std::unique_ptr<Sink> with_notes() {
    auto sink = filled({&notes_});
    EXPECT_OK(sink->begin());
    EXPECT_OK(upsert(*sink, notes_, {integer(1), text("first"), text("red apple")}));
    EXPECT_OK(upsert(*sink, notes_, {integer(2), text("second"), text("green pear")}));
    EXPECT_OK(sink->commit(at(2000)));
    return sink;
  }
  void run(const std::string& sql) { ASSERT_TRUE(cache_->query(sql)) << sql; }
  std::string one(const std::string& sql) {
    const auto rows = cache_->query(sql);
    if (!rows) return "failed";
    std::string cells;
    for (const auto& row : *rows) {
      for (const auto& cell : row) cells += (cells.empty() ? "" : " ") + cell;
    }
    return cells;
  }
  void commit(Sink& sink, const std::vector<SchemaStep>& steps) {
    ASSERT_OK(sink.begin());
    ASSERT_OK(alter(sink, steps));
    ASSERT_OK(sink.commit(at(lsn_ += 1000)));
  }
  // The rows of `notes` into a table beside it, and that in its place.
  std::vector<SchemaStep> swap(const CacheTable& after, const std::string& columns) {
    const auto beside = backfill_table_name("main", notes_.source_oid);
    return {create_step(after, beside),
            execute_step("notes", "INSERT INTO \"" + beside + "\" SELECT " + columns + " FROM \"notes\""),
            drop_step("notes"), rename_step(beside, "notes")};
  }
  void expect_sound() { EXPECT_EQ(text_cell("ok"), one("PRAGMA integrity_check")); }

  CacheTable notes_ = notes();
  std::uint64_t lsn_ = 2000;
};

TEST_P(AlterObjects, ViewsOfTheUserSurviveEveryStep) {
  const auto sink = with_notes();
  run("CREATE VIEW titles AS SELECT id, title FROM notes");
  run("CREATE VIEW loud AS SELECT upper(title) AS t FROM titles");
  const auto others = make_table(302, "others", {"id INTEGER", "a TEXT"}, {0}, true);
  commit(*sink, {create_step(others, "others"), rename_step("others", "more")});
  EXPECT_EQ("t:FIRST t:SECOND", one("SELECT t FROM loud"));
  commit(*sink, {drop_column_step("notes", "body")});
  EXPECT_EQ("t:FIRST t:SECOND", one("SELECT t FROM loud"));
  commit(*sink, swap(make_table(301, "notes", {"id BIGINT", "title TEXT"}, {0}), "id, title || '!'"));
  EXPECT_EQ("t:FIRST! t:SECOND!", one("SELECT t FROM loud"));
  commit(*sink, {rename_column_step("notes", "title", "headline"), rename_column_step("notes", "headline", "title")});
  EXPECT_EQ("t:FIRST! t:SECOND!", one("SELECT t FROM loud"));
  expect_sound();
}

TEST_P(AlterObjects, BrokenViewDoesNotStopAChange) {
  const auto sink = with_notes();
  run("CREATE VIEW bodies AS SELECT body FROM notes");
  commit(*sink, {drop_column_step("notes", "body")});
  EXPECT_EQ("t:bodies", one("SELECT name FROM sqlite_master WHERE type = 'view' AND name = 'bodies'"));
  commit(*sink, {rename_column_step("notes", "title", "headline")});
  EXPECT_EQ("t:first t:second", one("SELECT headline FROM notes"));
}

TEST_P(AlterObjects, IndexesAndTriggersOfTheUserSurviveASwap) {
  const auto sink = with_notes();
  run("CREATE TABLE seen (what TEXT)");
  run("CREATE INDEX users_own ON notes (title COLLATE NOCASE)");
  run("CREATE TRIGGER users_watch AFTER INSERT ON notes BEGIN INSERT INTO seen VALUES (new.title); END");
  commit(*sink, {index_step("notes", {CacheIndex::Kind::Plain, "by_body", {"\"body\""}})});
  auto steps = swap(make_table(301, "notes", {"id BIGINT", "title TEXT", "body TEXT"}, {0}), "id, title, body");
  steps.push_back(index_step("notes", {CacheIndex::Kind::Plain, "by_title", {"\"title\""}}));
  commit(*sink, steps);
  const std::string names =
      "SELECT name FROM sqlite_master WHERE tbl_name = 'notes' AND type IN ('index', 'trigger') "
      "AND name NOT GLOB 'sqlite_autoindex*'";
  // tursodb keeps no comment, by which our own index could be told.
  const bool marks = cache_->is_sqlite();
  EXPECT_EQ(marks ? "t:by_title t:users_own t:users_watch" : "t:by_body t:by_title t:users_own t:users_watch",
            one(names));
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, notes_, {integer(3), text("third"), null()}));
  ASSERT_OK(sink->commit(at(9000)));
  EXPECT_EQ("t:third", one("SELECT what FROM seen"));
  expect_sound();
}

TEST_P(AlterObjects, WhatNoLongerFitsIsDropped) {
  const auto sink = with_notes();
  run("CREATE TABLE seen (what TEXT)");
  run("CREATE INDEX users_body ON notes (body)");
  run("CREATE INDEX users_title ON notes (title)");
  run("CREATE TRIGGER users_watch AFTER INSERT ON notes BEGIN INSERT INTO seen VALUES (new.body); END");
  commit(*sink, swap(make_table(301, "notes", {"id BIGINT", "title TEXT"}, {0}), "id, title"));
  EXPECT_EQ("t:users_title", one("SELECT name FROM sqlite_master WHERE name GLOB 'users_*'"));
  const auto after = make_table(301, "notes", {"id BIGINT", "title TEXT"}, {0});
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, after, {integer(3), text("third")}));
  ASSERT_OK(sink->commit(at(9000)));
  EXPECT_EQ("i:3", one("SELECT count(*) FROM notes"));
  expect_sound();
}

TEST_P(AlterObjects, DroppedColumnTakesTheUsersIndexAlong) {
  const auto sink = with_notes();
  run("CREATE INDEX users_body ON notes (body)");
  commit(*sink, {drop_column_step("notes", "body")});
  EXPECT_EQ("", one("SELECT name FROM sqlite_master WHERE name = 'users_body'"));
  EXPECT_EQ("i:2", one("SELECT count(*) FROM notes"));
  expect_sound();
}

TEST_P(AlterObjects, UsersObjectsSurviveWhatSqliteDoesItself) {
  const auto sink = with_notes();
  run("CREATE TABLE seen (what TEXT)");
  run("CREATE INDEX users_own ON notes (title)");
  run("CREATE TRIGGER users_watch AFTER INSERT ON notes BEGIN INSERT INTO seen VALUES (new.title); END");
  commit(*sink, {add_column_step("notes", {"c", "TEXT", CacheColumn::Form::Plain}, null()),
                 rename_column_step("notes", "title", "headline"), rename_step("notes", "papers")});
  const auto after = make_table(301, "papers", {"id INTEGER", "headline TEXT", "body TEXT", "c TEXT"}, {0}, true);
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, after, {integer(3), text("third"), null(), null()}));
  ASSERT_OK(sink->commit(at(9000)));
  EXPECT_EQ("t:third", one("SELECT what FROM seen"));
  EXPECT_EQ("t:papers", one("SELECT tbl_name FROM sqlite_master WHERE name = 'users_own'"));
  expect_sound();
}

TEST_P(AlterObjects, ComputedColumnsAreComputed) {
  if (!cache_->is_sqlite()) GTEST_SKIP() << "no computed columns";
  const auto sink = with_notes();
  auto after = notes_;
  after.computed = {{"length", "INTEGER", "length(\"body\")"}};
  commit(*sink, {add_computed_step("notes", after.computed.front())});
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, after, {integer(3), null(), text("four")}));
  ASSERT_OK(sink->commit(at(9000)));
  EXPECT_EQ("i:10 i:4 i:9", one("SELECT length FROM notes"));
  lsn_ = 9000;
  commit(*sink, {drop_column_step("notes", "length")});
  EXPECT_EQ("failed", one("SELECT \"notes\".\"length\" FROM notes"));
  auto other = after;
  other.source_oid = 302;
  commit(*sink, {create_step(other, "others")});
  EXPECT_EQ("", one("SELECT length FROM others"));
  expect_sound();
}

TEST_P(AlterObjects, IndexesOfEveryPlainKind) {
  const auto sink = with_notes();
  const CacheIndex unique{CacheIndex::Kind::Unique, "one_title", {"\"title\""}};
  const CacheIndex partial{CacheIndex::Kind::Plain, "some", {"\"title\" DESC", "\"id\""}, "\"body\" IS NOT NULL"};
  const CacheIndex expression{CacheIndex::Kind::Plain, "lower", {"lower(\"title\")"}};
  commit(*sink, {index_step("notes", unique), index_step("notes", partial), index_step("notes", expression)});
  const std::string names = "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'notes'";
  EXPECT_EQ("t:lower t:one_title t:some", one(names));
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, notes_, {integer(3), text("first"), null()}));
  const auto doubled = sink->commit(at(9000));
  if (doubled) ADD_FAILURE() << "the unique index does not hold";
  sink->abandon();
  ASSERT_TRUE(sink->open());
  commit(*sink, {drop_index_step("notes", unique), drop_index_step("notes", partial),
                 drop_index_step("notes", expression), drop_index_step("notes", expression)});
  EXPECT_EQ("", one(names));
  expect_sound();
}

TEST_P(AlterObjects, TakenIndexNameGetsTheTableInFront) {
  const auto sink = with_notes();
  run("CREATE TABLE foreign_one (a)");
  run("CREATE INDEX by_title ON foreign_one (a)");
  const CacheIndex index{CacheIndex::Kind::Plain, "By_Title", {"\"title\""}};
  commit(*sink, {index_step("notes", index)});
  const std::string names = "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'notes'";
  const auto given = cache_->is_sqlite() ? "t:notes_By_Title" : "t:notes_by_title";
  EXPECT_EQ(given, one(names));
  auto steps = swap(notes_, "id, title, body");
  steps.push_back(index_step("notes", index));
  commit(*sink, steps);
  EXPECT_EQ(given, one(names));
  commit(*sink, {drop_index_step("notes", index)});
  EXPECT_EQ("", one(names));
  EXPECT_EQ("t:by_title", one("SELECT name FROM sqlite_master WHERE tbl_name = 'foreign_one' AND type = 'index'"));
  run("CREATE INDEX notes_by_title ON foreign_one (a)");
  ASSERT_OK(sink->begin());
  auto refused = alter(*sink, {index_step("notes", index)});
  if (refused) refused = sink->commit(at(9000));
  ASSERT_FALSE(refused);
  EXPECT_EQ("index-exists", refused.error().code);
  EXPECT_EQ("notes", refused.error().table);
}

class FullText : public AlterObjects {
 protected:
  void SetUp() override {
    if (!cache_->is_sqlite()) GTEST_SKIP() << "no FTS5";
  }
  // Ids whose text matches; and FTS5's own comparison of the index with its table.
  std::string find(const std::string& word, const std::string& index = "texts") {
    run("INSERT INTO " + index + "(" + index + ", rank) VALUES ('integrity-check', 1)");
    return one("SELECT rowid FROM " + index + " WHERE " + index + " MATCH '" + word + "' ORDER BY rowid");
  }
  const CacheIndex texts_{CacheIndex::Kind::FullText, "texts", {"\"title\"", "\"body\""}};
};

TEST_P(FullText, FollowsEveryChangeOfARow) {
  const auto sink = with_notes();
  commit(*sink, {index_step("notes", texts_)});
  EXPECT_EQ("i:1", find("apple"));
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, notes_, {integer(1), text("first"), text("blue plum")}));
  ASSERT_OK(upsert(*sink, notes_, {integer(3), text("third"), text("yellow apple")}));
  ASSERT_OK(update(*sink, notes_, {integer(2)}, {absent(), absent(), text("ripe apple")}));
  ASSERT_OK(sink->commit(at(4000)));
  EXPECT_EQ("i:2 i:3", find("apple"));
  EXPECT_EQ("i:1", find("plum"));
  EXPECT_EQ("", find("pear"));
  ASSERT_OK(sink->begin());
  ASSERT_OK(erase(*sink, notes_, {integer(3)}));
  ASSERT_OK(update(*sink, notes_, {integer(2)}, {integer(12), absent(), absent()}));
  ASSERT_OK(sink->commit(at(5000)));
  EXPECT_EQ("i:12", find("apple"));
  ASSERT_OK(sink->begin());
  ASSERT_OK(truncate(*sink, notes_));
  ASSERT_OK(upsert(*sink, notes_, {integer(9), text("ninth"), text("new apple")}));
  ASSERT_OK(sink->commit(at(6000)));
  EXPECT_EQ("i:9", find("apple"));
  ASSERT_OK(sink->begin());
  auto missing = update(*sink, notes_, {integer(77)}, {absent(), absent(), text("x")});
  if (missing) missing = sink->commit(at(7000));
  ASSERT_FALSE(missing) << "the triggers' changes were counted";
  EXPECT_EQ("row-missing", missing.error().code);
}

TEST_P(FullText, FollowsItsTable) {
  const auto sink = with_notes();
  commit(*sink, {index_step("notes", texts_), rename_step("notes", "it's")});
  auto renamed = notes_;
  renamed.name = "it's";
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, renamed, {integer(3), text("third"), text("sour apple")}));
  ASSERT_OK(sink->record(live(renamed)));
  ASSERT_OK(sink->commit(at(4000)));
  EXPECT_EQ("i:1 i:3", find("apple"));
  lsn_ = 4000;
  commit(*sink, {rename_step("it's", "notes")});
  ASSERT_OK(sink->begin());
  ASSERT_OK(sink->record(live(notes_)));
  ASSERT_OK(sink->commit(at(lsn_ += 1000)));
  auto steps = swap(notes_, "id, title, 'some ' || body");
  steps.push_back(index_step("notes", texts_));
  commit(*sink, steps);
  EXPECT_EQ("i:1 i:2 i:3", find("some"));
  commit(*sink, {drop_index_step("notes", texts_)});
  EXPECT_EQ("", one("SELECT name FROM sqlite_master WHERE name GLOB '*texts*'"));
  commit(*sink, {index_step("notes", texts_), drop_step("notes")});
  EXPECT_EQ("", one("SELECT name FROM sqlite_master WHERE name GLOB '*texts*'"));
  expect_sound();
}

TEST_P(FullText, ComesWithAFirstLoadAndGoesWithTheStream) {
  notes_.indexes = {texts_, {CacheIndex::Kind::Plain, "by_title", {"\"title\""}}};
  notes_.computed = {{"len", "INTEGER", "length(\"body\")"}};
  const auto sink = open();
  load(*sink, notes_, {{integer(1), text("first"), text("red apple")}}, at(1000));
  EXPECT_EQ("i:1", find("apple"));
  EXPECT_EQ("i:9", one("SELECT len FROM notes"));
  ASSERT_OK(sink->remove(peek().tables));
  EXPECT_EQ("", one("SELECT name FROM sqlite_master WHERE name GLOB '*texts*' OR name = 'notes'"));
}

TEST_P(AlterObjects, VectorsAreFound) {
  if (!cache_->has_vectors()) GTEST_SKIP() << "no vectors";
  auto table = make_table(303, "points", {"id INTEGER"}, {0}, true);
  table.columns.push_back({"at", "F32_BLOB(2)", CacheColumn::Form::Blob});
  const CacheIndex index{CacheIndex::Kind::Vector, "near", {"\"at\"", "l2"}};
  const auto sink = filled({&table});
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, table, {integer(1), blob(std::string_view("\0\0\0\0\0\0\0\0", 8))}));
  ASSERT_OK(alter(*sink, {index_step("points", index)}));
  ASSERT_OK(upsert(*sink, table, {integer(2), blob(std::string_view("\0\0\x80\x3f\0\0\0\0", 8))}));
  ASSERT_OK(sink->commit(at(2000)));
  EXPECT_EQ("i:2", one("SELECT id FROM vector_top_k('near', vector32('[2,0]'), 1)"));
  commit(*sink, {rename_step("points", "dots")});
  EXPECT_EQ("i:2", one("SELECT id FROM vector_top_k('near', vector32('[2,0]'), 1)"));
  commit(*sink, {drop_index_step("dots", index)});
  EXPECT_EQ("", one("SELECT name FROM sqlite_master WHERE name GLOB 'near*'"));
}

TEST_P(AlterObjects, RefusedTableOfALoadStaysOutAlone) {
  auto wrong = make_table(304, "wrong", {"id INTEGER"}, {0}, true);
  wrong.computed = {{"c", "TEXT", "no_such_function(id)"}};
  const CacheTable* const tables[] = {&wrong, &notes_};
  const auto sink = open();
  ASSERT_OK(sink->begin_load(tables));
  ASSERT_OK(sink->load(*block_of(notes_, {{integer(1), text("a"), null()}})));
  TableRecord records[] = {live(wrong), live(notes_)};
  const auto refused = sink->finish_load(records, kSource, at(1000));
  ASSERT_FALSE(refused);
  EXPECT_EQ(Verdict::PoisonRow, refused.error().verdict) << describe(refused.error());
  EXPECT_EQ("wrong", refused.error().table);
  records[0].state = TableState::Stopped;
  ASSERT_OK(sink->finish_load(records, kSource, at(1000)));
  EXPECT_EQ(1U, rows(notes_).size());
  EXPECT_FALSE(cache_->rows(wrong));
}

TEST_P(AlterObjects, EqualRowsOfAUniqueIndexStopTheirTableAlone) {
  auto doubled = make_table(305, "doubled", {"id INTEGER", "a TEXT"}, {0}, true);
  doubled.indexes = {{CacheIndex::Kind::Unique, "one_a", {"\"a\" DESC"}}};
  const CacheTable* const tables[] = {&doubled, &notes_};
  const auto sink = open();
  ASSERT_OK(sink->begin_load(tables));
  ASSERT_OK(sink->load(*block_of(doubled, {{integer(1), text("x")}, {integer(2), text("x")}})));
  ASSERT_OK(sink->load(*block_of(notes_, {{integer(1), text("a"), null()}})));
  TableRecord records[] = {live(doubled), live(notes_)};
  const auto refused = sink->finish_load(records, kSource, at(1000));
  ASSERT_FALSE(refused);
  EXPECT_EQ("doubled", refused.error().table) << describe(refused.error());
  records[0].state = TableState::Stopped;
  ASSERT_OK(sink->finish_load(records, kSource, at(1000)));
  EXPECT_EQ(1U, rows(notes_).size());
  EXPECT_FALSE(cache_->rows(doubled));
  expect_sound();
}

TEST_P(AlterObjects, FirstLayoutIsUpgradedByTheWriterOnly) {
  { const auto sink = with_notes(); }
  cache_->make_first_layout();
  const CacheTable* const tables[] = {&notes_};
  EXPECT_EQ("notes", peek().tables.at(0).cache_name);
  EXPECT_EQ(Finding::Severity::Ok, cache_->make_sink()->check(tables).at(0).severity);
  EXPECT_EQ("failed", one("SELECT shape FROM _walbridge_tables"));
  const auto sink = cache_->make_sink();
  const auto state = sink->open();
  ASSERT_TRUE(state) << describe(state.error());
  ASSERT_EQ(1U, state->tables.size());
  EXPECT_EQ("", state->tables[0].shape);
  EXPECT_EQ(at(2000), state->checkpoint);
  auto record = state->tables[0];
  record.description = "{\"v\":1}";
  record.shape = "{\"name\":\"it's\"}";
  record.backfill = "{\"after\":[]}";
  ASSERT_OK(sink->begin());
  ASSERT_OK(sink->record(record));
  ASSERT_OK(sink->commit(at(3000)));
  const auto again = cache_->make_sink()->open();
  ASSERT_TRUE(again) << describe(again.error());
  EXPECT_EQ(record.description, again->tables.at(0).description);
  EXPECT_EQ(record.shape, again->tables.at(0).shape);
  EXPECT_EQ(record.backfill, again->tables.at(0).backfill);
}

TEST_P(AlterObjects, OnlyOrphansOfABackfillGoAtOpen) {
  const auto other = filled({}, "other");
  const auto sink = with_notes();
  auto filling = live(notes_);
  filling.state = TableState::Pending;
  filling.backfill = "{}";
  const auto keeps = backfill_table_name("main", notes_.source_oid);
  const auto orphan = backfill_table_name("main", 999);
  const auto foreign = backfill_table_name("other", 999);
  run("CREATE TABLE " + foreign + " (a)");
  ASSERT_OK(sink->begin());
  ASSERT_OK(alter(*sink, {create_step(notes_, keeps), create_step(notes_, orphan)}));
  ASSERT_OK(sink->record(filling));
  ASSERT_OK(sink->commit(at(3000)));
  ASSERT_TRUE(sink->open());
  const std::string names = "SELECT name FROM sqlite_master WHERE name GLOB '_walbridge_fill_*' AND type = 'table'";
  EXPECT_EQ("t:" + keeps + " t:" + foreign, one(names));
  EXPECT_EQ(at(3000), peek().checkpoint);
  filling.backfill.clear();
  ASSERT_OK(sink->begin());
  ASSERT_OK(sink->record(filling));
  ASSERT_OK(sink->commit(at(4000)));
  ASSERT_TRUE(sink->open());
  EXPECT_EQ("t:" + foreign, one(names));
  filling.backfill = "{}";
  lsn_ = 4000;
  ASSERT_OK(sink->begin());
  ASSERT_OK(alter(*sink, {create_step(notes_, keeps)}));
  ASSERT_OK(sink->record(filling));
  ASSERT_OK(sink->commit(at(5000)));
  ASSERT_OK(sink->remove(peek().tables));
  EXPECT_EQ("t:" + foreign, one(names));
}

// A record of a table that never had rows here owns nothing, whoever made a table of that name.
TEST_P(AlterObjects, PendingTableOwnsNothing) {
  const auto sink = with_notes();
  auto pending = live(make_table(306, "precious", {"id INTEGER"}, {0}, true), 0);
  pending.state = TableState::Pending;
  ASSERT_OK(sink->begin());
  ASSERT_OK(sink->record(pending));
  ASSERT_OK(sink->commit(at(3000)));
  cache_->make_strange_table("precious");
  lsn_ = 3000;
  commit(*sink, {drop_step("precious")});
  ASSERT_OK(sink->remove(peek().tables));
  EXPECT_EQ("", one("SELECT x FROM precious"));
}

TEST_P(AlterObjects, LargeTableIsSwappedInOneTransaction) {
  const CacheTable* const tables[] = {&notes_};
  const auto sink = open();
  ASSERT_OK(sink->begin_load(tables));
  for (std::int64_t first = 0; first < 200'000; first += 10'000) {
    LoadBlock block;
    block.table = &notes_;
    for (auto id = first; id < first + 10'000; ++id, ++block.rows) {
      const auto title = block.arena.copy("title " + std::to_string(id));
      block.values.insert(block.values.end(), {integer(id), text(title), text("some words as long as rows are")});
    }
    ASSERT_OK(sink->load(block));
  }
  const TableRecord records[] = {live(notes_)};
  ASSERT_OK(sink->finish_load(records, kSource, at(1000)));
  auto steps = swap(make_table(301, "notes", {"id BIGINT", "title TEXT", "body TEXT"}, {0}), "id, title, body");
  steps.push_back(index_step("notes", {CacheIndex::Kind::Plain, "by_title", {"\"title\""}}));
  const auto started = std::chrono::steady_clock::now();
  commit(*sink, steps);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  RecordProperty("seconds", std::to_string(took.count()));
  std::printf("200000 rows rebuilt, indexed and swapped in: %.2f s\n", took.count());
  EXPECT_EQ("i:200000", one("SELECT count(*) FROM notes"));
  EXPECT_EQ("i:1", one("SELECT count(*) FROM notes WHERE title = 'title 777'"));
}

INSTANTIATE_TEST_SUITE_P(Caches, AlterObjects, ::testing::ValuesIn(caches_under_test()),
                         [](const auto& test) { return test.param.name; });
INSTANTIATE_TEST_SUITE_P(Caches, FullText, ::testing::ValuesIn(caches_under_test()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace walbridge::testing
