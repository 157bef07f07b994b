#include "pipeline/api/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walbridge {
namespace {

using ::testing::EndsWith;

TEST(Log, AFieldWithoutAValueIsLeftOut) {
  ::testing::internal::CaptureStderr();
  log::warn("source", {{"code", "kafka-unreachable"}, {"error", "nobody answers"}, {"remedy", ""}, {"tries", 0}});
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              EndsWith("warning source code=kafka-unreachable error=\"nobody answers\" tries=0\n"));
}

}  // namespace
}  // namespace walbridge
