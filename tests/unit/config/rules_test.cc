// What a rule, `on_ddl`, `constraints` and `clients` say, and what they may not say.
#include <cstdlib>
#include <fstream>
#include <ostream>

#include "config/load.h"
#include "tests/unit/config/loading.h"

namespace walbridge::config {
namespace {

TEST(Rules, MasksAndOrderKeys) {
  const Config c = good(load(with(R"yaml(rules:
  - match: public.users
    columns:
      a: { mask: "null" }
      b: { mask: redact }
      c: { mask: sha256 }
      d: { mask: hmac_sha256, mask_key: "${KEY:-k1}" }
      e: { mask: truncate, keep: 3 }
      f: { mask: keep_last, keep: 4 }
      g: { mask: email_domain }
      h: { truncate: 4000 }
      i: { order_key: true }
      j: { order_key: false }
)yaml")));
  const auto& columns = c.rules.at(0).columns;
  const std::map<std::string, Mask> masks = {{"a", Mask::Null},       {"b", Mask::Redact},   {"c", Mask::Sha256},
                                             {"d", Mask::HmacSha256}, {"e", Mask::Truncate}, {"f", Mask::KeepLast},
                                             {"g", Mask::EmailDomain}};
  for (const auto& [name, mask] : masks) EXPECT_EQ(columns.at(name).mask, mask) << name;
  EXPECT_EQ(columns.at("d").mask_key.reveal(), "k1");
  EXPECT_EQ(columns.at("e").keep, 3U);
  EXPECT_EQ(columns.at("f").keep, 4U);
  EXPECT_FALSE(columns.at("h").mask.has_value());
  EXPECT_EQ(columns.at("h").truncate, 4000U);
  EXPECT_EQ(columns.at("i").order_key, true);
  EXPECT_EQ(columns.at("j").order_key, false);
}

TEST(Rules, AMaskKeyFromAFile) {
  char folder[] = "/tmp/walbridge-mask-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  const std::string path = std::string(folder) + "/key";
  std::ofstream(path) << "from a file\n";
  const Config c = good(
      load(with("rules: [{ match: a.b, columns: { c: { mask: hmac_sha256, mask_key: { file: " + path + " } } } }]\n")));
  EXPECT_EQ(c.rules.at(0).columns.at("c").mask_key.reveal(), "from a file");
  EXPECT_EQ(::remove(path.c_str()), 0);
  EXPECT_EQ(::remove(folder), 0);
}

TEST(Rules, RowsComputedColumnsAndIndexes) {
  const Config c = good(load(with(R"yaml(rules:
  - match: shop.products
    where: >-
      region IN ('eu', 'us')
      AND price > 0
    computed:
      search: { type: TEXT, sql: "lower(name || ' ' || coalesce(body, ''))" }
      cents: { type: "DECIMAL(10,2)", sql: price * 100 }
    indexes:
      - [region, price__ord DESC, sku asc]
      - { name: recent, columns: [updated_at desc], where: "region = 'eu'", unique: true }
      - { vector: embedding }
      - { vector: embedding, metric: l2, name: v2 }
      - { fts: [name, body] }
    delete: { soft: _deleted_at }
    on_ddl: { drop_column: keep, rewrite: stop }
  - { match: shop.events, mode: append, delete: hard, on_ddl: { drop_table: drop, truncate: ignore } }
  - { match: shop.other, mode: mirror }
)yaml")));
  const Rule& products = c.rules.at(0);
  EXPECT_EQ(products.where, "region IN ('eu', 'us') AND price > 0");
  ASSERT_EQ(products.computed.size(), 2U);
  EXPECT_EQ(products.computed[0].name, "search");
  EXPECT_EQ(products.computed[0].type, "TEXT");
  EXPECT_EQ(products.computed[0].sql, "lower(name || ' ' || coalesce(body, ''))");
  EXPECT_EQ(products.computed[1].name, "cents");
  EXPECT_EQ(products.computed[1].place.line, 10);
  ASSERT_EQ(products.indexes.size(), 5U);
  EXPECT_EQ(products.indexes[0].columns, (std::vector<std::string>{"region", "price__ord desc", "sku"}));
  EXPECT_EQ(products.indexes[1].name, "recent");
  EXPECT_EQ(products.indexes[1].columns, std::vector<std::string>{"updated_at desc"});
  EXPECT_EQ(products.indexes[1].where, "region = 'eu'");
  EXPECT_TRUE(products.indexes[1].unique);
  EXPECT_EQ(products.indexes[2].vector, "embedding");
  EXPECT_EQ(products.indexes[2].metric, "cosine");
  EXPECT_EQ(products.indexes[3].metric, "l2");
  EXPECT_EQ(products.indexes[4].fts, (std::vector<std::string>{"name", "body"}));
  EXPECT_EQ(products.soft_delete, "_deleted_at");
  EXPECT_FALSE(products.append.has_value());
  EXPECT_EQ(products.on_drop_column, KeepOrDrop::Keep);
  EXPECT_EQ(products.on_rewrite, OnRewrite::Stop);
  EXPECT_FALSE(products.on_drop_table.has_value());
  EXPECT_FALSE(products.on_truncate.has_value());
  const Rule& events = c.rules.at(1);
  EXPECT_EQ(events.append, true);
  EXPECT_EQ(events.soft_delete, "");
  EXPECT_EQ(events.on_drop_table, KeepOrDrop::Drop);
  EXPECT_EQ(events.on_truncate, OnTruncate::Ignore);
  EXPECT_FALSE(events.where.has_value());
  EXPECT_EQ(c.rules.at(2).append, false);
  EXPECT_FALSE(c.rules.at(2).soft_delete.has_value());
}

TEST(Schema, PoliciesForTheWholeFile) {
  const Config c =
      good(load(with(R"yaml(on_ddl: { drop_table: drop, drop_column: keep, truncate: ignore, rewrite: stop }
constraints: { not_null: true, unique: enforce, foreign_keys: false }
clients: { int8: number }
snapshot: { backfill_rows: 250 }
)yaml")));
  EXPECT_EQ(c.on_ddl.drop_table, KeepOrDrop::Drop);
  EXPECT_EQ(c.on_ddl.drop_column, KeepOrDrop::Keep);
  EXPECT_EQ(c.on_ddl.truncate, OnTruncate::Ignore);
  EXPECT_EQ(c.on_ddl.rewrite, OnRewrite::Stop);
  EXPECT_TRUE(c.constraints.not_null);
  EXPECT_EQ(c.constraints.unique, UniqueAs::Enforce);
  EXPECT_TRUE(c.clients_int8_number);
  EXPECT_EQ(c.snapshot.backfill_rows, 250U);
  const Config source =
      good(load("source: { url: postgres://h/d, event_triggers: false }\nsink: { url: \"file:a.db\" }\n"));
  EXPECT_FALSE(source.source.event_triggers);
}

struct Case {
  const char* name;
  std::string rule;  // what stands in `rules[0]` besides `match`
  const char* key;
  const char* message;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class BadRule : public testing::TestWithParam<Case> {};

TEST_P(BadRule, GetsOneProblemWithItsLine) {
  const Case& c = GetParam();
  const auto problems = bad(load(with("rules:\n  - match: public.t\n    " + c.rule + "\n")));
  ASSERT_EQ(problems.size(), 1U) << all_of(problems);
  EXPECT_EQ(problems[0].file, "walbridge.yaml");
  EXPECT_EQ(problems[0].line, 5) << describe(problems[0]);
  EXPECT_EQ(problems[0].key, std::string("rules[0].") + c.key);
  EXPECT_TRUE(has(problems[0].message, c.message)) << describe(problems[0]);
}

std::string column(const std::string& inside) { return "columns: { c: { " + inside + " } }"; }

const std::vector<Case> kCases = {
    {"mask_word", column("mask: hide"), "columns.c.mask", "must be one of `null`, `redact`"},
    {"mask_near", column("mask: keep_lst"), "columns.c.mask", "did you mean `keep_last`?"},
    {"mask_null_bare", column("mask: null"), "columns.c.mask", "the word null needs quotes"},
    {"mask_nothing", column("mask: "), "columns.c.mask", "has no value"},
    {"hmac_no_key", column("mask: hmac_sha256"), "columns.c.mask_key", "is missing; hmac_sha256 needs a key"},
    {"key_no_hmac", column("mask: sha256, mask_key: k"), "columns.c.mask_key", "for `mask: hmac_sha256` only"},
    {"key_no_mask", column("mask_key: k"), "columns.c.mask_key", "for `mask: hmac_sha256` only"},
    {"key_empty", column("mask: hmac_sha256, mask_key: \"\""), "columns.c.mask_key", "is empty"},
    {"keep_no_mask", column("keep: 4"), "columns.c.keep", "for `mask: keep_last` and `mask: truncate` only"},
    {"keep_other", column("mask: redact, keep: 4"), "columns.c.keep", "only"},
    {"keep_last_alone", column("mask: keep_last"), "columns.c.keep", "say how many characters"},
    {"truncate_alone", column("mask: truncate"), "columns.c.keep", "say how many characters"},
    {"keep_zero", column("mask: keep_last, keep: 0"), "columns.c.keep", "from 1 to 1000000"},
    {"truncate_zero", column("truncate: 0"), "columns.c.truncate", "from 1 to 1000000"},
    {"truncate_word", column("truncate: short"), "columns.c.truncate", "must be a whole number"},
    {"mask_and_truncate", column("mask: redact, truncate: 4"), "columns.c.truncate", "stands beside `mask`"},
    {"mask_and_type", column("mask: redact, type: text"), "columns.c.type", "stands beside `mask`"},
    {"mask_and_order", column("mask: redact, order_key: true"), "columns.c.order_key", "what the mask hides"},
    {"order_word", column("order_key: icu"), "columns.c.order_key", "must be `true` or `false`"},
    {"where_empty", "where: \"\"", "where", "is empty"},
    {"where_blank", "where: \"  \"", "where", "is empty"},
    {"where_list", "where: [a]", "where", "must be a single value"},
    {"computed_list", "computed: [a]", "computed", "must be a map"},
    {"computed_scalar", "computed: { c: lower(a) }", "computed.c", "keys here: `type`, `sql`"},
    {"computed_no_sql", "computed: { c: { type: TEXT } }", "computed.c.sql", "is missing"},
    {"computed_no_type", "computed: { c: { sql: a } }", "computed.c.type", "is missing"},
    {"computed_blank", "computed: { c: { type: TEXT, sql: \" \" } }", "computed.c.sql", "is empty"},
    {"computed_type", "computed: { c: { type: \"TEXT; DROP\", sql: a } }", "computed.c.type", "is not a declared type"},
    {"indexes_map", "indexes: { columns: [a] }", "indexes", "must be a list"},
    {"index_scalar", "indexes: [a]", "indexes[0]", "must be a map"},
    {"index_empty", "indexes: [[]]", "indexes[0]", "at least one column"},
    {"index_no_kind", "indexes: [{ name: i }]", "indexes[0]", "exactly one of"},
    {"index_two_kinds", "indexes: [{ columns: [a], vector: b }]", "indexes[0]", "exactly one of"},
    {"index_fts_and_columns", "indexes: [{ columns: [a], fts: [b] }]", "indexes[0]", "exactly one of"},
    {"index_metric", "indexes: [{ columns: [a], metric: l2 }]", "indexes[0].metric", "with `vector` only"},
    {"index_metric_word", "indexes: [{ vector: a, metric: cos }]", "indexes[0].metric", "must be one of"},
    {"index_unique_fts", "indexes: [{ fts: [a], unique: true }]", "indexes[0].unique", "with `columns` only"},
    {"index_where_vector", "indexes: [{ vector: a, where: b }]", "indexes[0].where", "with `columns` only"},
    {"index_key", "indexes: [{ colums: [a], vector: b }]", "indexes[0].colums", "did you mean `columns`?"},
    {"mode", "mode: insert", "mode", "must be one of `append`, `mirror`"},
    {"delete_word", "delete: never", "delete", "must be one of `hard`"},
    {"delete_soft_bare", "delete: soft", "delete", "write `delete: { soft: deleted_at }`"},
    {"delete_map", "delete: { soft: a, hard: b }", "delete.hard", "unknown key"},
    {"delete_soft_empty", "delete: { soft: \"\" }", "delete.soft", "is empty"},
    {"delete_append", "delete: { soft: gone }\n    mode: append", "delete", "deletes are not taken there"},
    {"on_ddl", "on_ddl: { truncate: stop }", "on_ddl.truncate", "must be one of `apply`, `ignore`"},
    {"on_ddl_key", "on_ddl: { drop: keep }", "on_ddl.drop", "unknown key"},
};
std::string name_of(const testing::TestParamInfo<Case>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(Rules, BadRule, testing::ValuesIn(kCases), name_of);

TEST(Schema, WhatIsRefused) {
  const std::vector<std::array<const char*, 3>> cases = {
      {"constraints: { foreign_keys: true }\n", "constraints.foreign_keys", "must be `false`: Postgres checks them"},
      {"constraints: { unique: true }\n", "constraints.unique", "must be one of `index`, `enforce`"},
      {"clients: { int8: string }\n", "clients.int8", "must be one of `bigint`, `number`"},
      {"on_ddl: { rewrite: copy }\n", "on_ddl.rewrite", "must be one of `recopy`, `stop`"},
      {"snapshot: { backfill_rows: 99 }\n", "snapshot.backfill_rows", "from 100 to 100000"},
      {"snapshot: { backfill_rows: 100001 }\n", "snapshot.backfill_rows", "from 100 to 100000"},
  };
  for (const auto& [text, key, message] : cases) {
    const auto problems = bad(load(with(text)));
    ASSERT_EQ(problems.size(), 1U) << text << all_of(problems);
    EXPECT_EQ(problems[0].line, 3) << text;
    EXPECT_EQ(problems[0].key, key);
    EXPECT_TRUE(has(problems[0].message, message)) << describe(problems[0]);
  }
}

// No message about a rule repeats the key of a mask.
TEST(Rules, AMaskKeyIsNeverRepeated) {
  for (const char* inside : {"mask: sha256, mask_key: hunter2", "mask: hmac_sha256, mask_key: { fil: hunter2 }",
                             "mask: hmac_sha256, mask_key: [hunter2]"}) {
    const auto problems = bad(load(with(std::string("rules: [{ match: a.b, columns: { c: { ") + inside + " } } }]\n")));
    ASSERT_FALSE(problems.empty());
    for (const auto& problem : problems) EXPECT_FALSE(has(describe(problem), "hunter2")) << describe(problem);
  }
}

}  // namespace
}  // namespace walbridge::config
