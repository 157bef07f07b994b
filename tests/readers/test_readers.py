"""What applications see: @libsql/client over HTTP, an embedded replica, drizzle-orm, the sqlite3 shell; after a snapshot
and after changes have streamed. sqld asks for a token here, so this is also the authenticated path."""

import json
import pathlib
import subprocess

import pytest

from tests.support.cache import FileCache, RemoteCache
from tests.support.paths import NODE_MODULES
from tests.support.postgres import Postgres
from tests.support.sqld import Sqld
from tests.support.walbridge import Walbridge

SCHEMA = """
CREATE TABLE people (id bigint PRIMARY KEY, name text NOT NULL, paid boolean NOT NULL, total numeric(10,2), exact numeric, meta jsonb,
  tags text[], raw bytea, at timestamptz);
INSERT INTO people VALUES
 (1, 'Ann', true, 12.30, 12345678901234567890.10, '{"a": [1, null]}', '{x,"y z"}', '\\x00ff', '2024-01-15 12:34:56.789+00'),
 (9007199254740993, 'Zoë', false, 9.99, NULL, NULL, '{}', '', '2024-01-15 12:34:56.789123+00');
"""
CHANGES = """
UPDATE people SET total = 10.00, name = 'Zoë 🙂' WHERE id = 9007199254740993;
INSERT INTO people VALUES (3, 'Bob', true, NULL, 'NaN', 'null', NULL, NULL, NULL);
DELETE FROM people WHERE id = 1;
"""

ZOE = "9007199254740993"
FIRST_CLIENT = [
    ["1", "Ann", 1, 12.3, "12345678901234567890.10", '{"a": [1, null]}', '["x","y z"]', {"blob": "00ff"}, "2024-01-15T12:34:56.789+00:00"],
    [ZOE, "Zoë", 0, 9.99, None, None, "[]", {"blob": ""}, "2024-01-15T12:34:56.789123+00:00"],
]
FIRST_DRIZZLE = [
    {"id": "1", "name": "Ann", "paid": True, "total": 12.3, "exact": "12345678901234567890.10", "meta": {"a": [1, None]}, "tags": ["x", "y z"],
     "raw": "00ff", "at": "2024-01-15T12:34:56.789Z"},
    {"id": ZOE, "name": "Zoë", "paid": False, "total": 9.99, "exact": None, "meta": None, "tags": [], "raw": "", "at": "2024-01-15T12:34:56.789Z"},
]
SECOND_CLIENT = [
    ["3", "Bob", 1, None, "NaN", "null", None, None, None],
    [ZOE, "Zoë 🙂", 0, 10, None, None, "[]", {"blob": ""}, "2024-01-15T12:34:56.789123+00:00"],
]


@pytest.fixture(scope="module")
def servers():
    started = [Postgres(17), Sqld(auth=True)]
    try:
        for server in started:
            server.start()
        yield started
    finally:
        for server in started:
            server.remove()


@pytest.fixture
def bridge(servers, tmp_path):
    postgres, sqld = servers
    url = postgres.create_database("readers")
    postgres.execute(SCHEMA, "readers")
    (tmp_path / "token").write_text(sqld.token("rw"))
    sinks = [{"name": "file", "url": "file:cache.db"}, {"name": "remote", "url": sqld.url, "auth_token": {"file": str(tmp_path / "token")}}]
    walbridge = Walbridge(tmp_path, url, sinks, name="readers")
    yield walbridge, {"file": FileCache(tmp_path / "cache.db"), "remote": RemoteCache(sqld.client())}
    walbridge.close()


def read(sqld, directory):
    command = ["node", str(pathlib.Path(__file__).with_name("read.mjs")), sqld.url, sqld.token("ro"), str(directory / "replica.db"), str(NODE_MODULES)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def shell(directory, sql):
    return subprocess.run(["sqlite3", "-readonly", "-json", directory / "cache.db", sql], capture_output=True, text=True, check=True).stdout


def test_readers(bridge, servers, tmp_path):
    walbridge, caches = bridge
    postgres, sqld = servers
    walbridge.start()
    walbridge.wait(lambda: all(holds(c, [(2,)]) for c in caches.values()), 60, "the snapshot")

    seen = read(sqld, tmp_path)
    for how in ("http", "replica"):
        assert seen[how]["client"] == FIRST_CLIENT, how
        assert seen[how]["drizzle"] == FIRST_DRIZZLE, how
        assert seen[how]["byKey"] == ["Zoë"] and seen[how]["byTime"] == ["Ann"] and seen[how]["dearer"] == ["Ann"], how

    postgres.execute(CHANGES, "readers")
    walbridge.wait(lambda: all(holds(c, [(2,)], "WHERE id > 1") for c in caches.values()), 60, "the changes")
    seen = read(sqld, tmp_path)
    for how in ("http", "replica"):
        assert seen[how]["client"] == SECOND_CLIENT, how
        assert seen[how]["dearer"] == ["Zoë 🙂"], how

    rows = json.loads(shell(tmp_path, "SELECT id, name, total, typeof(total) AS class, tags ->> '$[0]' AS first FROM people ORDER BY id"))
    assert rows == [{"id": 3, "name": "Bob", "total": None, "class": "null", "first": None},
                    {"id": int(ZOE), "name": "Zoë 🙂", "total": 10, "class": "integer", "first": None}]
    fresh = json.loads(shell(tmp_path, "SELECT stream, seconds_since_commit FROM _walbridge_freshness"))
    assert [row["stream"] for row in fresh] == ["readers"] and -0.01 <= fresh[0]["seconds_since_commit"] < 60
    assert walbridge.stop() == 0


def holds(cache, wanted, where=""):
    try:
        return cache.query(f"SELECT count(*) FROM people {where}") == wanted
    except Exception:  # not there yet
        return False
