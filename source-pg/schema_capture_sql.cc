#include "source-pg/schema_capture_sql.h"

#include <fmt/format.h>

#include "source-pg/describe_sql.h"
#include "source-pg/sha256.h"

namespace walbridge::source_pg {
namespace {

constexpr const char* kTables = R"(
CREATE SCHEMA IF NOT EXISTS walbridge;
COMMENT ON SCHEMA walbridge IS 'created by walbridge';
REVOKE ALL ON SCHEMA walbridge FROM PUBLIC;
CREATE TABLE IF NOT EXISTS walbridge.install (
  one boolean PRIMARY KEY DEFAULT true CHECK (one), version integer NOT NULL, source text NOT NULL,
  token text NOT NULL, checksum text NOT NULL);
CREATE TABLE IF NOT EXISTS walbridge.bridge (slot text PRIMARY KEY);
REVOKE ALL ON walbridge.install, walbridge.bridge FROM PUBLIC;
)";

// The body is parsed here and now, so that the search path at run time, which decides how types print, chooses no
// function and no operator. Without settings of its own it becomes part of the plan of describe(), which a session
// keeps: to plan takes longer than to run.
constexpr const char* kDescription = R"(
CREATE OR REPLACE FUNCTION walbridge.description(wanted oid[])
RETURNS TABLE (oid oid, d jsonb, rows float8, heaps oid[]) LANGUAGE sql STABLE
BEGIN ATOMIC
{query};
END;
)";

// Values print as in the canonical session.
constexpr const char* kDescribe = R"(
CREATE OR REPLACE FUNCTION walbridge.describe(wanted oid[])
RETURNS TABLE (oid oid, d jsonb, rows float8) LANGUAGE plpgsql STABLE
SET search_path = {path} SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET intervalstyle = 'iso_8601'
SET extra_float_digits = 3 SET bytea_output = 'hex' SET lc_monetary = 'C' SET xmloption = 'content'
SET quote_all_identifiers = off SET standard_conforming_strings = on
SET jit = off SET plan_cache_mode = force_generic_plan AS $walbridge$
BEGIN
  RETURN QUERY SELECT t.oid, t.d, t.rows FROM walbridge.description(wanted) t;
END $walbridge$;
)";

// The canary of schema_capture.cc hears of what was sent.
constexpr const char* kEmit = R"(
CREATE OR REPLACE FUNCTION walbridge.emit(message jsonb) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $walbridge$
BEGIN
  PERFORM pg_logical_emit_message(true, 'walbridge.ddl.' || i.token, convert_to(message::text, 'UTF8'))
  FROM walbridge.install i;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'walbridge.install is empty';
  END IF;
  PERFORM pg_logical_emit_message(true, 'walbridge.pad', ''::text);
  IF current_setting('walbridge.canary', true) <> '' THEN
    PERFORM set_config('walbridge.canary', format('%s %s%s', current_setting('walbridge.canary'), message->>'op',
                                                  coalesce(jsonb_array_length(message->'tables'), 0)), false);
  END IF;
END $walbridge$;
)";

// Loops instead of recursive queries, whose hash tables take longer to make than everything else together; OFFSET 0 for
// a look-up per row instead of a scan.
constexpr const char* kTouched = R"(
CREATE OR REPLACE FUNCTION walbridge.family(rels oid[]) RETURNS oid[] LANGUAGE plpgsql STABLE AS $walbridge$
DECLARE
  every oid[] := rels;
  fresh oid[] := rels;
BEGIN
  SELECT every || array_agg(h.inhparent) INTO every FROM unnest(rels) q, LATERAL (
    SELECT i.inhparent FROM pg_inherits i WHERE i.inhrelid = q OFFSET 0) h;
  WHILE cardinality(fresh) > 0 LOOP
    SELECT array_agg(DISTINCT c.oid) INTO fresh FROM unnest(fresh) q,
      LATERAL (SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = q OFFSET 0) h,
      LATERAL (SELECT k.oid FROM pg_class k WHERE k.oid = h.inhrelid AND NOT k.relispartition OFFSET 0) c
    WHERE c.oid <> ALL (every);
    every := every || fresh;
  END LOOP;
  RETURN every;
END $walbridge$;

CREATE OR REPLACE FUNCTION walbridge.holders(types oid[]) RETURNS oid[] LANGUAGE plpgsql STABLE AS $walbridge$
DECLARE
  seen oid[] := types;
  fresh oid[] := types;
  rels oid[];
  found_rels oid[];
BEGIN
  WHILE cardinality(fresh) > 0 LOOP
    SELECT array_agg(d.objid) FILTER (WHERE d.classid = 'pg_type'::regclass),
           array_agg(DISTINCT d.objid) FILTER (WHERE d.classid = 'pg_class'::regclass AND d.objsubid <> 0)
    INTO fresh, found_rels FROM unnest(fresh) q, LATERAL (
      SELECT e.classid, e.objid, e.objsubid FROM pg_depend e WHERE q <> 0 AND e.refclassid = 'pg_type'::regclass
        AND e.refobjid = q AND e.classid IN ('pg_type'::regclass, 'pg_class'::regclass) OFFSET 0) d;
    rels := rels || found_rels;
    SELECT array_agg(DISTINCT n.type) INTO fresh FROM (
      SELECT unnest(fresh) UNION ALL SELECT c.reltype FROM unnest(found_rels) q,
        LATERAL (SELECT k.reltype FROM pg_class k WHERE k.oid = q OFFSET 0) c) n(type)
    WHERE n.type <> ALL (seen);
    seen := seen || fresh;
  END LOOP;
  RETURN rels;
END $walbridge$;
)";

// Which relations a statement touched: those it names, the table of an index or a constraint, inheritance children and
// parents, and every table that holds a touched type at any depth, a table's row type too. Of an ALTER TABLE on a
// partitioned table nobody says which partition came or went: the pg_inherits row of the one is new, the pg_class row
// of the other.
constexpr const char* kOnDdl = R"(
CREATE OR REPLACE FUNCTION walbridge.on_ddl() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan AS $walbridge$
DECLARE
  op text := 'ddl';
  asked oid[];
  gone oid[];
  named oid[];
  types oid[];
  tables jsonb;
  answered oid[];
  publication boolean := false;
  partitioned boolean;
  by_lock boolean;
  locked oid[];
  rel oid;
  above oid;
BEGIN
  IF tg_event = 'table_rewrite' THEN
    rel := pg_event_trigger_table_rewrite_oid();
    LOOP
      SELECT i.inhparent INTO above FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid
      WHERE c.oid = rel AND c.relispartition;
      EXIT WHEN NOT FOUND;
      rel := above;
    END LOOP;
    IF EXISTS (SELECT FROM pg_class c WHERE c.oid = rel AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't') THEN
      PERFORM walbridge.emit(jsonb_build_object('v', 1, 'op', 'rewrite', 'tag', tg_tag,
                                                'copy', jsonb_build_array(rel::int8)));
    END IF;
    RETURN;
  END IF;

  IF tg_event = 'sql_drop' THEN
    SELECT array_agg(o.objid) FILTER (WHERE o.objsubid = 0 AND o.object_type IN ('table', 'foreign table')),
           array_agg(o.objid) FILTER (WHERE o.classid = 'pg_class'::regclass AND o.objsubid <> 0)
             || array_agg(c.oid) FILTER (WHERE o.object_type IN ('table constraint', 'default value')),
           coalesce(bool_or(o.object_type IN ('publication', 'publication relation', 'publication namespace')), false),
           bool_or((o.original OR o.normal) AND (o.object_type = 'index' OR o.object_type IN ('table', 'foreign table')
                                                 AND EXISTS (SELECT FROM pg_partitioned_table)))
    INTO gone, asked, publication, by_lock
    FROM pg_event_trigger_dropped_objects() o
    LEFT JOIN pg_namespace n ON n.nspname = o.address_names[1]
    LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = o.address_names[2]
    WHERE NOT o.is_temporary;
    -- Nobody says whose index it was, or whose partition; but its table is locked.
    IF by_lock THEN
      SELECT array_agg(c.oid) INTO locked FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
      WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.granted AND c.relkind IN ('r', 'p')
        AND l.database = (SELECT b.oid FROM pg_database b WHERE b.datname = current_database())
        AND l.mode IN ('AccessExclusiveLock', 'ShareUpdateExclusiveLock');
      IF cardinality(locked) > 50 THEN
        op := 'error';
      ELSE
        asked := asked || locked;
      END IF;
    END IF;
  ELSE
    publication := tg_tag LIKE '% PUBLICATION';
    IF NOT EXISTS (SELECT FROM pg_event_trigger_ddl_commands() e
                   WHERE e.command_tag NOT IN ('GRANT', 'REVOKE') AND e.schema_name IS DISTINCT FROM 'pg_temp') THEN
      RETURN;
    END IF;
    SELECT array_agg(DISTINCT x.rel) FILTER (WHERE x.rel IS NOT NULL),
           array_agg(DISTINCT e.objid) FILTER (WHERE e.classid = 'pg_type'::regclass)
    INTO named, types FROM pg_event_trigger_ddl_commands() e LEFT JOIN LATERAL (
      SELECT e.objid WHERE e.classid = 'pg_class'::regclass
      UNION ALL SELECT i.indrelid FROM pg_index i WHERE e.classid = 'pg_class'::regclass AND i.indexrelid = e.objid
      UNION ALL SELECT k.conrelid FROM pg_constraint k WHERE e.classid = 'pg_constraint'::regclass AND k.oid = e.objid
      UNION ALL SELECT p.prrelid FROM pg_publication_rel p
                WHERE e.classid = 'pg_publication_rel'::regclass AND p.oid = e.objid
      UNION ALL SELECT c.oid FROM pg_class c WHERE e.classid = 'pg_namespace'::regclass AND tg_tag = 'ALTER SCHEMA'
                AND c.relnamespace = e.objid AND c.relkind IN ('r', 'p')) x(rel) ON true
    WHERE e.command_tag NOT IN ('GRANT', 'REVOKE') AND e.schema_name IS DISTINCT FROM 'pg_temp';
    asked := walbridge.family(named);
    asked := asked || walbridge.holders(types || array(
      SELECT c.reltype FROM unnest(asked) q, LATERAL (SELECT k.reltype FROM pg_class k WHERE k.oid = q OFFSET 0) c));
    SELECT bool_or(c.relkind = 'p') AND tg_tag = 'ALTER TABLE',
           array_agg(c.oid) FILTER (WHERE tg_tag IN ('ALTER TABLE', 'ALTER SCHEMA') AND NOT c.relispartition)
    INTO partitioned, named FROM unnest(named) q, LATERAL (
      SELECT k.oid, k.relkind, k.relispartition FROM pg_class k
      WHERE k.oid = q AND k.relkind IN ('r', 'p') AND k.relpersistence <> 't' OFFSET 0) c;
    IF partitioned THEN
      SELECT array_agg(i.inhrelid) INTO gone FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE age(i.xmin) <= 0 AND c.relispartition AND c.relkind IN ('r', 'p', 'f');
      SELECT asked || array_agg(c.oid) INTO asked FROM pg_class c
      WHERE age(c.xmin) <= 0 AND NOT c.relispartition AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't';
    END IF;
  END IF;

  IF asked IS NOT NULL THEN
    SELECT jsonb_agg(jsonb_build_object('d', t.d, 'rows', t.rows) ORDER BY t.oid), array_agg(t.oid)
    INTO tables, answered FROM walbridge.describe(asked) t;
  END IF;
  SELECT gone || array_agg(n) INTO gone FROM unnest(named) n WHERE n <> ALL (coalesce(answered, '{}'::oid[]));
  IF tables IS NULL AND gone IS NULL AND NOT publication AND op = 'ddl' THEN
    RETURN;
  END IF;
  PERFORM walbridge.emit(jsonb_strip_nulls(jsonb_build_object(
    'v', 1, 'op', op, 'tag', tg_tag, 'tables', tables, 'gone', to_jsonb(gone::int8[]))));
EXCEPTION WHEN OTHERS THEN
  -- Whatever it was, the statement goes on; who reads the stream looks at everything again.
  BEGIN
    PERFORM walbridge.emit(jsonb_build_object('v', 1, 'op', 'error', 'tag', tg_tag, 'state', sqlstate));
  EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'walbridge does not hear of this %', tg_tag;
  END;
END $walbridge$;
)";

constexpr const char* kClose = R"(
REVOKE ALL ON FUNCTION walbridge.description(oid[]), walbridge.describe(oid[]), walbridge.emit(jsonb),
walbridge.family(oid[]), walbridge.holders(oid[]), walbridge.on_ddl() FROM PUBLIC;
INSERT INTO walbridge.install (version, source, token, checksum)
VALUES ({version}, '{source}', replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), ({checksum}))
ON CONFLICT (one) DO UPDATE SET version = excluded.version, source = excluded.source, checksum = excluded.checksum;
)";

// A trigger of the name that calls something else is replaced.
constexpr const char* kTriggers = R"(
DO $walbridge$
DECLARE
  wanted record;
  existing record;
BEGIN
  FOR wanted IN SELECT * FROM (VALUES ('walbridge_ddl', 'ddl_command_end'), ('walbridge_drop', 'sql_drop'),
                                      ('walbridge_rewrite', 'table_rewrite')) AS w(name, event) LOOP
    SELECT t.evtenabled, t.evtevent = wanted.event AND t.evttags IS NULL
             AND t.evtfoid = 'walbridge.on_ddl()'::pg_catalog.regprocedure AS fits
    INTO existing FROM pg_catalog.pg_event_trigger t WHERE t.evtname = wanted.name;
    IF FOUND AND NOT existing.fits THEN
      EXECUTE pg_catalog.format('DROP EVENT TRIGGER %I', wanted.name);
    END IF;
    IF existing.fits IS NOT TRUE THEN
      EXECUTE pg_catalog.format('CREATE EVENT TRIGGER %I ON %s EXECUTE FUNCTION walbridge.on_ddl()', wanted.name,
                                wanted.event);
    END IF;
    IF existing.fits IS NOT TRUE OR existing.evtenabled <> 'A' THEN
      EXECUTE pg_catalog.format('ALTER EVENT TRIGGER %I ENABLE ALWAYS', wanted.name);
    END IF;
  END LOOP;
END $walbridge$;
)";

std::string functions_sql() {
  const auto asked = describe_sql("SELECT u.o AS oid FROM pg_catalog.unnest(wanted) AS u(o)");
  return fmt::format(fmt::runtime(kDescription), fmt::arg("query", asked)) +
         fmt::format(fmt::runtime(kDescribe), fmt::arg("path", kSearchPath)) + kEmit + kTouched + kOnDdl;
}

}  // namespace

const char* const kInstalledChecksum =
    "SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.pg_get_functiondef(p.oid) || p.proowner::text, '' "
    "ORDER BY p.proname)) FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace "
    "WHERE n.nspname = 'walbridge' AND p.proname IN ('description', 'describe', 'emit', 'family', 'holders', 'on_ddl')";

std::string capture_source() { return sha256_hex(functions_sql()); }

std::string install_functions_sql() {
  return kTables + functions_sql() +
         fmt::format(fmt::runtime(kClose), fmt::arg("version", kCaptureVersion), fmt::arg("source", capture_source()),
                     fmt::arg("checksum", kInstalledChecksum));
}

std::string install_triggers_sql() { return kTriggers; }

std::string remove_schema_sql() {
  return "DROP FUNCTION IF EXISTS walbridge.on_ddl(), walbridge.holders(oid[]), walbridge.family(oid[]), "
         "walbridge.emit(jsonb), walbridge.describe(oid[]), walbridge.description(oid[]); "
         "DROP TABLE IF EXISTS walbridge.bridge, walbridge.install; DROP SCHEMA walbridge";
}

}  // namespace walbridge::source_pg
