#include "sink-libsql/local_sql.h"

#include <gtest/gtest.h>

namespace walbridge::sink_libsql {
namespace {

using Form = CacheColumn::Form;

CacheTable table_of(std::vector<CacheColumn> columns, std::vector<std::uint16_t> key) {
  CacheTable table;
  table.name = "t\"x";
  table.columns = std::move(columns);
  table.key = std::move(key);
  return table;
}

TEST(LocalSql, UpsertLeavesTheKeyAlone) {
  EXPECT_EQ(
      "INSERT INTO \"t\"\"x\" (\"a\", \"b\", \"j\") VALUES (?1, ?2, jsonb(?3)) ON CONFLICT (\"b\") DO UPDATE SET "
      "\"a\" = excluded.\"a\", \"j\" = excluded.\"j\"",
      upsert_sql(table_of({{"a", "TEXT"}, {"b", "BIGINT"}, {"j", "BLOB", Form::Jsonb}}, {1})));
}

TEST(LocalSql, UpsertWritesAKeyThatMayBeEqualInOtherBytes) {
  EXPECT_EQ("INSERT INTO \"t\"\"x\" (\"a\") VALUES (?1) ON CONFLICT (\"a\") DO UPDATE SET \"a\" = excluded.\"a\"",
            upsert_sql(table_of({{"a", "TEXT COLLATE NOCASE"}}, {0})));
}

TEST(LocalSql, UpsertOfNothingButTheKey) {
  EXPECT_EQ("INSERT INTO \"t\"\"x\" (\"a\") VALUES (?1) ON CONFLICT (\"a\") DO NOTHING",
            upsert_sql(table_of({{"a", "TEXT"}}, {0})));
}

TEST(LocalSql, UpdateNumbersValuesThenMatch) {
  const auto table = table_of({{"a", "TEXT"}, {"b", "BIGINT"}, {"c", "TEXT"}}, {2, 1});
  const SqlValue values[] = {SqlValue::text("x"), {}, {}};
  const SqlValue match[] = {SqlValue::text("k"), SqlValue::of(std::int64_t{1})};
  EXPECT_EQ("UPDATE \"t\"\"x\" SET \"a\" = ?1 WHERE \"c\" = ?2 AND \"b\" = ?3", update_sql(table, values, match));
  const SqlValue nothing[] = {{}, {}, {}};
  EXPECT_EQ("UPDATE \"t\"\"x\" SET \"a\" = \"a\" WHERE \"c\" = ?1 AND \"b\" = ?2", update_sql(table, nothing, match));
}

TEST(LocalSql, RowsWithoutAKeyAreComparedExactly) {
  const auto table = table_of({{"rowid", "TEXT COLLATE NOCASE"}, {"b", "TEXT"}}, {});
  const SqlValue match[] = {SqlValue::null(), SqlValue::text("x")};
  EXPECT_EQ(
      "DELETE FROM \"t\"\"x\" WHERE _rowid_ = (SELECT _rowid_ FROM \"t\"\"x\" WHERE \"rowid\" IS ?1 COLLATE BINARY "
      "AND \"b\" IS ?2 COLLATE BINARY LIMIT 1)",
      delete_sql(table, match));
}

TEST(LocalSql, RowidHasANameUnlessAllAreTaken) {
  EXPECT_EQ("rowid", rowid_name(table_of({{"a", ""}}, {})));
  EXPECT_EQ("oid", rowid_name(table_of({{"ROWID", ""}, {"_RowId_", ""}}, {})));
  EXPECT_EQ("", rowid_name(table_of({{"oid", ""}, {"rowid", ""}, {"_rowid_", ""}}, {})));
}

TEST(LocalSql, TruncateOfATableOrALeaf) {
  const auto table = table_of({{"a", "TEXT"}, {"leaf", "BIGINT"}}, {0});
  EXPECT_EQ("DELETE FROM \"t\"\"x\"", truncate_sql(table, -1));
  EXPECT_EQ("DELETE FROM \"t\"\"x\" WHERE \"leaf\" = ?1", truncate_sql(table, 1));
}

}  // namespace
}  // namespace walbridge::sink_libsql
