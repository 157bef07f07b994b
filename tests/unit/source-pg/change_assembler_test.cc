#include "source-pg/change_assembler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <variant>

#include "tests/unit/source-pg/well_formed.h"
#include "tests/unit/source-pg/wire_bytes.h"

namespace walbridge::source_pg {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ChangeAssemblerTest : public testing::Test {
 protected:
  void feed(std::string_view payload) {
    const Status outcome = assembler.append(payload, chunk);
    ASSERT_TRUE(outcome) << outcome.error().message;
  }

  std::string refused(std::string_view payload) {
    const std::size_t before = chunk.events.size();
    const Status outcome = assembler.append(payload, chunk);
    EXPECT_FALSE(outcome);
    EXPECT_EQ(chunk.events.size(), before);
    if (outcome) return "";
    EXPECT_EQ(outcome.error().code, "protocol");
    return outcome.error().message;
  }

  template <class T>
  const T& event(std::size_t index) {
    return std::get<T>(chunk.events.at(index));
  }

  ChangeAssembler assembler;
  Chunk chunk;
};

TEST_F(ChangeAssemblerTest, YieldsATransactionThatOwnsItsBytes) {
  feed(begin_message(100));
  feed(relation_message(7));
  std::string wire = insert_message(7, "1", "one").bytes();
  feed(wire);
  wire.assign(wire.size(), '#');  // what libpq gave is gone
  feed(commit_message(100, 110));
  ASSERT_EQ(chunk.events.size(), 3U);
  EXPECT_EQ(event<TxBegin>(0).commit_lsn, Lsn{100});
  const auto& row = event<RowChange>(1);
  EXPECT_EQ(row.op, RowChange::Op::Insert);
  EXPECT_EQ(row.relation->name, "t");
  EXPECT_TRUE(row.relation->columns[0].key);
  EXPECT_EQ(row.new_row[1].text, "one");
  EXPECT_EQ(event<TxCommit>(2).end_lsn, Lsn{110});
  EXPECT_EQ(assembler.last_end_lsn(), Lsn{110});
}

TEST_F(ChangeAssemblerTest, ARepeatedDescriptionKeepsTheObject) {
  feed(begin_message(100));
  feed(relation_message(7));
  feed(insert_message(7, "1", "a"));
  feed(relation_message(7));
  feed(insert_message(7, "2", "b"));
  feed(relation_message(7, "renamed"));
  feed(insert_message(7, "3", "c"));
  EXPECT_EQ(event<RowChange>(1).relation, event<RowChange>(2).relation);
  EXPECT_NE(event<RowChange>(2).relation, event<RowChange>(3).relation);
  EXPECT_EQ(event<RowChange>(2).relation->name, "t") << "older changes keep their version";
  EXPECT_EQ(event<RowChange>(3).relation->name, "renamed");
  EXPECT_EQ(chunk.relations.size(), 2U);
}

TEST_F(ChangeAssemblerTest, EveryChunkKeepsItsRelationsAlive) {
  feed(begin_message(100));
  feed(relation_message(7));
  feed(insert_message(7, "1", "a"));
  Chunk second;
  assembler.begin_fill();
  ASSERT_TRUE(assembler.append(insert_message(7, "2", "b"), second));
  ASSERT_EQ(second.relations.size(), 1U);
  EXPECT_EQ(second.relations[0], chunk.relations[0]);
}

TEST_F(ChangeAssemblerTest, ANewSessionKeepsObjectsButWantsThemAnnounced) {
  feed(begin_message(100));
  feed(relation_message(7));
  feed(insert_message(7, "1", "a"));
  assembler.restart();
  assembler.begin_fill();
  feed(begin_message(90));
  EXPECT_THAT(refused(insert_message(7, "1", "a")), HasSubstr("relation 7"));
  feed(relation_message(7));
  feed(insert_message(7, "1", "a"));
  EXPECT_EQ(event<RowChange>(1).relation, event<RowChange>(3).relation);
}

TEST_F(ChangeAssemblerTest, AnEmptySchemaIsPgCatalog) {
  feed(begin_message(100));
  feed(relation_message(7, "t", ""));
  feed(insert_message(7, "1", "a"));
  EXPECT_EQ(event<RowChange>(1).relation->schema, "pg_catalog");
}

TEST_F(ChangeAssemblerTest, RefusesChangesOutsideATransaction) {
  feed(relation_message(7));
  EXPECT_THAT(refused(insert_message(7, "1", "a")), HasSubstr("outside a transaction"));
  EXPECT_THAT(refused(WireBytes('T').u32(1).u8(0).u32(7)), HasSubstr("outside a transaction"));
  EXPECT_THAT(refused(WireBytes('M').u8(1).u64(1).string("p").u32(0)), HasSubstr("outside a transaction"));
  EXPECT_THAT(refused(commit_message(100, 110)), HasSubstr("without a transaction"));
}

TEST_F(ChangeAssemblerTest, RefusesDisorder) {
  feed(begin_message(100));
  EXPECT_THAT(refused(begin_message(200)), HasSubstr("inside another"));
  EXPECT_THAT(refused(commit_message(101, 110)), HasSubstr("0/64"));
  EXPECT_THAT(refused(commit_message(100, 99)), HasSubstr("0/63"));
  feed(commit_message(100, 110));
  EXPECT_THAT(refused(begin_message(100)), HasSubstr("comes after one"));
}

TEST_F(ChangeAssemblerTest, RefusesRowsThatDoNotFitTheirRelation) {
  feed(begin_message(100));
  EXPECT_THAT(refused(insert_message(8, "1", "a")), HasSubstr("before the relation was described"));
  feed(relation_message(7));
  EXPECT_THAT(refused(WireBytes('I').u32(7).u8('N').u16(1).text("1")), HasSubstr("2 columns"));
  EXPECT_THAT(refused(WireBytes('U').u32(7).u8('K').u16(1).text("1").u8('N').u16(2).text("1").u8('n')),
              HasSubstr("2 columns"));
  EXPECT_THAT(refused(WireBytes('D').u32(7).u8('K').u16(3).text("1").u8('n').u8('n')), HasSubstr("public.t"));
}

TEST_F(ChangeAssemblerTest, TruncateNamesEveryRelation) {
  feed(begin_message(100));
  feed(relation_message(7, "a"));
  feed(relation_message(8, "b"));
  feed(WireBytes('T').u32(2).u8(3).u32(7).u32(8));
  const auto& truncated = event<Truncated>(1);
  ASSERT_EQ(truncated.relations.size(), 2U);
  EXPECT_EQ(truncated.relations[0]->name, "a");
  EXPECT_EQ(truncated.relations[1]->name, "b");
  EXPECT_EQ(chunk.relations.size(), 2U);
}

WireBytes message(std::string_view prefix, std::string_view content, bool transactional = true) {
  return WireBytes('M').u8(transactional ? 1 : 0).u64(1).string(prefix).u32(content.size()).raw(content);
}

TEST_F(ChangeAssemblerTest, TakesOnlyItsOwnMessages) {
  assembler.trust("word");
  feed(message("walbridge.ddl.word", R"({"v":1,"op":"ddl"})", false));
  feed(begin_message(100));
  feed(message("walbridge.ddl.word", R"({"v":1,"op":"ddl"})", false));
  feed(WireBytes('O').u64(5).string("elsewhere"));
  feed(WireBytes('Y').u32(9).string("public").string("mood"));
  for (const char* prefix : {"prefix", "walbridge.ddl.wor", "walbridge.ddl.words", "walbridge.ddl.", "walbridge.ddl",
                             "walbridge.mark.Word", "walbridge.pad", "walbridge.", "walbridge", "", "neon-file:x"}) {
    feed(message(prefix, R"({"v":1,"op":"ddl","gone":[7]})"));
  }
  ASSERT_EQ(chunk.events.size(), 1U);
  feed(message("walbridge.ddl.word", R"({"v":1,"op":"ddl","tag":"DROP TABLE","gone":[7]})"));
  feed(message("walbridge.pad", ""));
  feed(message("walbridge.mark.word", "18446744073709551615"));
  feed(message("walbridge.mark.word", "seven"));
  feed(message("walbridge.mark.word", ""));
  ASSERT_EQ(chunk.events.size(), 3U);
  const auto& changed = event<SchemaChanged>(1);
  EXPECT_THAT(changed.news->gone, ElementsAre(7U));
  EXPECT_EQ(changed.news->tag, "DROP TABLE");
  EXPECT_FALSE(changed.news->incomplete);
  EXPECT_EQ(event<BackfillMark>(2).chunk, 18446744073709551615U);
  EXPECT_EQ(malformation_of(chunk), "");
}

TEST_F(ChangeAssemblerTest, WithoutATokenNoMessageIsItsOwn) {
  feed(begin_message(100));
  for (const char* prefix : {"walbridge.ddl.", "walbridge.mark.", "walbridge.ddl.word", ""}) feed(message(prefix, "1"));
  EXPECT_EQ(chunk.events.size(), 1U);
  assembler.trust("word");
  assembler.trust("");
  feed(message("walbridge.ddl.word", "1"));
  feed(message("walbridge.ddl.", "1"));
  EXPECT_EQ(chunk.events.size(), 1U);
}

TEST_F(ChangeAssemblerTest, SaysOncePerSessionThatItDropsForgedMessages) {
  assembler.trust("word");
  const auto lines = [&](std::uint64_t lsn) {
    testing::internal::CaptureStderr();
    assembler.restart();
    feed(begin_message(lsn));
    for (int i = 0; i < 3; ++i) feed(message("walbridge.ddl.forged", "s3cret"));
    return testing::internal::GetCapturedStderr();
  };
  for (const std::uint64_t lsn : {100U, 200U}) {
    const auto said = lines(lsn);
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
    EXPECT_THAT(said, HasSubstr("token"));
    EXPECT_THAT(said, testing::Not(HasSubstr("s3cret")));
    EXPECT_THAT(said, testing::Not(HasSubstr("forged")));
  }
}

TEST_F(ChangeAssemblerTest, UnreadableSchemaNewsAreIncomplete) {
  assembler.trust("word");
  feed(begin_message(100));
  feed(message("walbridge.ddl.word", "not json"));
  feed(message("walbridge.ddl.word", "\xff\xfe"));
  ASSERT_EQ(chunk.events.size(), 3U);
  EXPECT_TRUE(event<SchemaChanged>(1).news->incomplete);
  EXPECT_TRUE(event<SchemaChanged>(2).news->incomplete);
}

TEST_F(ChangeAssemblerTest, AMessageOutsideATransactionIsRefused) {
  assembler.trust("word");
  EXPECT_THAT(refused(message("walbridge.ddl.word", "{}")), HasSubstr("outside a transaction"));
}

// Postgres 14 sends them for transactions that touched nothing published.
TEST_F(ChangeAssemblerTest, PassesEmptyTransactions) {
  feed(begin_message(100));
  feed(commit_message(100, 110));
  EXPECT_EQ(chunk.events.size(), 2U);
  EXPECT_FALSE(assembler.in_transaction());
}

}  // namespace
}  // namespace walbridge::source_pg
