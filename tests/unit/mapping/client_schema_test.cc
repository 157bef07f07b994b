// Generated clients: what each column becomes, names that no language allows, and the hash that tells whether a file
// still fits. Whether compilers and clients take the result is tests/readers' to say.
#include "mapping/client_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mapping/client_schema_names.h"
#include "tests/unit/mapping/source_tables.h"

namespace walbridge::mapping {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::TableMaker;

config::Config config_with(config::Rule rule = {}) {
  config::Config config;
  config.tables.include = {"*.*"};
  if (!rule.match.empty()) config.rules.push_back(std::move(rule));
  return config;
}

SinkPlan plan_of(const std::vector<SourceTable>& tables, const config::Config& config) {
  config::Sink sink;
  sink.name = "main";
  auto plan = plan_sink(tables, config, sink);
  for (const auto& refused : plan.refused) ADD_FAILURE() << describe(refused.error);
  return plan;
}

std::string generate(ClientFormat format, const std::vector<SourceTable>& tables,
                     const config::Config& config = config_with()) {
  return client_schema(format, plan_of(tables, config), tables, config, "main");
}

std::string drizzle(const std::vector<SourceTable>& tables, const config::Config& config = config_with()) {
  return generate(ClientFormat::Drizzle, tables, config);
}

// One table with an integer key and the column `c`, in Drizzle: what follows `c: `.
std::string drizzle_column_of(std::shared_ptr<const PgType> type, const std::string& encoding = {}) {
  config::Rule rule;
  if (!encoding.empty()) {
    rule.match = "public.t";
    rule.columns["c"].type = encoding;
  }
  const auto text =
      drizzle({TableMaker("public.t").column("id", "int4").column("c", std::move(type)).primary_key({"id"}).table()},
              config_with(rule));
  const auto begin = text.find("    c: ");
  if (begin == std::string::npos) return text;
  return text.substr(begin + 7, text.find(",\n", begin) - begin - 7);
}

TEST(ClientSchema, DrizzleHasADecoderForEachEncoding) {
  using testing::array_of;
  using testing::enum_of;
  using testing::numeric;
  using testing::type;
  struct Case {
    std::shared_ptr<const PgType> type;
    const char* encoding;
    const char* expression;
  };
  const std::vector<Case> cases = {
      {type("bool"), "", "integer(\"c\", { mode: \"boolean\" })"},
      {type("bool"), "text", "pgBooleanText(\"c\")"},
      {type("int4"), "", "integer(\"c\")"},
      {type("int4"), "text", "pgIntegerText(\"c\")"},
      {type("int8"), "", "numeric(\"c\", { mode: \"bigint\" })"},
      {type("int8"), "text", "pgBigintText(\"c\")"},
      {type("xid8"), "", "numeric(\"c\", { mode: \"bigint\" })"},
      {type("oid"), "", "integer(\"c\")"},
      {type("float8"), "", "pgFloat(\"c\")"},
      {numeric(10, 2), "", "pgDecimal(\"c\", 10, 2)"},
      {numeric(5, -2), "", "pgDecimal(\"c\", 5, 0)"},
      {numeric(30, 2), "", "text(\"c\")"},
      {numeric(10, 2), "text", "text(\"c\")"},
      {numeric(18, 8), "integer_scaled", "pgScaled(\"c\", 8)"},
      {numeric(10, 2), "real", "pgFloat(\"c\")"},
      {type("money"), "", "text(\"c\")"},
      {type("money"), "integer_scaled", "pgScaled(\"c\", 2)"},
      {type("text"), "", "text(\"c\")"},
      {type("bytea"), "", "blob(\"c\", { mode: \"buffer\" })"},
      {type("bytea"), "hex", "pgBytesHex(\"c\")"},
      {type("bytea"), "base64", "pgBytesBase64(\"c\")"},
      {type("uuid"), "", "text(\"c\")"},
      {type("uuid"), "blob", "pgUuidBytes(\"c\")"},
      {type("uuid"), "text_hex", "pgUuidHex(\"c\")"},
      {type("jsonb"), "", "text(\"c\", { mode: \"json\" }).$type<unknown>()"},
      {type("jsonb"), "jsonb_blob", "pgJsonb(\"c\")"},
      {type("timestamptz"), "", "pgTimestamptz(\"c\")"},
      {type("timestamp"), "", "pgTimestamp(\"c\")"},
      {type("timestamp"), "utc", "pgTimestamptz(\"c\")"},
      {type("timestamp"), "text_prisma", "pgTimestamptz(\"c\")"},
      {type("timestamptz"), "text_sqlite", "pgSqliteTimestamp(\"c\")"},
      {type("timestamptz"), "unix_s", "integer(\"c\", { mode: \"timestamp\" })"},
      {type("timestamptz"), "unix_ms", "pgUnixMillis(\"c\")"},
      {type("timestamptz"), "unix_us", "pgUnixMicros(\"c\")"},
      {type("timestamptz"), "unix_ms_frac", "pgUnixMillisFraction(\"c\")"},
      {type("timestamptz"), "julian", "pgJulian(\"c\")"},
      {type("date"), "", "text(\"c\")"},
      {type("date"), "epoch_days", "pgDays(\"c\")"},
      {type("date"), "unix_ms", "pgUnixMillis(\"c\")"},
      {type("time"), "us", "integer(\"c\")"},
      {type("interval"), "", "text(\"c\")"},
      {type("interval"), "us", "numeric(\"c\", { mode: \"bigint\" })"},
      {enum_of({"new", "won't pay"}), "", "text(\"c\", { enum: [\"new\", \"won't pay\"] })"},
      {enum_of({"new", "won't pay"}), "rank", "pgEnumRank(\"c\", [\"new\", \"won't pay\"])"},
      {array_of(type("text")), "", "text(\"c\", { mode: \"json\" }).$type<(string | null)[]>()"},
      {array_of(type("int8")), "", "text(\"c\", { mode: \"json\" }).$type<(number | string | null)[]>()"},
      {array_of(type("text")), "pg_text", "text(\"c\")"},
      {type("hstore"), "", "text(\"c\", { mode: \"json\" }).$type<Record<string, string | null>>()"},
      {type("vector", 3, "vector(3)"), "", "pgVector(\"c\", 3)"},
      {type("vector"), "f64", "pgVector64(\"c\")"},
      {type("halfvec", 3, "halfvec(3)"), "f16", "pgVector16(\"c\", 3)"},
      {type("geometry"), "", "blob(\"c\", { mode: \"buffer\" })"},
      {type("geometry"), "wkt", "text(\"c\")"},
      {type("bit", 8, "bit(8)"), "integer", "numeric(\"c\", { mode: \"bigint\" })"},
      {testing::domain_of(numeric(10, 2), "price"), "", "pgDecimal(\"c\", 10, 2)"},
  };
  for (const auto& each : cases) {
    EXPECT_EQ(drizzle_column_of(each.type, each.encoding), each.expression) << each.type->sql << " " << each.encoding;
  }
}

TEST(ClientSchema, MaskedAndCutValuesAreText) {
  config::Rule rule;
  rule.match = "public.t";
  rule.columns["at"].mask = config::Mask::Sha256;
  rule.columns["name"].truncate = 10;
  rule.columns["gone"].mask = config::Mask::Null;
  const auto text = drizzle({TableMaker("public.t")
                                 .column("id", "int4")
                                 .column("at", "timestamptz", true)
                                 .column("name", "text", true)
                                 .column("gone", "text", true)
                                 .primary_key({"id"})
                                 .table()},
                            config_with(rule));
  EXPECT_THAT(text, HasSubstr("gone: text(\"gone\"),"));
  EXPECT_THAT(text, HasSubstr("at: text(\"at\").notNull()"));
  EXPECT_THAT(text, HasSubstr("name: text(\"name\").notNull()"));
}

TEST(ClientSchema, NothingThatMayBeNullIsNotNull) {
  const auto table = TableMaker("public.t")
                         .column("id", "int4")
                         .column("f", "float8", true)
                         .column("n", "text")
                         .column("m", "text", true)
                         .primary_key({"id"})
                         .table();
  auto config = config_with();
  EXPECT_THAT(drizzle({table}), HasSubstr("f: pgFloat(\"f\").notNull()"));
  EXPECT_THAT(drizzle({table}), HasSubstr("n: text(\"n\"),"));
  EXPECT_THAT(drizzle({table}), HasSubstr("m: text(\"m\").notNull()"));
  config.specials = config::Specials::Null;  // NaN becomes NULL
  EXPECT_THAT(drizzle({table}, config), HasSubstr("f: pgFloat(\"f\"),"));
  EXPECT_THAT(generate(ClientFormat::Prisma, {table}, config), HasSubstr("f Float?"));
}

TEST(ClientSchema, KeysAndIndexes) {
  const auto text = drizzle({TableMaker("public.t")
                                 .column("tenant_id", "int4")
                                 .column("order_no", "text")
                                 .column("created_at", "timestamptz")
                                 .primary_key({"tenant_id", "order_no"})
                                 .index("t_created", {"created_at", "tenant_id"})
                                 .table()});
  EXPECT_THAT(text, HasSubstr("primaryKey({ columns: [t.tenantId, t.orderNo] })"));
  EXPECT_THAT(text, HasSubstr("index(\"t_created\").on(t.createdAt, t.tenantId)"));
  EXPECT_THAT(text, Not(HasSubstr(".primaryKey()")));
}

TEST(ClientSchema, BigKeysMayBeNumbersWhenAskedFor) {
  const auto table = TableMaker("public.t").column("id", "int8").column("i", "interval").primary_key({"id"}).table();
  config::Rule rule = testing::rule_for("public.t");
  rule.columns["i"].type = "us";
  auto config = config_with(rule);
  EXPECT_THAT(drizzle({table}, config), HasSubstr("id: numeric(\"id\", { mode: \"bigint\" }).primaryKey()"));
  config.clients_int8_number = true;
  EXPECT_THAT(drizzle({table}, config), HasSubstr("id: integer(\"id\").primaryKey()"));
  EXPECT_THAT(drizzle({table}, config), HasSubstr("i: numeric(\"i\", { mode: \"bigint\" })"));
}

TEST(ClientSchema, PartitionsAreOneTableWithoutTheHiddenColumn) {
  for (const auto format : {ClientFormat::Drizzle, ClientFormat::Prisma}) {
    const auto text = generate(
        format,
        {TableMaker("public.p").column("id", "int4").column("r", "text").primary_key({"id"}).leaf(7, "p_1").table()});
    EXPECT_THAT(text, Not(HasSubstr("_walbridge_leaf")));
    EXPECT_THAT(text, HasSubstr("public.p"));
  }
}

TEST(ClientSchema, SoftDeletedRowsBearTheirTime) {
  auto rule = testing::rule_for("public.t");
  rule.soft_delete = "_deleted_at";
  const std::vector<SourceTable> tables = {TableMaker("public.t").column("id", "int4").primary_key({"id"}).table()};
  EXPECT_THAT(drizzle(tables, config_with(rule)), HasSubstr("deletedAt: pgTimestamptz(\"_deleted_at\"),"));
}

TEST(ClientSchema, ComputedColumnsCannotBeWritten) {
  auto rule = testing::rule_for("public.t");
  rule.computed.push_back({"search", "TEXT", "lower(\"name\" || '`${x}')", {}});
  const auto text =
      drizzle({TableMaker("public.t").column("id", "int4").column("name", "text").primary_key({"id"}).table()},
              config_with(rule));
  EXPECT_THAT(text, HasSubstr("import { sql } from \"drizzle-orm\";"));
  EXPECT_THAT(text, HasSubstr("text(\"search\").generatedAlwaysAs(sql.raw("));
  EXPECT_THAT(text, HasSubstr("{ mode: \"virtual\" })"));
}

TEST(ClientSchema, OrderKeysAreThere) {
  auto rule = testing::rule_for("public.t");
  rule.columns["n"].order_key = true;
  const auto text =
      drizzle({TableMaker("public.t").column("id", "int4").column("n", "numeric").primary_key({"id"}).table()},
              config_with(rule));
  EXPECT_THAT(text, HasSubstr("nOrd: text(\"n__ord\")"));
}

TEST(ClientSchema, NamesBecomeIdentifiers) {
  EXPECT_EQ(camel_name("tenant_id"), "tenantId");
  EXPECT_EQ(camel_name("createdAt"), "createdAt");
  EXPECT_EQ(camel_name("ID"), "id");
  EXPECT_EQ(camel_name("2x"), "x2x");
  EXPECT_EQ(camel_name("a\"b"), "aB");
  EXPECT_EQ(camel_name("żółć"), "zolc");
  EXPECT_EQ(camel_name("漢"), "u6f22");
  EXPECT_EQ(camel_name(""), "x");
  EXPECT_EQ(camel_name("__"), "x");
  EXPECT_EQ(camel_name("\xff\xfe"), "yu00fe");
  EXPECT_EQ(pascal_name("order items"), "OrderItems");
  EXPECT_EQ(member_name("won't pay"), "won_t_pay");
}

TEST(ClientSchema, CollisionsGetNumbersAndExactNamesStay) {
  NameBook book({"class"}, "Table");
  EXPECT_THAT(book.assign({"orderId", "orderId", "class", "classTable"}, {"order_id", "orderId", "class", "x"}),
              ElementsAre("orderId2", "orderId", "classTable", "classTable2"));
}

TEST(ClientSchema, ReservedTableNamesCannotBreakTheModule) {
  std::vector<SourceTable> tables;
  for (const auto* name :
       {"public.text", "public.class", "public.Date", "public.pgFloat", "public.sqliteTable", "public.x*/y"}) {
    tables.push_back(TableMaker(name).column("id", "int4").column("constructor", "float8").primary_key({"id"}).table());
  }
  tables.back().comment = "ends */ here\nand there";
  const auto text = drizzle(tables);
  EXPECT_THAT(text, HasSubstr("export const textTable = sqliteTable(\n  \"text\""));
  EXPECT_THAT(text, HasSubstr("export const classTable ="));
  EXPECT_THAT(text, HasSubstr("export const date = sqliteTable(\n  \"Date\""));
  EXPECT_THAT(text, HasSubstr("export const pgFloatTable ="));
  EXPECT_THAT(text, HasSubstr("constructorColumn: pgFloat(\"constructor\")"));
  EXPECT_THAT(text, HasSubstr("/** ends *\\/ here and there (public.x*\\/y) */"));
}

TEST(ClientSchema, PrismaModels) {
  const auto text = generate(ClientFormat::Prisma,
                             {TableMaker("public.order items")
                                  .column("id", "int8")
                                  .column("2x", testing::enum_of({"new", "won't pay"}, "status"))
                                  .column("total", testing::numeric(10, 2), true)
                                  .column("at", "timestamptz", true)
                                  .column("raw", "bytea")
                                  .primary_key({"id"})
                                  .index("by at", {"at"})
                                  .table(),
                              TableMaker("public.log").column("a", "text").identity(ReplicaIdentity::Full).table()});
  EXPECT_THAT(text, HasSubstr("enum Status {\n  new_ @map(\"new\")\n  won_t_pay @map(\"won't pay\")\n}"));
  EXPECT_THAT(text, HasSubstr("model OrderItems {"));
  EXPECT_THAT(text, HasSubstr("  id BigInt @id\n"));
  EXPECT_THAT(text, HasSubstr("  x2x Status? @map(\"2x\")\n"));
  EXPECT_THAT(text, HasSubstr("  total Decimal\n"));
  EXPECT_THAT(text, HasSubstr("  at DateTime\n"));
  EXPECT_THAT(text, HasSubstr("  raw Bytes?\n"));
  EXPECT_THAT(text, HasSubstr("  @@index([at], map: \"by at\")\n"));
  EXPECT_THAT(text, HasSubstr("  @@map(\"order items\")\n"));
  EXPECT_THAT(text, HasSubstr("model Log {"));
  EXPECT_THAT(text, HasSubstr("  @@ignore\n"));
}

TEST(ClientSchema, PrismaCanTellDecimalsFromIntegers) {
  const std::vector<SourceTable> tables = {
      TableMaker("public.t").column("id", "int4").column("n", testing::numeric(10, 2)).primary_key({"id"}).table()};
  auto config = config_with();
  EXPECT_EQ(plan_of(tables, config).tables.front()->cache().columns[1].decl, "DECIMAL(10,2)");
  config.profile = config::Profile::Prisma;
  EXPECT_EQ(plan_of(tables, config).tables.front()->cache().columns[1].decl, "DECIMAL");
}

TEST(ClientSchema, HashFollowsTheTablesAndNothingElse) {
  const auto a = TableMaker("public.a").column("id", "int4").primary_key({"id"}).table();
  const auto b = TableMaker("public.b").column("id", "int4").primary_key({"id"}).table();
  const auto c = TableMaker("public.b").column("id", "int4").column("v", "text").primary_key({"id"}).table();
  const auto config = config_with();
  const auto hash = [&](const std::vector<SourceTable>& tables) { return schema_hash(plan_of(tables, config)); };
  EXPECT_EQ(hash({a, b}), hash({b, a}));
  EXPECT_NE(hash({a, b}), hash({a}));
  EXPECT_NE(hash({a, b}), hash({a, c}));
  EXPECT_THAT(drizzle({a, b}), HasSubstr("// walbridge-schema " + hash({a, b}) + "\n"));
}

TableRecord record_of(const TablePlan& plan) {
  TableRecord record;
  record.source_oid = plan.cache().source_oid;
  record.cache_name = plan.cache().name;
  record.schema_hash = plan.cache().schema_hash;
  record.state = TableState::Live;
  return record;
}

TEST(ClientSchema, AFileKnowsWhetherItFits) {
  const std::vector<SourceTable> tables = {
      TableMaker("public.a\"\\\nb").column("id", "int4").primary_key({"id"}).table(),
      TableMaker("public.c").column("id", "int4").primary_key({"id"}).table()};
  const auto config = config_with();
  const auto plan = plan_of(tables, config);
  std::vector<TableRecord> records;
  for (const auto& table : plan.tables) records.push_back(record_of(*table));
  for (const auto format : {ClientFormat::Drizzle, ClientFormat::Prisma, ClientFormat::Sql}) {
    const auto stamp = read_stamp(client_schema(format, plan, tables, config, "main"));
    EXPECT_EQ(stamp.hash, schema_hash(plan));
    EXPECT_EQ(stamp.hash, schema_hash(records));
    EXPECT_THAT(compare_stamp(stamp, records), IsEmpty());

    auto changed = records;
    changed[1].schema_hash = "0123456789abcdef";
    changed.push_back({9, "public.d", "d", TableState::Live, "fedcba9876543210", {}, {}, {}, {}, {}});
    changed.push_back({10, "public.e", "e", TableState::Stopped, "fedcba9876543210", {}, "dropped", {}, {}, {}});
    // One that stopped because the plan refuses it is in neither; one with a row that did not map is in both.
    changed.push_back({11, "public.f", "f", TableState::Stopped, {}, {}, "no-key", {}, {}, {}});
    changed.push_back({12, "public.g", "g", TableState::Stopped, "fedcba9876543210", {}, "bad-value", {}, {}, {}});
    EXPECT_NE(stamp.hash, schema_hash(changed));
    EXPECT_THAT(compare_stamp(stamp, changed), ElementsAre("table c has another schema now",
                                                           "table d is not in the file", "table g is not in the file"));
    changed.erase(changed.begin() + 1, changed.end());
    EXPECT_THAT(compare_stamp(stamp, changed), ElementsAre("table c is not in the cache"));
  }
}

TEST(ClientSchema, AFileWithoutAStampSaysSo) {
  EXPECT_TRUE(read_stamp("export const x = 1;\n").hash.empty());
  EXPECT_TRUE(read_stamp("").hash.empty());
}

}  // namespace
}  // namespace walbridge::mapping
