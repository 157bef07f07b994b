#include "source-pg/backfill_sql.h"

#include <gmock/gmock.h>

#include <memory>
#include <string>

namespace walbridge::source_pg {
namespace {

using ::testing::HasSubstr;

std::shared_ptr<const PgType> type(const std::string& sql) {
  auto made = std::make_shared<PgType>();
  made->sql = sql;
  return made;
}

SourceColumn column(const std::string& name, const std::string& sql) {
  SourceColumn made;
  made.name = name;
  made.type = type(sql);
  return made;
}

ChunkRequest request(char kind = 'r') {
  auto table = std::make_shared<SourceTable>();
  table->oid = 1;
  table->schema = "shop";
  table->name = "or\"ders";
  table->kind = kind;
  table->columns = {column("id", "bigint"), column("At", "timestamp(3) without time zone"), column("v", "text")};
  if (kind == 'p') table->leaves = {{7, "shop", "leaf one"}};
  ChunkRequest made;
  made.table = table;
  made.columns = {"v", "id"};
  made.most_rows = 10;
  return made;
}

std::string sql_of(const ChunkRequest& request) {
  const auto sql = chunk_sql(request, [](std::string_view text) { return "'" + std::string(text) + "'"; });
  EXPECT_TRUE(sql) << (sql ? "" : describe(sql.error()));
  return sql ? *sql : std::string();
}

TEST(BackfillSql, ReadsTheWholeTableWithoutAKey) {
  EXPECT_EQ(sql_of(request()), R"(SELECT "v", "id", tableoid FROM ONLY "shop"."or""ders")");
}

TEST(BackfillSql, OrdersByTheKeyAndAsksForOneMore) {
  auto wanted = request();
  wanted.key = {"id"};
  EXPECT_EQ(sql_of(wanted), R"(SELECT "v", "id", tableoid FROM ONLY "shop"."or""ders" ORDER BY "id" LIMIT 11)");
  wanted.after = {"5"};
  EXPECT_THAT(sql_of(wanted), HasSubstr(R"( WHERE ("id") > ('5'::bigint) ORDER BY "id" LIMIT 11)"));
}

TEST(BackfillSql, ComparesACompositeKeyAsARow) {
  auto wanted = request();
  wanted.key = {"At", "id"};
  wanted.after = {"2020-01-01 00:00:00.5", "5"};
  EXPECT_THAT(
      sql_of(wanted),
      HasSubstr(
          R"( WHERE ("At", "id") > ('2020-01-01 00:00:00.5'::timestamp(3) without time zone, '5'::bigint) ORDER BY "At", "id" LIMIT)"));
}

TEST(BackfillSql, ReadsSingleRowsWithoutALimit) {
  auto wanted = request();
  wanted.key = {"id", "v"};
  wanted.only = {{"1", "a"}, {"2", "b"}};
  wanted.after = {"9", "z"};
  EXPECT_THAT(
      sql_of(wanted),
      ::testing::EndsWith(
          R"( WHERE ("id", "v") IN (VALUES ('1'::bigint, 'a'::text), ('2'::bigint, 'b'::text)) ORDER BY "id", "v")"));
}

TEST(BackfillSql, ReadsARootWithItsLeavesOrOneLeafAlone) {
  auto wanted = request('p');
  EXPECT_EQ(sql_of(wanted), R"(SELECT "v", "id", tableoid FROM "shop"."or""ders")");
  wanted.leaf = 7;
  EXPECT_EQ(sql_of(wanted), R"(SELECT "v", "id", tableoid FROM ONLY "shop"."leaf one")");
  wanted.leaf = 8;
  EXPECT_FALSE(chunk_sql(wanted, [](std::string_view) { return std::string(); }));
}

TEST(BackfillSql, RefusesWhatTheTableDoesNotHave) {
  const auto code = [](const ChunkRequest& wanted) {
    const auto sql = chunk_sql(wanted, [](std::string_view) { return std::string(); });
    return sql ? std::string() : sql.error().code;
  };
  auto wanted = request();
  wanted.columns.push_back("gone");
  EXPECT_EQ(code(wanted), "backfill-request");
  wanted = request();
  wanted.key = {"id"};
  wanted.after = {"1", "2"};
  EXPECT_EQ(code(wanted), "backfill-request");
  wanted = request();
  wanted.only = {{"1"}};
  EXPECT_EQ(code(wanted), "backfill-request");
}

}  // namespace
}  // namespace walbridge::source_pg
