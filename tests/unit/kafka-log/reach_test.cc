// When brokers count as unreachable, and when that is an operator's matter.
#include "pipeline/kafka/rdkafka_reach.h"

#include <gtest/gtest.h>

#include "tests/unit/kafka-log/settings.h"

namespace walbridge::kafka {
namespace {

using namespace std::chrono_literals;

constexpr std::int16_t kFetch = 1;
constexpr std::int16_t kApiVersions = 18;
constexpr const char* kPassword = "SASL authentication error: Authentication failed: Invalid username or password";
constexpr const char* kProtocol =
    "Disconnected while requesting ApiVersion: might be caused by incorrect security.protocol";

class ReachTest : public testing::Test {
 protected:
  Reach reach_{place_of(settings_with(), "t", true)};
  Reach::Clock::time_point start_ = Reach::Clock::now();
};

TEST_F(ReachTest, OneLostConnectionCountsForWhoWaitsOnly) {
  EXPECT_EQ(reach_.unreachable(start_, start_ + 1h), 0ms);
  reach_.failed(RD_KAFKA_RESP_ERR__TRANSPORT, "Connection refused", start_);
  EXPECT_EQ(reach_.unreachable(std::nullopt, start_ + 3s), 0ms);
  EXPECT_EQ(reach_.unreachable(start_ - 1h, start_ + 3s), 3s);
  EXPECT_EQ(reach_.unreachable(start_ + 2s, start_ + 3s), 1s);
  reach_.failed(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "1/1 brokers are down", start_ + 1s);
  EXPECT_EQ(reach_.unreachable(std::nullopt, start_ + 3s), 3s);
  EXPECT_TRUE(has(reach_.trouble()->message, "Connection refused"));
}

TEST_F(ReachTest, AnAnswerEndsItAGreetingDoesNot) {
  reach_.failed(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "1/1 brokers are down", start_);
  reach_.answered(kApiVersions);
  EXPECT_TRUE(reach_.trouble().has_value());
  reach_.answered(kFetch);
  EXPECT_FALSE(reach_.trouble().has_value());
  EXPECT_EQ(reach_.unreachable(start_, start_ + 1h), 0ms);
}

TEST_F(ReachTest, AWrongPasswordIsHopelessOnceItHasLasted) {
  reach_.failed(RD_KAFKA_RESP_ERR__AUTHENTICATION, kPassword, start_);
  EXPECT_FALSE(reach_.hopeless(start_ + 100ms));
  EXPECT_EQ(reach_.trouble(start_ + 100ms)->verdict, Verdict::Retry);
  reach_.failed(RD_KAFKA_RESP_ERR__AUTHENTICATION, kPassword, start_ + 1s);
  reach_.failed(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "1/1 brokers are down", start_ + 1s);
  EXPECT_TRUE(reach_.hopeless(start_ + 2s));
  EXPECT_EQ(reach_.trouble(start_ + 2s)->verdict, Verdict::Operator);
  EXPECT_EQ(reach_.trouble(start_ + 2s)->code, "kafka-authentication");
}

TEST_F(ReachTest, ABrokerThatGoesIsNotAWrongProtocol) {
  reach_.failed(RD_KAFKA_RESP_ERR__TRANSPORT, kProtocol, start_);
  reach_.failed(RD_KAFKA_RESP_ERR__TRANSPORT, "Connection refused", start_ + 100ms);
  EXPECT_FALSE(reach_.hopeless(start_ + 1h));
  reach_.answered(kFetch);
  reach_.failed(RD_KAFKA_RESP_ERR__TRANSPORT, kProtocol, start_ + 1h);
  EXPECT_FALSE(reach_.hopeless(start_ + 2h));
  EXPECT_EQ(reach_.trouble(start_ + 2h)->code, "kafka-unreachable");
}

TEST_F(ReachTest, AWrongProtocolFromTheBeginningIs) {
  reach_.failed(RD_KAFKA_RESP_ERR__TRANSPORT, kProtocol, start_);
  reach_.failed(RD_KAFKA_RESP_ERR__TRANSPORT, "ssl://k:9093/bootstrap: Disconnected (after 0ms in state UP)",
                start_ + 1s);
  EXPECT_TRUE(reach_.hopeless(start_ + 2s));
  EXPECT_EQ(reach_.trouble(start_ + 2s)->code, "kafka-protocol");
}

}  // namespace
}  // namespace walbridge::kafka
