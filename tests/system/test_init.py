"""From an address to a cache: `init` writes a configuration that works as it is, `plan` says what a run would change, and
`resync` copies tables again. The real program against real servers."""

import itertools
import json
import os
import subprocess
import time

import pytest
import yaml

from tests.support.cache import FileCache
from tests.support.paths import TESTS, walbridge_binary
from tests.support.postgres import Postgres
from tests.support.walbridge import Walbridge

DONE, FOUND, USAGE = range(3)
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def postgres():
    server = Postgres(15)
    server.start()
    yield server
    server.remove()


@pytest.fixture
def database(postgres):
    name = f"init{next(numbers)}"
    postgres.create_database(name)
    return name


class Shell:
    """Commands in a folder of their own, with the source's address in a variable."""

    def __init__(self, directory, url):
        self.directory = directory
        self.environment = {**os.environ, "DATABASE_URL": url}
        self.file = directory / "walbridge.yaml"

    def command(self, *arguments, environment=None):
        return subprocess.run([str(walbridge_binary()), *map(str, arguments)], cwd=self.directory, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120, check=False, env=environment or self.environment)


@pytest.fixture
def shell(postgres, database, tmp_path):
    yield Shell(tmp_path, postgres.url(database))
    postgres.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
                     f"WHERE database = '{database}' AND NOT active")


def test_the_corpus_works_as_it_is(postgres, database, shell):
    for name in ("01_types.sql", "04_idents.sql"):
        postgres.psql((TESTS / "corpus" / name).read_text(encoding="utf8"), database)
    made = shell.command("init")
    assert made.returncode == DONE, made.stderr
    text = shell.file.read_text()
    for left_out in ("Sales.Order Items", "public.Users", "public.users", "public.sqlite_stuff", "public.u_unlogged", "public.i_child"):
        assert f'- "{left_out}"  # [' in text, text
    for command in (("check",), ("plan",), ("run", "--once")):
        result = shell.command(*command)
        assert result.returncode == DONE, result.stdout + result.stderr
    tables = json.loads(shell.command("status", "--json").stdout)["caches"][0]["tables"]
    assert len(tables) == len({table["cache"] for table in tables}) > 35
    assert {table["state"] for table in tables} == {"live"}


def test_decisions_are_beside_the_tables(postgres, database, shell):
    postgres.execute("CREATE TABLE users (id int PRIMARY KEY, email text, password_hash text, reset_token text, token_expires_at timestamptz);"
                     "CREATE TABLE _prisma_migrations (id text PRIMARY KEY); CREATE TABLE log (line text);"
                     "CREATE TABLE days (d date PRIMARY KEY) PARTITION BY RANGE (d); CREATE TABLE days_1 PARTITION OF days DEFAULT", database)
    shell.command("init")
    text = shell.file.read_text()
    assert '# - match: "public.users"\n  #   omit: ["password_hash", "reset_token"]' in text
    assert '- "public._prisma_migrations"  # bookkeeping of Prisma' in text
    assert 'ALTER TABLE "public"."log" REPLICA IDENTITY FULL' in text
    assert "partitioned: its 1 partitions become one table" in text
    assert "token_expires_at" not in text
    # What a person decides works: the first rule, uncommented.
    shell.file.write_text(text.replace('# - match: "public.users"\n  #   omit', '- match: "public.users"\n    omit'))
    planned = json.loads(shell.command("plan", "--json").stdout)["sinks"][0]["tables"]
    users = next(table for table in planned if table["source"] == "public.users")
    assert [column["name"] for column in users["columns"]] == ["id", "email", "token_expires_at"]


def test_secrets_stay_out(postgres, database, shell):
    url = postgres.url(database).replace("postgres@", "postgres:very-secret@")
    result = shell.command("init", "--from", url, "--sink", "libsql://edge.example.test")
    assert result.returncode == DONE, result.stderr
    text = shell.file.read_text()
    assert "very-secret" not in text + result.stdout + result.stderr
    config = yaml.safe_load(text)
    assert config["source"]["url"] == "${DATABASE_URL}"
    assert config["sink"] == {"url": "libsql://edge.example.test", "auth_token": "${WALBRIDGE_AUTH_TOKEN}"}
    assert "export WALBRIDGE_AUTH_TOKEN" in result.stdout


def test_a_variable_can_be_named(postgres, database, shell):
    environment = {**shell.environment, "SHOP_URL": shell.environment["DATABASE_URL"]}
    del environment["DATABASE_URL"]
    assert shell.command("init", environment=environment).returncode == USAGE
    assert shell.command("init", "--from", "SHOP_URL", environment=environment).returncode == DONE
    assert yaml.safe_load(shell.file.read_text())["source"]["url"] == "${SHOP_URL}"


def test_a_file_is_not_replaced_unasked(shell):
    shell.file.write_text("mine")
    result = shell.command("init")
    assert result.returncode == USAGE and "--force" in result.stderr
    assert shell.file.read_text() == "mine"
    assert shell.command("init", "--out", "-").stdout.startswith("# walbridge")
    assert shell.command("init", "--force").returncode == DONE
    assert shell.file.read_text() != "mine"
    assert sorted(path.name for path in shell.directory.iterdir()) == ["walbridge.yaml"]


def test_a_source_that_is_away_writes_nothing(shell):
    result = shell.command("init", "--from", "postgres://127.0.0.1:1/none")
    assert result.returncode == 3, result.stderr
    assert not shell.file.exists()


@pytest.mark.parametrize("sink", ["ftp://x", "libsql://host?authToken=abc"])
def test_a_sink_that_is_none_is_said(shell, sink):
    result = shell.command("init", "--sink", sink)
    assert result.returncode == USAGE
    assert "abc" not in result.stderr
    assert not shell.file.exists()


# ---- plan ----


class Bridge:
    def __init__(self, postgres, database, directory, **settings):
        self.postgres = postgres
        self.database = database
        self.path = directory / "cache.db"
        self.walbridge = Walbridge(directory, postgres.url(database), {"url": f"file:{self.path}"}, name=database, settings=settings)

    def execute(self, sql):
        return self.postgres.execute(sql, self.database)

    def changes(self):
        sinks = json.loads(self.walbridge.command("plan", "--json").stdout)["sinks"]
        return {change["source"]: (change["change"], change["detail"]) for change in sinks[0].get("changes", [])}

    def set(self, **settings):
        self.walbridge.config.update(settings)
        self.walbridge.write_config()


@pytest.fixture
def bridge(postgres, database, tmp_path):
    made = Bridge(postgres, database, tmp_path)
    yield made
    made.walbridge.close()


def test_plan_shows_what_a_run_would_change(bridge):
    bridge.execute("CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (id int PRIMARY KEY, v text); CREATE TABLE c (id int PRIMARY KEY)")
    assert bridge.changes() == {}
    assert "empty: a run fills it" in bridge.walbridge.command("plan").stdout
    bridge.walbridge.once()
    assert bridge.changes() == {f"public.{name}": ("unchanged", "") for name in "abc"}
    bridge.execute("ALTER TABLE a ADD COLUMN later int; CREATE TABLE d (id int PRIMARY KEY)")
    bridge.set(rules=[{"match": "public.b", "columns": {"v": {"mask": "sha256"}}}],
               tables={"include": ["public.*"], "exclude": ["public.c"]})
    changes = bridge.changes()
    assert changes["public.a"] == ("altered", "adds column later")
    assert changes["public.b"][0] == "copied" and changes["public.b"][1]
    assert changes["public.c"][0] == "left"
    assert changes["public.d"][0] == "new"
    text = bridge.walbridge.command("plan").stdout
    assert "[altered in place: adds column later]" in text
    assert "no longer carried: public.c -> c" in text
    assert "changes" not in json.loads(bridge.walbridge.command("plan", "--json", "--no-caches").stdout)["sinks"][0]


def test_plan_goes_on_without_the_cache(bridge):
    bridge.execute("CREATE TABLE a (id int PRIMARY KEY)")
    bridge.set(sink={"url": "http://127.0.0.1:1"})
    result = bridge.walbridge.command("plan")
    assert result.returncode == DONE, result.stderr
    assert "cannot look what it holds" in result.stdout
    assert 'public.a -> "a"' in result.stdout


def test_plan_aligns_by_characters(bridge):
    bridge.execute('CREATE TABLE a (id int PRIMARY KEY, "żółć" text, plain text)')
    lines = bridge.walbridge.command("plan", "--no-caches").stdout.splitlines()
    columns = [line for line in lines if "<-" in line]
    assert len(columns) == 3
    assert len({line.index("<-") for line in columns}) == 1


def test_plan_of_two_hundred_tables_takes_less_than_a_second(bridge):
    for part in range(4):
        bridge.execute("".join(f"CREATE TABLE t{part}_{i} (id bigint PRIMARY KEY, a text, b numeric(10,2), c timestamptz DEFAULT now(), "
                               f"d jsonb, e int[]); CREATE INDEX ON t{part}_{i} (a, c);" for i in range(50)))
    seconds = []
    for _ in range(3):
        begin = time.monotonic()
        result = bridge.walbridge.command("plan", "--json")
        seconds.append(time.monotonic() - begin)
        assert len(json.loads(result.stdout)["sinks"][0]["tables"]) == 200
    print(f"plan of 200 tables: {min(seconds):.3f} s")
    assert min(seconds) < 1


def test_plan_as_sql_is_what_the_cache_has(bridge, tmp_path):
    bridge.execute("CREATE TABLE a (id int PRIMARY KEY, v text); CREATE INDEX a_v ON a (v)")
    bridge.walbridge.once()
    sql = bridge.walbridge.command("plan", "--format", "sql").stdout
    subprocess.run(["sqlite3", tmp_path / "empty.db"], input=sql, text=True, check=True)
    # A sink marks its indexes, to know them again.
    schema = "SELECT name, replace(sql, '/* walbridge */ ', '') FROM sqlite_master WHERE tbl_name = 'a' ORDER BY name"
    assert FileCache(tmp_path / "empty.db").query(schema) == FileCache(bridge.path).query(schema)


# ---- resync ----


def spoil(path):
    subprocess.run(["sqlite3", path, ".timeout 5000", "UPDATE a SET v = 'spoilt' WHERE id = 1"], check=True)


def test_resync_with_a_running_bridge(bridge):
    bridge.execute("CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a SELECT i, 'v' || i FROM generate_series(1, 2000) i")
    bridge.walbridge.start()
    bridge.walbridge.wait(lambda: bridge.path.exists() and bridge.walbridge.ready(), 60, "the first copy")
    spoil(bridge.path)
    result = bridge.walbridge.command("resync", "public.a")
    assert result.returncode == DONE, result.stdout + result.stderr + bridge.walbridge.log()
    assert "main: public.a live" in result.stdout
    assert FileCache(bridge.path).query("SELECT count(*), min(v) FROM a") == [(2000, "v1")]
    assert bridge.walbridge.stop() == DONE


def test_resync_without_a_bridge_is_done_by_the_next_run(bridge):
    bridge.execute("CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a VALUES (1, 'v1')")
    bridge.walbridge.once()
    spoil(bridge.path)
    result = bridge.walbridge.command("resync", "public.*")
    assert result.returncode == DONE, result.stderr
    assert "the next `walbridge run` copies them" in result.stdout
    bridge.walbridge.once()
    assert FileCache(bridge.path).query("SELECT v FROM a") == [("v1",)]


def test_resync_knows_its_tables(bridge):
    bridge.execute("CREATE TABLE orders (id int PRIMARY KEY)")
    result = bridge.walbridge.command("resync", "public.ordres")
    assert result.returncode == USAGE and "did you mean public.orders?" in result.stderr
    assert bridge.walbridge.command("resync").returncode == USAGE
    assert bridge.walbridge.command("resync", "--all").returncode == USAGE, "without a terminal nobody can be asked"
