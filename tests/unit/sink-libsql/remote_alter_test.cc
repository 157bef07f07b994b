// Schema steps of a remote cache: one request with the rows around them, repeated after lost answers without being done
// twice, built anew when the schema moved meanwhile.
#include <gmock/gmock.h>

#include "tests/unit/sink-libsql/remote_fixture.h"

namespace walbridge::testing {
namespace {

class RemoteAlters : public RemoteSinkTest {
 protected:
  static SchemaStep step(SchemaStep::Kind kind, const std::string& table, const std::string& name = "",
                         const std::string& to = "") {
    SchemaStep made;
    made.kind = kind;
    made.table = table;
    made.name = name;
    made.to = to;
    return made;
  }
  static SchemaStep add_column(const std::string& name, std::string_view fill) {
    auto made = step(SchemaStep::Kind::AddColumn, "items");
    made.column = {name, "TEXT", CacheColumn::Form::Plain};
    made.fill = SqlValue::text(fill);
    return made;
  }
  void alter(Sink& sink, const std::vector<SchemaStep>& steps) { expect_ok(sink.alter(steps)); }
  void commit_at_last(Sink& sink, std::uint64_t lsn) {
    for (int i = 0; i < 10; ++i) {
      const auto done = sink.commit(at_lsn(lsn));
      if (done) return;
      ASSERT_EQ(Verdict::Retry, done.error().verdict) << describe(done.error());
    }
    FAIL() << "never done";
  }
};

TEST_F(RemoteAlters, LostAnswersNeitherLoseNorRepeatASchemaChange) {
  auto sink = filled_sink();
  std::uint64_t lsn = 200;
  for (const auto kind : {Fate::Kind::ExecuteAndHalf, Fate::Kind::CutUnread, Fate::Kind::ExecuteAndCut}) {
    for (int request = 0; request < 2; ++request) {  // the schema is read first, then everything is sent
      const auto column = "c" + std::to_string(lsn);
      expect_ok(sink->begin());
      upsert(*sink, 1, "before");
      {
        const std::string fill = "fill of " + column;  // gone before the commit
        alter(*sink, {add_column(column, fill)});
      }
      upsert(*sink, 1, "after");
      if (request == 1) next({});
      next({kind, {}, -1, {}});
      commit_at_last(*sink, lsn);
      EXPECT_EQ(rows("SELECT name, " + column + " FROM items"), "after|fill of " + column);
      EXPECT_EQ(rows("SELECT commit_lsn FROM _walbridge_checkpoint"), std::to_string(lsn));
      expect_ok(sink->begin());
      alter(*sink, {step(SchemaStep::Kind::DropColumn, "items", column)});
      expect_ok(sink->commit(at_lsn(lsn + 1)));
      lsn += 100;
    }
  }
}

TEST_F(RemoteAlters, RowsKeepTheirPlacesAroundSteps) {
  auto sink = filled_sink();
  expect_ok(sink->begin());
  upsert(*sink, 1, "first");
  auto copy = step(SchemaStep::Kind::Execute, "items");
  copy.sql = "UPDATE items SET name = name || '+' ";
  alter(*sink, {copy});
  upsert(*sink, 2, "second");
  alter(*sink, {copy, step(SchemaStep::Kind::RenameTable, "items", "", "things")});
  auto things = items_;
  things.name = "things";
  const SqlValue values[] = {SqlValue::of(std::int64_t{3}), SqlValue::text("third"), SqlValue::null()};
  CacheChange change;
  change.op = CacheChange::Op::Upsert;
  change.table = &things;
  change.values = values;
  expect_ok(sink->apply(change));
  expect_ok(sink->commit(at_lsn(200)));
  EXPECT_EQ(rows("SELECT name FROM things ORDER BY id"), "first++\nsecond+\nthird");
}

// BEGIN and the guard come first, then the check that the schema is the one that was read.
TEST_F(RemoteAlters, SchemaThatMovedIsReadAgain) {
  auto sink = filled_sink();
  expect_ok(sink->begin());
  alter(*sink, {add_column("c", "x")});
  next({});
  next({Fate::Kind::FailStep, {}, 2, "SQLITE_ERROR"});
  expect_ok(sink->commit(at_lsn(200)));
  EXPECT_EQ(rows("SELECT count(*) FROM pragma_table_info('items') WHERE name = 'c'"), "1");

  expect_ok(sink->begin());
  alter(*sink, {add_column("d", "x")});
  for (int i = 0; i < 3; ++i) {
    next({});
    next({Fate::Kind::FailStep, {}, 2, "SQLITE_ERROR"});
  }
  const auto moving = sink->commit(at_lsn(300));
  ASSERT_FALSE(moving);
  EXPECT_EQ("schema-moved", moving.error().code);
  EXPECT_EQ(Verdict::Retry, moving.error().verdict);
  expect_ok(sink->commit(at_lsn(300)));
  EXPECT_EQ(rows("SELECT count(*) FROM pragma_table_info('items') WHERE name = 'd'"), "1");
}

TEST_F(RemoteAlters, StatementThatTookTooLongIsNoRefusal) {
  auto sink = filled_sink();
  run_sql("CREATE INDEX users_own ON items (name)");
  expect_ok(sink->begin());
  auto beside = items_;
  beside.name = "_walbridge_fill_16384_walbridge";
  auto create = step(SchemaStep::Kind::CreateTable, beside.name);
  create.definition = beside;
  alter(*sink, {create, step(SchemaStep::Kind::DropTable, "items"),
                step(SchemaStep::Kind::RenameTable, beside.name, "", "items")});
  next({});
  next({Fate::Kind::FailStep, {}, 6, "TRANSACTION_TIMEOUT"});  // the step that makes the user's index again
  const auto timed_out = sink->commit(at_lsn(200));
  ASSERT_FALSE(timed_out);
  EXPECT_EQ(Verdict::Retry, timed_out.error().verdict) << describe(timed_out.error());
  expect_ok(sink->commit(at_lsn(200)));
  EXPECT_EQ(rows("SELECT tbl_name FROM sqlite_master WHERE name = 'users_own'"), "items");
}

}  // namespace
}  // namespace walbridge::testing
