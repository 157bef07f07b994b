// ${VAR} in values: every form, every slip, and that what a variable holds stays what it is.
#include "config/substitute.h"

#include "tests/unit/config/loading.h"

namespace walbridge::config {
namespace {

const std::map<std::string, std::string> kVariables = {
    {"A", "alpha"}, {"_B2", "beta"}, {"EMPTY", ""}, {"NESTED", "${A}"}, {"DOLLARS", "$$"}};

std::string expanded(const std::string& text) {
  const auto outcome = substitute(text, environment_of(kVariables));
  if (const auto* fault = std::get_if<SubstitutionProblem>(&outcome)) return "refused: " + fault->message;
  return std::get<std::string>(outcome);
}

TEST(Substitute, ReplacesVariables) {
  EXPECT_EQ(expanded("${A}"), "alpha");
  EXPECT_EQ(expanded("x${A}y${_B2}z"), "xalphaybetaz");
  EXPECT_EQ(expanded("${EMPTY}"), "");
  EXPECT_EQ(expanded("no variable"), "no variable");
  EXPECT_EQ(expanded(""), "");
}

TEST(Substitute, DefaultsAreForUnsetAndEmpty) {
  EXPECT_EQ(expanded("${A:-d}"), "alpha");
  EXPECT_EQ(expanded("${NOT_SET:-d e:f?-}"), "d e:f?-");
  EXPECT_EQ(expanded("${EMPTY:-d}"), "d");
  EXPECT_EQ(expanded("${NOT_SET:-}"), "");
  EXPECT_EQ(expanded("${NOT_SET:-${A}}/${NOT_SET:-${ALSO_NOT:-c}}"), "alpha/c");
  EXPECT_EQ(expanded("${A:-${NOT_SET}}"), "alpha");
  EXPECT_EQ(expanded("${NOT_SET:-$${x}"), "${x");
}

TEST(Substitute, MessagesAreForUnsetAndEmpty) {
  EXPECT_EQ(expanded("${A:?why}"), "alpha");
  EXPECT_EQ(expanded("${NOT_SET:?the direct address}"),
            "refused: environment variable NOT_SET is not set: the direct address");
  EXPECT_EQ(expanded("${EMPTY:?the direct address}"),
            "refused: environment variable EMPTY is empty: the direct address");
}

TEST(Substitute, UnsetIsRefusedByName) {
  EXPECT_EQ(expanded("a${NOT_SET}b"),
            "refused: environment variable NOT_SET is not set; set it, or write ${NOT_SET:-default}");
  EXPECT_EQ(expanded("${NOT_SET:?}"),
            "refused: environment variable NOT_SET is not set; set it, or write ${NOT_SET:-default}");
  EXPECT_EQ(expanded("${X1:-${X2}}"), "refused: environment variable X2 is not set; set it, or write ${X2:-default}");
}

TEST(Substitute, DollarsThatAreNoVariables) {
  EXPECT_EQ(expanded("$$"), "$");
  EXPECT_EQ(expanded("$${A}"), "${A}");
  EXPECT_EQ(expanded("$$$${A}"), "$${A}");
  EXPECT_EQ(expanded("pa$word$1$"), "pa$word$1$");
}

TEST(Substitute, ValuesAreNotSearchedAgain) {
  EXPECT_EQ(expanded("${NESTED}"), "${A}");
  EXPECT_EQ(expanded("${DOLLARS}"), "$$");
}

TEST(Substitute, SlipsAreRefused) {
  for (const char* text : {"${}", "${1A}", "${A B}", "${A-b}", "${A:b}", "${A:}", "${ A}", "${A:=b}"}) {
    EXPECT_TRUE(has(expanded(text), "refused: holds a malformed ${…}; write ${VAR}")) << text;
  }
  for (const char* text : {"${A", "x${", "${A:-${B}", "${A:-$}"}) {
    const bool closed = std::string(text).ends_with("$}");
    EXPECT_EQ(has(expanded(text), "that is not closed"), !closed) << text;
  }
}

TEST(Substitute, NestingIsBounded) {
  std::string text;
  for (int i = 0; i < 100000; ++i) text += "${X:-";
  text += "y" + std::string(100000, '}');
  EXPECT_EQ(expanded(text), "refused: nests ${…} too deeply");
}

TEST(SubstituteInFiles, AValueCannotChangeTheStructure) {
  const std::string text = R"yaml(source: { url: "${URL}" }
sink: { url: "file:${DIR}/a.db" }
tables: { include: ["${SCHEMA}.*"] }
snapshot: { workers: "${WORKERS:-3}" }
rules:
  - match: public.t
    columns: { "${COLUMN}": { as: a } }
)yaml";
  const std::string url = "postgres://u:\"]}#',sink:[@h/d";
  const Config c = good(load(text, {{"URL", url}, {"DIR", "/x"}, {"SCHEMA", "s], exclude: [s"}, {"WORKERS", "7"}}));
  EXPECT_EQ(c.source.url.reveal(), url);
  ASSERT_EQ(c.sinks.size(), 1U);
  EXPECT_EQ(c.sinks[0].url, "file:/x/a.db");
  EXPECT_EQ(c.tables.include, std::vector<std::string>{"s], exclude: [s.*"});
  EXPECT_TRUE(c.tables.exclude.empty());
  EXPECT_EQ(c.snapshot.workers, 7U);
  ASSERT_EQ(c.rules.size(), 1U);
  EXPECT_EQ(c.rules[0].columns.count("${COLUMN}"), 1U) << "keys are left alone";
}

TEST(SubstituteInFiles, AnUnsetVariableHasLineAndKey) {
  const auto problems =
      bad(load("source:\n  url: ${NO_SUCH}\nsink: { url: \"file:a\" }\nlog:\n  level: \"${LEVEL:?debug or info}\"\n"));
  ASSERT_EQ(problems.size(), 2U) << all_of(problems);
  EXPECT_EQ(
      describe(problems[0]),
      "walbridge.yaml:2: source.url: environment variable NO_SUCH is not set; set it, or write ${NO_SUCH:-default}");
  EXPECT_EQ(describe(problems[1]), "walbridge.yaml:5: log.level: environment variable LEVEL is not set: debug or info");
}

TEST(SubstituteInFiles, AnEmptyTokenIsNone) {
  const Config c =
      good(load("source: { url: postgres://h/d }\nsink:\n  url: file:a\n  auth_token: ${TURSO_TOKEN:-}\n"));
  ASSERT_EQ(c.sinks.size(), 1U);
  EXPECT_TRUE(c.sinks[0].auth_token.empty());
}

TEST(SubstituteInFiles, ALineEndFromAVariableIsRefused) {
  const auto problems = bad(load("source:\n  url: ${URL}\nsink: { url: \"file:a\" }\n", {{"URL", "postgres://h/d\n"}}));
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_TRUE(has(problems[0].message, "control character"));
}

}  // namespace
}  // namespace walbridge::config
