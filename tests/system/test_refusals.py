"""What an operator meets when something is wrong: one clear error, the documented exit code, nothing lost, no value or
secret in the text. The real program against real servers."""

import contextlib
import itertools
import json
import sqlite3

import pytest

from tests.support.cache import FileCache
from tests.support.postgres import Postgres
from tests.support.sqld import Sqld
from tests.support.walbridge import Walbridge

SECRET = "s3cr3t-in-a-row"
DONE, FOUND, USAGE, UNUSABLE, GAP = range(5)
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def postgres():
    server = Postgres(15)
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def sqld():
    server = Sqld(auth=True)
    server.start()
    yield server
    server.remove()


@pytest.fixture
def database(postgres):
    name = f"refusals{next(numbers)}"
    postgres.create_database(name)
    postgres.execute(f"CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, '{SECRET}')", name)
    return name


class Case:
    """One database, one file cache, one bridge."""

    def __init__(self, postgres, database, directory, **changes):
        self.postgres = postgres
        self.database = database
        self.path = directory / "cache.db"
        sink = changes.pop("sink", {"url": f"file:{self.path}"})
        url = changes.pop("url", postgres.url(database))
        self.bridge = Walbridge(directory, url, sink, name=changes.pop("name", database), settings=changes)

    def execute(self, sql):
        return self.postgres.execute(sql, self.database)

    def cache(self):
        return FileCache(self.path)

    def refused(self, code, exit_code, *arguments):
        """Runs to the end, expects the refusal, returns what was said."""
        result = self.bridge.command(*(arguments or ("run", "--once")), timeout=60)
        said = result.stdout + result.stderr
        assert result.returncode == exit_code, said
        assert f"[{code}]" in said or f"code={code}" in said, said
        assert SECRET not in said
        return said


@pytest.fixture
def case(postgres, database, tmp_path):
    made = Case(postgres, database, tmp_path)
    yield made
    made.bridge.close()
    with contextlib.suppress(Exception):
        made.execute(f"SELECT pg_drop_replication_slot('{database}')")


def test_missing_slot_is_a_gap(case):
    case.bridge.once()
    case.execute(f"SELECT pg_drop_replication_slot('{case.database}')")
    case.execute("INSERT INTO t VALUES (2, 'x')")
    assert "destroy --caches" in case.refused("slot-missing", GAP)
    assert "slot-missing" in case.bridge.command("check").stdout, "check must not be green over a gap"
    assert case.bridge.command("status").returncode == GAP
    assert len(case.cache().rows("t")) == 1
    assert case.bridge.command("destroy", "--caches", "--yes").returncode == DONE
    case.bridge.once()
    assert len(case.cache().rows("t")) == 2


def test_slot_that_went_on_without_the_cache_is_a_gap(case):
    case.bridge.once()
    case.execute("INSERT INTO t VALUES (2, 'x')")
    case.execute(f"SELECT pg_replication_slot_advance('{case.database}', pg_current_wal_lsn())")
    case.refused("slot-ahead", GAP)


def test_cache_of_another_source_is_a_gap(case, tmp_path):
    case.bridge.once()
    other = case.database + "other"
    case.postgres.create_database(other)
    case.postgres.execute("CREATE TABLE t (id int PRIMARY KEY, v text)", other)
    stranger = Case(case.postgres, other, tmp_path, name=case.database, source={"slot": other, "publication": other})
    stranger.refused("other-source", GAP)
    assert len(case.cache().rows("t")) == 1


def test_slot_of_another_database(case, tmp_path):
    other = case.database + "other"
    case.postgres.create_database(other)
    case.postgres.execute(f"SELECT pg_create_logical_replication_slot('{case.database}', 'pgoutput')", other)
    case.refused("slot-database", UNUSABLE)
    case.postgres.execute(f"SELECT pg_drop_replication_slot('{case.database}')", other)


def test_second_bridge_is_refused_and_the_first_goes_on(case, tmp_path):
    case.bridge.start()
    case.bridge.wait_streaming(case.postgres)
    second = Case(case.postgres, case.database, tmp_path / "second", sink={"url": f"file:{case.path}"})
    second.refused("already-running", UNUSABLE)
    case.execute("INSERT INTO t VALUES (2, 'x')")
    case.bridge.wait(lambda: len(case.cache().rows("t")) == 2, 20, "the row")
    assert case.bridge.stop() == DONE


def test_dropped_publication_is_a_gap(case):
    case.bridge.start()
    case.bridge.wait_streaming(case.postgres)
    case.execute(f"DROP PUBLICATION {case.database}")
    case.execute("INSERT INTO t VALUES (2, 'x')")
    assert case.bridge.process.child.wait(timeout=60) == GAP, case.bridge.log()
    assert SECRET not in case.bridge.log()


def test_role_without_replication(case, tmp_path):
    case.execute("CREATE ROLE plain LOGIN PASSWORD 'pw'" if not case.execute("SELECT 1 FROM pg_roles WHERE rolname = 'plain'") else "SELECT 1")
    plain = Case(case.postgres, case.database, tmp_path / "plain", url=case.postgres.url(case.database, "plain"))
    said = plain.refused("replication-role", UNUSABLE)
    assert "ALTER ROLE" in said
    assert plain.bridge.command("check").returncode == FOUND


def test_pooler_host_is_refused_with_the_right_name(case, tmp_path):
    url = "postgresql://u:hidden-password@ep-cool-name-123-pooler.eu.example.test/db"
    pooler = Case(case.postgres, case.database, tmp_path / "pooler", url=url)
    said = pooler.refused("pooler-host", UNUSABLE)
    assert "ep-cool-name-123.eu.example.test" in said
    assert "hidden-password" not in said


def test_server_without_logical_replication(tmp_path):
    server = Postgres(15, settings={"wal_level": "replica"})
    server.start()
    try:
        server.execute("CREATE TABLE t (id int PRIMARY KEY)")
        said = Case(server, "postgres", tmp_path, name="w").refused("wal-level", UNUSABLE)
        assert "ALTER SYSTEM SET wal_level" in said
    finally:
        server.remove()


def test_source_that_is_not_there(case, tmp_path):
    url = "postgresql://u:hidden-password@127.0.0.1:1/db"
    nobody = Case(case.postgres, case.database, tmp_path / "nobody", url=url)
    result = nobody.bridge.command("run", "--once", timeout=60)
    assert result.returncode == UNUSABLE
    assert "hidden-password" not in result.stdout + result.stderr


def test_tables_that_collide_or_are_reserved_are_refused_by_name(case):
    case.execute('CREATE TABLE "T" (id int PRIMARY KEY); CREATE TABLE sqlite_x (id int PRIMARY KEY); CREATE TABLE ok (id int PRIMARY KEY)')
    plan = case.bridge.command("plan")
    assert plan.returncode == FOUND
    assert "public.T" in plan.stdout and "public.sqlite_x" in plan.stdout and "as:" in plan.stdout
    case.bridge.once()
    assert sorted(case.cache().tables()) == ["ok"] or "ok" in case.cache().tables()
    assert "T" not in case.cache().tables() and "t" not in case.cache().tables()


def test_table_of_the_user_in_the_cache_is_never_dropped(case):
    with contextlib.closing(sqlite3.connect(case.path)) as mine, mine:
        mine.execute("CREATE TABLE t (precious TEXT)")
        mine.execute("INSERT INTO t VALUES ('keep')")
    assert "as:" in case.refused("table-exists", UNUSABLE)
    with contextlib.closing(sqlite3.connect(case.path)) as mine:
        assert mine.execute("SELECT precious FROM t").fetchall() == [("keep",)]
        assert mine.execute("SELECT name FROM sqlite_master").fetchall() == [("t",)], "a refused cache must stay as it was"


def test_file_that_is_no_database_is_left_alone(case):
    case.path.write_bytes(b"these are my notes, not a database " * 100)
    case.refused("SQLITE_NOTADB", UNUSABLE)
    assert case.path.read_bytes().startswith(b"these are my notes")


def test_cache_in_a_directory_that_is_not_there(case, tmp_path):
    lost = Case(case.postgres, case.database, tmp_path / "x", sink={"url": f"file:{tmp_path}/nowhere/cache.db"})
    result = lost.bridge.command("run", "--once", timeout=60)
    assert result.returncode == UNUSABLE
    assert "nowhere" in result.stderr


def test_cache_wiped_while_running_is_a_gap(case):
    case.bridge.start()
    case.bridge.wait(lambda: case.path.exists() and case.bridge.ready(), 30, "the snapshot")
    for suffix in ("", "-wal", "-shm"):
        (case.path.parent / (case.path.name + suffix)).unlink(missing_ok=True)
    case.execute("INSERT INTO t VALUES (2, 'x')")
    assert case.bridge.process.child.wait(timeout=60) in (GAP, UNUSABLE), case.bridge.log()
    assert "cache-replaced" in case.bridge.log()


def test_locked_cache_is_waited_for(case):
    case.bridge.start()
    case.bridge.wait(lambda: case.path.exists() and case.bridge.ready(), 30, "the snapshot")
    with contextlib.closing(sqlite3.connect(case.path, isolation_level=None)) as locker:
        locker.execute("BEGIN IMMEDIATE")
        case.execute("INSERT INTO t VALUES (2, 'x')")
        case.bridge.wait(lambda: "SQLITE_BUSY" in case.bridge.log(), 30, "the busy cache to be noticed")
        case.bridge.wait(lambda: (case.bridge.metric("walbridge_lag_seconds", stage="total") or 0) > 0.5, 30, "a growing lag")
        locker.execute("ROLLBACK")
    case.bridge.wait(lambda: len(case.cache().rows("t")) == 2, 30, "the row")
    case.bridge.wait(lambda: case.bridge.metric("walbridge_lag_seconds", stage="total") == 0, 30, "no lag")
    assert case.bridge.stop() == DONE


@pytest.mark.parametrize("token, code", [("rubbish", "http-401"), (None, "http-401"), ("expired", "http-401"), ("ro", "http-403")])
def test_token_that_is_refused(case, sqld, tmp_path, token, code):
    if token == "expired":
        token = sqld.token("rw", expires_in=-3600)
    elif token == "ro":
        token = sqld.token("ro")
    sink = {"url": sqld.url} if token is None else {"url": sqld.url, "auth_token": token}
    refused = Case(case.postgres, case.database, tmp_path / "token", sink=sink)
    said = refused.refused(code, UNUSABLE)
    assert token is None or token not in said


def test_sqld_that_is_not_there(case, tmp_path):
    away = Case(case.postgres, case.database, tmp_path / "away", sink={"url": "http://127.0.0.1:1"})
    result = away.bridge.command("run", "--once", timeout=60)
    assert result.returncode == UNUSABLE, result.stderr


def test_value_the_cache_cannot_hold_stops_its_table_only(case):
    case.execute("CREATE TABLE other (id int PRIMARY KEY, v text); CREATE TABLE x (id int PRIMARY KEY, n xid8)")
    case.bridge.start()
    case.bridge.wait(lambda: case.path.exists() and case.bridge.ready(), 30, "the snapshot")
    case.execute("INSERT INTO x VALUES (1, '7'), (2, '18446744073709551615'); INSERT INTO other VALUES (1, 'fine')")
    case.bridge.wait(lambda: len(case.cache().rows("other")) == 1, 30, "the other table")
    case.bridge.wait(lambda: not case.bridge.ready(), 30, "red readiness")
    stopped = [t for t in case.bridge.status()["caches"][0]["tables"] if t["state"] == "stopped"]
    assert [t["source"] for t in stopped] == ["public.x"]
    assert case.cache().rows("x") == [], "a transaction with a bad row must leave its table as it was before"
    assert "18446744073709551615" not in case.bridge.log() + str(stopped)
    assert case.bridge.stop() == DONE
    case.execute("DELETE FROM x WHERE id = 2")
    case.bridge.once()
    assert len(case.cache().rows("x")) == 1


def test_bad_configuration_is_usage(case, tmp_path):
    case.bridge.config_path.write_text("version: 1\nsource: { url: '${WALBRIDGE_TEST_UNSET}' }\nsinc: { url: 'file:x' }\n")
    result = case.bridge.command("run")
    assert result.returncode == USAGE
    assert "walbridge.yaml:2" in result.stderr and "WALBRIDGE_TEST_UNSET" in result.stderr
    assert "walbridge.yaml:3" in result.stderr and "sink" in result.stderr
    missing = Walbridge(tmp_path / "m", "postgresql://x", {"url": "file:x"})
    missing.config_path.unlink()
    assert missing.command("check").returncode == USAGE
    assert missing.command("chekc").returncode == USAGE


def test_renamed_table_leaves_no_orphan(case):
    case.bridge.once()
    case.execute("ALTER TABLE t RENAME TO t2; INSERT INTO t2 VALUES (2, 'x')")
    case.bridge.once()
    assert case.cache().tables() == ["t2"]
    assert len(case.cache().rows("t2")) == 2
    case.execute("ALTER TABLE t2 RENAME TO swap; CREATE TABLE t2 (id int PRIMARY KEY, z text); INSERT INTO t2 VALUES (7, 'z')")
    case.bridge.once()
    assert sorted(case.cache().tables()) == ["swap", "t2"]
    assert len(case.cache().rows("swap")) == 2 and len(case.cache().rows("t2")) == 1


def test_names_that_match_nothing_are_said(case):
    case.bridge.config["tables"] = {"include": ["public.*", "nosuch.*"]}
    case.bridge.config["rules"] = [{"match": "public.t", "omit": ["emial"]}, {"match": "public.uzers", "as": "u"}]
    case.bridge.write_config()
    said = case.bridge.command("check").stdout
    assert "nosuch.*" in said and "emial" in said and "public.uzers" in said


def test_admin_port_that_is_taken(case, tmp_path):
    case.bridge.start()
    case.bridge.wait_streaming(case.postgres)
    other = case.database + "o"
    case.postgres.create_database(other)
    case.postgres.execute("CREATE TABLE t (id int PRIMARY KEY)", other)
    second = Case(case.postgres, other, tmp_path / "o", admin={"listen": f"127.0.0.1:{case.bridge.admin_port}"})
    second.refused("admin-listen", UNUSABLE)
    assert case.bridge.stop() == DONE


def test_destroy_needs_a_yes_and_takes_only_what_is_ours(case):
    case.bridge.once()
    case.execute("CREATE PUBLICATION mine FOR TABLE t")
    asked = case.bridge.command("destroy")
    assert asked.returncode == USAGE
    assert case.execute(f"SELECT 1 FROM pg_replication_slots WHERE slot_name = '{case.database}'")
    case.bridge.start()
    case.bridge.wait(case.bridge.ready, 30, "the bridge to be ready")
    assert "would remove" in case.bridge.command("destroy", "--dry-run").stdout
    assert case.bridge.command("destroy", "--yes").returncode == UNUSABLE
    assert case.bridge.stop() == DONE
    assert case.bridge.command("destroy", "--caches", "--yes").returncode == DONE
    assert not case.execute(f"SELECT 1 FROM pg_replication_slots WHERE slot_name = '{case.database}'")
    assert case.execute("SELECT pubname FROM pg_publication") == [("mine",)]
    assert case.cache().tables() == []


def test_plan_names_a_rule_that_matches_no_table_any_more(postgres, database, tmp_path):
    made = Case(postgres, database, tmp_path, rules=[{"match": "public.t", "omit": ["v"]}])
    assert "matches no table" not in made.bridge.command("plan").stdout
    made.execute("CREATE SCHEMA other; ALTER TABLE t SET SCHEMA other")
    assert "match `public.t` matches no table [unused-name]" in made.bridge.command("plan").stdout
    warnings = json.loads(made.bridge.command("plan", "--json").stdout)["warnings"]
    assert [(w["code"], "public.t" in w["message"]) for w in warnings] == [("unused-name", True)]


def test_resync_where_there_are_no_caches(tmp_path):
    """Before anybody is asked: neither server is there."""
    kafka = {"brokers": "127.0.0.1:1", "topic": "none.changes", "role": "publish"}
    bridge = Walbridge(tmp_path, "postgres://127.0.0.1:1/none", None, settings={"kafka": kafka})
    result = bridge.command("resync", "public.t", timeout=10)
    assert result.returncode == USAGE
    assert "kafka.role is apply" in result.stderr and "walbridge.yaml" in result.stderr
