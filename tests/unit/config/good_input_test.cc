// What a configuration says is what the Config holds, key by key, and what it does not say has the stated default.
#include <cstdlib>

#include "config/load.h"
#include "tests/unit/config/loading.h"

namespace walbridge::config {
namespace {

TEST(Minimal, HasTheDefaults) {
  const Config c = good(load(with("")));
  EXPECT_EQ(c.file, "walbridge.yaml");
  EXPECT_EQ(c.version, 1);
  EXPECT_EQ(c.name, "walbridge");
  EXPECT_EQ(c.source.url.reveal(), "postgres://h/d");
  EXPECT_EQ(c.source.slot, "walbridge");
  EXPECT_EQ(c.source.publication, "walbridge");
  EXPECT_TRUE(c.source.create_publication);
  EXPECT_EQ(c.source.place.line, 1);
  ASSERT_EQ(c.sinks.size(), 1U);
  EXPECT_EQ(c.sinks[0].name, "main");
  EXPECT_EQ(c.sinks[0].url, "file:cache.db");
  EXPECT_TRUE(c.sinks[0].auth_token.empty());
  EXPECT_TRUE(c.sinks[0].auth_token_file.empty());
  EXPECT_EQ(c.sinks[0].durability, Durability::Normal);
  EXPECT_FALSE(c.sinks[0].tables.has_value());
  EXPECT_EQ(c.sinks[0].batch_rows, 0U);
  EXPECT_EQ(c.sinks[0].place.line, 2);
  EXPECT_TRUE(selects(c.tables, "any.thing"));
  EXPECT_EQ(c.profile, Profile::Default);
  EXPECT_EQ(c.naming.table, "{schema}_{table}");
  EXPECT_EQ(c.naming.drop_schema, std::vector<std::string>{"public"});
  EXPECT_TRUE(c.types.empty());
  EXPECT_EQ(c.specials, Specials::Text);
  EXPECT_EQ(c.unknown_types, UnknownTypes::Text);
  EXPECT_TRUE(c.rules.empty());
  EXPECT_EQ(c.admin.listen, "127.0.0.1:9630");
  EXPECT_EQ(c.admin.ready_max_lag_seconds, 60);
  EXPECT_EQ(c.log.level, LogLevel::Info);
  EXPECT_EQ(c.log.format, LogFormat::Text);
  EXPECT_EQ(c.snapshot.workers, 2U);
  EXPECT_EQ(c.limits.buffer_bytes, 16ULL << 20);
  EXPECT_EQ(c.limits.slow_sink_seconds, 10U);
}

TEST(Source, SlotAndPublicationFollowTheName) {
  const Config c = good(load(with("name: shop-edge\n")));
  EXPECT_EQ(c.name, "shop-edge");
  EXPECT_EQ(c.source.slot, "shop_edge");
  EXPECT_EQ(c.source.publication, "shop_edge");
}

TEST(Source, SlotAndPublicationOfTheirOwn) {
  const Config c = good(load(R"(
source: { url: "host=h dbname=d", slot: edge_1, publication: Shop Edge }
sink: { url: "file:a.db" }
)"));
  EXPECT_EQ(c.source.slot, "edge_1");
  EXPECT_EQ(c.source.publication, "Shop Edge");
  EXPECT_TRUE(c.source.create_publication);
}

TEST(Source, PublicationAsAMap) {
  const Config c =
      good(load("name: a\nsource: { url: postgres:///d, publication: { name: p, create: false } }\n"
                "sink: { url: \"file:a.db\" }\n"));
  EXPECT_EQ(c.source.publication, "p");
  EXPECT_FALSE(c.source.create_publication);
  const Config only_create =
      good(load("name: a\nsource: { url: postgres:///d, publication: { create: false } }\n"
                "sink: { url: \"file:a.db\" }\n"));
  EXPECT_EQ(only_create.source.publication, "a");
  EXPECT_FALSE(only_create.source.create_publication);
}

TEST(Sinks, SeveralWithNames) {
  const Config c = good(load(R"(source: { url: postgres://h/d }
sinks:
  - name: eu
    url: libsql://eu.example
    auth_token: abc.def
    batch_rows: 500
  - name: local-1
    url: file:/var/cache/a.db
    durability: full
    tables: { include: [public.a, "shop.*"], exclude: [shop.secret] }
)"));
  ASSERT_EQ(c.sinks.size(), 2U);
  EXPECT_EQ(c.sinks[0].name, "eu");
  EXPECT_EQ(c.sinks[0].url, "libsql://eu.example");
  EXPECT_EQ(c.sinks[0].auth_token.reveal(), "abc.def");
  EXPECT_EQ(c.sinks[0].batch_rows, 500U);
  EXPECT_EQ(c.sinks[0].place.line, 3);
  EXPECT_EQ(c.sinks[1].name, "local-1");
  EXPECT_EQ(c.sinks[1].durability, Durability::Full);
  ASSERT_TRUE(c.sinks[1].tables.has_value());
  EXPECT_TRUE(selects(*c.sinks[1].tables, "shop.a"));
  EXPECT_FALSE(selects(*c.sinks[1].tables, "shop.secret"));
  EXPECT_EQ(c.sinks[1].place.line, 7);
}

TEST(Sinks, AddressesAccepted) {
  for (const char* url : {"file:cache.db", "file:/a/b.db", "file:///a/b.db", "file:./a b.db", "FILE:x.db", "libsql://h",
                          "https://db-org.turso.example", "https://h:8443/", "http://127.0.0.1:8080",
                          "http://[::1]:8080", "http://localhost:8080/dev/ns"}) {
    const Config c = good(load(std::string("source: { url: postgres://h/d }\nsink: { url: \"") + url + "\" }\n"));
    ASSERT_EQ(c.sinks.size(), 1U);
    EXPECT_EQ(c.sinks[0].url, url);
  }
}

TEST(Source, AddressesAccepted) {
  for (const char* url :
       {"postgres://u:p%40w@h:5432/d?sslmode=verify-full", "postgresql://h", "postgres:///d?host=/run/postgresql",
        "POSTGRES://h/d", "postgres://a:1,b:2/d?target_session_attrs=read-write", "host=h password='a b://c' dbname=d",
        "dbname = d", "postgres://u:$ecret@h/d"}) {
    const Config c = good(load(std::string("source: { url: \"") + url + "\" }\nsink: { url: \"file:a.db\" }\n"));
    EXPECT_EQ(c.source.url.reveal(), url);
  }
}

TEST(Everything, IsRead) {
  const Config c = good(load(with(R"yaml(version: 1
tables: { include: [public.*], exclude: ["public.*_tmp"] }
profile: sqlalchemy
naming: { table: "{table}__{schema}", drop_schema: [public, shop] }
types:
  numeric: text
  "Numeric( 18, 8 )": integer_scaled
  timestamp without time zone: unix_ms
  '"My Type"': omit
  int4[]: pg_text
  specials: "null"
  unknown: omit
rules:
  - match: "*.*"
    omit: ["*_secret", password_hash]
  - match: public.users
    as: "u_{table}"
    only: [id, email]
    key: [id]
    types: { uuid: blob }
    columns:
      email: { as: mail }
      "odd name": { type: text }
admin: { listen: "[::1]:9000", ready_max_lag_seconds: 0.5 }
log: { level: debug, format: json }
snapshot: { workers: 8 }
limits: { buffer_bytes: 64MiB, slow_sink_seconds: 3 }
)yaml")));
  EXPECT_EQ(c.tables.include, std::vector<std::string>{"public.*"});
  EXPECT_EQ(c.tables.exclude, std::vector<std::string>{"public.*_tmp"});
  EXPECT_EQ(c.profile, Profile::SqlAlchemy);
  EXPECT_EQ(c.naming.table, "{table}__{schema}");
  EXPECT_EQ(c.naming.drop_schema, (std::vector<std::string>{"public", "shop"}));
  const std::map<std::string, std::string> types = {{"numeric", "text"},
                                                    {"numeric(18,8)", "integer_scaled"},
                                                    {"timestamp without time zone", "unix_ms"},
                                                    {"\"My Type\"", "omit"},
                                                    {"int4[]", "pg_text"}};
  EXPECT_EQ(c.types, types);
  EXPECT_EQ(c.specials, Specials::Null);
  EXPECT_EQ(c.unknown_types, UnknownTypes::Omit);
  ASSERT_EQ(c.rules.size(), 2U);
  EXPECT_EQ(c.rules[0].match, "*.*");
  EXPECT_EQ(c.rules[0].omit, (std::vector<std::string>{"*_secret", "password_hash"}));
  EXPECT_EQ(c.rules[0].place.line, 16);
  const Rule& users = c.rules[1];
  EXPECT_EQ(users.match, "public.users");
  EXPECT_EQ(users.as, "u_{table}");
  EXPECT_EQ(users.only, (std::vector<std::string>{"id", "email"}));
  EXPECT_EQ(users.key, std::vector<std::string>{"id"});
  EXPECT_EQ(users.types, (std::map<std::string, std::string>{{"uuid", "blob"}}));
  ASSERT_EQ(users.columns.size(), 2U);
  EXPECT_EQ(users.columns.at("email").as, "mail");
  EXPECT_FALSE(users.columns.at("email").type.has_value());
  EXPECT_EQ(users.columns.at("odd name").type, "text");
  EXPECT_EQ(users.columns.at("odd name").place.line, 25);
  EXPECT_EQ(c.admin.listen, "[::1]:9000");
  EXPECT_EQ(c.admin.ready_max_lag_seconds, 0.5);
  EXPECT_EQ(c.log.level, LogLevel::Debug);
  EXPECT_EQ(c.log.format, LogFormat::Json);
  EXPECT_EQ(c.snapshot.workers, 8U);
  EXPECT_EQ(c.limits.buffer_bytes, 64ULL << 20);
  EXPECT_EQ(c.limits.slow_sink_seconds, 3U);
}

TEST(Words, EachMeansItsEnumerator) {
  const std::vector<std::pair<const char*, Profile>> profiles = {
      {"default", Profile::Default}, {"drizzle", Profile::Drizzle}, {"prisma", Profile::Prisma},
      {"rails", Profile::Rails},     {"django", Profile::Django},   {"sqlalchemy", Profile::SqlAlchemy}};
  for (const auto& [word, value] : profiles)
    EXPECT_EQ(good(load(with(std::string("profile: ") + word))).profile, value);
  const std::vector<std::pair<const char*, Specials>> specials = {
      {"text", Specials::Text}, {"\"null\"", Specials::Null}, {"clamp", Specials::Clamp}, {"error", Specials::Error}};
  for (const auto& [word, value] : specials) {
    EXPECT_EQ(good(load(with(std::string("types: { specials: ") + word + " }"))).specials, value);
  }
  const std::vector<std::pair<const char*, UnknownTypes>> unknown = {
      {"text", UnknownTypes::Text}, {"omit", UnknownTypes::Omit}, {"error", UnknownTypes::Error}};
  for (const auto& [word, value] : unknown) {
    EXPECT_EQ(good(load(with(std::string("types: { unknown: ") + word + " }"))).unknown_types, value);
  }
  const std::vector<std::pair<const char*, LogLevel>> levels = {
      {"debug", LogLevel::Debug}, {"info", LogLevel::Info}, {"warn", LogLevel::Warn}, {"error", LogLevel::Error}};
  for (const auto& [word, value] : levels) {
    EXPECT_EQ(good(load(with(std::string("log: { level: ") + word + " }"))).log.level, value);
  }
}

TEST(Admin, EmptyIsOff) { EXPECT_EQ(good(load(with("admin: { listen: \"\" }"))).admin.listen, ""); }

TEST(Limits, Sizes) {
  const auto bytes = [](const std::string& size) {
    return good(load(with("limits: { buffer_bytes: " + size + " }"))).limits.buffer_bytes;
  };
  EXPECT_EQ(bytes("1048576"), 1048576U);
  EXPECT_EQ(bytes("2048KiB"), 2048U << 10);
  EXPECT_EQ(bytes("16 MiB"), 16U << 20);
  EXPECT_EQ(bytes("\"16GiB\""), 16ULL << 30);
}

TEST(Sections, MayBeEmpty) {
  const Config c = good(load(with("tables:\nnaming:\ntypes:\nrules:\nadmin:\nlog:\nsnapshot:\nlimits:\n")));
  EXPECT_EQ(c.admin.listen, "127.0.0.1:9630");
  EXPECT_TRUE(c.rules.empty());
}

TEST(Yaml, AnchorsAndQuotedNumbers) {
  const Config c = good(load(R"(source: { url: postgres://h/d }
sinks:
  - { name: a, url: "file:a.db", tables: &mine { include: [public.a] } }
  - { name: b, url: "file:b.db", tables: *mine }
snapshot: { workers: "3" }
)"));
  ASSERT_EQ(c.sinks.size(), 2U);
  EXPECT_EQ(c.sinks[1].tables->include, std::vector<std::string>{"public.a"});
  EXPECT_EQ(c.snapshot.workers, 3U);
}

TEST(ProcessEnvironment, ReadsWhatTheProcessHas) {
  ASSERT_EQ(::setenv("WALBRIDGE_TEST_CONFIG_VARIABLE", "here", 1), 0);
  EXPECT_EQ(process_environment()("WALBRIDGE_TEST_CONFIG_VARIABLE"), "here");
  ASSERT_EQ(::unsetenv("WALBRIDGE_TEST_CONFIG_VARIABLE"), 0);
  EXPECT_FALSE(process_environment()("WALBRIDGE_TEST_CONFIG_VARIABLE").has_value());
}

}  // namespace
}  // namespace walbridge::config
