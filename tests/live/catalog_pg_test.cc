#include "source-pg/catalog.h"

#include <gmock/gmock.h>

#include <chrono>
#include <string>
#include <vector>

#include "source-pg/open.h"
#include "tests/live/pg_database.h"

namespace walbridge::source_pg {
namespace {

using ::testing::ElementsAre;

class CatalogTest : public live::PgDatabase {
 protected:
  std::vector<SourceTable> read() {
    auto tables = describe_tables(sql());
    EXPECT_TRUE(tables) << (tables ? "" : describe(tables.error()));
    return tables ? *std::move(tables) : std::vector<SourceTable>{};
  }
  SourceTable table(const std::string& name) {
    for (auto& candidate : read()) {
      if (candidate.qualified_name() == name) return candidate;
    }
    ADD_FAILURE() << "no table " << name;
    return {};
  }
  static const SourceColumn& column(const SourceTable& table, const std::string& name) {
    for (const auto& candidate : table.columns) {
      if (candidate.name == name) return candidate;
    }
    ADD_FAILURE() << "no column " << name;
    static const SourceColumn none;
    return none;
  }
  static const SourceIndex& index(const SourceTable& table, const std::string& name) {
    for (const auto& candidate : table.indexes) {
      if (candidate.name == name) return candidate;
    }
    ADD_FAILURE() << "no index " << name;
    static const SourceIndex none;
    return none;
  }
};

TEST_P(CatalogTest, ResolvesTypeTrees) {
  run("CREATE TYPE mood AS ENUM ('sad', 'ok'); ALTER TYPE mood ADD VALUE 'meh' BEFORE 'ok'");
  run("CREATE DOMAIN price AS numeric(10,2); CREATE DOMAIN dear AS price CHECK (VALUE > 100)");
  run("CREATE TYPE place AS (name text, at point, tags mood[], cost price); CREATE TYPE trip AS (stops place[], note "
      "varchar(9))");
  run("CREATE TYPE span AS RANGE (subtype = float8)");
  run("CREATE TABLE t (id int8, n numeric(12,3), ns numeric(12,3)[], m mood, ms mood[], d dear, ds price[], b box[], c "
      "\"char\", "
      "v int2vector, p trip, r int4range, s span, mr int4multirange, x varchar(7), f char(3), ts timestamptz(3))");
  const auto t = table("public.t");

  EXPECT_EQ(column(t, "id").type->kind, "int8");
  EXPECT_EQ(column(t, "n").type->kind, "numeric");
  EXPECT_EQ(column(t, "n").type->sql, "numeric(12,3)");
  EXPECT_EQ(column(t, "n").type->typmod, ((12 << 16) | 3) + 4);
  const auto& ns = *column(t, "ns").type;
  EXPECT_EQ(ns.kind, "array");
  EXPECT_EQ(ns.sql, "numeric(12,3)[]");
  EXPECT_EQ(ns.element->sql, "numeric(12,3)");
  EXPECT_EQ(ns.element->typmod, ((12 << 16) | 3) + 4);
  EXPECT_EQ(ns.delimiter, ',');
  EXPECT_EQ(column(t, "m").type->kind, "enum");
  EXPECT_THAT(column(t, "m").type->labels, ElementsAre("sad", "meh", "ok"));
  EXPECT_EQ(column(t, "ms").type->kind, "array");
  EXPECT_THAT(column(t, "ms").type->element->labels, ElementsAre("sad", "meh", "ok"));
  const auto& d = *column(t, "d").type;
  EXPECT_EQ(d.kind, "domain");
  EXPECT_EQ(d.sql, "dear");
  ASSERT_EQ(d.base->kind, "domain");
  EXPECT_EQ(d.base->base->kind, "numeric");
  EXPECT_EQ(d.base->base->sql, "numeric(10,2)");
  EXPECT_EQ(d.base->base->typmod, ((10 << 16) | 2) + 4);
  EXPECT_EQ(column(t, "ds").type->element->kind, "domain");
  EXPECT_EQ(column(t, "ds").type->element->base->sql, "numeric(10,2)");
  EXPECT_EQ(column(t, "b").type->kind, "array");
  EXPECT_EQ(column(t, "b").type->delimiter, ';');
  EXPECT_EQ(column(t, "b").type->element->kind, "box");
  EXPECT_EQ(column(t, "c").type->kind, "char");
  EXPECT_EQ(column(t, "v").type->kind, "int2vector");
  EXPECT_EQ(column(t, "v").type->element, nullptr);
  const auto& trip = *column(t, "p").type;
  EXPECT_EQ(trip.kind, "composite");
  ASSERT_EQ(trip.fields.size(), 2U);
  EXPECT_EQ(trip.fields[0].name, "stops");
  EXPECT_EQ(trip.fields[1].type->sql, "character varying(9)");
  const auto& place = *trip.fields[0].type->element;
  ASSERT_EQ(place.fields.size(), 4U);
  EXPECT_EQ(place.fields[1].type->kind, "point");
  EXPECT_EQ(place.fields[2].type->element->kind, "enum");
  EXPECT_EQ(place.fields[3].type->base->sql, "numeric(10,2)");
  EXPECT_EQ(column(t, "r").type->kind, "range");
  EXPECT_EQ(column(t, "s").type->kind, "range");
  EXPECT_EQ(column(t, "mr").type->kind, "multirange");
  EXPECT_EQ(column(t, "x").type->kind, "varchar");
  EXPECT_EQ(column(t, "f").type->kind, "bpchar");
  EXPECT_EQ(column(t, "ts").type->sql, "timestamp(3) with time zone");
}

TEST_P(CatalogTest, NamesExtensionTypes) {
  const auto available =
      value("SELECT string_agg(name, ' ') FROM pg_available_extensions WHERE name IN ('hstore', 'citext', 'ltree')");
  for (const std::string extension : {"hstore", "citext", "ltree"}) {
    if (available.find(extension) == std::string::npos) continue;
    run("CREATE EXTENSION " + extension + "; CREATE TABLE of_" + extension + " (x " + extension + ", xs " + extension +
        "[])");
    const auto t = table("public.of_" + extension);
    EXPECT_EQ(column(t, "x").type->kind, extension);
    EXPECT_EQ(column(t, "xs").type->kind, "array");
    EXPECT_EQ(column(t, "xs").type->element->kind, extension);
  }
}

TEST_P(CatalogTest, ReadsColumnsAndIndexes) {
  run("CREATE COLLATION blurred (provider = icu, locale = 'und-u-ks-level2', deterministic = false)");
  run("CREATE TABLE t (gone int, a int NOT NULL, b text, c text COLLATE blurred, g int GENERATED ALWAYS AS (a * 2) "
      "STORED, k int NOT NULL, "
      "PRIMARY KEY (k, a) INCLUDE (b))");
  run("ALTER TABLE t DROP COLUMN gone");
  run("CREATE UNIQUE INDEX t_desc ON t (a DESC, b); CREATE INDEX t_part ON t (b) WHERE a > 1; CREATE INDEX t_expr ON t "
      "(lower(b), a)");
  run("CREATE INDEX t_hash ON t USING hash (b); ALTER TABLE t ADD CONSTRAINT t_late UNIQUE (b) DEFERRABLE");
  const auto t = table("public.t");
  ASSERT_EQ(t.columns.size(), 5U);
  EXPECT_EQ(t.columns[0].name, "a");
  EXPECT_EQ(t.columns[0].attnum, 2);
  EXPECT_TRUE(t.columns[0].not_null);
  EXPECT_FALSE(t.columns[1].not_null);
  EXPECT_TRUE(t.columns[1].deterministic_collation);
  EXPECT_FALSE(column(t, "c").deterministic_collation);
  EXPECT_TRUE(column(t, "g").generated);
  EXPECT_FALSE(column(t, "k").generated);

  ASSERT_FALSE(t.indexes.empty());
  const auto& key = t.indexes[0];
  EXPECT_TRUE(key.primary && key.unique && key.immediate);
  ASSERT_EQ(key.key.size(), 2U);
  EXPECT_EQ(key.key[0].attnum, 6);
  EXPECT_EQ(key.key[1].attnum, 2);
  EXPECT_THAT(key.included, ElementsAre(3));
  EXPECT_TRUE(index(t, "t_desc").key[0].descending);
  EXPECT_FALSE(index(t, "t_desc").key[1].descending);
  EXPECT_TRUE(index(t, "t_desc").unique);
  EXPECT_TRUE(index(t, "t_part").partial);
  EXPECT_EQ(index(t, "t_expr").key[0].attnum, 0);
  EXPECT_EQ(index(t, "t_expr").key[1].attnum, 2);
  EXPECT_EQ(index(t, "t_hash").method, "hash");
  EXPECT_FALSE(index(t, "t_late").immediate);
}

TEST_P(CatalogTest, ReadsReplicaIdentities) {
  run("CREATE TABLE a (id int PRIMARY KEY, u int NOT NULL UNIQUE); ALTER TABLE a REPLICA IDENTITY USING INDEX a_u_key");
  run("CREATE TABLE b (id int); ALTER TABLE b REPLICA IDENTITY FULL; CREATE TABLE c (id int); ALTER TABLE c REPLICA "
      "IDENTITY NOTHING");
  EXPECT_EQ(table("public.a").replica_identity, ReplicaIdentity::Index);
  EXPECT_TRUE(index(table("public.a"), "a_u_key").replica_identity);
  EXPECT_FALSE(index(table("public.a"), "a_pkey").replica_identity);
  EXPECT_EQ(table("public.b").replica_identity, ReplicaIdentity::Full);
  EXPECT_EQ(table("public.c").replica_identity, ReplicaIdentity::Nothing);
}

TEST_P(CatalogTest, FoldsLeavesAtEveryDepthIntoTheirRoot) {
  run("CREATE SCHEMA parts; CREATE TABLE root (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)");
  run("CREATE TABLE parts.y1 PARTITION OF root FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')");
  run("CREATE TABLE parts.y2 PARTITION OF root FOR VALUES FROM ('2021-01-01') TO ('2022-01-01') PARTITION BY LIST "
      "(id)");
  run("CREATE TABLE parts.y2a PARTITION OF parts.y2 FOR VALUES IN (1); CREATE TABLE parts.y2b PARTITION OF parts.y2 "
      "DEFAULT");
  run("INSERT INTO root SELECT i, '2020-05-05' FROM generate_series(1, 1000) i; INSERT INTO root VALUES (1, "
      "'2021-05-05'), (2, '2021-05-05'); ANALYZE");
  const auto tables = read();
  ASSERT_EQ(tables.size(), 1U);
  EXPECT_EQ(tables[0].kind, 'p');
  ASSERT_EQ(tables[0].leaves.size(), 3U);
  EXPECT_EQ(tables[0].leaves[0].name, "y1");
  EXPECT_EQ(tables[0].leaves[1].name, "y2a");
  EXPECT_EQ(tables[0].leaves[2].schema, "parts");
  EXPECT_EQ(tables[0].estimated_rows, 1002);
  EXPECT_EQ(
      tables[0].bytes,
      std::stoull(value("SELECT sum(pg_relation_size(oid)) FROM pg_class WHERE relname IN ('y1', 'y2a', 'y2b')")));
  EXPECT_GT(tables[0].bytes, 0U);
  EXPECT_EQ(tables[0].replica_identity, ReplicaIdentity::Default);
  ASSERT_EQ(tables[0].indexes.size(), 1U);
  EXPECT_TRUE(tables[0].indexes[0].primary);

  run("ALTER TABLE parts.y1 REPLICA IDENTITY FULL; ALTER TABLE parts.y2a REPLICA IDENTITY FULL; ALTER TABLE parts.y2b "
      "REPLICA IDENTITY FULL");
  EXPECT_EQ(table("public.root").replica_identity, ReplicaIdentity::Full);
}

TEST_P(CatalogTest, LeavesOutWhatIsNotTheUsers) {
  run("CREATE SCHEMA neon; CREATE SCHEMA neon_migration; CREATE SCHEMA walbridge; CREATE SCHEMA \"Other\"");
  run("CREATE TABLE neon.a (i int); CREATE TABLE neon_migration.a (i int); CREATE TABLE walbridge.a (i int); CREATE "
      "TEMP TABLE tmp (i int)");
  run("CREATE TABLE \"Other\".\"We ird\" (\"a \"\"b\" int); CREATE UNLOGGED TABLE fast (i int); CREATE VIEW v AS "
      "SELECT 1; CREATE MATERIALIZED VIEW mv AS SELECT 1");
  run("CREATE TABLE parent (i int); CREATE TABLE child () INHERITS (parent); CREATE TABLE nothing ()");
  std::vector<std::string> names;
  for (const auto& t : read()) names.push_back(t.qualified_name());
  EXPECT_THAT(names, ElementsAre("Other.We ird", "public.child", "public.fast", "public.nothing", "public.parent"));
  EXPECT_EQ(table("public.fast").persistence, 'u');
  EXPECT_TRUE(table("public.parent").has_children);
  EXPECT_FALSE(table("public.child").has_children);
  EXPECT_EQ(table("Other.We ird").columns[0].name, "a \"b");
  EXPECT_TRUE(table("public.nothing").columns.empty());
}

TEST_P(CatalogTest, ReadsWhatChangesOfTheSchemaNeed) {
  run("CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
      "x varchar(7) DEFAULT 'a', g int GENERATED ALWAYS AS (length(x)) STORED, CONSTRAINT c CHECK (id > 0), "
      "CONSTRAINT f FOREIGN KEY (id) REFERENCES t)");
  run("INSERT INTO t (x) VALUES ('a'); ALTER TABLE t ADD b box DEFAULT '((1,1),(0,0))', ADD bs box[] DEFAULT "
      "'{(1,1),(0,0);(2,2),(1,1)}', ADD ns int[] DEFAULT '{1,NULL}', ADD at timestamptz DEFAULT '2020-01-01 00:00+0', "
      "ADD i interval DEFAULT '1 day', ADD e text DEFAULT '', ADD m mood DEFAULT 'ok'");
  run("CREATE INDEX i ON t (lower(x) DESC, id) INCLUDE (g) WHERE id > 1; CREATE INDEX o ON t (x varchar_pattern_ops)");
  run("COMMENT ON TABLE t IS 'a \"table\"'; COMMENT ON COLUMN t.x IS 'a column'");
  const auto t = table("public.t");
  EXPECT_EQ(t.comment, "a \"table\"");
  EXPECT_TRUE(column(t, "id").identity);
  EXPECT_EQ(column(t, "x").comment, "a column");
  EXPECT_EQ(column(t, "x").expression, "'a'::character varying");
  EXPECT_FALSE(column(t, "x").missing);
  EXPECT_EQ(column(t, "g").expression, "length((x)::text)");
  EXPECT_EQ(column(t, "b").missing, "(1,1),(0,0)");
  EXPECT_EQ(column(t, "bs").missing, "{(1,1),(0,0);(2,2),(1,1)}");
  EXPECT_EQ(column(t, "ns").missing, "{1,NULL}");
  EXPECT_EQ(column(t, "at").missing, "2020-01-01 00:00:00+00");
  EXPECT_EQ(column(t, "i").missing, "P1D");
  EXPECT_EQ(column(t, "e").missing, "");
  EXPECT_EQ(column(t, "m").missing, "ok");
  EXPECT_EQ(std::to_string(column(t, "m").type->label_oids.at(1)),
            value("SELECT oid FROM pg_enum WHERE enumlabel = 'ok'"));
  EXPECT_EQ(index(t, "i").key[0].expression, "lower((x)::text)");
  EXPECT_TRUE(index(t, "i").key[0].descending);
  EXPECT_EQ(index(t, "i").predicate, "(id > 1)");
  EXPECT_THAT(index(t, "i").included, ElementsAre(3));
  EXPECT_EQ(index(t, "o").key[0].operator_class, "varchar_pattern_ops");
  EXPECT_EQ(index(t, "t_pkey").key[0].operator_class, "");
  ASSERT_EQ(t.constraints.size(), 2U);
  EXPECT_EQ(t.constraints[0].kind, 'c');
  EXPECT_EQ(t.constraints[1].name, "f");
  run("VACUUM ANALYZE t");
  EXPECT_EQ(table("public.t").json, t.json) << "statistics are no part of a description";
}

TEST_P(CatalogTest, ReadsTwoHundredTables) {
  run("DO $$ BEGIN FOR i IN 1..200 LOOP EXECUTE format('CREATE TABLE t%s (id bigint PRIMARY KEY, a text, b "
      "numeric(10,2), c timestamptz, "
      "d jsonb, e text[], f uuid, g boolean, UNIQUE (a, b))', i); END LOOP; END $$");
  auto admin = open_source_admin(config_);
  ASSERT_TRUE(admin->describe_tables());  // fills the server's caches, as in any session but the very first
  const auto start = std::chrono::steady_clock::now();
  const auto tables = admin->describe_tables();
  const auto spent = std::chrono::steady_clock::now() - start;
  ASSERT_TRUE(tables);
  EXPECT_EQ(tables->size(), 200U);
  EXPECT_EQ(tables->front().columns.size(), 8U);
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(spent).count();
  printf("postgres %d: 200 tables described in %ld ms\n", version(), static_cast<long>(milliseconds));
  EXPECT_LT(milliseconds, 1'000) << "of a debug build on a busy machine";
}

WALBRIDGE_EVERY_POSTGRES(CatalogTest);

}  // namespace
}  // namespace walbridge::source_pg
