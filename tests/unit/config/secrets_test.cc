// Secrets: from files, in place, and never in a message, whatever is wrong around them.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "config/secret_file.h"
#include "tests/unit/config/loading.h"

namespace walbridge::config {
namespace {

class Secrets : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "walbridge-secrets-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& content) const {
    const std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  std::filesystem::path folder_;
};

std::string yaml_with(const std::string& url, const std::string& token) {
  return "source:\n  url: " + url + "\nsink:\n  url: libsql://h\n  auth_token: " + token + "\n";
}

TEST_F(Secrets, FilesAreRelativeToTheYaml) {
  write("url", "postgres://u:p@h/d\n");
  write("token", "ey.token\r\n\n");
  const std::string yaml = write("walbridge.yaml", yaml_with("{ file: url }", "{ file: \"${NAME}\" }"));
  const Config c = good(load_file(yaml, environment_of({{"NAME", "token"}})));
  EXPECT_EQ(c.source.url.reveal(), "postgres://u:p@h/d");
  ASSERT_EQ(c.sinks.size(), 1U);
  EXPECT_EQ(c.sinks[0].auth_token.reveal(), "ey.token");
  EXPECT_EQ(c.sinks[0].auth_token_file, (folder_ / "token").string());
  const auto again = read_secret_file(c.sinks[0].auth_token_file);
  ASSERT_TRUE(std::holds_alternative<Secret>(again));
  EXPECT_EQ(std::get<Secret>(again).reveal(), "ey.token");
}

TEST_F(Secrets, AnAbsolutePathStays) {
  const std::string token = write("token", "t");
  const Config c = good(load(yaml_with("postgres://h/d", "{ file: " + token + " }")));
  ASSERT_EQ(c.sinks.size(), 1U);
  EXPECT_EQ(c.sinks[0].auth_token_file, token);
}

TEST_F(Secrets, BadFilesAreNamedWithTheReason) {
  const auto message = [&](const std::string& name) {
    const auto problems = bad(
        load_file(write("walbridge.yaml", yaml_with("postgres://h/d", "{ file: " + name + " }")), environment_of({})));
    EXPECT_EQ(problems.size(), 1U);
    EXPECT_EQ(problems.at(0).line, 5);
    EXPECT_EQ(problems.at(0).key, "sink.auth_token.file");
    return problems.at(0).message;
  };
  const std::string prefix = "the secret file " + (folder_ / "").string();
  EXPECT_EQ(message("none"), prefix + "none cannot be read: No such file or directory");
  EXPECT_EQ(message("."), prefix + ". cannot be read: Is a directory");
  write("empty", "");
  EXPECT_EQ(message("empty"), prefix + "empty is empty");
  write("only_newlines", "\r\n\n");
  EXPECT_EQ(message("only_newlines"), prefix + "only_newlines is empty");
  write("two_lines", "hunter2\nhunter3\n");
  EXPECT_EQ(message("two_lines"), prefix + "two_lines must hold one line without control characters");
  write("large", std::string(70000, 'x'));
  EXPECT_EQ(message("large"), prefix + "large cannot be read: it is larger than 64 KiB");
}

TEST_F(Secrets, AMapHasOnlyAFile) {
  const auto problems = bad(load(yaml_with("{ path: url }", "{}")));
  ASSERT_EQ(problems.size(), 3U) << all_of(problems);
  EXPECT_EQ(describe(problems[0]), "walbridge.yaml:2: source.url: holds an unknown key; known here: `file`");
  EXPECT_EQ(describe(problems[1]),
            "walbridge.yaml:2: source.url.file: is missing; write the secret itself, or { file: PATH }");
  EXPECT_EQ(problems[2].key, "sink.auth_token.file");
}

// Everything around a secret that can be mistaken, with the secret where a message could catch it.
TEST(SecretHygiene, NoMessageRepeatsAValue) {
  const std::string secret = "hunter2-s3cret";
  const std::vector<std::string> texts = {
      yaml_with("mysql://u:" + secret + "@h/d", "t"),
      yaml_with(secret, "t"),
      yaml_with("\"postgres://u:" + secret + " x@h/d\"", "t"),
      yaml_with("\"postgres://u:" + secret + "\\n@h/d\"", "t"),
      yaml_with("[ \"" + secret + "\" ]", "t"),
      yaml_with("{ " + secret + " }", "t"),
      yaml_with("{ file: url, " + secret + ": x }", "t"),
      yaml_with("*" + secret, "t"),
      yaml_with("postgres://h/d", "\"" + secret + "\\x01\""),
      yaml_with("postgres://h/d", "{ " + secret + ": 1, " + secret + ": 2 }"),
      yaml_with("postgres://h/d", "!" + secret + " x: y"),
      yaml_with("\"${1" + secret + "}\"", "t"),
      yaml_with("\"${A-" + secret + "}\"", "t"),
      "source: { postgres://u:" + secret + "@h/d }\nsink: { url: \"file:a\" }\n",
      "source: { \"host=h password=" + secret + "\" }\nsink: { url: \"file:a\" }\n",
      "source: postgres://u:" + secret + "@h/d\nsink: { url: \"file:a\" }\n",
      "postgres://u:" + secret + "@h/d\n",
      "- postgres://u:" + secret + "@h/d\n",
      "source: { url: postgres://h/d }\nsink: { url: \"https://u:" + secret + "@h\" }\n",
      "source: { url: postgres://h/d }\nsink: { url: \"libsql://h?authToken=" + secret + "\" }\n",
      "source: { url: postgres://h/d }\nsink: { url: \"" + secret + "\" }\n",
      "source: { url: postgres://h/d }\nsink: { url: \"file:a\", durability: " + secret + " }\n",
      "source: { url: postgres://h/d }\nsink: { url: \"file:a\", batch_rows: " + secret + " }\n",
      "source: { url: postgres://h/d, slot: \"" + secret + "\" }\nsink: { url: \"file:a\" }\nname: \"" + secret +
          "!\"\n",
      with("log: { level: " + secret + " }\n"),
      with("admin: { listen: " + secret + " }\n"),
      with("limits: { buffer_bytes: " + secret + " }\n"),
      with("types: { numeric: " + secret + " }\n"),
      with("tables: { include: [" + secret + "] }\n"),
      with("naming: { table: \"{" + secret + "}\" }\n"),
      with("version: " + secret + "\n"),
  };
  for (const std::string& text : texts) {
    const auto problems = bad(load(text));
    EXPECT_FALSE(problems.empty()) << text;
    EXPECT_FALSE(has(all_of(problems), "hunter2")) << all_of(problems);
  }
}

TEST(SecretHygiene, NorOneFromTheEnvironment) {
  const std::map<std::string, std::string> variables = {{"SECRET", "hunter2"}, {"URL", "mysql://u:hunter2@h/d"}};
  const auto problems = bad(load(R"yaml(version: ${SECRET}
name: ${SECRET}!
source: { url: "${URL}", slot: "${SECRET}!", publication: { create: "${SECRET}" } }
sink: { url: "${URL}", auth_token: { file: "/nonexistent" }, durability: "${SECRET}", batch_rows: "${SECRET}" }
tables: { include: ["${SECRET}"] }
profile: ${SECRET}
naming: { table: "${SECRET}" }
types: { numeric: "${SECRET}", specials: "${SECRET}", unknown: "${SECRET}" }
rules: [{ match: "${SECRET}", as: "{${SECRET}}", columns: { c: { type: "${SECRET}" } } }]
admin: { listen: "${SECRET}", ready_max_lag_seconds: "${SECRET}" }
log: { level: "${SECRET}", format: "${SECRET}" }
snapshot: { workers: "${SECRET}" }
limits: { buffer_bytes: "${SECRET}", slow_sink_seconds: "${SECRET}" }
)yaml",
                                 variables));
  EXPECT_EQ(problems.size(), 25U) << all_of(problems);
  EXPECT_FALSE(has(all_of(problems), "hunter2")) << all_of(problems);
}

}  // namespace
}  // namespace walbridge::config
