#include "source-pg/schema_message.h"

#include <gmock/gmock.h>

#include <string>

namespace walbridge::source_pg {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kTable =
    R"({"v":1,"oid":5,"schema":"s","name":"t","kind":"r","persistence":"p","identity":"d",)"
    R"("columns":[{"attnum":1,"name":"id","type":23,"sql":"integer"}],"types":{"23":{"name":"int4","kind":"b"}}})";

TEST(SchemaMessage, ReadsEveryOperation) {
  const auto ddl = decode_schema_message(R"({"v":1,"op":"ddl","tag":"ALTER TABLE","tables":[{"d":)" + kTable +
                                         R"(,"rows":12.5}],"gone":[7,4294967295],"copy":[5]})");
  EXPECT_FALSE(ddl.incomplete);
  EXPECT_EQ(ddl.tag, "ALTER TABLE");
  ASSERT_EQ(ddl.tables.size(), 1U);
  EXPECT_EQ(ddl.tables[0]->qualified_name(), "s.t");
  EXPECT_EQ(ddl.tables[0]->estimated_rows, 12.5);
  EXPECT_EQ(ddl.tables[0]->columns[0].type->kind, "int4");
  EXPECT_THAT(ddl.gone, ElementsAre(7U, 4294967295U));
  EXPECT_THAT(ddl.rewritten, ElementsAre(5U));
  EXPECT_THAT(ddl.requested, IsEmpty());

  const auto rewrite = decode_schema_message(R"({"v":1,"op":"rewrite","tag":"ALTER TABLE","copy":[5]})");
  EXPECT_FALSE(rewrite.incomplete);
  EXPECT_THAT(rewrite.rewritten, ElementsAre(5U));
  EXPECT_THAT(rewrite.tables, IsEmpty());

  const auto copy = decode_schema_message(R"({"v":1,"op":"copy","tag":"resync","copy":[5,6]})");
  EXPECT_FALSE(copy.incomplete);
  EXPECT_THAT(copy.requested, ElementsAre(5U, 6U));
  EXPECT_THAT(copy.rewritten, IsEmpty());

  const auto error = decode_schema_message(R"({"v":1,"op":"error","tag":"DROP INDEX","state":"42883"})");
  EXPECT_TRUE(error.incomplete);
  EXPECT_EQ(error.tag, "DROP INDEX");

  // More came with it than could be described.
  const auto partly = decode_schema_message(R"({"v":1,"op":"error","tag":"DROP INDEX","gone":[7]})");
  EXPECT_TRUE(partly.incomplete);
  EXPECT_THAT(partly.gone, ElementsAre(7U));

  const auto publication = decode_schema_message(R"({"v":1,"op":"ddl","tag":"DROP PUBLICATION"})");
  EXPECT_FALSE(publication.incomplete);
  EXPECT_EQ(publication.tag, "DROP PUBLICATION");
}

TEST(SchemaMessage, WhatItCannotReadIsIncomplete) {
  for (const std::string& content :
       {std::string(),
        std::string("null"),
        std::string("[]"),
        std::string("7"),
        std::string("{"),
        std::string("{}"),
        std::string(R"({"v":2,"op":"ddl"})"),
        std::string(R"({"v":"1","op":"ddl"})"),
        std::string(R"({"op":"ddl"})"),
        std::string(R"({"v":1})"),
        std::string(R"({"v":1,"op":7})"),
        std::string(R"({"v":1,"op":"DDL"})"),
        std::string(R"({"v":1,"op":"ddl","tables":{}})"),
        std::string(R"({"v":1,"op":"ddl","tables":[7]})"),
        std::string(R"({"v":1,"op":"ddl","tables":[{}]})"),
        std::string(R"({"v":1,"op":"ddl","tables":[{"d":"x"}]})"),
        std::string(R"({"v":1,"op":"ddl","gone":7})"),
        std::string(R"({"v":1,"op":"ddl","gone":["7"]})"),
        std::string(R"({"v":1,"op":"ddl","gone":[-7]})"),
        std::string(R"({"v":1,"op":"ddl","gone":[4294967296]})"),
        std::string(R"({"v":1,"op":"ddl","copy":[7.5]})"),
        std::string("\xff{\"v\":1,\"op\":\"ddl\"}"),
        R"({"v":1,"op":"ddl","tag":")" + std::string("\xc3\x28") + R"("})",
        std::string(100'000, '['),
        R"({"v":1,"op":"ddl","tables":[{"d":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}]}"}) {
    EXPECT_TRUE(decode_schema_message(content).incomplete) << content.substr(0, 80);
  }
}

TEST(SchemaMessage, KeepsTheTablesItCanRead) {
  const auto news = decode_schema_message(R"({"v":1,"op":"ddl","tables":[{"d":{}},{"d":)" + kTable + "}]}");
  EXPECT_TRUE(news.incomplete);
  ASSERT_EQ(news.tables.size(), 1U);
  EXPECT_EQ(news.tables[0]->oid, 5U);
}

TEST(MarkMessage, IsANumber) {
  EXPECT_EQ(decode_mark_message("0"), 0U);
  EXPECT_EQ(decode_mark_message("18446744073709551615"), 18446744073709551615U);
  for (const char* content : {"", " 1", "1 ", "-1", "+1", "1.0", "18446744073709551616", "0x1", "one"}) {
    EXPECT_FALSE(decode_mark_message(content)) << content;
  }
}

}  // namespace
}  // namespace walbridge::source_pg
