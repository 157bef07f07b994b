// The outcome table, verdict by verdict: what each reply or missing reply means for a commit.
#include <fstream>

#include <gmock/gmock.h>

#include "sink-libsql/hrana_connection.h"
#include "tests/unit/sink-libsql/remote_fixture.h"

namespace walbridge::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class RemoteOutcome : public RemoteSinkTest {
 protected:
  // Begins a transaction of one row on an opened and filled sink.
  std::unique_ptr<Sink> with_one_row() {
    auto sink = filled_sink();
    expect_ok(sink->begin());
    upsert(*sink, 1, "one");
    return sink;
  }

  void expect_applied_once() {
    EXPECT_EQ(rows("SELECT id, name, hex(pic) FROM items"), "1|one|01FF");
    EXPECT_EQ(rows("SELECT commit_lsn, end_lsn, commit_time FROM _walbridge_checkpoint"),
              "200|208|2026-09-21T14:13:20.000000+00:00");
  }
};

TEST_F(RemoteOutcome, CommitsRowsAndCheckpointTogether) {
  auto sink = with_one_row();
  expect_ok(sink->commit(at_lsn(200)));
  expect_applied_once();
}

struct Passing {
  const char* name;
  int status;
  const char* body;
  const char* code;
};

class RemotePasses : public RemoteOutcome, public ::testing::WithParamInterface<Passing> {};

TEST_P(RemotePasses, IsRetriedWithTheSameBatch) {
  auto sink = with_one_row();
  next(reply(GetParam().status, GetParam().body));
  const auto first = sink->commit(at_lsn(200));
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().verdict, Verdict::Retry);
  EXPECT_EQ(first.error().code, GetParam().code);
  expect_ok(sink->commit(at_lsn(200)));
  expect_applied_once();
}

constexpr Passing kPassing[] = {
    {"Timeout408", 408, "", "http-408"},
    {"TooMany429", 429, R"({"error":"Timed out while opening database connection"})", "http-429"},
    {"Server500", 500, "", "http-500"},
    {"Gateway502", 502, "<html>", "http-502"},
    {"Unavailable503", 503, "", "http-503"},
    {"Gateway504", 504, "", "http-504"},
    {"FalseNamespace", 404, R"({"error":"Namespace `t1` doesn't exist"})", "http-404"},
    {"Empty", 200, "", "bad-reply"},
    {"NotJson", 200, "hello", "bad-reply"},
    {"NoResults", 200, R"({"baton":null,"results":[]})", "bad-reply"},
    {"WrongSteps", 200,
     R"({"results":[{"type":"ok","response":{"result":{"step_results":[null],"step_errors":[null]}}}]})", "bad-reply"},
    {"Busy", 200, R"({"results":[{"type":"error","error":{"message":"database is locked","code":"SQLITE_BUSY"}}]})",
     "SQLITE_BUSY"},
};
INSTANTIATE_TEST_SUITE_P(Replies, RemotePasses, ::testing::ValuesIn(kPassing),
                         [](const auto& test) { return std::string(test.param.name); });

class RemoteStops : public RemoteOutcome, public ::testing::WithParamInterface<Passing> {};

TEST_P(RemoteStops, IsForTheOperator) {
  auto sink = with_one_row();
  next(reply(GetParam().status, GetParam().body));
  const auto committed = sink->commit(at_lsn(200));
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().verdict, Verdict::Operator);
  EXPECT_EQ(committed.error().code, GetParam().code);
  EXPECT_NE(committed.error().remedy, "");
  EXPECT_THAT(describe(committed.error()), Not(HasSubstr("one")));
  EXPECT_EQ(rows("SELECT count(*) FROM items"), "0");
}

constexpr Passing kStopping[] = {
    {"Unauthorized", 401, R"({"error":"The JWT has expired"})", "http-401"},
    {"Forbidden", 403, R"({"error":"no Write permission"})", "http-403"},
    {"Redirect", 302, "", "http-302"},
    {"BadRequest", 400, "JSON parse error: one", "http-400"},
    {"TooLarge", 413, "", "http-413"},
    {"Blocked", 200,
     R"({"results":[{"type":"error","error":{"message":"Operation was blocked: quota","code":"BLOCKED"}}]})",
     "BLOCKED"},
    {"Unknown", 200, R"({"results":[{"type":"error","error":{"message":"?","code":"NEW_CODE"}}]})", "NEW_CODE"},
};
INSTANTIATE_TEST_SUITE_P(Replies, RemoteStops, ::testing::ValuesIn(kStopping),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_F(RemoteOutcome, LostAnswerOfACommitIsSettledByTheCheckpoint) {
  for (const auto kind : {Fate::Kind::ExecuteAndCut, Fate::Kind::ExecuteAndHalf}) {
    run_sql(
        "DROP TABLE IF EXISTS items; DROP TABLE IF EXISTS _walbridge_checkpoint; DROP TABLE IF EXISTS "
        "_walbridge_tables");
    auto sink = with_one_row();
    next({kind, {}, -1, {}});
    // curl itself sends again, once, when a kept-alive connection turns out to be dead.
    if (kind == Fate::Kind::ExecuteAndCut) next({kind, {}, -1, {}});
    const auto first = sink->commit(at_lsn(200));
    ASSERT_FALSE(first);
    EXPECT_EQ(first.error().verdict, Verdict::Retry);
    expect_applied_once();
    const auto guard = rows("SELECT guard FROM _walbridge_checkpoint");
    expect_ok(sink->commit(at_lsn(200)));
    EXPECT_EQ(rows("SELECT guard FROM _walbridge_checkpoint"), guard) << "applied twice";
    expect_ok(sink->begin());
    upsert(*sink, 2, "two");
    expect_ok(sink->commit(at_lsn(300)));
  }
}

TEST_F(RemoteOutcome, CutRequestIsSentAgain) {
  auto sink = with_one_row();
  next({Fate::Kind::CutUnread, {}, -1, {}});
  next({Fate::Kind::CutUnread, {}, -1, {}});
  const auto first = sink->commit(at_lsn(200));
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().verdict, Verdict::Retry);
  EXPECT_EQ(rows("SELECT count(*) FROM items"), "0");
  expect_ok(sink->commit(at_lsn(200)));
  expect_applied_once();
}

TEST_F(RemoteOutcome, StreamRefusedIsResentAtOnceWithoutABaton) {
  const char* refusals[] = {"Received an invalid baton", "Received a baton that has already been used",
                            R"({"message":"The stream has expired due to inactivity","code":"STREAM_EXPIRED"})"};
  auto sink = filled_sink();
  std::int64_t id = 0;
  for (const auto* refusal : refusals) {
    expect_ok(sink->begin());
    upsert(*sink, ++id, "x");
    next(reply(400, refusal));
    const auto before = server_.count();
    expect_ok(sink->commit(at_lsn(200 + static_cast<std::uint64_t>(id))));
    const auto requests = server_.requests();
    ASSERT_EQ(requests.size(), before + 2);
    EXPECT_THAT(requests[before].body, HasSubstr(R"("baton":"baton-)"));
    EXPECT_THAT(requests[before + 1].body, HasSubstr(R"("baton":null)"));
  }
  next(reply(400, "Received an invalid baton"));
  next(reply(400, "Received an invalid baton"));
  expect_ok(sink->begin());
  EXPECT_FALSE(sink->commit(at_lsn(500))) << "a second refusal is not resent for ever";
}

TEST_F(RemoteOutcome, MissingNamespaceIsForTheOperatorInTheEnd) {
  auto sink = with_one_row();
  for (int i = 0; i < 6; ++i) next(reply(404, R"({"error":"Namespace `t1` doesn't exist"})"));
  for (int i = 0; i < 5; ++i) {
    const auto committed = sink->commit(at_lsn(200));
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error().verdict, Verdict::Retry) << i;
  }
  const auto last = sink->commit(at_lsn(200));
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().verdict, Verdict::Operator);
}

struct FailedStep {
  const char* code;
  int step;  // 0 BEGIN, 1 guard, 2 rows
  Verdict verdict;
};

TEST_F(RemoteOutcome, FailedStepsByCode) {
  const FailedStep failures[] = {
      {"SQLITE_BUSY", 0, Verdict::Retry},           {"TRANSACTION_TIMEOUT", 2, Verdict::Retry},
      {"TRANSACTION_BUSY", 2, Verdict::Retry},      {"SQLITE_INTERRUPT", 2, Verdict::Retry},
      {"SQLITE_CONSTRAINT", 2, Verdict::PoisonRow}, {"SQLITE_TOOBIG", 2, Verdict::PoisonRow},
      {"ARGS_INVALID", 2, Verdict::PoisonRow},      {"SQL_INPUT_ERROR", 2, Verdict::PoisonRow},
      {"SQLITE_FULL", 2, Verdict::Operator},        {"BLOCKED", 0, Verdict::Operator},
      {"SQLITE_IOERR", 2, Verdict::Operator},       {"SOMETHING_NEW", 2, Verdict::Operator}};
  auto sink = filled_sink();
  std::uint64_t lsn = 200;
  for (const auto& failure : failures) {
    expect_ok(sink->begin());
    upsert(*sink, 7, "secret value");
    next({Fate::Kind::FailStep, {}, failure.step, failure.code});
    const auto committed = sink->commit(at_lsn(++lsn));
    ASSERT_FALSE(committed) << failure.code;
    EXPECT_EQ(committed.error().verdict, failure.verdict) << failure.code;
    EXPECT_EQ(committed.error().code, failure.code);
    EXPECT_THAT(describe(committed.error()), Not(HasSubstr("secret value")));
    if (failure.verdict == Verdict::PoisonRow) {
      EXPECT_EQ(committed.error().table, "items");
      EXPECT_THAT(committed.error().message, HasSubstr("items"));
    }
    if (failure.verdict == Verdict::Retry) {
      expect_ok(sink->commit(at_lsn(lsn)));
      continue;
    }
    EXPECT_EQ(rows("SELECT commit_lsn FROM _walbridge_checkpoint") == std::to_string(lsn), false);
    sink->abandon();
    ASSERT_TRUE(sink->open());
  }
  EXPECT_LT(sink->limits().rows_per_commit, 4'000U) << "a transaction timeout makes the next ones smaller";
}

TEST_F(RemoteOutcome, LaterWriterFences) {
  auto sink = with_one_row();
  auto other = make_sink();
  ASSERT_TRUE(other->open());
  const auto committed = sink->commit(at_lsn(200));
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code, "fenced");
  EXPECT_EQ(committed.error().verdict, Verdict::Operator);
  EXPECT_EQ(rows("SELECT count(*) FROM items"), "0");
}

TEST_F(RemoteOutcome, WipedOrForeignCacheIsAGap) {
  for (const auto* deed :
       {"DROP TABLE _walbridge_checkpoint", "DELETE FROM _walbridge_checkpoint",
        "UPDATE _walbridge_checkpoint SET commit_lsn = 5", "UPDATE _walbridge_checkpoint SET epoch = 0"}) {
    run_sql(
        "DROP TABLE IF EXISTS items; DROP TABLE IF EXISTS _walbridge_checkpoint; DROP TABLE IF EXISTS "
        "_walbridge_tables");
    auto sink = with_one_row();
    run_sql(deed);
    const auto committed = sink->commit(at_lsn(200));
    ASSERT_FALSE(committed) << deed;
    EXPECT_EQ(committed.error().verdict, Verdict::Gap) << deed;
    EXPECT_EQ(committed.error().code, "cache-replaced");
    EXPECT_EQ(rows("SELECT count(*) FROM items"), "0");
  }
}

TEST_F(RemoteOutcome, UpdateOfAMissingRowPoisonsItsTable) {
  auto sink = with_one_row();
  expect_ok(update(*sink, 99, "nobody"));
  const auto committed = sink->commit(at_lsn(200));
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().verdict, Verdict::PoisonRow);
  EXPECT_EQ(committed.error().code, "row-missing");
  EXPECT_EQ(committed.error().table, "items");
  EXPECT_EQ(rows("SELECT count(*) FROM items"), "0");
}

TEST_F(RemoteOutcome, FallsBackToTheOlderPipeline) {
  next(reply(404, "Not Found"));
  auto sink = make_sink();
  ASSERT_TRUE(sink->open());
  const auto requests = server_.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].path, "/v3/pipeline");
  EXPECT_EQ(requests[1].path, "/v2/pipeline");
}

TEST_F(RemoteOutcome, TokenIsReadAgainOnceAfterARefusal) {
  const auto path = ::testing::TempDir() + "walbridge-token-" + std::to_string(::getpid());
  std::ofstream(path) << "first\n";
  config_.auth_token_file = path;
  auto sink = with_one_row();
  EXPECT_THAT(server_.requests().front().headers, HasSubstr("authorization: bearer first"));
  std::ofstream(path) << "second\n";
  next(reply(401, R"({"error":"The JWT has expired"})"));
  expect_ok(sink->commit(at_lsn(200)));
  EXPECT_THAT(server_.requests().back().headers, HasSubstr("authorization: bearer second"));
  next(reply(401, ""));
  expect_ok(sink->begin());
  const auto refused = sink->commit(at_lsn(300));
  ASSERT_FALSE(refused) << "the file holds nothing new";
  EXPECT_EQ(refused.error().verdict, Verdict::Operator);
  std::remove(path.c_str());
}

TEST_F(RemoteOutcome, RequestHeaders) {
  auto sink = with_one_row();
  const auto headers = server_.requests().back().headers;
  EXPECT_THAT(headers, HasSubstr("accept-encoding: gzip"));
  EXPECT_THAT(headers, HasSubstr("http/1.1"));
  EXPECT_THAT(headers, Not(HasSubstr("expect:")));
  EXPECT_THAT(headers, Not(HasSubstr("upgrade:")));
}

TEST_F(RemoteOutcome, ServerThatHangsOnWritesIsNamed) {
  auto connection = sink_libsql::HranaConnection::make(config_);
  ASSERT_TRUE(connection);
  for (int attempt = 1; attempt <= 3; ++attempt) {
    next({Fate::Kind::Hang, {}, -1, {}});
    sink_libsql::HranaBatch write;
    write.step("BEGIN IMMEDIATE");
    const auto reply =
        connection->run(write, sink_libsql::HranaConnection::Work::Write, std::chrono::milliseconds(100));
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().verdict, Verdict::Retry);
    EXPECT_EQ(reply.error().code, attempt < 3 ? "http-timeout" : "sqld-wedged");
  }
  EXPECT_THAT(server_.requests().back().body, HasSubstr("SELECT 1"));
}

TEST_F(RemoteOutcome, StreamsElsewhereAreNotFollowedAndCloseIsDroppedWhereUnknown) {
  auto connection = sink_libsql::HranaConnection::make(config_);
  ASSERT_TRUE(connection);
  const auto run = [&] {
    sink_libsql::HranaBatch batch;
    batch.step("SELECT 1");
    return static_cast<bool>(connection->run(batch, sink_libsql::HranaConnection::Work::Read));
  };
  const auto* elsewhere =
      R"({"baton":"b","base_url":"http://elsewhere","results":[{"type":"ok","response":{"result":{"step_results":[{"rows":[]}],"step_errors":[null]}}}]})";
  next(reply(200, elsewhere));
  ASSERT_TRUE(run());
  next(reply(500, "Internal Server Error: Failed to parse pipeline request: unknown variant `close`"));
  ASSERT_TRUE(run());
  const auto requests = server_.requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_THAT(requests[1].body, HasSubstr(R"({"type":"close"}],"baton":null})"));
  EXPECT_THAT(requests[2].body, Not(HasSubstr("close")));
}

TEST_F(RemoteOutcome, NobodyListensIsARetry) {
  config_.url = "http://127.0.0.1:1";
  auto sink = make_sink();
  const auto opened = sink->open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().verdict, Verdict::Retry);
}

TEST(RemoteAddress, RefusesWhatIsNoAddressWithoutRepeatingIt) {
  for (const auto* url : {"http://", "http://user:hunter2@host", "libsql://host?authToken=hunter2", "ftp://host",
                          "host", "http://host/db/hunter2"}) {
    config::Sink settings;
    settings.url = url;
    const auto sink = sink_libsql::open_remote_sink(settings, "walbridge");
    ASSERT_FALSE(sink) << url;
    EXPECT_EQ(sink.error().code, "config");
    EXPECT_THAT(describe(sink.error()), Not(HasSubstr("hunter2")));
  }
}

}  // namespace
}  // namespace walbridge::testing
