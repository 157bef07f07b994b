#include "config/load.h"
#include "tests/unit/config/loading.h"

namespace walbridge::config {
namespace {

// What a glob means, said the slow and obvious way.
bool matches_by_definition(const std::string& glob, const std::string& text) {
  if (glob.empty()) return text.empty();
  if (glob[0] == '*') {
    for (std::size_t i = 0; i <= text.size(); ++i) {
      if (matches_by_definition(glob.substr(1), text.substr(i))) return true;
    }
    return false;
  }
  return !text.empty() && (glob[0] == '?' || glob[0] == text[0]) &&
         matches_by_definition(glob.substr(1), text.substr(1));
}

TEST(Glob, Matches) {
  EXPECT_TRUE(glob_matches("public.*", "public.users"));
  EXPECT_TRUE(glob_matches("public.*", "public."));
  EXPECT_TRUE(glob_matches("*.audit_?", "shop.audit_1"));
  EXPECT_TRUE(glob_matches("*", ""));
  EXPECT_TRUE(glob_matches("", ""));
  EXPECT_TRUE(glob_matches("*_secret", "a.b_secret"));
  EXPECT_FALSE(glob_matches("public.*", "Public.users"));
  EXPECT_FALSE(glob_matches("public.*", "publicx.users"));
  EXPECT_FALSE(glob_matches("?", ""));
  EXPECT_FALSE(glob_matches("", "a"));
  EXPECT_FALSE(glob_matches("a", "aa"));
  EXPECT_FALSE(glob_matches("public.[ab]", "public.a")) << "brackets are themselves";
}

TEST(Glob, AgreesWithItsDefinition) {
  const std::string letters = "ab*?";
  std::vector<std::string> globs = {""};
  for (std::size_t from = 0, length = 0; length < 5; ++length) {
    const std::size_t to = globs.size();
    for (; from < to; ++from) {
      for (const char c : letters) globs.push_back(globs[from] + c);
    }
  }
  ASSERT_EQ(globs.size(), 1U + 4 + 16 + 64 + 256 + 1024);
  for (const std::string& glob : globs) {
    for (const std::string text : {"", "a", "b", "ab", "ba", "aab", "abab", "bbbaa", "abaab"}) {
      ASSERT_EQ(glob_matches(glob, text), matches_by_definition(glob, text)) << glob << " on " << text;
    }
  }
}

TEST(Glob, ManyStarsAreQuick) {
  std::string glob;
  for (int i = 0; i < 200; ++i) glob += "*a";
  EXPECT_FALSE(glob_matches(glob + "*b", std::string(5000, 'a')));
}

TEST(Selects, ExcludeWinsAndNothingMeansAll) {
  EXPECT_TRUE(selects({}, "public.users"));
  EXPECT_TRUE(selects({{"public.*", "shop.a"}, {}}, "shop.a"));
  EXPECT_FALSE(selects({{"public.*", "shop.a"}, {}}, "shop.b"));
  EXPECT_FALSE(selects({{"public.*"}, {"*.users"}}, "public.users"));
  EXPECT_FALSE(selects({{}, {"*.users"}}, "public.users"));
  EXPECT_TRUE(selects({{}, {"*.users"}}, "public.orders"));
}

}  // namespace
}  // namespace walbridge::config
