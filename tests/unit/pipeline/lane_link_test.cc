#include "pipeline/lane_link.h"

#include <gtest/gtest.h>

namespace walbridge::pipeline {
namespace {

std::shared_ptr<const Chunk> chunk_of(std::size_t bytes) {
  auto chunk = std::make_shared<Chunk>();
  chunk->arena.allocate(bytes);
  chunk->events.emplace_back(IdlePosition{Lsn{1}});
  return chunk;
}

TEST(LaneLink, IsBoundedInBytesAndTellsWhenThereIsRoomAgain) {
  LaneLink link("a", 10'000);
  int told = 0;
  link.on_lane_progress([&] { ++told; });
  link.ready(Lsn{5});
  link.attach();
  told = 0;
  ASSERT_TRUE(link.has_room());
  link.push(chunk_of(20'000), {});
  EXPECT_FALSE(link.has_room());
  EXPECT_GE(link.queued_bytes(), 20'000U);
  ASSERT_TRUE(link.pop());
  EXPECT_TRUE(link.has_room());
  EXPECT_EQ(told, 1);
  EXPECT_EQ(link.pop(), nullptr);
}

TEST(LaneLink, TakesNothingUnlessAttached) {
  LaneLink link("a", 10'000);
  link.push(chunk_of(10), {});
  EXPECT_EQ(link.pop(), nullptr);
  link.ready(Lsn{7});
  EXPECT_EQ(link.resume_from(), Lsn{7});
  link.attach();
  link.push(chunk_of(10), {});
  link.detach();
  link.push(chunk_of(10), {});
  EXPECT_TRUE(link.pop());
  EXPECT_EQ(link.pop(), nullptr) << "what came after the detach must not be queued";
}

TEST(LaneLink, AFailedLaneDropsWhatItHasNotTaken) {
  LaneLink link("a", 10'000);
  link.ready(Lsn{1});
  link.attach();
  link.push(chunk_of(10), {});
  link.reopen();
  EXPECT_EQ(link.pop(), nullptr);
  EXPECT_EQ(link.queued_bytes(), 0U);
  link.detach();
  EXPECT_EQ(link.mode(), LaneMode::Opening) << "only an attached lane can be detached";
}

TEST(LaneLink, KnowsTheOldestCommitThatWaits) {
  LaneLink link("a", 1 << 20);
  link.ready(Lsn{1});
  link.attach();
  EXPECT_FALSE(link.oldest_queued());
  link.push(chunk_of(10), {});
  link.push(chunk_of(10), Timestamp{50});
  link.push(chunk_of(10), Timestamp{60});
  EXPECT_EQ(link.oldest_queued()->micros, 50);
}

TEST(LaneLink, HoldsNothingBackBeforeItsCacheWasFilled) {
  LaneLink link("a", 10);
  EXPECT_FALSE(link.durable());
  link.set_durable(Lsn{9});
  EXPECT_EQ(*link.durable(), Lsn{9});
}

}  // namespace
}  // namespace walbridge::pipeline
