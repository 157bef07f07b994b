#include "pipeline/api/xid_snapshot.h"

#include <gtest/gtest.h>

namespace walbridge {
namespace {

TEST(XidSnapshot, SeesWhatIsOver) {
  const auto snapshot = XidSnapshot::parse("10:20:10,15");
  ASSERT_TRUE(snapshot);
  EXPECT_TRUE(snapshot->sees(9));
  EXPECT_FALSE(snapshot->sees(10));
  EXPECT_TRUE(snapshot->sees(11));
  EXPECT_FALSE(snapshot->sees(15));
  EXPECT_FALSE(snapshot->sees(20));
  EXPECT_FALSE(snapshot->sees(21));
}

TEST(XidSnapshot, KnowsTheEpoch) {
  const auto snapshot = XidSnapshot::parse("4294967290:4294967300:4294967292,4294967297");
  ASSERT_TRUE(snapshot);
  EXPECT_TRUE(snapshot->sees(4294967289U));
  EXPECT_FALSE(snapshot->sees(4294967292U));
  EXPECT_TRUE(snapshot->sees(4294967295U));
  EXPECT_FALSE(snapshot->sees(1));  // 4294967297 after the wrap
  EXPECT_TRUE(snapshot->sees(2));
  EXPECT_FALSE(snapshot->sees(4));
}

TEST(XidSnapshot, RefusesWhatIsNone) {
  for (const auto* text : {"", "1", "1:", "1:2", "a:b:", "1:2:x", "1:2:3;4"})
    EXPECT_FALSE(XidSnapshot::parse(text)) << text;
  EXPECT_TRUE(XidSnapshot::parse("1:1:"));
}

}  // namespace
}  // namespace walbridge
