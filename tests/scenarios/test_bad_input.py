"""What goes wrong with the capture of schema changes behind walbridge's back: nothing is lost, others go on, the running
bridge says what is wrong and goes on after the remedy."""

import itertools
import json
import sqlite3

import pytest

from tests.support.postgres import Postgres
from tests.support.sqld import Sqld

from .stage import Stage

numbers = itertools.count(1)
TABLES = {"t": "t", "other": "other"}
SETUP = """
CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE other (id int PRIMARY KEY, v text);
INSERT INTO t SELECT i, 'row ' || i FROM generate_series(1, 100) i; INSERT INTO other VALUES (1, 'o');
"""


@pytest.fixture(scope="module")
def postgres():
    server = Postgres(17).start()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def sqld():
    server = Sqld(namespaces=True).start()
    yield server
    server.remove()


@pytest.fixture
def make(postgres, tmp_path):
    made = []

    def make(setup=SETUP, **options):
        stage = Stage(postgres, f"bad_input_{next(numbers)}", tmp_path, **options)
        made.append(stage)
        stage.execute(setup)
        return stage
    yield make
    for stage in made:
        stage.close()


@pytest.fixture
def stage(make):
    return make().start()


def token(stage):
    return stage.execute("SELECT token FROM walbridge.install")[0][0]


def emit(stage, prefix, content, user="postgres"):
    connection = stage.postgres.connect(stage.database, user)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_logical_emit_message(true, %s, %s)", (prefix, content))
            cursor.execute("SELECT pg_logical_emit_message(true, 'walbridge.pad', '')")
    finally:
        connection.close()


def still_captures(stage):
    """After whatever happened: DDL and rows arrive as ever."""
    stage.script("ALTER TABLE t ADD COLUMN after_all int DEFAULT 5; UPDATE t SET v = 'after' WHERE id = 2; INSERT INTO t VALUES (2000, 'x', 6); "
                 "INSERT INTO other VALUES (2000, 'y');")
    stage.wait_equal(TABLES)
    assert stage.states() | {"public.t": ("live", ""), "public.other": ("live", "")} == stage.states()


def test_table_taken_out_of_the_publication(stage):
    stage.execute(f"ALTER PUBLICATION {stage.database} DROP TABLE t")
    stage.script("UPDATE t SET v = 'unheard' WHERE id = 1; INSERT INTO other VALUES (2, 'goes on');")
    stage.wait(lambda: stage.caches["file"].query("SELECT count(*) FROM other") == [(2,)], "the other table to go on")

    def noticed():
        return stage.states()["public.t"][0] == "stopped" or not stage.differences(TABLES)
    stage.wait(noticed, "the missing table to be noticed")
    if stage.states()["public.t"][0] == "stopped":
        said = stage.said_of("public.t")
        assert said and said[0]["code"] and "ublication" in said[0]["reason"], said
        stage.execute(f"ALTER PUBLICATION {stage.database} ADD TABLE t")
    stage.wait_equal(TABLES)
    still_captures(stage)


def test_all_event_triggers_disabled(stage):
    for name in ("walbridge_ddl", "walbridge_drop", "walbridge_rewrite"):
        stage.execute(f"ALTER EVENT TRIGGER {name} DISABLE")
    stage.script("ALTER TABLE t ADD COLUMN n int DEFAULT 5; INSERT INTO t VALUES (1000, 'x', 6); CREATE TABLE new (id int PRIMARY KEY); INSERT INTO new VALUES (1);")
    stage.wait_equal({**TABLES, "new": "new"})
    stage.script("ALTER TABLE t ALTER v TYPE int USING length(v); ALTER TABLE t RENAME COLUMN n TO m; INSERT INTO t VALUES (1001, 1, 1);")
    stage.wait_equal({**TABLES, "new": "new"})


@pytest.mark.parametrize("name", ["walbridge_ddl", "walbridge_drop", "walbridge_rewrite"])
def test_one_event_trigger_disabled(stage, name):
    stage.execute(f"ALTER EVENT TRIGGER {name} DISABLE")
    stage.script("ALTER TABLE t ADD COLUMN n int DEFAULT 5; INSERT INTO t VALUES (1000, 'x', 6); ALTER TABLE t ALTER v TYPE varchar(50) USING v || '!'; "
                 "ALTER TABLE t DROP COLUMN n; UPDATE t SET v = 'y' WHERE id = 3;")
    stage.wait_equal(TABLES)


def test_disabled_triggers_are_named(stage):
    """By `check` with the statement that mends it, by the running bridge for as long as it is so."""
    stage.wait(lambda: stage.bridge.status()["schema_capture"]["mode"] == "triggers", "the event triggers to be in use")
    stage.execute("ALTER EVENT TRIGGER walbridge_ddl DISABLE")
    found = [f for f in json.loads(stage.bridge.command("check", "--json").stdout)["findings"] if f["code"] == "schema-capture"]
    assert found and found[0]["severity"] != "ok" and found[0]["message"] and found[0]["fix"], found

    def named():
        capture = stage.bridge.status()["schema_capture"]
        return capture["mode"] == "polling" and capture["problem"] and capture["fix"]
    stage.wait(named, "the running bridge to say so")
    stage.execute("ALTER EVENT TRIGGER walbridge_ddl ENABLE")
    stage.wait(lambda: "not always on" in stage.bridge.status()["schema_capture"]["problem"], "the reason of now, not the one it began with")
    stage.execute("ALTER EVENT TRIGGER walbridge_ddl ENABLE ALWAYS")
    stage.wait(lambda: stage.bridge.status()["schema_capture"]["mode"] == "triggers", "the event triggers to be in use again")
    still_captures(stage)


def test_publication_that_no_longer_publishes_all(stage):
    """Noticed while it runs, and at the start after it happened while nobody looked."""
    name = stage.execute("SELECT pubname FROM pg_publication WHERE pubname NOT LIKE '%\\_append'")[0][0]
    narrow = f"ALTER PUBLICATION {name} SET (publish = 'insert')"
    stage.execute(narrow)
    stage.script("UPDATE t SET v = 'unseen' WHERE id = 1; DELETE FROM t WHERE id = 2;")
    stage.wait_equal(TABLES)
    stage.bridge.stop()
    stage.execute(narrow)
    stage.script("UPDATE t SET v = 'unseen either' WHERE id = 1;")
    stage.bridge.start()
    stage.wait_equal(TABLES)


def publication(stage):
    return stage.execute("SELECT pubname FROM pg_publication WHERE pubname NOT LIKE '%\\_append'")[0][0]


def placed_filters(stage):
    return stage.execute("SELECT prrelid::regclass::text, pg_get_expr(prqual, prrelid) FROM pg_publication_rel WHERE prqual IS NOT NULL ORDER BY 1")


def copies(stage):
    return stage.bridge.log(last=10**6).count("table copied")


def test_row_filter_by_somebody_else(stage):
    """Rows it kept away are in the caches again, whether it came while the bridge ran or while it was stopped."""
    name = publication(stage)
    filtered = f"ALTER PUBLICATION {name} SET TABLE t WHERE (id > 50), other, stage.marker"
    stage.execute(filtered)
    stage.script("UPDATE t SET v = 'unseen' WHERE id = 1; DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (3000, 'seen');")
    stage.wait_equal(TABLES)
    stage.wait(lambda: placed_filters(stage) == [], "the filter to be gone")
    stage.bridge.stop()
    stage.execute(filtered)
    stage.script("UPDATE t SET v = 'unseen either' WHERE id = 1; DELETE FROM t WHERE id = 3;")
    stage.bridge.start()
    stage.wait_equal(TABLES)
    assert placed_filters(stage) == []
    still_captures(stage)


def test_row_filter_of_walbridge_itself(make):
    """Is not a finding; one that somebody puts in its place is."""
    stage = make(rules=[{"match": "public.t", "where": "id <> 7"}]).start()
    ours = placed_filters(stage)
    assert [table for table, _ in ours] == ["t"]

    def rows_are(expected):
        return stage.caches["file"].query("SELECT count(*), min(id), sum(id = 7) FROM t") == [expected]
    stage.bridge.stop()
    stage.bridge.start()
    stage.bridge.wait_streaming(stage.postgres)
    stage.execute("INSERT INTO t VALUES (4000, 'x')")
    stage.wait(lambda: rows_are((100, 1, 0)), "the inserted row")
    stage.execute(f"ALTER PUBLICATION {publication(stage)} SET TABLE t WHERE (id > 50), other, stage.marker")
    assert copies(stage) == 0, "its own filter is no reason to copy"
    stage.script("DELETE FROM t WHERE id = 1; INSERT INTO t VALUES (-1, 'x'), (-2, 'y');")
    stage.wait(lambda: rows_are((101, -2, 0)), "the rows that the filter kept away")
    assert placed_filters(stage) == ours


def test_columns_kept_from_the_publication(stage):
    stage.execute(f"ALTER PUBLICATION {publication(stage)} SET TABLE t (id), other, stage.marker")
    stage.script("UPDATE t SET v = 'unseen' WHERE id = 1; INSERT INTO t VALUES (3000, 'unseen too');")
    stage.wait_equal(TABLES)
    still_captures(stage)


def test_schema_dropped(stage):
    stage.execute("DROP SCHEMA walbridge CASCADE")
    stage.script("ALTER TABLE t ADD COLUMN n int DEFAULT 5; INSERT INTO t VALUES (1000, 'x', 6);")
    stage.wait_equal(TABLES)
    # No row brings this to light: only a look at the catalog does.
    stage.wait(lambda: stage.bridge.status()["schema_capture"]["mode"] == "polling", "the running bridge to look by itself")
    stage.script("CREATE INDEX t_by_v ON t (v); CREATE TABLE bare (id int PRIMARY KEY, v text); ALTER TABLE other ADD COLUMN late int;")

    def reached():
        tables, indexes = ({row[0] for row in stage.caches["file"].query(f"SELECT name FROM sqlite_master WHERE type = '{kind}'")} for kind in ("table", "index"))
        columns = [row[0] for row in stage.caches["file"].query("SELECT name FROM pragma_table_info('other')")]
        return "bare" in tables and any("t_by_v" in name for name in indexes) and "late" in columns
    stage.wait(reached, "the schema without a row")
    stage.wait_equal({**TABLES, "bare": "bare"})


REFUSED = """
CREATE TABLE wrong (id int PRIMARY KEY, v text); INSERT INTO wrong VALUES (1, 'x');
CREATE TABLE circle (id int PRIMARY KEY, v text); INSERT INTO circle VALUES (1, 'x');
CREATE TABLE empty_circle (id int PRIMARY KEY, v text);
CREATE TABLE parsed (id int PRIMARY KEY, v text); INSERT INTO parsed VALUES (1, '{"a": 1}'), (2, 'no json');
CREATE TABLE later (id int PRIMARY KEY, v text); INSERT INTO later VALUES (1, '{"a": 1}');
"""
CIRCLE = {"a": {"type": "INTEGER", "sql": "b + 1"}, "b": {"type": "INTEGER", "sql": "a + 1"}}


def test_expressions_that_sqlite_refuses(make, sqld):
    """plan and check name the rule's line; the first load leaves out what cannot be, and nothing else; so does the stream."""
    rules = [{"match": "public.wrong", "indexes": [{"columns": ["v"], "where": "no_such_column > 1"}]},
             {"match": "public.*circle", "computed": CIRCLE},
             {"match": "public.parsed", "indexes": [{"columns": ["v"], "where": "v ->> '$.a' = 1"}]},
             {"match": "public.later", "indexes": [{"columns": ["v"], "where": "v ->> '$.a' = 1"}]}]
    stage = make(SETUP + REFUSED, sqld=sqld, rules=rules)
    text = stage.bridge.config_path.read_text().splitlines()
    line = next(number for number, each in enumerate(text, 1) if "no_such_column" in each)
    plan = json.loads(stage.bridge.command("plan", "--json").stdout)
    for sink in plan["sinks"]:
        refused = {each["source"]: each for each in sink["refused"]}
        assert set(refused) == {"public.wrong", "public.circle", "public.empty_circle"}, refused
        assert "no such column" in refused["public.wrong"]["reason"]
        named = int(refused["public.wrong"]["remedy"].split("walbridge.yaml:")[1].rstrip(")"))
        assert line - 3 <= named <= line, (named, line)
        assert "loop" in refused["public.circle"]["reason"]
    found = json.loads(stage.bridge.command("check", "--json").stdout)["findings"]
    assert {f["subject"] for f in found if f["code"] == "schema-refused"} == {"public.wrong", "public.circle", "public.empty_circle"}, found

    stage.start()
    bad = {f"public.{t}" for t in ("wrong", "circle", "empty_circle", "parsed")}
    for table in bad:  # each gets a second chance, and is copied
        stage.wait_state(table, "stopped")
    for kind in stage.caches:
        states = stage.states(kind)
        assert {t for t, (state, _) in states.items() if state != "live"} == bad, states
    stage.script("INSERT INTO other VALUES (7, 'goes on'); INSERT INTO later VALUES (2, 'no json either'); INSERT INTO wrong VALUES (2, 'x');")
    stage.wait_state("public.later", "stopped")
    stage.script("INSERT INTO other VALUES (8, 'goes on still');")
    stage.wait(lambda: not stage.differences(TABLES), "the others to go on")
    for cache in stage.caches.values():
        assert cache.query("SELECT count(*) FROM later") == [(1,)], "as it was before the row"
    assert all(row["reason"] for row in stage.said_of("public.parsed")), stage.said_of("public.parsed")


def test_a_table_that_was_never_carried_can_be_alerted_on(make):
    """The bridge is ready without it; status and a metric name it."""
    stage = make(SETUP + "CREATE TABLE keyless (v int);").start()
    stage.wait(stage.bridge.ready, "the bridge to be ready")
    assert [row["state"] for row in stage.said_of("public.keyless")] == ["refused"] * len(stage.caches)
    assert stage.bridge.metric("walbridge_table_state", table="public.keyless", state="refused", code="no-key") == len(stage.caches)
    stage.script("ALTER TABLE keyless ADD PRIMARY KEY (v); INSERT INTO keyless VALUES (1);")
    stage.wait_state("public.keyless", "live")
    assert stage.bridge.metric("walbridge_table_state", table="public.keyless", state="refused") is None


def test_a_table_that_is_no_longer_carried_is_in_no_client(stage):
    """schema --check goes on with what is carried; status names the table once."""
    def generate():
        assert stage.bridge.command("schema", "--format", "sql", "--out", stage.directory).returncode == 0

    def fits():
        return stage.bridge.command("schema", "--check", stage.directory / "schema.sql").returncode == 0
    generate()
    assert fits()
    stage.script("ALTER TABLE t DROP CONSTRAINT t_pkey; DROP TABLE other;")
    stage.wait_state("public.t", "stopped")
    stage.wait_state("public.other", "stopped", "dropped")
    assert not fits()
    generate()
    assert fits()
    hashes = {cache["schema_hash"] for cache in stage.status()["caches"]}
    assert len(hashes) == 1 and hashes.pop() in (stage.directory / "schema.sql").read_text()
    assert len(stage.said_of("public.t")) == 1, stage.said_of("public.t")
    said = stage.bridge.command("status").stdout
    assert "event triggers" in said and "left     public.other" in said and said.count("stopped  public.t ") == 1, said
    stage.script("ALTER TABLE t ADD PRIMARY KEY (id)")
    stage.wait_equal({"t": "t"})
    assert not fits()
    generate()
    assert fits()


def test_function_replaced(stage):
    stage.execute("CREATE OR REPLACE FUNCTION walbridge.describe(wanted oid[]) RETURNS TABLE (oid oid, d jsonb, rows float8) LANGUAGE plpgsql STABLE AS "
                  "$$ BEGIN RAISE EXCEPTION 'no description'; END $$")
    stage.script("ALTER TABLE t ADD COLUMN n int DEFAULT 5; INSERT INTO t VALUES (1000, 'x', 6); ALTER TABLE other RENAME COLUMN v TO w;")
    stage.wait_equal(TABLES)


FORGED = [
    '{"v":1,"op":"ddl","tag":"DROP TABLE","gone":[%(t)s]}',
    '{"v":1,"op":"copy","tag":"","copy":[%(t)s]}',
    '{"v":1,"op":"error","tag":""}',
]


def test_forged_messages_are_ignored(stage):
    stage.execute("DROP ROLE IF EXISTS stranger; CREATE ROLE stranger LOGIN")
    oid = stage.execute("SELECT 't'::regclass::oid::int8")[0][0]
    before = stage.caches["file"].query("SELECT source_oid, state, snapshot_lsn, schema_hash FROM _walbridge_tables ORDER BY 1")
    for prefix in ("walbridge.ddl.x", "walbridge.ddl.", "walbridge.ddl", f"walbridge.ddl.{'0' * 64}", "walbridge.mark.x"):
        for content in FORGED:
            emit(stage, prefix, content % {"t": oid}, "stranger")
        emit(stage, prefix, "1", "stranger")
    stage.drain()
    assert stage.caches["file"].query("SELECT source_oid, state, snapshot_lsn, schema_hash FROM _walbridge_tables ORDER BY 1") == before
    assert not stage.differences(TABLES)
    still_captures(stage)


def test_the_token_is_not_for_strangers(stage):
    stage.execute("DROP ROLE IF EXISTS curious; CREATE ROLE curious LOGIN")
    for statement in ("SELECT token FROM walbridge.install", "SELECT * FROM walbridge.describe(ARRAY['t'::regclass::oid])", "SELECT walbridge.emit('{}')"):
        connection = stage.postgres.connect(stage.database, "curious")
        try:
            with pytest.raises(Exception, match="permission denied"), connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()


MALFORMED = [
    "", "x", "{", "null", "[]", "{}", '{"v":1}', '{"v":2,"op":"ddl"}', '{"v":1,"op":"unheard of"}', '{"v":1,"op":"ddl","tables":7}',
    '{"v":1,"op":"ddl","tables":[null,7,{},{"d":null},{"d":[]},{"d":{}}]}', '{"v":1,"op":"ddl","gone":[-1,1e99,"x",4294967296]}',
    '{"v":1,"op":"ddl","tables":[{"d":{"v":1,"oid":1,"schema":"public","name":"t","kind":"r","columns":[{"attnum":99999,"name":"id","type":23}]}}]}',
    '{"v":1,"op":"copy","copy":[0,4294967295,123456789]}', '{"v":1,"op":"rewrite","copy":{}}', "[" * 5000, '{"v":1,"op":"ddl","tag":"' + "x" * 200000 + '"}',
    '{"v":1,"op":"ddl","tables":[{"d":{"v":1,"oid":7,"schema":"\\u0000","name":"","kind":"z","columns":{}}}]}',
]


def test_malformed_messages_with_the_right_token(stage):
    word = token(stage)
    for content in MALFORMED:
        emit(stage, f"walbridge.ddl.{word}", content)
    emit(stage, f"walbridge.ddl.{word}", b"\xff\xfe\x00{")
    for content in ("", "x", "-1", "99999999999999999999999", "1", b"\xff"):
        emit(stage, f"walbridge.mark.{word}", content)
    stage.drain()
    stage.wait_equal(TABLES)
    still_captures(stage)


def test_a_message_about_every_table_at_once(stage):
    """op error: the capture failed, anything may have changed; everything is looked at again."""
    stage.execute("ALTER EVENT TRIGGER walbridge_ddl DISABLE")
    stage.execute("ALTER TABLE t ADD COLUMN n int DEFAULT 5")
    stage.execute("ALTER EVENT TRIGGER walbridge_ddl ENABLE ALWAYS")
    emit(stage, f"walbridge.ddl.{token(stage)}", '{"v":1,"op":"error","tag":"ALTER TABLE","state":"XX000"}')
    stage.wait_equal(TABLES)


def test_without_the_privilege_the_catalog_is_watched(make):
    stage = make("DROP ROLE IF EXISTS plain; CREATE ROLE plain LOGIN REPLICATION")
    stage.execute(f"ALTER DATABASE {stage.database} OWNER TO plain; ALTER TABLE stage.marker OWNER TO plain; ALTER SCHEMA stage OWNER TO plain; "
                  "ALTER SCHEMA public OWNER TO plain; SET ROLE plain; " + SETUP)
    stage.bridge.config["source"]["url"] = stage.postgres.url(stage.database, "plain")
    stage.bridge.write_config()
    stage.start()
    said = stage.bridge.command("check", "--json").stdout
    assert "schema-capture" in said and "event trigger" in said.lower(), said
    assert not stage.execute("SELECT 1 FROM pg_event_trigger")
    stage.script("SET ROLE plain; ALTER TABLE t ADD COLUMN n int DEFAULT 5; INSERT INTO t VALUES (1000, 'x', 6); CREATE TABLE new (id int PRIMARY KEY, v text); "
                 "INSERT INTO new VALUES (1, 'n'); ALTER TABLE t ALTER v TYPE int USING length(v); DROP TABLE other;")
    stage.wait_equal({"t": "t", "new": "new"})


def test_views_in_the_cache_survive(make, sqld):
    """What readers made on top of a table stands again after its column changes type, its key, and after a copy."""
    stage = make("CREATE TABLE t (id int PRIMARY KEY, a text, b numeric(10,2)); INSERT INTO t VALUES (1, 'x', 12.5), (2, 'y', null)", sqld=sqld).start()
    view = "CREATE VIEW seen AS SELECT id, upper(a) AS a FROM t"
    stage.caches["sqld"].client.execute(view)
    with sqlite3.connect(stage.directory / "cache.db", timeout=30) as connection:
        connection.execute(view)
    connection.close()
    stage.script("ALTER TABLE t ALTER b TYPE numeric(20,2); INSERT INTO t VALUES (3, 'z', 1); ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t ADD PRIMARY KEY (id, a); "
                 "ALTER TABLE t ALTER b TYPE int USING 7; UPDATE t SET b = 8 WHERE id = 1;")
    stage.wait_equal({"t": "t"})
    for kind, cache in stage.caches.items():
        assert cache.query("SELECT id, a FROM seen ORDER BY id") == [(1, "X"), (2, "Y"), (3, "Z")], kind
