#include "config/nearest.h"

#include <array>

#include <gtest/gtest.h>

namespace walbridge::config {
namespace {

constexpr auto kWords =
    std::to_array<std::string_view>({"include", "exclude", "auth_token", "url", "warn", "text", "as"});

std::string near(std::string_view word) { return std::string(nearest(word, kWords).value_or("nothing")); }

TEST(Nearest, FindsSlips) {
  EXPECT_EQ(near("inclde"), "include");
  EXPECT_EQ(near("exlcude"), "exclude");
  EXPECT_EQ(near("includes"), "include");
  EXPECT_EQ(near("INCLUDE"), "include");
  EXPECT_EQ(near("auth-token"), "auth_token");
  EXPECT_EQ(near("authToken"), "auth_token");
  EXPECT_EQ(near("uri"), "url");
  EXPECT_EQ(near("warning"), "warn");
  EXPECT_EQ(near("tetx"), "text");
}

TEST(Nearest, DoesNotGuess) {
  EXPECT_EQ(near("colour"), "nothing");
  EXPECT_EQ(near(""), "nothing");
  EXPECT_EQ(near("zz"), "nothing");
  EXPECT_EQ(near(std::string(100000, 'a')), "nothing");
}

TEST(Suggest, ListsWhenNothingIsNear) {
  constexpr auto words = std::to_array<std::string_view>({"text", "json"});
  EXPECT_EQ(suggest("jso", words), "did you mean `json`?");
  EXPECT_EQ(suggest("protobuf", words), "one of `text`, `json`");
}

}  // namespace
}  // namespace walbridge::config
