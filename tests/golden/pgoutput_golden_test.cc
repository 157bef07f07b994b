// Bytes recorded from Postgres 14 to 18 decode to exactly what was reviewed when they were recorded.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "pipeline/api/change.h"
#include "source-pg/change_assembler.h"
#include "tests/golden/decode_golden.h"
#include "tests/golden/golden_file.h"

namespace walbridge::golden {
namespace {

std::vector<std::filesystem::path> goldens() {
  return find_goldens(std::filesystem::path(WALBRIDGE_TEST_DATA) / "golden/pgoutput");
}

std::string test_name(const testing::TestParamInfo<std::filesystem::path>& parameter) {
  return parameter.param.parent_path().filename().string() + "_" + parameter.param.stem().string();
}

class PgoutputGolden : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(PgoutputGolden, DecodesAsRecorded) {
  const GoldenFile golden = read_golden(GetParam());
  EXPECT_EQ(decode_and_dump(golden.wire), golden.dump);
}

// Every message cut at every place is refused, whole or in one of its fields; none is taken for a shorter one.
TEST_P(PgoutputGolden, IsRefusedWhenCutAnywhere) {
  for (const std::string& payload : read_golden(GetParam()).wire) {
    Arena arena;
    for (std::size_t size = 0; size < payload.size(); ++size) {
      const auto decoded = source_pg::pgoutput::decode(std::string_view(payload).substr(0, size), arena);
      ASSERT_FALSE(decoded) << "cut to " << size << " of " << payload.size();
      EXPECT_EQ(decoded.error().code, "protocol");
    }
    EXPECT_FALSE(source_pg::pgoutput::decode(payload + '\0', arena)) << "one byte too many";
  }
}

// A recorded stream is accepted whole and leaves no transaction open.
TEST_P(PgoutputGolden, AssemblesWhole) {
  source_pg::ChangeAssembler assembler;
  Chunk chunk;
  for (const std::string& payload : read_golden(GetParam()).wire) {
    const Status outcome = assembler.append(payload, chunk);
    ASSERT_TRUE(outcome) << outcome.error().message;
  }
  EXPECT_FALSE(assembler.in_transaction());
  ASSERT_FALSE(chunk.events.empty());
  EXPECT_TRUE(std::holds_alternative<TxBegin>(chunk.events.front()));
  EXPECT_TRUE(std::holds_alternative<TxCommit>(chunk.events.back()));
}

INSTANTIATE_TEST_SUITE_P(Recorded, PgoutputGolden, testing::ValuesIn(goldens()), test_name);

TEST(PgoutputGoldenSet, HasEveryCaseOfEveryVersion) {
  const auto folder = std::filesystem::path(WALBRIDGE_TEST_DATA) / "golden/pgoutput";
  std::size_t cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "cases")) {
    ++cases;
    for (const char* version : {"pg14", "pg15", "pg16", "pg17", "pg18"}) {
      EXPECT_TRUE(std::filesystem::exists(folder / version / (entry.path().stem().string() + ".golden")))
          << version << " " << entry.path().stem();
    }
  }
  EXPECT_GE(cases, 15U);
}

}  // namespace
}  // namespace walbridge::golden
