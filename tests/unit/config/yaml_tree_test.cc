// Hostile and odd YAML: bounded work, one problem with a line, nothing thrown, nothing repeated from the text.
#include "config/yaml_tree.h"

#include "tests/unit/config/loading.h"

namespace walbridge::config {
namespace {

std::string refusal(const std::string& text) {
  const auto parsed = parse_yaml(text, "a.yaml");
  return std::holds_alternative<Problem>(parsed) ? describe(std::get<Problem>(parsed)) : "accepted";
}

TEST(YamlTree, KeepsLinesAndDoubles) {
  const auto parsed = parse_yaml("a: 1\nb:\n  - x\n  - y\na: ~\n", "a.yaml");
  ASSERT_TRUE(std::holds_alternative<YamlNode>(parsed));
  const YamlNode& root = std::get<YamlNode>(parsed);
  ASSERT_EQ(root.items.size(), 3U);
  EXPECT_EQ(root.items[0].key, "a");
  EXPECT_EQ(root.items[0].text, "1");
  EXPECT_EQ(root.items[0].line, 1);
  EXPECT_EQ(root.items[1].key_line, 2);
  ASSERT_EQ(root.items[1].items.size(), 2U);
  EXPECT_EQ(root.items[1].items[1].line, 4);
  EXPECT_EQ(root.items[2].key, "a");
  EXPECT_EQ(root.items[2].kind, YamlNode::Kind::Null);
}

TEST(YamlTree, QuotedNullIsText) {
  const auto parsed = parse_yaml("\"null\"", "a.yaml");
  ASSERT_TRUE(std::holds_alternative<YamlNode>(parsed));
  EXPECT_EQ(std::get<YamlNode>(parsed).kind, YamlNode::Kind::Scalar);
}

TEST(YamlTree, AliasesCannotGrowWithoutBound) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) text += (j > 0 ? ", *a" : "*a") + std::to_string(i - 1);
    text += "]\n";
  }
  EXPECT_TRUE(has(refusal(text), "repeats itself too often")) << refusal(text);
}

TEST(YamlTree, NothingAfterTheEndIsPassedOver) {
  EXPECT_EQ(refusal("a: b\n...\n"), "accepted");
  EXPECT_EQ(refusal("---\na: b\n"), "accepted");
  EXPECT_EQ(refusal("# nothing\n"), "accepted");
  for (const char* text : {"]", "}", "a: b\n]\n", "[a]]", "a: b\n---\nc: d\n", "{a: b}}"}) {
    EXPECT_TRUE(has(refusal(text), "not valid YAML")) << text << ": " << refusal(text);
  }
}

TEST(YamlTree, DepthIsBounded) {
  EXPECT_TRUE(has(refusal(std::string(40, '[') + std::string(40, ']')), "nests too deeply"));
  EXPECT_TRUE(has(refusal(std::string(100000, '[')), "not valid YAML"));
  EXPECT_TRUE(has(refusal("a: &a [*a]\n"), "a.yaml:1: ")) << refusal("a: &a [*a]\n");
}

TEST(YamlTree, ItsErrorsRepeatNothingOfTheText) {
  // A token that begins with a star reads as an alias, and the parser's own message names it.
  const std::string message = refusal("source: 1\ntoken: *hunter2\n");
  EXPECT_TRUE(has(message, "a.yaml:2: not valid YAML")) << message;
  EXPECT_FALSE(has(message, "hunter2")) << message;
  EXPECT_FALSE(has(refusal("token: \"\\q-hunter2\"\n"), "q"));
}

TEST(YamlTree, AVariableInsideBracesNeedsQuotes) {
  for (const char* text : {"a: { url: ${URL} }\n", "a: {url: ${URL}}\n", "b: 1\na: { url: ${URL}, c: d }\ne: f\n",
                           "a: { url: libsql://${HOST} }\nb: c\n", "a: { url: ${URL:-x} }\n"}) {
    EXPECT_TRUE(has(refusal(text), "put `${VAR}` in quotes inside { }")) << text << ": " << refusal(text);
  }
  EXPECT_FALSE(has(refusal("a: ${URL}\nb: c\nd: [\n"), "quotes")) << "of another line";
}

TEST(YamlTree, BytesThatAreNoText) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text = std::string("a: ") + static_cast<char>(byte) + "x\n" + static_cast<char>(byte);
    refusal(text);  // an answer of either kind, never an exception
  }
  EXPECT_EQ(refusal("\xEF\xBB\xBF"
                    "a: b\n"),
            "accepted")
      << "a byte order mark";
}

}  // namespace
}  // namespace walbridge::config
