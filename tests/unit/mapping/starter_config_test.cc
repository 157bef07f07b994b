// The configuration that `init` writes: valid for any names, complete, and with a question wherever a person must
// decide.
#include "mapping/starter_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"
#include "mapping/table_plan.h"
#include "tests/unit/mapping/source_tables.h"

namespace walbridge::mapping {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::TableMaker;

config::Config load(const std::string& yaml) {
  const auto environment = [](const std::string& name) -> std::optional<std::string> {
    return name == "DATABASE_URL" ? "postgres://localhost/shop" : "x";
  };
  auto loaded = config::load_text(yaml, "walbridge.yaml", environment);
  if (const auto* problems = std::get_if<std::vector<config::Problem>>(&loaded)) {
    for (const auto& problem : *problems) ADD_FAILURE() << config::describe(problem) << "\n" << yaml;
    return {};
  }
  return std::get<config::Config>(std::move(loaded));
}

// Every line that holds a rule, without its comment sign.
std::string uncommented(const std::string& yaml) {
  std::string text;
  std::istringstream lines(yaml);
  for (std::string line; std::getline(lines, line);) {
    const bool rule = line.rfind("  # - ", 0) == 0 || line.rfind("  #   omit:", 0) == 0 ||
                      line.rfind("  #   mode:", 0) == 0 || line.rfind("  #   columns:", 0) == 0 ||
                      line.rfind("  #     \"", 0) == 0;
    text += (rule ? "  " + line.substr(4) : line) + "\n";
  }
  return text;
}

TEST(StarterConfig, WorksAsItIs) {
  const std::vector<SourceTable> tables = {
      TableMaker("public.users").column("id", "int4").column("password_hash", "text").primary_key({"id"}).table(),
      TableMaker("billing.invoices").column("id", "int4").primary_key({"id"}).table(),
      TableMaker("public.log").column("line", "text").table(),
      TableMaker("public.cachelike").column("id", "int4").primary_key({"id"}).unlogged().table(),
      TableMaker("public._prisma_migrations").column("id", "text").primary_key({"id"}).table(),
      TableMaker("public.Users").column("id", "int4").primary_key({"id"}).table()};
  const auto made = starter_config({}, tables, {});
  const auto config = load(made.yaml);
  EXPECT_THAT(config.tables.include, ElementsAre("billing.*", "public.*"));
  const auto plan = plan_sink(tables, config, config.sinks.front());
  EXPECT_THAT(plan.refused, IsEmpty());
  EXPECT_EQ(plan.tables.size(), made.carried);
  EXPECT_EQ(made.carried + made.excluded.size(), tables.size());
  EXPECT_EQ(config.sinks.front().url, "file:cache.db");
  EXPECT_TRUE(config.rules.empty());
}

TEST(StarterConfig, SaysWhyEachTableIsLeftOut) {
  const std::vector<SourceTable> tables = {
      TableMaker("public.log").column("line", "text").table(),
      TableMaker("public.schema_migrations").column("version", "text").primary_key({"version"}).table(),
      TableMaker("public.fine").column("id", "int4").primary_key({"id"}).table()};
  const std::vector<Finding> findings = {
      {Finding::Severity::Error, "row-security", "public.fine", "row security hides rows", "ALTER ROLE app BYPASSRLS"},
      {Finding::Severity::Warning, "x", "public.log", "a warning leaves nothing out", ""}};
  const auto made = starter_config({}, tables, findings);
  EXPECT_THAT(made.yaml, HasSubstr("- \"public.log\"  # [no-key]"));
  EXPECT_THAT(made.yaml, HasSubstr("- \"public.schema_migrations\"  # bookkeeping of migrations"));
  EXPECT_THAT(made.yaml, HasSubstr("- \"public.fine\"  # [row-security] row security hides rows"));
  EXPECT_THAT(made.yaml, HasSubstr("ALTER ROLE app BYPASSRLS"));
  EXPECT_EQ(made.carried, 0U);
  load(made.yaml);
}

TEST(StarterConfig, AFindingAgainstAPartitionLeavesItsTableOut) {
  const std::vector<SourceTable> tables = {
      TableMaker("public.p").column("id", "int4").primary_key({"id"}).leaf(7, "p_1").table()};
  const std::vector<Finding> findings = {
      {Finding::Severity::Error, "foreign-partition", "public.p_1", "is a foreign table", "detach this partition"}};
  EXPECT_THAT(starter_config({}, tables, findings).yaml, HasSubstr("- \"public.p\"  # [foreign-partition] public.p_1"));
}

TEST(StarterConfig, ItsRulesAreValidWhenUncommented) {
  const std::vector<SourceTable> tables = {
      TableMaker("public.users")
          .column("id", "int4")
          .column("api_token", "text")
          .column("Password", "text")
          .column("password_changed_at", "timestamptz")
          .column("where_am_i", "tdigest")
          .primary_key({"id"})
          .table(),
      TableMaker("public.sessions").column("token", "text").primary_key({"token"}).table(),
      TableMaker("public.log").column("line", "text").table(),
      TableMaker("public.thing").column("id", "int4").primary_key({"id"}).table(),
      TableMaker("public.Thing").column("id", "int4").primary_key({"id"}).table()};
  const auto made = starter_config({}, tables, {});
  const auto config = load(uncommented(made.yaml));
  std::map<std::string, config::Rule> rules;
  for (const auto& rule : config.rules) rules[rule.match] = rule;
  EXPECT_THAT(rules["public.users"].omit, ElementsAre("api_token", "Password"));
  EXPECT_EQ(rules["public.users"].columns["where_am_i"].type, "omit");
  EXPECT_EQ(rules["public.sessions"].columns["token"].mask, config::Mask::HmacSha256);
  EXPECT_EQ(rules["public.log"].append, true);
  EXPECT_TRUE(rules["public.thing"].as || rules["public.Thing"].as);
}

TEST(StarterConfig, NamesCannotBreakOutOfTheirPlace) {
  std::vector<SourceTable> tables;
  for (const auto* name : {"public.a\"b", "public.a\\b", "public.line\nbreak: x", "public.${HOME}", "public.$$",
                           "public.# x", "public.tab\tx", "public.żółć"}) {
    tables.push_back(TableMaker(name).column("password\nx: y", "text").table());
  }
  const auto made = starter_config({}, tables, {});
  const auto config = load(made.yaml);
  EXPECT_EQ(config.tables.exclude.size(), tables.size());
  for (const auto& table : tables) EXPECT_FALSE(config::selects(config.tables, table.qualified_name())) << table.name;
  load(uncommented(made.yaml));
}

TEST(StarterConfig, LargeTablesAreNamed) {
  auto table = TableMaker("public.events").column("id", "int8").primary_key({"id"}).table();
  table.estimated_rows = 25e6;
  table.bytes = 3ULL << 30;
  const auto made = starter_config({}, std::vector<SourceTable>{table}, {});
  EXPECT_THAT(made.yaml, HasSubstr("large (about 25.0 million rows, 3.0 GiB)"));
  EXPECT_EQ(made.questions, 1U);
}

TEST(StarterConfig, NoSecretAndNoQuestionWhereThereIsNone) {
  StarterRequest request;
  request.sink_url = "libsql://edge.example";
  request.token_variable = "WALBRIDGE_AUTH_TOKEN";
  const auto made = starter_config(
      request, std::vector<SourceTable>{TableMaker("public.t").column("id", "int4").primary_key({"id"}).table()}, {});
  EXPECT_THAT(made.yaml, HasSubstr("url: ${DATABASE_URL}\n"));
  EXPECT_THAT(made.yaml, HasSubstr("auth_token: ${WALBRIDGE_AUTH_TOKEN}\n"));
  EXPECT_THAT(made.yaml, Not(HasSubstr("rules:")));
  load(made.yaml);
}

TEST(StarterConfig, AnEmptyDatabaseIsNoError) {
  EXPECT_THAT(load(starter_config({}, {}, {}).yaml).tables.include, ElementsAre("public.*"));
}

TEST(StarterConfig, OurOwnTablesAreNotMentioned) {
  const std::vector<SourceTable> tables = {
      TableMaker("walbridge.state").column("id", "int4").primary_key({"id"}).table()};
  EXPECT_THAT(starter_config({}, tables, {}).yaml, Not(HasSubstr("walbridge.")));
}

}  // namespace
}  // namespace walbridge::mapping
