#include "source-pg/copy_both.h"

#include <gtest/gtest.h>

#include <variant>

#include "source-pg/wire_cursor.h"
#include "tests/unit/source-pg/wire_bytes.h"

namespace walbridge::source_pg {
namespace {

TEST(CopyBoth, DecodesXLogData) {
  const auto decoded = decode_frame(WireBytes('w').u64(0x10).u64(0x20).u64(5).raw("payload"));
  ASSERT_TRUE(decoded);
  const auto& data = std::get<XLogData>(*decoded);
  EXPECT_EQ(data.data_start, Lsn{0x10});
  EXPECT_EQ(data.wal_end, Lsn{0x20});
  EXPECT_EQ(data.sent_at.micros, kPostgresEpochMicros + 5);
  EXPECT_EQ(data.payload, "payload");
}

TEST(CopyBoth, DecodesKeepalives) {
  const auto decoded = decode_frame(WireBytes('k').u64(0x20).u64(5).u8(1));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(std::get<Keepalive>(*decoded).wal_end, Lsn{0x20});
  EXPECT_TRUE(std::get<Keepalive>(*decoded).reply_requested);
}

TEST(CopyBoth, RefusesOtherFrames) {
  for (const WireBytes& frame : {WireBytes('x').u64(0), WireBytes('w').u64(0).u64(0).u32(0),
                                 WireBytes('k').u64(0).u64(0), WireBytes('k').u64(0).u64(0).u8(0).u8(0)}) {
    const auto decoded = decode_frame(frame);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, "protocol");
  }
  EXPECT_FALSE(decode_frame(""));
}

TEST(CopyBoth, StatusUpdateHasTheLayoutOfTheProtocol) {
  const auto frame = encode({Lsn{0x0102030405060708}, Lsn{0x11}, true}, Timestamp{kPostgresEpochMicros + 7});
  WireCursor in({frame.data(), frame.size()});
  EXPECT_EQ(in.u8(), 'r');
  EXPECT_EQ(in.u64(), 0x0102030405060708U);
  EXPECT_EQ(in.u64(), 0x11U);
  EXPECT_EQ(in.u64(), 0x11U);
  EXPECT_EQ(in.u64(), 7U);
  EXPECT_EQ(in.u8(), 1U);
  EXPECT_TRUE(in.at_end());
}

}  // namespace
}  // namespace walbridge::source_pg
