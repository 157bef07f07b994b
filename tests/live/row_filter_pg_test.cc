// The row filter against a real Postgres: random expressions over random rows, and both must let the same rows through.
#include "mapping/row_filter.h"

#include <algorithm>
#include <cstdlib>
#include <random>
#include <set>

#include "tests/live/rows_pg.h"

namespace walbridge::mapping {
namespace {

struct TestColumn {
  const char* name;
  const char* kind;
  const char* random;                 // SQL of one value, NULL now and then
  std::vector<const char*> literals;  // as SQL
  bool ordered;
};

const std::vector<TestColumn> kColumns = {
    {"s", "int2", "(random() * 10 - 5)::int2", {"0", "-3", "2.5", "'4'", "3::bigint", "1e0", "70000"}, true},
    {"i", "int4", "(random() * 10 - 5)::int4", {"0", "-3", "2.5", "'4'", "3::int8", "3000000000", "-5"}, true},
    {"l",
     "int8",
     "(random() * 10 - 5)::int8 * 1000000000000",
     {"0", "-3000000000000", "'4000000000000'", "2e12", "0.5"},
     true},
    {"n",
     "numeric",
     "CASE g % 40 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN '-Infinity' ELSE round((random() * 4 - "
     "2)::numeric, (g % 4)) END",
     {"0", "1", "-1.5", "'0.50'", "1e0", "'NaN'", "'infinity'", "0.25::numeric", "1.0::float8", "'1e-1'"},
     true},
    {"f",
     "float4",
     "CASE g % 40 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN '-0' ELSE round((random() * 2 - 1)::numeric, "
     "1)::float4 END",
     {"0", "0.1", "'0.1'", "0.5", "0.1::float4", "-1", "'NaN'"},
     true},
    {"d",
     "float8",
     "CASE g % 40 WHEN 0 THEN 'NaN' WHEN 1 THEN '-Infinity' WHEN 2 THEN '-0' ELSE round((random() * 2 - 1)::numeric, "
     "1)::float8 END",
     {"0", "0.1", "'0.1'", "0.5", "0.1::float4", "-1", "'NaN'", "'-infinity'"},
     true},
    {"t",
     "text",
     "(ARRAY['', 'a', 'A', 'ab', 'a%', 'ä', 'b ', 'a_b', 'ba\\b'])[1 + (random() * 8)::int]",
     {"''", "'a'", "'ab'", "'ä'", "'b '", "'a'::text", "'A'::varchar", "'zzz'"},
     false},
    {"v",
     "varchar",
     "(ARRAY['', 'a', 'A', 'ab', 'a%', 'ä', 'b '])[1 + (random() * 6)::int]",
     {"''", "'a'", "'ab'", "'b '", "'a'::text"},
     false},
    {"c",
     "bpchar",
     "(ARRAY['', 'a', 'ab', 'abc'])[1 + (random() * 3)::int]",
     {"''", "'a'", "'ab  '", "'abc'::bpchar"},
     false},
    {"b", "bool", "random() < 0.5", {"true", "false", "'t'", "'no'"}, true},
    {"u",
     "uuid",
     "('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1' || (random() * 9)::int)::uuid",
     {"'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a13'", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A15'::uuid"},
     true},
    {"e",
     "mood",
     "(ARRAY['sad', 'ok', 'happy', 'a'])[1 + (random() * 3)::int]::mood",
     {"'ok'", "'happy'", "'sad'", "'a'"},
     true},
    {"dt",
     "date",
     "CASE g % 40 WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' WHEN 2 THEN '0044-03-15 BC' ELSE date '2024-02-27' + "
     "(random() * 5)::int END",
     {"'2024-02-29'", "date '2024-03-01'", "'infinity'", "'0100-01-01 BC'", "'10000-01-01'"},
     true},
    {"ts",
     "timestamp",
     "CASE g % 40 WHEN 0 THEN 'infinity' WHEN 1 THEN '0044-03-15 01:02:03 BC' WHEN 2 THEN '294276-12-31 23:59:59' ELSE "
     "timestamp '2024-02-29' + (random() * 8)::int * interval '6 hours' END",
     {"'2024-02-29'", "'2024-02-29 06:00'", "'2024-02-29T12:00:00.000'", "'-infinity'",
      "timestamp '2024-03-01 00:00:00'", "'0044-03-15 01:02:03 BC'"},
     true},
    {"tz",
     "timestamptz",
     "CASE g % 40 WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' ELSE timestamptz '2024-02-29 00:00+00' + (random() * "
     "8)::int * interval '6 hours' END",
     {"'2024-02-29'", "'2024-02-29 06:00Z'", "'2024-02-29T12:00:00+06'", "'2024-02-29 12:00:00 -05:30'",
      "timestamptz '2024-03-01 00:00:00+00'", "'infinity'", "'2024-02-29 12:00:00+0600'"},
     true},
    {"a",
     "inet",
     "(ARRAY['10.0.0.1', '9.0.0.1', '10.0.0.0/8', '10.0.0.1/8', '::1', '2001:db8::/32'])[1 + (random() * "
     "5)::int]::inet",
     {"'10.0.0.1'", "'10.0.0.1/32'", "'10.0.0.0/8'", "'::1'", "'9.0.0.1'::inet", "'0:0:0:0:0:0:0:1'"},
     true},
};

class Expressions {
 public:
  explicit Expressions(std::uint32_t seed) : luck_(seed) {}

  std::string condition(int depth) {
    if (depth > 0) {
      switch (below(8)) {
        case 0:
        case 1:
          return "(" + condition(depth - 1) + " AND " + condition(depth - 1) + ")";
        case 2:
        case 3:
          return "(" + condition(depth - 1) + " OR " + condition(depth - 1) + ")";
        case 4:
          return "(NOT " + condition(depth - 1) + ")";
        case 5: {
          static constexpr const char* kTests[] = {"IS TRUE",    "IS NOT TRUE",    "IS FALSE", "IS NOT FALSE",
                                                   "IS UNKNOWN", "IS NOT UNKNOWN", "IS NULL",  "IS NOT NULL"};
          return "(" + condition(depth - 1) + " " + kTests[below(8)] + ")";
        }
        default:
          break;
      }
    }
    return "(" + leaf(kColumns[below(kColumns.size())]) + ")";
  }

 private:
  std::size_t below(std::size_t most) { return luck_() % most; }

  std::string literal(const TestColumn& column) {
    return below(12) == 0 ? "NULL" : column.literals[below(column.literals.size())];
  }

  std::string leaf(const TestColumn& column) {
    const std::string name = column.name;
    static constexpr const char* kOrders[] = {"=", "<>", "!=", "<", "<=", ">", ">="};
    switch (below(8)) {
      case 0:
        return name + (below(2) == 0 ? " IS NULL" : " IS NOT NULL");
      case 1:
        return name + (below(2) == 0 ? " IS DISTINCT FROM " : " IS NOT DISTINCT FROM ") + literal(column);
      case 2:
        if (std::string(column.kind) == "float4") break;
        return name + (below(2) == 0 ? " IN (" : " NOT IN (") + column.literals[0] + ", " + column.literals[0] + ", " +
               (below(4) == 0 ? "NULL" : column.literals[0]) + ")";
      case 3:
        if (!column.ordered) break;
        return name + (below(2) == 0 ? " BETWEEN " : " NOT BETWEEN ") + literal(column) + " AND " + literal(column);
      case 4:
        if (std::string(column.kind) == "text" || std::string(column.kind) == "varchar") {
          static constexpr const char* kPatterns[] = {"'a%'", "'%b'", "'_'",   "'a\\%'",  "'%_b%'",
                                                      "''",   "'%'",  "'a_b'", "'%\\\\b'"};
          return name + (below(2) == 0 ? " LIKE " : " NOT LIKE ") + kPatterns[below(9)];
        }
        break;
      case 5:
        if (std::string(column.kind) == "bool") return below(2) == 0 ? name : "NOT " + name;
        if (std::string(column.kind) == "bpchar") return name + "::text = 'ab'";
        if (std::string(column.kind) == "int4") return "s < i";
        if (std::string(column.kind) == "numeric") return below(2) == 0 ? "n >= d" : "i <> n";
        if (std::string(column.kind) == "varchar") return "v = t";
        if (std::string(column.kind) == "float4") return "f = d";
        break;
      case 6:
        return literal(column) + " " + kOrders[column.ordered ? below(7) : below(3)] + " " + name;
      default:
        break;
    }
    return name + " " + kOrders[column.ordered ? below(7) : below(3)] + " " + literal(column);
  }

  std::mt19937 luck_;
};

SourceTable source_table() {
  SourceTable table;
  table.schema = "public";
  table.name = "t";
  for (const auto& column : kColumns) {
    auto type = std::make_shared<PgType>();
    type->kind = std::string(column.kind) == "mood" ? "enum" : column.kind;
    type->sql = column.kind;
    if (type->kind == "enum") type->labels = {"sad", "ok", "happy", "a"};
    SourceColumn made;
    made.attnum = static_cast<std::int16_t>(table.columns.size() + 1);
    made.name = column.name;
    made.type = std::move(type);
    table.columns.push_back(std::move(made));
  }
  return table;
}

void fill(live::PgSession& pg, int rows) {
  pg.rows("CREATE TYPE pg_temp.mood AS ENUM ('sad', 'ok', 'happy', 'a')");
  pg.rows("SET search_path = pg_temp, public");
  std::string columns;
  std::string values;
  for (const auto& column : kColumns) {
    columns += std::string(", ") + column.name + " " + column.kind;
    values += std::string(", CASE WHEN random() < 0.1 THEN NULL ELSE (") + column.random + ")::" + column.kind + " END";
  }
  pg.rows("CREATE TEMP TABLE t (id int" + columns + ")");
  pg.rows("SELECT setseed(0.1)");
  pg.rows("INSERT INTO t SELECT g" + values + " FROM generate_series(1, " + std::to_string(rows) + ") AS g");
}

std::vector<WireValue> wire_of(const live::PgSession::Row& row) {
  std::vector<WireValue> wire;
  for (const auto& value : row) {
    wire.push_back(value ? WireValue{WireValue::Kind::Text, *value} : WireValue{WireValue::Kind::Null, {}});
  }
  return wire;
}

TEST(RowFilterPg, LetsTheSameRowsThrough) {
  const char* const url = std::getenv("WALBRIDGE_TEST_PG15_URL");
  if (url == nullptr) GTEST_SKIP() << "WALBRIDGE_TEST_PG15_URL is not set: run me under tests/support/with_servers.py";
  constexpr int kRows = 250;
  constexpr int kExpressions = 3000;
  live::PgSession pg(url);
  fill(pg, kRows);
  const auto rows = pg.rows("SELECT * FROM t ORDER BY id");
  ASSERT_EQ(rows.size(), static_cast<std::size_t>(kRows));
  const SourceTable source = source_table();
  Expressions expressions(7);
  int compared = 0;
  int some_but_not_all = 0;
  std::set<std::string> refusals;
  for (int n = 0; n < kExpressions; ++n) {
    const std::string sql = expressions.condition(n % 4);
    const auto filter = compile_row_filter(sql, source);
    const auto answer = pg.ask("SELECT id FROM t WHERE " + sql);
    if (!filter) {
      refusals.insert(filter.error().message);
      continue;
    }
    ASSERT_TRUE(answer) << sql << "\n" << pg.error();
    std::set<std::string> expected;
    for (const auto& row : *answer) expected.insert(*row[0]);
    std::vector<std::uint32_t> positions;
    for (const auto& column : (*filter)->columns) positions.push_back(static_cast<std::uint32_t>(column.attnum));
    Arena scratch;
    for (const auto& row : rows) {
      const auto wire = wire_of(row);
      scratch.clear();
      RowFilter::Truth truth = RowFilter::Truth::Null;
      std::size_t column = 0;
      const Fault fault = (*filter)->evaluate({wire, positions}, scratch, truth, column);
      ASSERT_EQ(fault, nullptr) << sql;
      ASSERT_EQ(truth == RowFilter::Truth::True, expected.count(*row[0]) == 1) << sql << " for the row " << *row[0];
    }
    ++compared;
    if (!expected.empty() && expected.size() < rows.size()) ++some_but_not_all;
  }
  EXPECT_TRUE(refusals.empty()) << (refusals.empty() ? "" : *refusals.begin());
  EXPECT_GT(compared, kExpressions * 9 / 10);
  EXPECT_GT(some_but_not_all, compared / 3);
}

}  // namespace
}  // namespace walbridge::mapping
