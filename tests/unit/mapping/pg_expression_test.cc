// Which expressions are understood, and as what.
#include <gmock/gmock.h>

#include "mapping/pg_expression.h"

namespace walbridge::mapping {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string show(const Expression& node) {
  static constexpr const char* kNames[] = {"col",     "null",     "bool", "num",     "str",    "cast",    "op",
                                           "fn",      "and",      "or",   "not",     "isnull", "notnull", "istrue",
                                           "isfalse", "distinct", "in",   "between", "case",   "coalesce"};
  std::string text = kNames[static_cast<int>(node.kind)];
  if (!node.text.empty()) text += ":" + node.text;
  if (node.arguments.empty()) return text;
  text += "(";
  for (std::size_t i = 0; i < node.arguments.size(); ++i) text += (i == 0 ? "" : " ") + show(*node.arguments[i]);
  return text + ")";
}

std::string parsed(const std::string& sql) {
  const auto expression = parse_expression(sql);
  return expression ? show(**expression) : "refused";
}

TEST(PgExpression, WhatPostgresPrintsIsUnderstood) {
  EXPECT_EQ(parsed("((b > (0)::numeric) AND (a IS NOT NULL))"), "and(op:>(col:b cast:numeric(num:0)) notnull(col:a))");
  EXPECT_EQ(parsed("((s)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))"),
            "in(cast:text(col:s) cast:text(cast:character varying(str:a)) cast:text(cast:character varying(str:b)))");
  EXPECT_EQ(parsed("(a <> ALL (ARRAY[1, 2]))"), "not(in(col:a num:1 num:2))");
  EXPECT_EQ(parsed("lower((id)::text)"), "fn:lower(cast:text(col:id))");
  EXPECT_EQ(parsed("(a IS DISTINCT FROM b)"), "distinct(col:a col:b)");
  EXPECT_EQ(parsed("CASE WHEN (a > 1) THEN 'x'::text END"), "case(op:>(col:a num:1) cast:text(str:x) null)");
  EXPECT_EQ(parsed("('2024-01-01 00:00:00+00'::timestamp with time zone)"),
            "cast:timestamp with time zone(str:2024-01-01 00:00:00+00)");
  EXPECT_EQ(parsed("(m = 'ok'::app.\"Mood\")"), "op:=(col:m cast:app.\"Mood\"(str:ok))");
  EXPECT_EQ(parsed("(a)::numeric(5,-2)"), "cast:numeric(5,-2)(col:a)");
}

TEST(PgExpression, WhatPeopleWriteIsUnderstood) {
  EXPECT_EQ(parsed("Region IN ('eu', 'us') AND price > 0"), "and(in(col:region str:eu str:us) op:>(col:price num:0))");
  EXPECT_EQ(parsed("\"A b\" IS NOT TRUE -- why"), "not(istrue(col:A b))");
  EXPECT_EQ(parsed("a NOT BETWEEN - 5 AND -1.5e3"), "not(between(col:a num:-5 num:-1.5e3))");
  EXPECT_EQ(parsed("a = 0 OR a = -9223372036854775808"), "or(op:=(col:a num:0) op:=(col:a num:-9223372036854775808))");
  EXPECT_EQ(parsed("true"), "bool:true");
  EXPECT_EQ(parsed("false"), "bool:false");
  EXPECT_EQ(parsed("s LIKE 'it''s%'"), "op:~~(col:s str:it's%)");
}

TEST(PgExpression, TheRestIsOutside) {
  for (const std::string sql : {"",
                                "a >",
                                "1) FROM t WHERE (true",
                                "a), (b",
                                "a; DROP TABLE t",
                                "(SELECT 1)",
                                "t.a = 1",
                                "a COLLATE \"C\" = 'x'",
                                "now() > d AND count(*) > 1",
                                "a OPERATOR(app.=) b",
                                "app.f(a)",
                                "ROW(a) = ROW(b)",
                                "a[1] = 1",
                                "$1 = a",
                                "*",
                                "CURRENT_TIMESTAMP > d",
                                "sum(a) OVER () > 1",
                                "a = ANY (SELECT 1)",
                                "a SIMILAR TO 'x'",
                                "B'01' = a"}) {
    EXPECT_EQ(parsed(sql), "refused") << sql;
  }
  EXPECT_EQ(parsed(std::string("a = '\0'", 7)), "refused");
}

TEST(PgExpression, AnswersHoldNoLiteralAndDepthHurtsNobody) {
  for (const std::string sql : {"a = (SELECT 'secret')", "a == 'secret", "f(a, 'secret' ORDER BY a)"}) {
    const auto refused = parse_expression(sql);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().verdict, Verdict::Operator);
    EXPECT_THAT(refused.error().message + refused.error().remedy, Not(HasSubstr("secret")));
  }
  for (const std::string piece : {"(", "- ", "NOT ", "a+", "a||", "f(", "coalesce(", "a is null and not (", "[", "'"}) {
    std::string deep;
    while (deep.size() < 16'000) deep += piece;
    EXPECT_FALSE(parse_expression(deep + "a"));
  }
  EXPECT_FALSE(parse_expression("a" + std::string(20'000, ' ')));
}

TEST(PgExpression, ColumnsAreNamedOnce) {
  EXPECT_THAT(columns_of(**parse_expression("a = b AND (b > 1 OR lower(c) IN ('x', a))")), ElementsAre("a", "b", "c"));
}

TEST(PgExpression, ClosesNoParenthesisThatItDidNotOpen) {
  EXPECT_FALSE(parse_expression("true) OR (id < 3"));
  EXPECT_TRUE(parse_expression("(true) OR (id < 3)"));
  EXPECT_TRUE(parse_expression("id > 30 -- all but the first"));
}

}  // namespace
}  // namespace walbridge::mapping
