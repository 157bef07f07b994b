// The codec: requests byte for byte, values exactly, and replies that are hostile.
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "sink-libsql/hrana_json.h"

namespace walbridge::sink_libsql {
namespace {

using Json = nlohmann::json;

TEST(HranaRequest, Golden) {
  HranaBatch batch;
  batch.step("BEGIN IMMEDIATE");
  batch.begin_step("INSERT INTO \"t\" VALUES (?1,?2,?3,?4,?5)");
  batch.null();
  batch.integer(std::numeric_limits<std::int64_t>::min());
  batch.real(100);
  batch.text("a\"b\\\n\x01é");
  batch.blob(std::string_view("\x00\xff\x10", 3));
  batch.end_step();
  batch.step("COMMIT");
  batch.step("ROLLBACK", HranaBatch::When::StepNotOk, 2);
  batch.step("SELECT 1", HranaBatch::When::Always, 0, true);
  EXPECT_EQ(
      batch.request("", false),
      R"~({"requests":[{"type":"batch","batch":{"steps":[{"stmt":{"sql":"BEGIN IMMEDIATE","want_rows":false}},)~"
      R"~({"condition":{"type":"ok","step":0},"stmt":{"sql":"INSERT INTO \"t\" VALUES (?1,?2,?3,?4,?5)","args":[)~"
      R"~({"type":"null"},{"type":"integer","value":"-9223372036854775808"},{"type":"float","value":100.0},)~"
      R"~({"type":"text","value":"a\"b\\\n\u0001é"},{"type":"blob","base64":"AP8Q"}],"want_rows":false}},)~"
      R"~({"condition":{"type":"ok","step":1},"stmt":{"sql":"COMMIT","want_rows":false}},)~"
      R"~({"condition":{"type":"not","cond":{"type":"ok","step":2}},"stmt":{"sql":"ROLLBACK","want_rows":false}},)~"
      R"~({"stmt":{"sql":"SELECT 1","want_rows":true}}]}}],"baton":null})~");
  EXPECT_EQ(Json::parse(batch.request("b\"1", true)).at("baton"), "b\"1");
  EXPECT_EQ(Json::parse(batch.request("", true)).at("requests").at(1).at("type"), "close");
  EXPECT_EQ(Json::parse(batch.request("", false)).at("requests").size(), 1U);
}

std::string json_argument(std::initializer_list<SqlValue> values, bool as_hex = false) {
  HranaBatch batch;
  batch.begin_step("S");
  batch.begin_json();
  batch.json_raw('[');
  bool first = true;
  for (const auto& value : values) {
    if (!first) batch.json_raw(',');
    first = false;
    batch.json_value(value, as_hex);
  }
  batch.json_raw(']');
  batch.end_json();
  batch.end_step();
  return Json::parse(batch.request("", false))
      .at("requests")[0]
      .at("batch")
      .at("steps")[0]
      .at("stmt")
      .at("args")[0]
      .at("value");
}

TEST(HranaRequest, JsonInsideJson) {
  EXPECT_EQ(json_argument({SqlValue::of(std::int64_t{9223372036854775807}), SqlValue::null(), SqlValue::text("")}),
            R"([9223372036854775807,null,""])");
  EXPECT_EQ(json_argument({SqlValue::text("q\"b\\s/n\nt\tz\x02é")}), R"(["q\"b\\s/n\nt\tz\u0002é"])");
  EXPECT_EQ(json_argument({SqlValue::text(std::string_view("a\0b", 3))}), R"(["a\u0000b"])");
  EXPECT_EQ(json_argument({SqlValue::blob(std::string_view("\x00\xfe", 2)), SqlValue::blob("")}, true),
            R"(["00fe",""])");
  EXPECT_EQ(json_argument({SqlValue::of(std::nan("")), SqlValue::of(-HUGE_VAL)}), R"(["NaN","-Infinity"])");
}

TEST(HranaRequest, EveryByteOfTextSurvivesBothLevels) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (int i = 0; i < 12; ++i) text += static_cast<char>(random() % 128);
    EXPECT_EQ(Json::parse(json_argument({SqlValue::text(text)}))[0].get<std::string>(), text);
  }
}

TEST(HranaRequest, RealsHaveSeventeenDigits) {
  const std::pair<double, const char*> expected[] = {{100, "100.0"},
                                                     {0.1, "0.10000000000000001"},
                                                     {-0.0, "-0.0"},
                                                     {1e22, "1e+22"},
                                                     {80959084.862524793, "80959084.862524793"}};
  for (const auto& [value, text] : expected) {
    std::string json;
    append_json_real(json, value);
    EXPECT_EQ(json, text);
  }
  std::mt19937_64 random(11);
  for (int i = 0; i < 200'000; ++i) {
    const auto bits = random();
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value)) continue;
    std::string json;
    append_json_real(json, value);
    char printed[40];
    std::snprintf(printed, sizeof printed, "%.17g", value);
    const bool whole = std::strpbrk(printed, ".e") == nullptr;
    ASSERT_EQ(json, std::string(printed) + (whole ? ".0" : ""));
    ASSERT_EQ(std::strtod(json.c_str(), nullptr), value);
  }
}

constexpr const char* kGoodReply =
    R"({"baton":"b2","base_url":null,"results":[{"type":"ok","response":{"type":"batch","result":{"step_results":[)"
    R"({"cols":[],"rows":[[{"type":"integer","value":"-5"},{"type":"text","value":"x"},{"type":"null"},)"
    R"({"type":"float","value":1.5},{"type":"blob","base64":"AP8Q"}]],"affected_row_count":3},null,null],)"
    R"("step_errors":[null,{"message":"m","code":"C"},null]}}}]})";

TEST(HranaReply, StepsAndValues) {
  const auto reply = parse_batch_reply(kGoodReply, 3);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->baton, "b2");
  ASSERT_EQ(reply->steps.size(), 3U);
  EXPECT_EQ(reply->steps[0].state, HranaStep::State::Ok);
  EXPECT_EQ(reply->steps[0].affected_rows, 3);
  const auto& row = reply->steps[0].rows.at(0);
  EXPECT_EQ(row.at(0).integer, -5);
  EXPECT_EQ(row.at(1).bytes, "x");
  EXPECT_EQ(row.at(2).kind, SqlValue::Kind::Null);
  EXPECT_EQ(row.at(3).real, 1.5);
  EXPECT_EQ(row.at(4).bytes, std::string("\x00\xff\x10", 3));
  EXPECT_EQ(reply->steps[1].state, HranaStep::State::Failed);
  EXPECT_EQ(reply->steps[1].error.code, "C");
  EXPECT_EQ(reply->steps[2].state, HranaStep::State::Skipped);
}

TEST(HranaReply, EveryTruncationIsARetry) {
  const std::string_view whole = kGoodReply;
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto reply = parse_batch_reply(whole.substr(0, length), 3);
    ASSERT_FALSE(reply) << length;
    EXPECT_EQ(reply.error().verdict, Verdict::Retry);
    EXPECT_EQ(reply.error().code, "bad-reply");
  }
}

TEST(HranaReply, EveryValueReplacedByAnotherTypeIsSurvived) {
  // Whatever comes, the answer is a reply or an error; sanitizers watch the rest.
  const auto original = Json::parse(kGoodReply);
  const auto flat = original.flatten();
  const Json replacements[] = {Json(), Json(1), Json("text"), Json::array(), Json::object(), Json(true), Json(1e300)};
  for (const auto& [path, value] : flat.items()) {
    for (auto at = Json::json_pointer(path); !at.empty(); at = at.parent_pointer()) {
      for (const auto& replacement : replacements) {
        auto damaged = original;
        damaged[at] = replacement;
        const auto reply = parse_batch_reply(damaged.dump(), 3);
        EXPECT_TRUE(!reply || reply->request_error || reply->steps.size() == 3U);
      }
    }
  }
}

TEST(HranaReply, HostileShapes) {
  EXPECT_FALSE(parse_batch_reply(std::string(100'000, '['), 1));
  EXPECT_FALSE(parse_batch_reply(R"({"results":{}})", 1));
  EXPECT_FALSE(parse_batch_reply(kGoodReply, 2)) << "more steps than were sent";
  EXPECT_FALSE(parse_batch_reply(kGoodReply, 4)) << "fewer steps than were sent";
  const auto refused =
      parse_batch_reply(R"({"results":[{"type":"error","error":{"message":"m","code":"BLOCKED"}}]})", 9);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->request_error->code, "BLOCKED");
  EXPECT_EQ(parse_batch_reply(R"({"results":[{"type":"error"}]})", 1)->request_error->code, "unknown");
  EXPECT_EQ(parse_error_body("\xff\xfe").message, "");
  EXPECT_EQ(parse_error_body(R"({"error":5})").message, "");
  EXPECT_EQ(parse_error_body(R"({"error":"x"})").message, "x");
}

}  // namespace
}  // namespace walbridge::sink_libsql
