#include "pipeline/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace walbridge::pipeline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

BridgeStatus healthy() {
  BridgeStatus status;
  status.name = "walbridge";
  status.streaming = true;
  status.caches.push_back({});
  status.caches.back().name = "main";
  status.caches.back().phase = CachePhase::Streaming;
  return status;
}

TEST(Readiness, IsGreenWhenAllIsWell) { EXPECT_THAT(healthy().not_ready(60), IsEmpty()); }

TEST(Readiness, IsRedWhileTheStreamIsClosedOrSilent) {
  auto status = healthy();
  status.streaming = false;
  EXPECT_THAT(status.not_ready(60), ElementsAre(HasSubstr("stream")));
  status.streaming = true;
  status.stream_last_message_age_seconds = 120;
  EXPECT_THAT(status.not_ready(60), ElementsAre(HasSubstr("nothing heard")));
}

TEST(Readiness, IsRedWhileASnapshotIsNotDone) {
  auto status = healthy();
  status.caches[0].wants_load = true;
  EXPECT_THAT(status.not_ready(60), ElementsAre(HasSubstr("snapshot")));
}

TEST(Readiness, IsRedAboveTheLagLimitOnly) {
  auto status = healthy();
  status.caches[0].lag_seconds = 59;
  EXPECT_THAT(status.not_ready(60), IsEmpty());
  status.caches[0].lag_seconds = 61;
  EXPECT_THAT(status.not_ready(60), ElementsAre(HasSubstr("behind")));
}

TEST(Readiness, IsRedForAStoppedTableButNotForOneNobodyWantsAnyMore) {
  auto status = healthy();
  TableRecord table;
  table.source_name = "public.orders";
  table.state = TableState::Stopped;
  table.code = "relation-changed";
  status.caches[0].tables.push_back(table);
  EXPECT_THAT(status.not_ready(60), ElementsAre(HasSubstr("public.orders")));
  status.caches[0].tables[0].code = "not-selected";
  EXPECT_THAT(status.not_ready(60), IsEmpty());
}

TEST(Readiness, NamesAFailedCacheWithItsRemedy) {
  auto status = healthy();
  status.caches[0].phase = CachePhase::Failed;
  status.caches[0].last_error = Error{Verdict::Operator, "401", "the token was refused", "renew it", {}};
  EXPECT_THAT(status.not_ready(60), ElementsAre(HasSubstr("renew it")));
}

TEST(Readiness, NamesThePublisherThatIsWaitedForOnce) {
  auto status = healthy();
  status.topic.emplace().topic = "shop.changes";
  EXPECT_THAT(status.not_ready(60), IsEmpty());
  const Error missing{Verdict::Retry, "kafka-no-publisher", "topic shop.changes: nobody has published", "start it", {}};
  status.topic->waits_for = missing;
  EXPECT_THAT(status.not_ready(60), ElementsAre(AllOf(HasSubstr("shop.changes"), HasSubstr("start it"))));
  status.caches[0].phase = CachePhase::Waiting;
  status.caches[0].last_error = missing;
  EXPECT_EQ(status.not_ready(60).size(), 1U);
  const auto json = nlohmann::json::parse(to_json(status, 60));
  EXPECT_EQ(json["kafka"]["consumer"]["error"]["code"], "kafka-no-publisher");
}

TEST(StatusJson, AnApplierKnowsNothingOfSlotAndCapture) {
  auto status = healthy();
  status.slot.emplace().exists = true;
  auto json = nlohmann::json::parse(to_json(status, 60));
  EXPECT_TRUE(json["slot"]["exists"].get<bool>());
  EXPECT_EQ(json["schema_capture"]["mode"], "polling");
  status.only_applies = true;
  json = nlohmann::json::parse(to_json(status, 60));
  EXPECT_TRUE(json["slot"].is_null());
  EXPECT_TRUE(json["schema_capture"].is_null());
  EXPECT_EQ(json["slot_note"], kSlotNote);
}

TEST(StatusJson, SaysWhyItIsNotReady) {
  auto status = healthy();
  status.caches[0].wants_load = true;
  const auto json = nlohmann::json::parse(to_json(status, 60));
  EXPECT_FALSE(json["ready"].get<bool>());
  EXPECT_EQ(json["not_ready"].size(), 1U);
  EXPECT_EQ(json["caches"][0]["name"], "main");
}

}  // namespace
}  // namespace walbridge::pipeline
