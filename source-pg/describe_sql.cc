#include "source-pg/describe_sql.h"

#include <fmt/format.h>

namespace walbridge::source_pg {
namespace {

// Of pg_class c and pg_namespace n. cloud_admin is the owner of what Neon itself keeps in a user's database.
constexpr const char* kTheUsers = R"(c.relpersistence <> 't'
  AND NOT pg_catalog.starts_with(n.nspname::text, 'pg_')
  AND n.nspname <> 'information_schema' AND n.nspname <> 'neon' AND n.nspname <> 'neon_migration'
  AND n.nspname <> 'walbridge' AND pg_catalog.pg_get_userbyid(c.relowner) <> 'cloud_admin'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::oid
                  AND d.objid = c.oid AND d.deptype = 'e'))";

// OFFSET 0 keeps the planner from turning a look-up per table into a scan of a catalog.
constexpr const char* kRelations = R"(WITH RECURSIVE asked AS ({asked}),
climbed(oid, partition) AS (
  SELECT c.oid, c.relispartition FROM asked, LATERAL (
    SELECT p.oid, p.relispartition FROM pg_catalog.pg_class p
    WHERE p.oid = asked.oid AND (p.relkind = 'r' OR p.relkind = 'p' OR p.relkind = 'f') OFFSET 0) c
  UNION
  SELECT c.oid, c.relispartition FROM climbed JOIN pg_catalog.pg_inherits i ON i.inhrelid = climbed.oid
  JOIN pg_catalog.pg_class c ON c.oid = i.inhparent WHERE climbed.partition),
roots AS MATERIALIZED (
  SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence, c.relreplident, c.reltuples,
         c.relkind = 'r' AND c.relhassubclass
           AND EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid) AS children
  FROM (SELECT DISTINCT oid FROM climbed WHERE NOT partition) k
  JOIN pg_catalog.pg_class c ON c.oid = k.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE (c.relkind = 'r' OR c.relkind = 'p') AND {users}),
tree(root, oid, nspname, relname, relkind, relpersistence, relreplident, reltuples) AS (
  SELECT oid, oid, nspname, relname, relkind, relpersistence, relreplident, reltuples FROM roots WHERE relkind = 'p'
  UNION ALL
  SELECT t.root, c.oid, n.nspname, c.relname, c.relkind, c.relpersistence, c.relreplident, c.reltuples
  FROM tree t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE t.relkind = 'p' AND c.relispartition AND {users}),
)";

// What its leaves are, the root is: they hold the rows, and the stream names them. Leaves that disagree: the weakest
// promise, a key, is what all of them can keep; preflight looks at each.
constexpr const char* kLeaves = R"(leaves AS MATERIALIZED (
  SELECT root, pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('oid', oid::int8, 'schema', nspname, 'name', relname)
                                    ORDER BY oid) AS list,
         CASE WHEN pg_catalog.count(DISTINCT relreplident) = 1 THEN pg_catalog.min(relreplident::text) ELSE 'd' END AS identity,
         pg_catalog.bool_or(relpersistence = 'u') AS unlogged,
         CASE WHEN pg_catalog.bool_or(reltuples::float8 < 0::float8) THEN (-1)::float8
              ELSE pg_catalog.sum(reltuples::float8) END AS rows,
         pg_catalog.array_agg(oid ORDER BY oid) FILTER (WHERE relkind = 'r') AS heaps
  FROM tree WHERE relkind <> 'p' GROUP BY root),
)";

// A type is an array when its element says so; int2vector and point have elements too, but are no arrays.
constexpr const char* kTypes = R"(used(type) AS (
  SELECT DISTINCT a.atttypid FROM roots r, LATERAL (
    SELECT b.atttypid FROM pg_catalog.pg_attribute b
    WHERE b.attrelid = r.oid AND b.attnum > 0 AND NOT b.attisdropped OFFSET 0) a),
reached(start, type) AS (
  SELECT type, type FROM used
  UNION
  SELECT x.start, part.oid FROM reached x JOIN pg_catalog.pg_type t ON t.oid = x.type CROSS JOIN LATERAL (
    SELECT e.oid FROM pg_catalog.pg_type e WHERE e.oid = t.typelem AND e.typarray = t.oid
    UNION ALL SELECT t.typbasetype WHERE t.typtype = 'd'
    UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a
              WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) AS part(oid)),
types AS MATERIALIZED (
  SELECT t.oid, pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
    'name', t.typname, 'kind', t.typtype, 'category', t.typcategory, 'element', e.oid::int8,
    'delimiter', CASE WHEN e.typdelim <> ',' THEN e.typdelim END,
    'base', CASE WHEN t.typtype = 'd' THEN t.typbasetype::int8 END,
    'base_typmod', CASE WHEN t.typtype = 'd' AND t.typtypmod <> -1 THEN t.typtypmod END,
    'base_sql', CASE WHEN t.typtype = 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) END,
    'labels', CASE WHEN t.typtype = 'e' THEN (
       SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(l.oid::int8, l.enumlabel) ORDER BY l.enumsortorder)
       FROM pg_catalog.pg_enum l WHERE l.enumtypid = t.oid) END,
    'fields', CASE WHEN t.typtype = 'c' THEN (
       SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
         'name', a.attname, 'type', a.atttypid::int8, 'typmod', CASE WHEN a.atttypmod <> -1 THEN a.atttypmod END,
         'sql', pg_catalog.format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum)
       FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) END)) AS d
  FROM (SELECT DISTINCT type FROM reached) k JOIN pg_catalog.pg_type t ON t.oid = k.type
  LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND e.typarray = t.oid)
)";

// A NOT NULL that was added NOT VALID (18) promises nothing about the rows that are there.
constexpr const char* kTables = R"(SELECT r.oid, pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
  'v', 1, 'oid', r.oid::int8, 'schema', r.nspname, 'name', r.relname, 'kind', r.relkind,
  'persistence', CASE WHEN l.unlogged THEN 'u' ELSE r.relpersistence::text END,
  'identity', coalesce(l.identity, r.relreplident::text),
  'children', CASE WHEN r.children THEN true END,
  'comment', (SELECT CASE WHEN s.description <> '' THEN s.description END FROM pg_catalog.pg_description s
              WHERE s.objoid = r.oid AND s.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass::oid AND s.objsubid = 0),
  'columns', (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
      'attnum', a.attnum, 'name', a.attname, 'type', a.atttypid::int8,
      'typmod', CASE WHEN a.atttypmod <> -1 THEN a.atttypmod END,
      'sql', pg_catalog.format_type(a.atttypid, a.atttypmod),
      'not_null', CASE WHEN a.attnotnull AND NOT EXISTS (
         SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND NOT k.convalidated
         AND a.attnum = ANY (k.conkey)) THEN true END,
      'generated', CASE WHEN a.attgenerated <> '' THEN a.attgenerated END,
      'expression', (SELECT pg_catalog.pg_get_expr(f.adbin, f.adrelid) FROM pg_catalog.pg_attrdef f
                     WHERE a.atthasdef AND f.adrelid = a.attrelid AND f.adnum = a.attnum),
      'missing', CASE WHEN a.atthasmissing THEN pg_catalog.array_to_string(a.attmissingval, '') END,
      'identity', CASE WHEN a.attidentity <> '' THEN true END,
      'nondeterministic', (SELECT true FROM pg_catalog.pg_collation o
                           WHERE o.oid = a.attcollation AND NOT o.collisdeterministic),
      'comment', (SELECT CASE WHEN s.description <> '' THEN s.description END FROM pg_catalog.pg_description s
                  WHERE s.objoid = r.oid AND s.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass::oid
                  AND s.objsubid = a.attnum::int4)) ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped),
)";

constexpr const char* kParts = R"(  'indexes', (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
      'name', x.relname, 'method', m.amname, 'primary', CASE WHEN i.indisprimary THEN true END,
      'unique', CASE WHEN i.indisunique THEN true END, 'deferrable', CASE WHEN NOT i.indimmediate THEN true END,
      'replica_identity', CASE WHEN i.indisreplident THEN true END,
      'predicate', pg_catalog.pg_get_expr(i.indpred, i.indrelid),
      'included', (SELECT pg_catalog.jsonb_agg(i.indkey[g.k] ORDER BY g.k)
                   FROM pg_catalog.generate_series(i.indnkeyatts::int4, i.indnatts::int4 - 1) AS g(k)),
      'key', (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
          'attnum', CASE WHEN i.indkey[g.k] <> 0 THEN i.indkey[g.k] END,
          'desc', CASE WHEN (i.indoption[g.k]::int4 & 1) = 1 THEN true END,
          'expression', CASE WHEN i.indkey[g.k] = 0 THEN pg_catalog.pg_get_indexdef(i.indexrelid, g.k + 1, false) END,
          'operator_class', (SELECT p.opcname FROM pg_catalog.pg_opclass p
                             WHERE p.oid = i.indclass[g.k] AND NOT p.opcdefault)) ORDER BY g.k)
        FROM pg_catalog.generate_series(0, i.indnkeyatts::int4 - 1) AS g(k)))
      ORDER BY i.indisprimary DESC, x.relname COLLATE "C")
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid JOIN pg_catalog.pg_am m ON m.oid = x.relam
    WHERE i.indrelid = r.oid AND i.indisvalid AND i.indislive),
  'constraints', (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('kind', k.contype, 'name', k.conname)
                                              ORDER BY k.conname COLLATE "C")
    FROM pg_catalog.pg_constraint k WHERE k.conrelid = r.oid AND (k.contype = 'c' OR k.contype = 'f' OR k.contype = 'x')),
  'leaves', l.list,
  'types', (SELECT pg_catalog.jsonb_object_agg(t.oid::text, t.d) FROM types t WHERE t.oid IN (
    SELECT x.type FROM pg_catalog.pg_attribute a JOIN reached x ON x.start = a.atttypid
    WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped)))) AS d,
  coalesce(l.rows, r.reltuples::float8) AS rows,
  CASE WHEN r.relkind = 'r' THEN ARRAY[r.oid] ELSE coalesce(l.heaps, ARRAY[]::oid[]) END AS heaps
FROM roots r LEFT JOIN leaves l ON l.root = r.oid
ORDER BY r.nspname COLLATE "C", r.relname COLLATE "C")";

}  // namespace

std::string describe_sql(std::string_view asked) {
  return fmt::format(fmt::runtime(kRelations), fmt::arg("asked", asked), fmt::arg("users", kTheUsers)) + kLeaves +
         kTypes + kTables + kParts;
}

}  // namespace walbridge::source_pg
