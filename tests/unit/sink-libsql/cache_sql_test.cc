// The SQL of a cache's schema means what it says to SQLite itself; and the names and texts that are read back from it.
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "pipeline/api/cache_sql.h"
#include "sink-libsql/cache_catalog.h"
#include "tests/unit/sink-libsql/hrana_on_sqlite.h"

namespace walbridge::sink_libsql {
namespace {

TEST(CacheSql, LiteralsAreReadBackAsTheyWere) {
  testing::HranaOnSqlite database;
  const std::string_view nul("a\0b", 3);
  const std::pair<SqlValue, std::string> cases[] = {
      {SqlValue::of(std::numeric_limits<std::int64_t>::min()), "integer|-9223372036854775808"},
      {SqlValue::of(std::int64_t{0}), "integer|0"},
      {SqlValue::of(5.0), "real|5.0"},
      {SqlValue::of(-0.1), "real|-0.1"},
      {SqlValue::of(5e-324), "real|5e-324"},
      {SqlValue::of(1.7976931348623157e308), "real|1.7976931348623157e+308"},
      {SqlValue::text(""), "text|"},
      {SqlValue::text("it's \"so\"; -- \\ é"), "text|it's \"so\"; -- \\ é"},
      {SqlValue::text(nul), "text|" + std::string(nul)},
      {SqlValue::blob(std::string_view("\x00\xff'", 3)), "blob|AP8n"},
      {SqlValue::null(), "null|NULL"}};
  for (const auto& [value, wanted] : cases) {
    const auto literal = literal_sql(value);
    EXPECT_EQ(std::string::npos, literal.find('\0'));
    EXPECT_EQ(wanted, database.rows("SELECT typeof(v), v FROM (SELECT " + literal + " AS v)")) << literal;
  }
}

TEST(CacheSql, BackfillTablesAreTold) {
  const auto name = backfill_table_name("my_7_stream", 42);
  EXPECT_EQ("_walbridge_fill_42_my_7_stream", name);
  EXPECT_EQ(42U, backfill_table_oid("my_7_stream", name));
  for (const char* other : {"stream", "7_stream", "my_7_strea", ""}) EXPECT_FALSE(is_backfill_table(other, name));
  for (const char* other : {"", "_walbridge_fill_", "_walbridge_fill_42", "_walbridge_fill__s", "_walbridge_fill_x_s",
                            "_walbridge_fill_99999999999_s", "walbridge_fill_42_s"})
    EXPECT_FALSE(is_backfill_table("s", other)) << other;
}

TEST(CacheSql, ColumnsAreReadBackFromTheTablesText) {
  CacheTable table;
  table.columns = {{"a \"quoted\" (name), b", "TEXT COLLATE NOCASE", CacheColumn::Form::Plain},
                   {"amount", "DECIMAL(10,2)", CacheColumn::Form::Plain},
                   {"c", "TEXT", CacheColumn::Form::Plain}};
  table.key = {0, 2};
  table.computed = {{"g", "TEXT", "replace(\"c\", ',', ')(')"}};
  const auto sql = create_table_sql(table, "a \"table\" (x), y");
  testing::HranaOnSqlite database;
  database.run_sql(sql);
  EXPECT_EQ((std::vector<std::string>{"\"a \"\"quoted\"\" (name), b\"", "\"amount\"", "\"c\""}), stored_columns(sql));
  EXPECT_TRUE(stored_columns("CREATE TABLE t (a, b)").empty());
  EXPECT_TRUE(stored_columns("").empty());
}

TEST(CacheSql, IndexMarkComesAndGoes) {
  CacheTable table;
  table.name = "it's \"t\"";
  const CacheIndex index{CacheIndex::Kind::Unique, "i\"x", {"\"a\" DESC"}, "\"a\" IS NOT NULL"};
  const auto plain = create_index_sql(table, index, index.name).front();
  const auto marked = with_index_mark(plain, index.name, table.name);
  EXPECT_NE(plain, marked);
  EXPECT_TRUE(has_index_mark({"index", index.name, table.name, marked}));
  EXPECT_FALSE(has_index_mark({"index", index.name, table.name, plain}));
  EXPECT_EQ(plain, without_index_mark(marked));
}

}  // namespace
}  // namespace walbridge::sink_libsql
