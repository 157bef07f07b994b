// Generated columns: what SQLite computes is what Postgres computed, on values chosen to differ (recorded from
// Postgres, tests/corpus/generated_described.json); what it would compute differently is left out.
#include <fstream>

#include <gmock/gmock.h>

#include "mapping/encoder.h"
#include "tests/unit/mapping/followed_cache.h"

namespace walbridge::mapping {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

class Generated : public ::testing::Test {
 protected:
  Generated() {
    std::ifstream in(std::string(WALBRIDGE_TEST_DATA) + "/corpus/generated_described.json");
    const auto json = Json::parse(in);
    table_ = testing::recorded_table(json);
    values_ = json.at("generated");
    config_.tables.include = {"*.*"};
  }

  std::shared_ptr<const TablePlan> plan() const {
    auto compiled = TablePlan::compile(table_.source, config_, {});
    if (!compiled) throw std::runtime_error(compiled.error().message);
    return *compiled;
  }

  // Text of each generated column's expression that the plan computes, or that it leaves out.
  std::set<std::string> expressions(bool computed) const {
    std::set<std::string> texts;
    const auto made = plan();
    for (const auto& column : table_.source.columns) {
      const bool there = std::any_of(made->cache().computed.begin(), made->cache().computed.end(),
                                     [&](const auto& each) { return each.name == column.name; });
      if (column.generated && there == computed) texts.insert(column.expression);
    }
    return texts;
  }

  testing::RecordedTable table_;
  Json values_;  // row by row, one text per generated column
  config::Config config_;
};

TEST_F(Generated, SqliteComputesWhatPostgresComputed) {
  const auto made = plan();
  ASSERT_GT(made->cache().computed.size(), 60U);
  testing::SqliteCache cache;
  cache.create(made->cache());
  testing::copy_rows(cache, table_, *made, made->cache().name);
  std::size_t place = 0;
  for (const auto& column : table_.source.columns) {
    if (!column.generated) continue;
    const auto at = place++;
    const auto found = std::find_if(made->cache().computed.begin(), made->cache().computed.end(),
                                    [&](const auto& each) { return each.name == column.name; });
    if (found == made->cache().computed.end()) continue;
    SCOPED_TRACE(column.expression + " as " + found->sql);
    const auto encoder = compile_encoder(column.type, {});
    ASSERT_TRUE(encoder);
    EXPECT_EQ(found->decl, (*encoder)->decl);
    const auto computed = cache.query("SELECT \"" + column.name + "\" FROM \"t\" ORDER BY id");
    ASSERT_EQ(computed.size(), values_.size());
    for (std::size_t row = 0; row < computed.size(); ++row) {
      Arena scratch;
      auto expected = SqlValue::null();
      if (!values_[row][at].is_null()) {
        const auto text = values_[row][at].get<std::string>();
        ASSERT_EQ((*encoder)->encode(scratch.copy(text), scratch, expected), nullptr);
      }
      EXPECT_EQ(computed[row][0], literal_sql(expected)) << "row " << row + 1;
    }
  }
}

TEST_F(Generated, WhatWouldDifferIsLeftOutWithItsExpression) {
  const auto left_out = expressions(false);
  for (const char* expression :
       {"upper(s)", "(s < (v)::text)", "(f < (0.5)::double precision)", "(d > '2024-01-01'::date)",
        "(nt = (1)::numeric)", "(c = 'ab'::bpchar)", "(s)::character varying(3)", "(n * (2)::numeric)",
        "(ci = 'X'::citext)", "GREATEST(a, b)"}) {
    EXPECT_THAT(left_out, Contains(expression));
  }
  const auto made = plan();
  std::string reasons;
  for (const auto& each : made->not_carried()) reasons += each.reason + "\n";
  EXPECT_THAT(reasons, HasSubstr("generated as upper(s), which SQLite cannot repeat"));
}

TEST_F(Generated, SpecialsThatBecomeNullAreNotComputedWith) {
  config_.specials = config::Specials::Null;
  const auto computed = expressions(true);
  EXPECT_THAT(computed, Not(Contains("(n IS NOT NULL)")));
  EXPECT_THAT(computed, Not(Contains("(n > (0)::numeric)")));
  EXPECT_THAT(computed, Contains("(s IS NULL)"));
}

TEST_F(Generated, MaskedColumnsAreNotComputedWith) {
  config::Rule rule;
  rule.match = "public.t";
  rule.columns["s"].mask = config::Mask::Redact;
  config_.rules.push_back(rule);
  for (const auto& expression : expressions(true)) EXPECT_THAT(expression, Not(HasSubstr("(s"))) << expression;
}

}  // namespace
}  // namespace walbridge::mapping
