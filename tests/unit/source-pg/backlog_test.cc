// When the reader of the stream waits for more, and when it reads at once.
#include "source-pg/backlog.h"

#include <gtest/gtest.h>

namespace walbridge::source_pg {
namespace {

constexpr std::int64_t kStart = 1'000'000;

// `bytes` every `every_us`, for ten milliseconds.
std::int64_t flow(Backlog& backlog, std::size_t bytes, std::int64_t every_us) {
  std::int64_t now = kStart;
  for (; now < kStart + 10 * Backlog::kWaitUs; now += every_us) backlog.took(bytes, now);
  return now - every_us;
}

TEST(Backlog, AFewMessagesAreNone) {
  Backlog backlog;
  const auto now = flow(backlog, 250, 1'000);
  EXPECT_FALSE(backlog.flows());
  EXPECT_EQ(backlog.wait_us(now), 0);
}

TEST(Backlog, ManySmallReadsAreOne) {
  Backlog backlog;
  const auto now = flow(backlog, 250, 20);
  EXPECT_TRUE(backlog.flows());
  EXPECT_EQ(backlog.wait_us(now), Backlog::kWaitUs);
  EXPECT_EQ(backlog.wait_us(now + 400), Backlog::kWaitUs - 400);
  EXPECT_EQ(backlog.wait_us(now + 5'000), 0);
}

TEST(Backlog, OneLargeReadIsOneUntilAMillisecondBringsLittle) {
  Backlog backlog;
  backlog.took(64 * 1024, kStart);
  EXPECT_TRUE(backlog.flows());
  backlog.took(100, kStart + 500);
  EXPECT_TRUE(backlog.flows());
  backlog.took(100, kStart + 1'000);
  EXPECT_FALSE(backlog.flows());
}

TEST(Backlog, ANewStreamBeginsWithout) {
  Backlog backlog;
  backlog.took(64 * 1024, kStart);
  backlog.restart();
  EXPECT_FALSE(backlog.flows());
}

}  // namespace
}  // namespace walbridge::source_pg
