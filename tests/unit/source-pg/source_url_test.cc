#include "source-pg/source_url.h"

#include <gtest/gtest.h>

#include "source-pg/connection.h"

namespace walbridge::source_pg {
namespace {

Result<SourceUrl> parse(const std::string& url) { return parse_source_url(config::Secret(url)); }

TEST(SourceUrl, ReadsUrlsAndKeywordStrings) {
  const auto url = parse("postgresql://me:pa%23ss@db.example.com:5433/shop?sslmode=verify-full&connect_timeout=3");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->hosts, std::vector<std::string>{"db.example.com"});
  EXPECT_EQ(url->database, "shop");
  EXPECT_EQ(url->user, "me");
  EXPECT_EQ(url->ssl_mode, "verify-full");
  EXPECT_EQ(url->connect_timeout, "3");
  EXPECT_EQ(url->secrets, std::vector<std::string>{"pa#ss"});
  EXPECT_FALSE(url->local());

  const auto words = parse("host=a,b dbname=shop password=x");
  ASSERT_TRUE(words);
  EXPECT_EQ(words->hosts, (std::vector<std::string>{"a", "b"}));
}

TEST(SourceUrl, KnowsThisMachine) {
  EXPECT_TRUE(parse("postgresql://127.0.0.1/x")->local());
  EXPECT_TRUE(parse("host=/run/postgresql dbname=x")->local());
  EXPECT_TRUE(parse("dbname=x")->local());
  EXPECT_FALSE(parse("host=localhost,db.example.com dbname=x")->local());
}

TEST(SourceUrl, RefusesPoolersAndNamesTheDirectHost) {
  const auto neon =
      parse("postgresql://u:secret@ep-cool-darkness-123456-pooler.us-east-2.aws.neon.tech/shop?sslmode=require");
  ASSERT_FALSE(neon);
  EXPECT_EQ(neon.error().code, "pooler-host");
  EXPECT_EQ(neon.error().verdict, Verdict::Operator);
  EXPECT_NE(neon.error().remedy.find("ep-cool-darkness-123456.us-east-2.aws.neon.tech"), std::string::npos);
  EXPECT_EQ(describe(neon.error()).find("secret"), std::string::npos);

  const auto supabase = parse("postgresql://postgres.abcdef:secret@aws-0-eu-west-1.pooler.supabase.com:6543/postgres");
  ASSERT_FALSE(supabase);
  EXPECT_EQ(supabase.error().code, "pooler-host");
  EXPECT_NE(supabase.error().remedy.find("db.abcdef.supabase.co"), std::string::npos);

  EXPECT_FALSE(parse("host=direct.example.com,ep-1-pooler.example.com dbname=x"));
  EXPECT_TRUE(parse("postgresql://u@my-pooler-test.example.com/x"));
  EXPECT_TRUE(parse("postgresql://u@pooler.example.com/x"));
}

TEST(SourceUrl, AConnectionToAPoolerIsNeverTried) {
  config::Source source;
  source.url = config::Secret("postgresql://u:p@ep-x-pooler.example.invalid/shop");
  const auto connection = Connection::open(source, Connection::Kind::Ordinary, "walbridge test");
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, "pooler-host");
}

TEST(SourceUrl, NeverRepeatsAMalformedUrl) {
  for (const auto* url :
       {"postgresql://me:hunter2%zz@host/db", "postgresql://me:hunter2@[::1/db", "host=a password='hunter2",
        "postgresql://me@host/db?hunter2=y", "postgres://me:hunter2@host:x y/db?foo", "hunter2"}) {
    const auto parsed = parse(url);
    if (parsed) continue;  // what libpq reads is no business of this test
    EXPECT_EQ(parsed.error().code, "source-url") << url;
    EXPECT_EQ(describe(parsed.error()).find("hunter2"), std::string::npos) << url;
  }
  EXPECT_FALSE(parse("postgresql://me:hunter2%zz@host/db"));
  EXPECT_FALSE(parse("postgresql://me@host/db?hunter2=y"));
}

TEST(SourceUrl, NamesParametersOfOtherClients) {
  const auto parsed = parse("postgresql://u:p@host/db?pgbouncer=true");
  ASSERT_FALSE(parsed);
  EXPECT_NE(parsed.error().message.find("pgbouncer"), std::string::npos);
}

}  // namespace
}  // namespace walbridge::source_pg
