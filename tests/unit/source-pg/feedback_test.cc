// The pacing of status updates and the verdict on a silent server, on a clock made of numbers.
#include "source-pg/feedback.h"

#include <gtest/gtest.h>

namespace walbridge::source_pg {
namespace {

constexpr std::int64_t kStart = 1'000'000;

class FeedbackTest : public testing::Test {
 protected:
  void SetUp() override {
    feedback.restart({10'000, 100}, Lsn{100}, kStart);
    send(kStart);  // where we are
  }

  std::optional<StatusUpdate> send(std::int64_t now) {
    const auto update = feedback.due(now);
    if (update) feedback.sent(*update, now);
    return update;
  }

  Feedback feedback;
};

TEST_F(FeedbackTest, TellsWhereWeAreAtOnce) {
  Feedback fresh;
  fresh.restart({10'000, 100}, Lsn{100}, kStart);
  const auto update = fresh.due(kStart);
  ASSERT_TRUE(update);
  EXPECT_EQ(update->flush, Lsn{});  // only what the engine calls durable
  EXPECT_FALSE(update->request_reply);
}

TEST_F(FeedbackTest, SendsASignOfLifeEveryInterval) {
  feedback.heard(kStart + 9'000);
  EXPECT_FALSE(send(kStart + 9'999));
  EXPECT_TRUE(send(kStart + 10'000));
  EXPECT_FALSE(send(kStart + 10'001));
}

TEST_F(FeedbackTest, AnswersTheServerAtOnce) {
  feedback.server_asked();
  EXPECT_EQ(feedback.next_ms(kStart + 1), 0);
  EXPECT_TRUE(send(kStart + 1));
  EXPECT_FALSE(send(kStart + 2));
}

TEST_F(FeedbackTest, TellsAnAdvanceAtMostEveryGap) {
  feedback.yielded(Lsn{300});
  feedback.durable(Lsn{200});
  EXPECT_FALSE(send(kStart + 99));
  EXPECT_EQ(feedback.next_ms(kStart + 99), 1);
  const auto update = send(kStart + 100);
  ASSERT_TRUE(update);
  EXPECT_EQ(update->flush, Lsn{200});
  EXPECT_EQ(update->write, Lsn{300});
  feedback.durable(Lsn{300});
  EXPECT_FALSE(send(kStart + 150));
  EXPECT_EQ(send(kStart + 200)->flush, Lsn{300});
}

// I2: flush never moves back and never passes what was yielded.
TEST_F(FeedbackTest, FlushIsBoundedByWhatWasYieldedAndNeverMovesBack) {
  feedback.yielded(Lsn{150});
  feedback.durable(Lsn{1'000});
  EXPECT_EQ(send(kStart + 100)->flush, Lsn{150});
  feedback.durable(Lsn{120});
  feedback.server_asked();
  EXPECT_EQ(send(kStart + 101)->flush, Lsn{150});
}

TEST_F(FeedbackTest, AsksASilentServerAndGivesItUpAfterThreeIntervals) {
  EXPECT_TRUE(send(kStart + 10'000)->request_reply);
  EXPECT_FALSE(feedback.dead(kStart + 29'999));
  EXPECT_TRUE(send(kStart + 20'000)->request_reply);
  EXPECT_TRUE(feedback.dead(kStart + 30'000));
}

TEST_F(FeedbackTest, AnyByteEndsTheDoubt) {
  EXPECT_TRUE(send(kStart + 10'000)->request_reply);
  feedback.heard(kStart + 29'000);
  EXPECT_FALSE(feedback.dead(kStart + 30'000));
  EXPECT_FALSE(feedback.dead(kStart + 60'000)) << "it was not asked again yet";
}

// Our own pause (a suspended machine, a slow caller) is no proof of the server's silence.
TEST_F(FeedbackTest, DoesNotGiveUpWithoutHavingAsked) {
  EXPECT_FALSE(feedback.dead(kStart + 3'600'000));
  EXPECT_TRUE(send(kStart + 3'600'000)->request_reply);
  EXPECT_FALSE(feedback.dead(kStart + 3'600'001));
}

TEST_F(FeedbackTest, FarewellOnlyWhenTheServerDoesNotKnow) {
  EXPECT_FALSE(feedback.farewell());
  feedback.yielded(Lsn{200});
  feedback.durable(Lsn{200});
  ASSERT_TRUE(feedback.farewell());
  EXPECT_EQ(feedback.farewell()->flush, Lsn{200});
}

}  // namespace
}  // namespace walbridge::source_pg
