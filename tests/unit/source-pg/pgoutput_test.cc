// Message by message what the decoder accepts and refuses; recorded messages of real servers are in tests/golden.
#include "source-pg/pgoutput.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <variant>

#include "tests/unit/source-pg/wire_bytes.h"

namespace walbridge::source_pg::pgoutput {
namespace {

using testing::HasSubstr;
using testing::Not;

Error refused(std::string_view payload) {
  Arena arena;
  const auto decoded = decode(payload, arena);
  EXPECT_FALSE(decoded);
  if (decoded) return {};
  EXPECT_EQ(decoded.error().code, "protocol");
  EXPECT_EQ(decoded.error().verdict, Verdict::Operator);
  EXPECT_FALSE(decoded.error().remedy.empty());
  return decoded.error();
}

TEST(Pgoutput, DecodesBegin) {
  Arena arena;
  const auto decoded = decode(begin_message(0x1234), arena);
  ASSERT_TRUE(decoded);
  const auto& begin = std::get<Begin>(*decoded);
  EXPECT_EQ(begin.final_lsn, Lsn{0x1234});
  EXPECT_EQ(begin.xid, 42U);
  EXPECT_EQ(begin.committed_at.micros, kPostgresEpochMicros + 1'000'000);
}

TEST(Pgoutput, ValuesPointIntoTheMessage) {
  Arena arena;
  const std::string payload = insert_message(7, "1", "").bytes();
  const auto decoded = decode(payload, arena);
  ASSERT_TRUE(decoded);
  const auto& row = std::get<Insert>(*decoded).new_row;
  ASSERT_EQ(row.size(), 2U);
  EXPECT_GE(row[0].text.data(), payload.data());
  EXPECT_LT(row[0].text.data(), payload.data() + payload.size());
  EXPECT_EQ(row[1].kind, WireValue::Kind::Text);
  EXPECT_NE(row[1].text.data(), nullptr) << "an empty text is not NULL";
}

TEST(Pgoutput, RefusesMessagesOfLaterVersions) {
  for (const char tag : std::string("SEcAbPKrp")) {
    EXPECT_THAT(refused(WireBytes(tag).u64(0).u64(0)).message, HasSubstr("although version 1 was asked for")) << tag;
  }
}

TEST(Pgoutput, RefusesUnknownAndEmptyMessages) {
  EXPECT_THAT(refused("").message, HasSubstr("empty"));
  EXPECT_THAT(refused("z").message, HasSubstr("'z'"));
  EXPECT_THAT(refused(std::string_view("\0", 1)).message, HasSubstr("0x00"));
}

TEST(Pgoutput, NamesTagAndOffsetButNoContent) {
  const Error error =
      refused(WireBytes('I').u32(7).u8('N').u16(2).text("secret-value").u8('t').u32(99).raw("topsecret"));
  EXPECT_THAT(error.message, HasSubstr("'I'"));
  EXPECT_THAT(error.message, HasSubstr("offset 30 of 39"));
  EXPECT_THAT(describe(error), Not(HasSubstr("secret")));
}

TEST(Pgoutput, RefusesTrailingBytes) {
  EXPECT_THAT(refused(begin_message(1).u8(0)).message, HasSubstr("1 bytes too many"));
  EXPECT_THAT(refused(insert_message(7, "1", "a").raw("xyz")).message, HasSubstr("3 bytes too many"));
}

TEST(Pgoutput, RefusesFieldsOutsideTheirDomain) {
  refused(WireBytes('C').u8(1).u64(1).u64(2).u64(0));                     // commit flags
  refused(WireBytes('R').u32(7).string("s").string("t").u8('x').u16(0));  // replica identity
  refused(WireBytes('R').u32(7).string("s").string("t").u8('d').u16(1).u8(2).string("c").u32(23).u32(0));  // flags
  refused(WireBytes('I').u32(7).u8('K').u16(0));                          // not a new row
  refused(WireBytes('I').u32(7).u8('N').u16(1).u8('b').u32(1).raw("x"));  // binary column
  refused(WireBytes('U').u32(7).u8('K').u16(0).u8('K').u16(0));           // two old rows
  refused(WireBytes('D').u32(7).u8('N').u16(0));                          // no old row
  refused(WireBytes('T').u32(0).u8(4));                                   // option
  refused(WireBytes('M').u8(2).u64(1).string("p").u32(0));                // flag
  refused(WireBytes('B').u64(1).u64(0x7fffffffffffffff).u32(1));          // time beyond any clock
}

// A count that promises more than is left must not make us allocate for it.
TEST(Pgoutput, HostileCountsAllocateNothing) {
  Arena arena(64);
  EXPECT_FALSE(decode(WireBytes('I').u32(7).u8('N').u16(0xffff).u8('n'), arena));
  EXPECT_FALSE(decode(WireBytes('T').u32(0xffffffff).u8(0).u32(7), arena));
  EXPECT_FALSE(decode(WireBytes('R').u32(7).string("").string("").u8('d').u16(0xffff).u8(0), arena));
  EXPECT_FALSE(decode(WireBytes('I').u32(7).u8('N').u16(1).u8('t').u32(0xffffffff), arena));
  EXPECT_FALSE(decode(WireBytes('M').u8(1).u64(1).string("p").u32(0x80000000), arena));
  EXPECT_LE(arena.reserved(), 128U);
}

TEST(Pgoutput, DecodesEveryKindOfOldRow) {
  Arena arena;
  const WireBytes without_old = WireBytes('U').u32(7).u8('N').u16(1).u8('u');
  const auto none = decode(without_old, arena);
  ASSERT_TRUE(none);
  EXPECT_EQ(std::get<Update>(*none).old_kind, RowChange::Old::None);
  EXPECT_EQ(std::get<Update>(*none).new_row[0].kind, WireValue::Kind::Unchanged);
  const WireBytes with_key = WireBytes('U').u32(7).u8('K').u16(1).text("1").u8('N').u16(1).u8('n');
  const auto key = decode(with_key, arena);
  ASSERT_TRUE(key);
  EXPECT_EQ(std::get<Update>(*key).old_kind, RowChange::Old::Key);
  EXPECT_EQ(std::get<Update>(*key).old_row[0].text, "1");
  const WireBytes with_row = WireBytes('D').u32(7).u8('O').u16(1).text("1");
  const auto full = decode(with_row, arena);
  ASSERT_TRUE(full);
  EXPECT_EQ(std::get<Delete>(*full).old_kind, RowChange::Old::Full);
}

}  // namespace
}  // namespace walbridge::source_pg::pgoutput
