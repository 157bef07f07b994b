#include "source-pg/wire_cursor.h"

#include <gtest/gtest.h>

#include <string>

namespace walbridge::source_pg {
namespace {

using namespace std::string_view_literals;

TEST(WireCursor, ReadsBigEndianIntegers) {
  WireCursor in("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"sv);
  EXPECT_EQ(in.u8(), 0x01U);
  EXPECT_EQ(in.u16(), 0x0203U);
  EXPECT_EQ(in.u32(), 0x04050607U);
  EXPECT_EQ(in.u64(), 0x08090a0b0c0d0e0fU);
  EXPECT_TRUE(in.at_end());
  EXPECT_FALSE(in.failed());
}

TEST(WireCursor, ReadsNegativeIntegers) {
  WireCursor in("\xff\xff\xff\xfe\x80\x00\x00\x00\x00\x00\x00\x00"sv);
  EXPECT_EQ(in.i32(), -2);
  EXPECT_EQ(in.i64(), INT64_MIN);
}

TEST(WireCursor, ReadsStringsUpToTheirNul) {
  WireCursor in("name\0\0rest"sv);
  EXPECT_EQ(in.string(), "name");
  EXPECT_EQ(in.string(), "");
  EXPECT_FALSE(in.failed());
  EXPECT_EQ(in.rest(), "rest");
  EXPECT_TRUE(in.at_end());
}

TEST(WireCursor, FailsForGoodAtTheFirstReadPastTheEnd) {
  WireCursor in("\x00\x01\x02"sv);
  EXPECT_EQ(in.u32(), 0U);
  EXPECT_TRUE(in.failed());
  EXPECT_EQ(in.offset(), 0U) << "the place of the failure is kept";
  EXPECT_EQ(in.u8(), 0U) << "a byte is there, but nothing is read after a failure";
  EXPECT_EQ(in.take(1), "");
  EXPECT_EQ(in.string(), "");
  EXPECT_EQ(in.offset(), 0U);
}

TEST(WireCursor, RefusesAStringWithoutNul) {
  WireCursor in("endless"sv);
  EXPECT_EQ(in.string(), "");
  EXPECT_TRUE(in.failed());
}

TEST(WireCursor, RefusesLengthsBeyondTheEndHoweverLarge) {
  for (const std::size_t length : {std::size_t{4}, std::size_t{0xffffffff}, SIZE_MAX}) {
    WireCursor in("abc"sv);
    EXPECT_EQ(in.take(length), "");
    EXPECT_TRUE(in.failed()) << length;
  }
}

TEST(WireCursor, EmptyViewsAreNeverNull) {
  WireCursor in("a"sv);
  in.u8();
  EXPECT_NE(in.take(0).data(), nullptr);
  EXPECT_FALSE(in.failed());
}

TEST(WireCursor, StoresWhatItReads) {
  std::string bytes(8, '\0');
  store_u64(bytes.data(), 0x0102030405060708U);
  EXPECT_EQ(WireCursor(bytes).u64(), 0x0102030405060708U);
}

}  // namespace
}  // namespace walbridge::source_pg
