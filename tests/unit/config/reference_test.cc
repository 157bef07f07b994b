// The table of keys against everything that repeats it: the reference, the JSON Schema, the defaults of config.h, the
// examples, and the parser itself.
#include "config/keys.h"

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include <nlohmann/json.hpp>

#include "config/encodings.h"
#include "config/yaml_tree.h"
#include "tests/unit/config/loading.h"

namespace walbridge::config {
namespace {

using nlohmann::json;

std::string file_text(const std::string& path) {
  std::ifstream file(std::string(WALBRIDGE_ROOT) + "/" + path);
  EXPECT_TRUE(file.is_open()) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

json schema() { return json::parse(file_text("docs/walbridge.schema.json")); }

// Follows references, keeping what stands beside them.
json resolved(const json& root, const json& node) {
  json result = node;
  while (result.contains("$ref")) {
    const std::string target = result["$ref"].get<std::string>().substr(1);
    result.erase("$ref");
    json base = root.at(json::json_pointer(target));
    base.update(result);
    result = base;
  }
  return result;
}

struct SchemaKey {
  std::string description;
  json fallback;
};
using SchemaKeys = std::map<std::string, SchemaKey>;

bool is_object(const json& node) { return node.contains("properties") || node.contains("additionalProperties"); }

void collect(const json& root, const json& given, const std::string& path, SchemaKeys& found);

void collect_object(const json& root, const json& node, const std::string& path, SchemaKeys& found) {
  ASSERT_TRUE(node.contains("additionalProperties")) << path << " accepts any key";
  const json& others = node["additionalProperties"];
  const std::string prefix = path.empty() ? "" : path + ".";
  if (others.is_object())
    collect(root, others, prefix + "*", found);
  else
    ASSERT_EQ(others, json(false)) << path << " accepts any key";
  const json properties = node.value("properties", json::object());
  for (const auto& [name, value] : properties.items()) {
    collect(root, value, prefix + name, found);
  }
}

void collect(const json& root, const json& given, const std::string& path, SchemaKeys& found) {
  const json node = resolved(root, given);
  EXPECT_TRUE(node.contains("description")) << path;
  if (is_object(node)) return collect_object(root, node, path, found);
  if (node.value("type", "") == "array") {
    const json items = resolved(root, node.at("items"));
    if (is_object(items)) return collect_object(root, items, path == "sinks" ? "sink" : path + "[]", found);
    const json forms = items.value("oneOf", json::array());
    for (const json& form : forms) {
      if (is_object(form)) collect_object(root, form, path + "[]", found);
    }
  }
  found[path] = {node.value("description", ""), node.value("default", json())};
  const json alternatives = node.value("oneOf", json::array());
  for (const json& alternative : alternatives) {
    if (is_object(alternative)) collect_object(root, alternative, path, found);
  }
}

// "`x`" -> x; nothing when the default is described in words.
std::optional<std::string> literal(std::string_view fallback) {
  if (fallback.size() < 3 || fallback.front() != '`' || fallback.find('`', 1) != fallback.size() - 1)
    return std::nullopt;
  return std::string(fallback.substr(1, fallback.size() - 2));
}

std::string without_ticks(std::string_view text) {
  std::string out(text);
  std::erase(out, '`');
  return out;
}

std::set<std::string> patterns() {
  std::set<std::string> all;
  for (const Key& key : known_keys()) all.emplace(key.pattern);
  return all;
}

TEST(Reference, HasEveryKeyOnceAndNothingElse) {
  const std::string text = file_text("docs/configuration.md");
  const std::regex row(R"(\| `([^`|]+)` \| ([^|]*) \| ([^|]*) \| ([^|]*) \|)");
  std::map<std::string, std::vector<std::string>> rows;
  std::istringstream lines(text);
  bool in_keys = false;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("|")) in_keys = false;
    if (line == "| Key | Value | Default | Meaning |") in_keys = true;
    std::smatch part;
    if (!in_keys || !std::regex_match(line, part, row)) continue;
    ASSERT_TRUE(rows.emplace(part[1], std::vector<std::string>{part[2], part[3], part[4]}).second)
        << part[1] << " twice";
  }
  for (const Key& key : known_keys()) {
    const auto at = rows.find(std::string(key.pattern));
    ASSERT_NE(at, rows.end()) << key.pattern << " is not in docs/configuration.md";
    EXPECT_EQ(at->second[0], key.value) << key.pattern;
    EXPECT_EQ(at->second[1], key.fallback) << key.pattern;
    EXPECT_EQ(at->second[2], key.meaning) << key.pattern;
  }
  for (const auto& [pattern, cells] : rows) EXPECT_EQ(patterns().count(pattern), 1U) << pattern << " is no key";
}

TEST(Reference, HasEveryEncodingAndNothingElse) {
  const std::string text = file_text("docs/configuration.md");
  const std::size_t from = text.find("| Type | Encodings");
  ASSERT_NE(from, std::string::npos);
  const std::string table = text.substr(from, text.find("\n\n", from) - from);
  std::set<std::string> named;
  const std::regex word("`([a-z0-9_]+)`");
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) {
    const std::string cell = line.substr(line.find(" | ") + 3);
    for (std::sregex_iterator at(cell.begin(), cell.end(), word), end; at != end; ++at) named.insert((*at)[1]);
  }
  named.erase("timestamptz");  // "as `timestamptz`, and `utc`"
  EXPECT_EQ(named, std::set<std::string>(kEncodings.begin(), kEncodings.end()));
}

TEST(Schema, HasEveryKeyWithItsMeaningAndDefaultAndNothingElse) {
  const json root = schema();
  EXPECT_EQ(root["$schema"], "https://json-schema.org/draft/2020-12/schema");
  SchemaKeys found;
  collect(root, root, "", found);
  std::set<std::string> named;
  for (const auto& [pattern, key] : found) named.insert(pattern);
  EXPECT_EQ(named, patterns());
  for (const Key& key : known_keys()) {
    const SchemaKey& here = found[std::string(key.pattern)];
    EXPECT_EQ(here.description, without_ticks(key.meaning)) << key.pattern;
    const std::string fallback = here.fallback.is_string() ? here.fallback.get<std::string>() : here.fallback.dump();
    EXPECT_EQ(fallback, literal(key.fallback).value_or("null")) << key.pattern;
  }
}

TEST(Schema, HasEveryEncoding) {
  const json words = schema()["$defs"]["encoding"]["anyOf"][0]["enum"];
  EXPECT_EQ(words.get<std::vector<std::string>>(), std::vector<std::string>(kEncodings.begin(), kEncodings.end()));
}

TEST(Keys, NoneIsReadAsABooleanByYaml) {
  for (const std::string& pattern : patterns()) {
    const std::string word = pattern.substr(pattern.rfind('.') + 1);
    for (const char* boolean : {"on", "off", "yes", "no", "y", "n", "true", "false", "null"}) EXPECT_NE(word, boolean);
  }
}

void collect_patterns(const YamlNode& node, const std::string& pattern, std::set<std::string>& found) {
  static const std::set<std::string> any_key = {"types", "rules[].types", "rules[].columns", "rules[].computed",
                                                "kafka.properties"};
  for (const YamlNode& item : node.items) {
    std::string here = pattern == "sinks" ? "sink" : pattern + "[]";
    if (node.kind == YamlNode::Kind::Map) {
      const bool free = any_key.count(pattern) > 0 && item.key != "specials" && item.key != "unknown";
      here = (pattern.empty() ? "" : pattern + ".") + (free ? "*" : item.key);
    }
    collect_patterns(item, here, found);
  }
  const bool holds_keys = node.kind == YamlNode::Kind::Map;
  const bool holds_maps =
      node.kind == YamlNode::Kind::List && !node.items.empty() && node.items[0].kind == YamlNode::Kind::Map;
  const bool item = pattern.ends_with("]");
  if (!holds_keys && !holds_maps && !item) found.insert(pattern);
}

// What the table lists, the parser takes; with the tests of good input, which hold each value to the Config.
TEST(Keys, TheParserTakesEachOne) {
  const std::string text = R"yaml(version: 1
name: a
source: { url: postgres://h/d, slot: b, publication: { name: p, create: true }, event_triggers: false }
sink:
  name: main
  url: file:a.db
  auth_token: t
  durability: full
  batch_rows: 1
  tables: { include: [a.b], exclude: [a.c] }
kafka:
  brokers: h:9092
  topic: t
  control_topic: c
  role: both
  compression: zstd
  create_topic: false
  replicas: 3
  allow_single_replica: true
  on_gap: resync
  properties: { sasl.username: u }
tables: { include: [a.b], exclude: [a.c] }
profile: rails
naming: { table: "{table}", drop_schema: [a] }
types: { numeric: text, specials: text, unknown: text }
rules:
  - match: a.b
    as: b
    only: [a]
    omit: [b]
    key: [a]
    types: { uuid: blob }
    columns:
      a: { as: x, type: text, truncate: 9, order_key: true }
      b: { mask: hmac_sha256, mask_key: k }
      c: { mask: keep_last, keep: 4 }
    where: a = 1
    computed: { y: { type: TEXT, sql: lower(x) } }
    indexes:
      - [x, a desc]
      - { name: i, columns: [x], where: x > 1, unique: true }
      - { vector: v, metric: l2 }
      - { fts: [x] }
    mode: append
    delete: hard
    on_ddl: { drop_table: keep, drop_column: keep, truncate: apply, rewrite: stop }
  - { match: a.c, delete: { soft: gone } }
on_ddl: { drop_table: drop, drop_column: drop, truncate: ignore, rewrite: recopy }
constraints: { not_null: true, unique: enforce, foreign_keys: false }
clients: { int8: number }
admin: { listen: "h:1", ready_max_lag_seconds: 1 }
log: { level: info, format: text }
snapshot: { workers: 1, backfill_rows: 100 }
limits: { buffer_bytes: 1MiB, slow_sink_seconds: 1 }
)yaml";
  good(load(text));
  std::set<std::string> used;
  const auto tree = parse_yaml(text, "a.yaml");
  ASSERT_TRUE(std::holds_alternative<YamlNode>(tree));
  collect_patterns(std::get<YamlNode>(tree), "", used);
  // The other forms of some of them; files have tests of their own.
  used.insert({"source.url.file", "source.publication", "sink.auth_token.file", "rules[].columns.*.mask_key.file",
               "kafka.properties.*.file"});
  EXPECT_EQ(used, patterns());
}

TEST(Keys, DefaultsAreThoseOfTheConfig) {
  const Config c = good(load(with("kafka: { brokers: \"h:1\", topic: t }\n")));
  const std::map<std::string, std::string> actual = {
      {"version", std::to_string(c.version)},
      {"name", c.name},
      {"source.publication.create", c.source.create_publication ? "true" : "false"},
      {"sink.name", c.sinks.at(0).name},
      {"sink.durability", c.sinks.at(0).durability == Durability::Normal ? "normal" : "full"},
      {"sink.tables.include", selects(c.sinks.at(0).tables.value_or(TableFilter{}), "a.b") ? R"(["*.*"])" : "none"},
      {"sink.tables.exclude", json(c.sinks.at(0).tables.value_or(TableFilter{}).exclude).dump()},
      {"sink.batch_rows", std::to_string(c.sinks.at(0).batch_rows)},
      {"kafka.role", c.kafka->role == KafkaRole::Both ? "both" : "another"},
      {"kafka.compression", c.kafka->compression},
      {"kafka.create_topic", c.kafka->create_topic ? "true" : "false"},
      {"kafka.replicas", std::to_string(c.kafka->replicas)},
      {"kafka.allow_single_replica", c.kafka->allow_single_replica ? "true" : "false"},
      {"kafka.on_gap", c.kafka->on_gap == OnGap::Stop ? "stop" : "resync"},
      {"tables.include", selects(c.tables, "a.b") ? R"(["*.*"])" : "none"},
      {"tables.exclude", json(c.tables.exclude).dump()},
      {"profile", c.profile == Profile::Default ? "default" : "another"},
      {"naming.table", c.naming.table},
      {"naming.drop_schema", json(c.naming.drop_schema).dump()},
      {"types.specials", c.specials == Specials::Text ? "text" : "another"},
      {"types.unknown", c.unknown_types == UnknownTypes::Text ? "text" : "another"},
      {"admin.listen", c.admin.listen},
      {"admin.ready_max_lag_seconds", json(static_cast<int>(c.admin.ready_max_lag_seconds)).dump()},
      {"source.event_triggers", c.source.event_triggers ? "true" : "false"},
      {"snapshot.backfill_rows", std::to_string(c.snapshot.backfill_rows)},
      {"on_ddl.drop_table", c.on_ddl.drop_table == KeepOrDrop::Keep ? "keep" : "drop"},
      {"on_ddl.drop_column", c.on_ddl.drop_column == KeepOrDrop::Keep ? "keep" : "drop"},
      {"on_ddl.truncate", c.on_ddl.truncate == OnTruncate::Apply ? "apply" : "ignore"},
      {"on_ddl.rewrite", c.on_ddl.rewrite == OnRewrite::Recopy ? "recopy" : "stop"},
      {"constraints.not_null", c.constraints.not_null ? "true" : "false"},
      {"constraints.unique", c.constraints.unique == UniqueAs::Index ? "index" : "enforce"},
      {"constraints.foreign_keys", "false"},  // there is nothing else
      {"clients.int8", c.clients_int8_number ? "number" : "bigint"},
      {"log.level", c.log.level == LogLevel::Info ? "info" : "another"},
      {"log.format", c.log.format == LogFormat::Text ? "text" : "json"},
      {"snapshot.workers", std::to_string(c.snapshot.workers)},
      {"limits.buffer_bytes", std::to_string(c.limits.buffer_bytes >> 20) + "MiB"},
      {"limits.slow_sink_seconds", std::to_string(c.limits.slow_sink_seconds)},
  };
  for (const Key& key : known_keys()) {
    const auto stated = literal(key.fallback);
    const auto at = actual.find(std::string(key.pattern));
    ASSERT_EQ(stated.has_value(), at != actual.end()) << key.pattern;
    if (stated) {
      EXPECT_EQ(at->second, *stated) << key.pattern;
    }
  }
}

TEST(Examples, LoadAsTheyStand) {
  namespace fs = std::filesystem;
  char pattern[] = "/tmp/walbridge-examples-XXXXXX";
  ASSERT_NE(::mkdtemp(pattern), nullptr);
  const fs::path folder = pattern;
  fs::copy(fs::path(WALBRIDGE_ROOT) / "docs/examples", folder);
  fs::create_directory(folder / "secrets");
  std::ofstream(folder / "secrets/database_url") << "postgres://u:p@h/d\n";
  std::ofstream(folder / "secrets/turso_token") << "token\n";
  std::ofstream(folder / "secrets/kafka_password") << "kafka password\n";
  const Environment environment =
      environment_of({{"DATABASE_URL", "postgres://u:p@h/d"}, {"TURSO_URL", "libsql://h"}, {"TURSO_TOKEN", "t"}});
  std::map<std::string, Config> examples;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".yaml")
      examples[entry.path().filename()] = good(load_file(entry.path(), environment));
  }
  fs::remove_all(folder);
  ASSERT_EQ(examples.size(), 4U);
  EXPECT_EQ(examples["minimal.yaml"].sinks.at(0).url, "libsql://h");
  const Config& two = examples["two-caches.yaml"];
  ASSERT_EQ(two.sinks.size(), 2U);
  EXPECT_EQ(two.source.slot, "shop_edge");
  EXPECT_EQ(two.sinks[0].auth_token.reveal(), "token");
  EXPECT_EQ(two.rules.at(1).columns.at("price").type, "real");
  EXPECT_EQ(two.rules.at(1).where, "price > 0 AND name IS NOT NULL");
  EXPECT_EQ(two.rules.at(2).soft_delete, "_deleted_at");
  ASSERT_TRUE(examples["through-kafka.yaml"].kafka.has_value());
  EXPECT_EQ(examples["through-kafka.yaml"].kafka->role, KafkaRole::Both);
  EXPECT_EQ(examples["through-kafka.yaml"].kafka->properties.at("sasl.password").reveal(), "kafka password");
  EXPECT_EQ(examples["local-development.yaml"].sinks.at(0).url, "file:cache.db");
}

TEST(Examples, TheDocumentedOnesAreThere) {
  const std::string text = file_text("docs/configuration.md");
  const std::regex link(R"(\]\((examples/[a-z-]+\.yaml)\))");
  std::set<std::string> linked;
  for (std::sregex_iterator at(text.begin(), text.end(), link), end; at != end; ++at) linked.insert((*at)[1]);
  EXPECT_EQ(linked.size(), 4U);
  for (const std::string& path : linked) EXPECT_FALSE(file_text("docs/" + path).empty());
}

}  // namespace
}  // namespace walbridge::config
