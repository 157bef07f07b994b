// Everything that can be wrong in a file, and the one problem each gets: line, dotted key, message.
#include <ostream>

#include "config/load.h"
#include "tests/unit/config/loading.h"

namespace walbridge::config {
namespace {

struct Case {
  const char* name;
  std::string text;
  int line;
  const char* key;
  const char* message;  // a part of it
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class BadInput : public testing::TestWithParam<Case> {};

TEST_P(BadInput, GetsOneProblem) {
  const Case& c = GetParam();
  const auto problems = bad(load(c.text));
  ASSERT_EQ(problems.size(), 1U) << all_of(problems);
  EXPECT_EQ(problems[0].file, "walbridge.yaml");
  EXPECT_EQ(problems[0].line, c.line) << describe(problems[0]);
  EXPECT_EQ(problems[0].key, c.key) << describe(problems[0]);
  EXPECT_TRUE(has(problems[0].message, c.message)) << describe(problems[0]);
}

std::string source(const std::string& inside) {
  return "sink: { url: \"file:a.db\" }\nsource:\n  url: postgres://h/d\n" + inside;  // from line 4
}

std::string sink(const std::string& inside) { return "source: { url: postgres://h/d }\nsink:\n" + inside; }  // from 3

std::string sinks(const std::string& inside) { return "source: { url: postgres://h/d }\nsinks:\n" + inside; }

std::string sink_url(const std::string& url) { return sink("  url: \"" + url + "\"\n"); }

std::string source_url(const std::string& url) {
  return "sink: { url: \"file:a.db\" }\nsource:\n  url: \"" + url + "\"\n";
}

std::string rule(const std::string& inside) { return with("rules:\n  - match: public.t\n" + inside); }  // from 5

const std::vector<Case> kKeyCases = {
    {"unknown_top", with("tabels: {}\n"), 3, "tabels", "unknown key; did you mean `tables`?"},
    {"unknown_nested", with("tables:\n  inclde: [a.*]\n"), 4, "tables.inclde", "did you mean `include`?"},
    {"unknown_case", with("tables: { Exclude: [a.*] }\n"), 3, "tables.Exclude", "did you mean `exclude`?"},
    {"unknown_camel", sink("  url: file:a\n  authToken: x\n"), 4, "sink.authToken", "did you mean `auth_token`?"},
    {"unknown_dash", sink("  url: file:a\n  batch-rows: 1\n"), 4, "sink.batch-rows", "did you mean `batch_rows`?"},
    {"unknown_far", with("log: { colour: red }\n"), 3, "log.colour", "one of `level`, `format`"},
    {"unknown_nearest", rule("    columns: { a: { mask_ky: x } }\n"), 5, "rules[0].columns.a.mask_ky",
     "did you mean `mask_key`?"},
    {"unknown_in_rule", rule("    ommit: [a]\n"), 5, "rules[0].ommit", "did you mean `omit`?"},
    {"unknown_in_column", rule("    columns: { c: { typ: text } }\n"), 5, "rules[0].columns.c.typ", "`type`"},
    {"unknown_in_sinks", sinks("  - { name: a, url: \"file:a\", durablity: full }\n"), 3, "sinks[0].durablity",
     "did you mean `durability`?"},
    {"old_name", "source: { url: postgres://h/d }\nsink: { url: \"file:a\" }\ntarget: {}\n", 3, "target",
     "did you mean `sink`?"},
    {"merge_key", with("log: { <<: 1 }\n"), 3, "log", "unknown key; known here: `level`, `format`"},
    {"list_as_key", with("? [a]\n: 1\n"), 3, "", "a key must be a word"},
    {"nothing_as_key", with("~: 1\n"), 3, "", "a key must be a word"},
    {"twice_top", with("name: a\nname: b\n"), 4, "name", "comes twice; first in line 3"},
    {"twice_nested", with("log:\n  level: info\n  level: warn\n"), 5, "log.level", "comes twice; first in line 4"},
    {"twice_secret", source("  url: postgres://other/d\n"), 4, "source.url", "comes twice; first in line 3"},
    {"twice_type", with("types: { numeric: text, numeric: real }\n"), 3, "types.numeric", "comes twice"},
    {"twice_type_spelt", with("types: { numeric: text, Numeric: real }\n"), 3, "types.Numeric", "listed already"},
    {"twice_column", rule("    columns: { c: { as: a }, c: { as: b } }\n"), 5, "rules[0].columns.c", "comes twice"},
    {"not_yet_route", with("route: { by: a }\n"), 3, "route", "not supported by this version yet"},
    {"not_yet_rule_profile", rule("    profile: rails\n"), 5, "rules[0].profile", "not supported by this version yet"},
    {"not_yet_scale", rule("    columns: { c: { scale: 2 } }\n"), 5, "rules[0].columns.c.scale", "not supported"},
    {"not_yet_encoding", with("types: { citext: fold_key }\n"), 3, "types.citext", "not supported by this version yet"},
    {"not_yet_tenants", sink_url("libsql://t-{tenant_id}.example"), 3, "sink.url", "not supported by this version yet"},
};

const std::vector<Case> kMissingCases = {
    {"no_source", "sink: { url: \"file:a.db\" }\n", 1, "source.url", "is missing; write the direct connection string"},
    {"no_source_url", "sink: { url: \"file:a.db\" }\nsource: { slot: a }\n", 2, "source.url", "is missing"},
    {"source_without_value", "sink: { url: \"file:a.db\" }\nsource:\n", 2, "source.url", "is missing"},
    {"no_sink", "source: { url: postgres://h/d }\n", 1, "sink", "is missing; say where the cache is"},
    {"no_sink_url", sink("  name: a\n"), 2, "sink.url", "is missing; use file:PATH"},
    {"both_sink_and_sinks", sink("  url: file:a\nsinks: []\n"), 4, "sinks", "stands beside `sink`"},
    {"no_sinks", "source: { url: postgres://h/d }\nsinks: []\n", 2, "sinks", "at least one"},
    {"sinks_without_value", "source: { url: postgres://h/d }\nsinks:\n", 2, "sinks", "at least one"},
    {"sinks_as_map", "source: { url: postgres://h/d }\nsinks: { name: a }\n", 2, "sinks", "must be a list, not a map"},
    {"sink_as_list", "source: { url: postgres://h/d }\nsink:\n  - url: file:a\n", 2, "sink",
     "must be a map, not a list"},
    {"no_name_in_sinks", sinks("  - url: file:a\n"), 3, "sinks[0].name", "is missing; each of `sinks`"},
    {"same_name", sinks("  - { name: a, url: \"file:a\" }\n  - { name: a, url: \"file:b\" }\n"), 4, "sinks[1].name",
     "is the name of sinks[0] already"},
    {"same_file", sinks("  - { name: a, url: \"file:a\" }\n  - { name: b, url: \"file:./x/../a\" }\n"), 4,
     "sinks[1].url", "is the cache of sinks[0] already"},
    {"same_host", sinks("  - { name: a, url: \"libsql://H\" }\n  - { name: b, url: \"https://h:443/\" }\n"), 4,
     "sinks[1].url", "is the cache of sinks[0] already"},
    {"no_match", with("rules:\n  - as: x\n"), 4, "rules[0].match", "is missing"},
    {"empty_url", sink_url(""), 3, "sink.url", "is empty"},
    {"null_url", sink("  url:\n"), 3, "sink.url", "has no value"},
    {"empty_source_url", source_url(""), 3, "source.url", "is empty"},
    {"empty_include", with("tables: { include: [] }\n"), 3, "tables.include", "at least one glob"},
    {"empty_only", rule("    only: []\n"), 5, "rules[0].only", "at least one column"},
    {"empty_key", rule("    key:\n"), 5, "rules[0].key", "at least one column"},
    {"key_twice", rule("    key: [a, b, a]\n"), 5, "rules[0].key", "names a column twice"},
};

const std::vector<Case> kValueCases = {
    {"version_2", with("version: 2\n"), 3, "version", "from 1 to 1"},
    {"version_text", with("version: one\n"), 3, "version", "whole number from 1 to 1"},
    {"name_upper", with("name: Shop\n"), 3, "name", "1 to 63 of a-z, 0-9, _ and -"},
    {"name_long", with("name: " + std::string(64, 'a') + "\n"), 3, "name", "1 to 63"},
    {"slot_dash", source("  slot: a-b\n"), 4, "source.slot", "1 to 63 of a-z, 0-9 and _"},
    {"slot_long", source("  slot: " + std::string(64, 'a') + "\n"), 4, "source.slot", "1 to 63"},
    {"slot_list", source("  slot: [a]\n"), 4, "source.slot", "must be a single value, not a list"},
    {"publication_list", source("  publication: [a]\n"), 4, "source.publication", "must be a single value"},
    {"publication_long", source("  publication: " + std::string(64, 'a') + "\n"), 4, "source.publication", "63 bytes"},
    {"publication_key", source("  publication: { create: true, nam: a }\n"), 4, "source.publication.nam", "`name`"},
    {"create_word", source("  publication: { name: p, create: yes }\n"), 4, "source.publication.create",
     "`true` or `false`"},
    {"sink_name", sink("  url: file:a\n  name: \"a b\"\n"), 4, "sink.name", "1 to 63 of a-z"},
    {"durability", sink("  url: file:a\n  durability: fully\n"), 4, "sink.durability", "did you mean `full`?"},
    {"durability_remote", sink("  url: libsql://h\n  durability: full\n"), 4, "sink.durability",
     "for file: caches only"},
    {"rows_negative", sink("  url: file:a\n  batch_rows: -1\n"), 4, "sink.batch_rows", "from 0 to 1000000"},
    {"rows_large", sink("  url: file:a\n  batch_rows: 1000001\n"), 4, "sink.batch_rows", "from 0 to 1000000"},
    {"rows_huge", sink("  url: file:a\n  batch_rows: 99999999999999999999\n"), 4, "sink.batch_rows", "whole number"},
    {"rows_fraction", sink("  url: file:a\n  batch_rows: 1.5\n"), 4, "sink.batch_rows", "whole number"},
    {"rows_map", sink("  url: file:a\n  batch_rows: { a: 1 }\n"), 4, "sink.batch_rows", "not a map"},
    {"include_scalar", with("tables: { include: public.a }\n"), 3, "tables.include",
     "must be a list, not a single value"},
    {"include_no_dot", with("tables:\n  include:\n    - users\n"), 5, "tables.include[0]",
     "globs are over schema.table"},
    {"include_map", with("tables: { include: [{ a: b }] }\n"), 3, "tables.include[0]",
     "must be a single value, not a map"},
    {"include_null", with("tables: { include: [~] }\n"), 3, "tables.include[0]", "has no value"},
    {"sink_exclude", sink("  url: file:a\n  tables: { exclude: [x] }\n"), 4, "sink.tables.exclude[0]", "schema.table"},
    {"tables_list", with("tables: [public.*]\n"), 3, "tables", "must be a map, not a list; keys here: `include`"},
    {"profile", with("profile: drizle\n"), 3, "profile", "did you mean `drizzle`?"},
    {"profile_far", with("profile: hibernate\n"), 3, "profile", "must be one of `default`, `drizzle`, `prisma`"},
    {"naming_no_table", with("naming: { table: \"{schema}\" }\n"), 3, "naming.table", "must hold {table}"},
    {"naming_word", with("naming: { table: \"{tabel}\" }\n"), 3, "naming.table", "may hold {schema} and {table}"},
    {"naming_open", with("naming: { table: \"{table\" }\n"), 3, "naming.table", "`{` without `}`"},
    {"naming_close", with("naming: { table: \"table}\" }\n"), 3, "naming.table", "`}` without `{`"},
    {"drop_schema", with("naming: { drop_schema: public }\n"), 3, "naming.drop_schema", "must be a list"},
    {"encoding", with("types: { numeric: integer_scale }\n"), 3, "types.numeric", "did you mean `integer_scaled`?"},
    {"encoding_far", with("types: { numeric: zzzzzzzz }\n"), 3, "types.numeric", "unknown encoding; one of"},
    {"encoding_in_rule", rule("    types: { uuid: blub }\n"), 5, "rules[0].types.uuid", "did you mean `blob`?"},
    {"encoding_in_column", rule("    columns: { c: { type: txt } }\n"), 5, "rules[0].columns.c.type", "`text`"},
    {"encoding_map", with("types: { numeric: { a: b } }\n"), 3, "types.numeric", "must be a single value"},
    {"type_name", with("types: { \"numeric(\": text }\n"), 3, "types.\"numeric(\"", "is not the name of a type"},
    {"type_parentheses", with("types: { \"numeric()\": text }\n"), 3, "types.\"numeric()\"",
     "is not the name of a type"},
    {"specials", with("types: { specials: nul }\n"), 3, "types.specials", "did you mean `null`?"},
    {"specials_null", with("types: { specials: null }\n"), 3, "types.specials", "the word null needs quotes"},
    {"unknown", with("types: { unknown: drop }\n"), 3, "types.unknown", "`text`, `omit`, `error`"},
    {"rule_specials", rule("    types: { specials: text }\n"), 5, "rules[0].types.specials", "for the whole file"},
    {"rules_map", with("rules: { match: a.b }\n"), 3, "rules", "must be a list, not a map"},
    {"rule_scalar", with("rules: [public.t]\n"), 3, "rules[0]", "must be a map, not a single value"},
    {"rule_match", with("rules: [{ match: t }]\n"), 3, "rules[0].match", "globs are over schema.table"},
    {"rule_as", rule("    as: \"{db}\"\n"), 5, "rules[0].as", "may hold {schema} and {table}"},
    {"rule_as_empty", rule("    as: \"\"\n"), 5, "rules[0].as", "is empty"},
    {"column_scalar", rule("    columns: { c: text }\n"), 5, "rules[0].columns.c", "keys here: `as`, `type`, `mask`"},
    {"columns_list", rule("    columns: [c]\n"), 5, "rules[0].columns", "must be a map, not a list"},
    {"listen_no_port", with("admin: { listen: localhost }\n"), 3, "admin.listen", "must be host:port"},
    {"listen_no_host", with("admin: { listen: \":9630\" }\n"), 3, "admin.listen", "must be host:port"},
    {"listen_port", with("admin: { listen: \"localhost:99999\" }\n"), 3, "admin.listen", "must be host:port"},
    {"listen_v6", with("admin: { listen: \"::1:9630\" }\n"), 3, "admin.listen", "[::1]:9630"},
    {"lag_zero", with("admin: { ready_max_lag_seconds: 0 }\n"), 3, "admin.ready_max_lag_seconds",
     "from 0.001 to 86400"},
    {"lag_nan", with("admin: { ready_max_lag_seconds: nan }\n"), 3, "admin.ready_max_lag_seconds", "must be a number"},
    {"lag_unit", with("admin: { ready_max_lag_seconds: 5s }\n"), 3, "admin.ready_max_lag_seconds", "must be a number"},
    {"level", with("log: { level: warning }\n"), 3, "log.level", "did you mean `warn`?"},
    {"format", with("log: { format: xml }\n"), 3, "log.format", "must be one of `text`, `json`"},
    {"workers_none", with("snapshot: { workers: 0 }\n"), 3, "snapshot.workers", "from 1 to 64"},
    {"workers_many", with("snapshot: { workers: 65 }\n"), 3, "snapshot.workers", "from 1 to 64"},
    {"buffer_small", with("limits: { buffer_bytes: 1024 }\n"), 3, "limits.buffer_bytes", "from 1MiB to 16GiB"},
    {"buffer_large", with("limits: { buffer_bytes: 17GiB }\n"), 3, "limits.buffer_bytes", "from 1MiB to 16GiB"},
    {"buffer_overflow", with("limits: { buffer_bytes: 99999999999999GiB }\n"), 3, "limits.buffer_bytes",
     "1MiB to 16GiB"},
    {"buffer_unit", with("limits: { buffer_bytes: 16MB }\n"), 3, "limits.buffer_bytes", "with KiB, MiB or GiB"},
    {"buffer_word", with("limits: { buffer_bytes: MiB }\n"), 3, "limits.buffer_bytes", "must be a size"},
    {"slow_zero", with("limits: { slow_sink_seconds: 0 }\n"), 3, "limits.slow_sink_seconds", "from 1 to 86400"},
    {"control", with("naming: { table: \"{table}\\n\" }\n"), 3, "naming.table", "control character"},
    {"block_scalar", sink("  url: |\n    file:a\n"), 3, "sink.url", "starts with `>-`"},
};

const std::vector<Case> kAddressCases = {
    {"source_scheme", source_url("mysql://h/d"), 3, "source.url", "must be postgres://"},
    {"source_word", source_url("localhost"), 3, "source.url", "must be postgres://"},
    {"source_https", source_url("https://h/?a=b"), 3, "source.url", "must be postgres://"},
    {"source_bare", source_url("postgres://"), 3, "source.url", "names no host"},
    {"source_space", source_url("postgres://h/d d"), 3, "source.url", "holds a space"},
    {"source_list", "sink: { url: \"file:a\" }\nsource: { url: [a] }\n", 2, "source.url", "must be a single value"},
    {"sink_no_scheme", sink_url("cache.db"), 3, "sink.url", "has no scheme walbridge knows; use file:PATH"},
    {"sink_sqlite", sink_url("sqlite:cache.db"), 3, "sink.url", "use file:PATH"},
    {"sink_websocket", sink_url("wss://h"), 3, "sink.url", "WebSocket"},
    {"sink_file_empty", sink_url("file:"), 3, "sink.url", "names no file"},
    {"sink_file_host", sink_url("file://host/a.db"), 3, "sink.url", "takes no host"},
    {"sink_file_folder", sink_url("file:a/"), 3, "sink.url", "names a folder"},
    {"sink_memory", sink_url("file::memory:"), 3, "sink.url", "lost at every stop"},
    {"sink_file_options", sink_url("file:a.db?mode=ro"), 3, "sink.url", "without SQLite options"},
    {"sink_no_host", sink_url("libsql://"), 3, "sink.url", "names no valid host"},
    {"sink_only_port", sink_url("http://:8080"), 3, "sink.url", "names no valid host"},
    {"sink_port", sink_url("http://h:80a"), 3, "sink.url", "names no valid host"},
    {"sink_user", sink_url("https://u:p@h"), 3, "sink.url", "put the token in `auth_token`"},
    {"sink_token", sink_url("libsql://h?authToken=x"), 3, "sink.url", "put it in `auth_token`"},
    {"sink_token_later", sink_url("libsql://h/?tls=1&AUTHTOKEN=x"), 3, "sink.url", "put it in `auth_token`"},
    {"sink_options", sink_url("libsql://h?tls=0"), 3, "sink.url", "takes no options"},
    {"sink_as_secret", sink("  url: { file: a }\n"), 3, "sink.url", "must be a single value, not a map"},
};

const std::vector<Case> kYamlCases = {
    {"syntax_brace", with("log: { level: info\nname: a\n"), 4, "", "not valid YAML"},
    {"syntax_indent", "source:\n  url: postgres://h/d\n slot: a\n", 3, "", "not valid YAML"},
    {"syntax_tab", "source:\n\turl: a\n", 2, "", "not valid YAML"},
    {"syntax_star", with("tables:\n  include: [*]\n"), 4, "", "not valid YAML"},
    {"syntax_unquoted_glob", with("tables:\n  include:\n    - *.audit\n"), 5, "", "not valid YAML"},
    {"two_documents", with("---\nname: b\n"), 3, "", "or more than one YAML document"},
    {"a_word", "hello", 1, "", "must be a map, not a single value; keys here: `version`, `name`"},
    {"a_list", "- a\n", 1, "", "must be a map, not a list"},
};

std::string name_of(const testing::TestParamInfo<Case>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Keys, BadInput, testing::ValuesIn(kKeyCases), name_of);
INSTANTIATE_TEST_SUITE_P(Missing, BadInput, testing::ValuesIn(kMissingCases), name_of);
INSTANTIATE_TEST_SUITE_P(Values, BadInput, testing::ValuesIn(kValueCases), name_of);
INSTANTIATE_TEST_SUITE_P(Addresses, BadInput, testing::ValuesIn(kAddressCases), name_of);
INSTANTIATE_TEST_SUITE_P(Yaml, BadInput, testing::ValuesIn(kYamlCases), name_of);

TEST(Problems, AllAreFoundInTheOrderOfTheFile) {
  const auto problems = bad(load(R"(versoin: 1
name: UPPER
source: { url: "mysql://h", slot: a-b }
sinks:
  - { url: "file:", durability: ful }
tables: { inclde: [a.b] }
rules:
  - { match: a.b, columns: { c: { type: nope, mask: nope } } }
log: { level: loud }
)"));
  std::vector<std::pair<int, std::string>> found;
  for (const Problem& p : problems) found.emplace_back(p.line, p.key);
  const std::vector<std::pair<int, std::string>> expected = {{1, "versoin"},
                                                             {2, "name"},
                                                             {3, "source.url"},
                                                             {3, "source.slot"},
                                                             {5, "sinks[0].name"},
                                                             {5, "sinks[0].url"},
                                                             {5, "sinks[0].durability"},
                                                             {6, "tables.inclde"},
                                                             {8, "rules[0].columns.c.type"},
                                                             {8, "rules[0].columns.c.mask"},
                                                             {9, "log.level"}};
  EXPECT_EQ(found, expected) << all_of(problems);
}

TEST(Problems, BadNamesAreNotAlsoTheSame) {
  const auto problems = bad(load(sinks("  - { name: A, url: \"file:a\" }\n  - { name: B, url: \"file:b\" }\n")));
  ASSERT_EQ(problems.size(), 2U) << all_of(problems);
  EXPECT_TRUE(has(problems[1].message, "1 to 63 of a-z"));
}

TEST(Problems, OfAnEmptyFile) {
  const auto problems = bad(load(""));
  ASSERT_EQ(problems.size(), 2U) << all_of(problems);
  EXPECT_EQ(problems[0].key, "source.url");
  EXPECT_EQ(problems[1].key, "sink");
}

TEST(Problems, AreDescribedOnOneLine) {
  EXPECT_EQ(describe({"a.yaml", 12, "tables.inclde", "unknown key"}), "a.yaml:12: tables.inclde: unknown key");
  EXPECT_EQ(describe({"a.yaml", 12, "", "not valid YAML"}), "a.yaml:12: not valid YAML");
  EXPECT_EQ(describe({"a.yaml", 0, "", "cannot be read"}), "a.yaml: cannot be read");
}

TEST(Files, AMissingOneSaysWhatToDo) {
  const auto problems = bad(load_file("/nonexistent/walbridge.yaml", environment_of({})));
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(describe(problems[0]),
            "/nonexistent/walbridge.yaml: cannot be read: No such file or directory; create it, or name another file "
            "with -c FILE");
}

TEST(Files, AFolderIsNoFile) {
  const auto problems = bad(load_file(WALBRIDGE_TEST_DATA, environment_of({})));
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_TRUE(has(problems[0].message, "Is a directory")) << describe(problems[0]);
}

}  // namespace
}  // namespace walbridge::config
