// The seams of open.h where no broker is: nothing blocks, nothing crashes, and everything says why.
#include "pipeline/kafka/open.h"

#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "tests/unit/kafka-log/settings.h"

namespace walbridge::kafka {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

TEST(Open, IsBuiltIn) { EXPECT_TRUE(built_with_kafka()); }

TEST(Open, BadPropertiesAreToldBeforeAnyConnection) {
  const auto missing_file = settings_with({{"security.protocol", "ssl"}, {"ssl.ca.location", "none/ca.pem"}});
  for (int again = 0; again < 2; ++again) {
    const auto reader = open_reader(missing_file, Topic::Changes);
    ASSERT_FALSE(reader);
    EXPECT_EQ(reader.error().code, "kafka-property");
    EXPECT_TRUE(has(reader.error().message, "ssl.ca.location")) << reader.error().message;
  }
  const auto no_password = settings_with({{"security.protocol", "sasl_ssl"}, {"sasl.mechanism", "PLAIN"}});
  EXPECT_EQ(open_writer(no_password, Topic::Changes, 1 << 20).error().code, "kafka-property");
  const auto scram = settings_with({{"security.protocol", "sasl_ssl"},
                                    {"sasl.mechanism", "SCRAM-SHA-256"},
                                    {"sasl.username", "u"},
                                    {"sasl.password", "p"}});
  const auto findings = check_topics(scram);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_TRUE(findings[0].code == "kafka-scram" || findings[0].code == "kafka-unreachable") << findings[0].code;
}

TEST(Writer, IsBoundedInBytesAndNeverBlocks) {
  auto writer = open_writer(settings_with(), Topic::Changes, 100'000);
  ASSERT_TRUE(writer) << writer.error().message;
  const std::string value(30'000, 'x');
  int taken = 0;
  while (true) {
    const auto written = (*writer)->write({{"k", "v"}}, value);
    ASSERT_TRUE(written) << written.error().message;
    if (!*written) break;
    ASSERT_LT(++taken, 10);
  }
  EXPECT_EQ(taken, 3);
  EXPECT_GE((*writer)->unconfirmed_bytes(), 90'000U);
  EXPECT_LE((*writer)->unconfirmed_bytes(), 100'000U);
}

TEST(Writer, TellsOfAnOutageAndIsNoErrorItself) {
  auto writer = open_writer(settings_with(), Topic::Changes, 1 << 20);
  ASSERT_TRUE(writer) << writer.error().message;
  EXPECT_EQ((*writer)->unreachable_ms(), 0);
  ASSERT_TRUE((*writer)->write({}, "x"));
  std::vector<std::int64_t> offsets;
  const auto until = Steady::now() + 30s;
  while ((*writer)->unreachable_ms() < 500 && Steady::now() < until) {
    const auto reports = (*writer)->reports(50ms, offsets);
    ASSERT_TRUE(reports) << reports.error().message;
  }
  EXPECT_GE((*writer)->unreachable_ms(), 500);
  EXPECT_TRUE(offsets.empty());
  const auto trouble = (*writer)->trouble();
  ASSERT_TRUE(trouble.has_value());
  EXPECT_EQ(trouble->code, "kafka-unreachable");
  EXPECT_TRUE(has(trouble->message, "127.0.0.1:1")) << trouble->message;
}

TEST(Writer, WakesUp) {
  auto writer = open_writer(settings_with(), Topic::Changes, 1 << 20);
  ASSERT_TRUE(writer) << writer.error().message;
  std::thread other([&] { (*writer)->wake(); });
  std::vector<std::int64_t> offsets;
  const auto began = Steady::now();
  ASSERT_TRUE((*writer)->reports(60s, offsets));
  EXPECT_LT(Steady::now() - began, 30s);
  other.join();
}

TEST(Reader, SaysThatNobodyAnswers) {
  auto reader = open_reader(settings_with(), Topic::Changes);
  ASSERT_TRUE(reader) << reader.error().message;
  const auto range = (*reader)->range();
  ASSERT_FALSE(range);
  EXPECT_EQ(range.error().code, "kafka-unreachable");
  EXPECT_EQ(range.error().verdict, Verdict::Retry);
  EXPECT_EQ((*reader)->next().error().verdict, Verdict::Retry);
  EXPECT_FALSE((*reader)->at_end());
}

TEST(Reader, WakesUpWhateverItWaitsFor) {
  for (const bool for_data : {false, true}) {
    auto reader = open_reader(settings_with(), Topic::Control);
    ASSERT_TRUE(reader) << reader.error().message;
    std::thread other([&] { (*reader)->wake(); });
    const auto began = Steady::now();
    (*reader)->wait(60s, for_data);
    EXPECT_LT(Steady::now() - began, 30s);
    other.join();
  }
}

}  // namespace
}  // namespace walbridge::kafka
