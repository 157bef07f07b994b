// The remote sink against a real sqld: tokens, sizes near the server's limits, exact numbers.
// WALBRIDGE_TEST_SQLD_URL; with authentication WALBRIDGE_TEST_SQLD_AUTH_URL and the tokens beside it.
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>

#include <gmock/gmock.h>
#include <unistd.h>

#include "sink-libsql/hrana_connection.h"
#include "sink-libsql/open.h"

namespace walbridge::sink_libsql {
namespace {

using Form = CacheColumn::Form;
using ::testing::HasSubstr;

std::string required(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) ADD_FAILURE() << name << " is not set; run through tests/support/with_servers.py";
  return value == nullptr ? "" : value;
}

Checkpoint at_lsn(std::uint64_t lsn) {
  Checkpoint checkpoint;
  checkpoint.commit_lsn = checkpoint.end_lsn = Lsn{lsn};
  return checkpoint;
}

class RemoteSqld : public ::testing::Test {
 protected:
  // Every test is a stream and a table of its own on the shared server.
  RemoteSqld() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    stream_ = std::string(test->name()) + std::to_string(::getpid());
    settings_.name = "main";
    table_.source_oid = 1;
    table_.source_name = "public.t";
    table_.name = "live_" + stream_;
    table_.columns = {{"id", "INTEGER", Form::Plain},
                      {"v", "TEXT", Form::Plain},
                      {"b", "BLOB", Form::Blob},
                      {"r", "DOUBLE", Form::Plain},
                      {"j", "BLOB", Form::Jsonb}};
    table_.key = {0};
    table_.rowid_key = true;
  }
  void TearDown() override {
    if (sink_ == nullptr) return;
    const auto state = sink_->peek();
    EXPECT_TRUE(state && sink_->remove(state->tables));
  }

  void fill() {
    auto made = open_sink(settings_, stream_);
    ASSERT_TRUE(made) << describe(made.error());
    sink_ = *std::move(made);
    expect_ok(sink_->open());
    const CacheTable* tables[] = {&table_};
    expect_ok(sink_->begin_load(tables));
    TableRecord record;
    record.source_oid = table_.source_oid;
    record.source_name = table_.source_name;
    record.cache_name = table_.name;
    record.state = TableState::Live;
    record.snapshot_lsn = Lsn{100};
    const TableRecord records[] = {record};
    expect_ok(sink_->finish_load(records, "source", at_lsn(100)));
  }

  template <class Outcome>
  void expect_ok(const Outcome& outcome) {
    EXPECT_TRUE(outcome) << (outcome ? "" : describe(outcome.error()));
  }

  Status upsert(std::int64_t id, const SqlValue& text, const SqlValue& blob, const SqlValue& real = SqlValue::null(),
                const SqlValue& json = SqlValue::null()) {
    const SqlValue values[] = {SqlValue::of(id), text, blob, real, json};
    CacheChange change;
    change.op = CacheChange::Op::Upsert;
    change.table = &table_;
    change.values = values;
    return sink_->apply(change);
  }

  std::vector<std::vector<HranaValue>> query(const std::string& sql) {
    auto connection = HranaConnection::make(settings_);
    HranaBatch batch;
    batch.step(sql, HranaBatch::When::Always, 0, true);
    auto reply = connection->run(batch, HranaConnection::Work::Read);
    if (!reply || reply->request_error) return {};
    return reply->steps.front().rows;
  }

  config::Sink settings_;
  std::string stream_;
  CacheTable table_;
  std::unique_ptr<Sink> sink_;
};

TEST_F(RemoteSqld, SizesUpToTheServersLimit) {
  settings_.url = required("WALBRIDGE_TEST_SQLD_URL");
  fill();
  expect_ok(sink_->begin());
  const std::size_t sizes[] = {0, 399'999, 400'001, 999'999, 1'000'001, 2'600'000, 4'990'000};
  std::int64_t id = 0;
  for (const auto size : sizes) {
    expect_ok(upsert(++id, SqlValue::text(std::string(size, '\x01')), SqlValue::null()));
    expect_ok(upsert(++id, SqlValue::null(), SqlValue::blob(std::string(size, '\xff'))));
  }
  expect_ok(sink_->commit(at_lsn(200)));
  const auto rows = query("SELECT length(coalesce(v, b)), typeof(coalesce(v, b)) FROM " + table_.name + " ORDER BY id");
  ASSERT_EQ(rows.size(), std::size(sizes) * 2);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i][0].integer, static_cast<std::int64_t>(sizes[i / 2]));
    EXPECT_EQ(rows[i][1].bytes, i % 2 == 0 ? "text" : "blob");
  }
}

TEST_F(RemoteSqld, RowJustAboveTheLimitPoisonsItsTable) {
  settings_.url = required("WALBRIDGE_TEST_SQLD_URL");
  fill();
  expect_ok(sink_->begin());
  expect_ok(upsert(1, SqlValue::text(std::string(4'999'999, 'x')), SqlValue::null()));  // the record's header is above
  const auto committed = sink_->commit(at_lsn(200));
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().verdict, Verdict::PoisonRow) << describe(committed.error());
  EXPECT_EQ(committed.error().table, table_.name);
}

TEST_F(RemoteSqld, NumbersAreExact) {
  settings_.url = required("WALBRIDGE_TEST_SQLD_URL");
  fill();
  std::mt19937_64 random(3);
  std::vector<double> wanted = {80959084.8625248, 0.1, 1e22, 5e-324, 1.7976931348623157e308, 100};
  while (wanted.size() < 20'000) {
    const auto bits = random();
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (std::isfinite(value)) wanted.push_back(value);
  }
  expect_ok(sink_->begin());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    expect_ok(
        upsert(static_cast<std::int64_t>(i) - 10'000, SqlValue::null(), SqlValue::null(), SqlValue::of(wanted[i])));
  }
  expect_ok(upsert(INT64_MAX, SqlValue::text("max"), SqlValue::null()));
  expect_ok(upsert(INT64_MIN, SqlValue::text("min"), SqlValue::null()));
  expect_ok(sink_->commit(at_lsn(200)));
  // As hexadecimal of the IEEE bits would be ideal; 17 digits identify a double as well.
  const auto rows = query("SELECT printf('%!.17g', r), id FROM " + table_.name + " WHERE v IS NULL ORDER BY id");
  ASSERT_EQ(rows.size(), wanted.size());
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < rows.size(); ++i)
    wrong += std::strtod(rows[i][0].bytes.c_str(), nullptr) != wanted[i] ? 1U : 0U;
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(query("SELECT id FROM " + table_.name + " WHERE v = 'max'").at(0).at(0).integer, INT64_MAX);
  EXPECT_EQ(query("SELECT id FROM " + table_.name + " WHERE v = 'min'").at(0).at(0).integer, INT64_MIN);
}

TEST_F(RemoteSqld, JsonbAndSpecials) {
  settings_.url = required("WALBRIDGE_TEST_SQLD_URL");
  fill();
  expect_ok(sink_->begin());
  const std::string_view nul("a\0b", 3);
  expect_ok(
      upsert(1, SqlValue::text(nul), SqlValue::blob(""), SqlValue::text("NaN"), SqlValue::text(R"({"a":[1,"é"]})")));
  expect_ok(sink_->commit(at_lsn(200)));
  const auto rows = query("SELECT hex(v), typeof(b), length(b), r, typeof(j), json(j) FROM " + table_.name);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0][0].bytes, "610062");
  EXPECT_EQ(rows[0][1].bytes, "blob");
  EXPECT_EQ(rows[0][2].integer, 0);
  EXPECT_EQ(rows[0][3].bytes, "NaN");
  EXPECT_EQ(rows[0][4].bytes, "blob");
  EXPECT_EQ(rows[0][5].bytes, R"({"a":[1,"é"]})");
}

TEST_F(RemoteSqld, CheckIsSatisfied) {
  settings_.url = required("WALBRIDGE_TEST_SQLD_URL");
  auto sink = open_sink(settings_, stream_);
  ASSERT_TRUE(sink);
  const CacheTable* tables[] = {&table_};
  const auto findings = (*sink)->check(tables);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].severity, Finding::Severity::Ok) << findings[0].message;
  EXPECT_THAT(findings[0].message, HasSubstr("sqld"));
  EXPECT_TRUE(query("SELECT 1 FROM sqlite_master WHERE name = '_walbridge_check'").empty());
}

TEST_F(RemoteSqld, TokenDecides) {
  settings_.url = required("WALBRIDGE_TEST_SQLD_AUTH_URL");
  settings_.auth_token = config::Secret(required("WALBRIDGE_TEST_SQLD_TOKEN"));
  fill();
  expect_ok(sink_->begin());
  expect_ok(upsert(1, SqlValue::text("x"), SqlValue::null()));
  expect_ok(sink_->commit(at_lsn(200)));

  const std::pair<std::string, const char*> refused[] = {{"", "http-401"},
                                                         {"garbage", "http-401"},
                                                         {required("WALBRIDGE_TEST_SQLD_EXPIRED_TOKEN"), "http-401"},
                                                         {required("WALBRIDGE_TEST_SQLD_RO_TOKEN"), "http-403"}};
  for (const auto& [token, code] : refused) {
    auto settings = settings_;
    settings.auth_token = config::Secret(token);
    auto sink = open_sink(settings, stream_);
    ASSERT_TRUE(sink);
    const auto opened = (*sink)->open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, code) << opened.error().message;
    EXPECT_EQ(opened.error().verdict, Verdict::Operator);
    EXPECT_TRUE(token.empty() || describe(opened.error()).find(token) == std::string::npos);
    const auto findings = (*sink)->check({});
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(findings[0].severity, Finding::Severity::Error);
    EXPECT_EQ(findings[0].code, code);
  }
  auto reader = settings_;
  reader.auth_token = config::Secret(required("WALBRIDGE_TEST_SQLD_RO_TOKEN"));
  const auto peeked = (*open_sink(reader, stream_))->peek();
  ASSERT_TRUE(peeked) << "reading the state needs no right to write: " << describe(peeked.error());
  EXPECT_EQ(peeked->checkpoint->commit_lsn, Lsn{200});
}

}  // namespace
}  // namespace walbridge::sink_libsql
