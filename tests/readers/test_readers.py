"""What an application at the edge sees of a cache on sqld: over HTTP, as an embedded replica, through drizzle-orm."""

import os
import subprocess

import pytest

from tests.live.test_remote_sink_chaos import sink_driver
from tests.readers.place import node
from tests.support.sqld import Sqld

PEOPLE = "SELECT * FROM people ORDER BY id"
ANN = {"id": 1, "name": 'Ann "A"', "balance": 80959084.862524793, "photo": {"hex": "00ff10"}, "big": 4503599627370497,
       "active": 1, "tags": '["a","b"]'}
ZOFIE = {"id": 2, "name": "Žofie 😀", "balance": "NaN", "photo": None, "big": None, "active": 0, "tags": None}


@pytest.fixture(scope="module")
def cache():
    server = Sqld(auth=True).start()
    try:
        environment = dict(os.environ, WALBRIDGE_TEST_TOKEN=server.token("rw"))
        subprocess.run([sink_driver(), "fill", server.url], check=True, env=environment, timeout=60)
        yield server
    finally:
        server.remove()


def test_client_over_http(cache):
    assert node("http.js", cache.url, PEOPLE, cache.token("ro")) == [ANN, ZOFIE]


def test_freshness_is_in_the_cache(cache):
    rows = node("http.js", cache.url, "SELECT commit_lsn FROM _walbridge_freshness", cache.token("ro"))
    assert rows == [{"commit_lsn": "0/12C"}]


def test_embedded_replica(cache, tmp_path):
    assert node("replica.js", cache.url, tmp_path / "replica.db", PEOPLE, cache.token("rw")) == [ANN, ZOFIE]


def test_drizzle(cache):
    assert node("drizzle.js", cache.url, cache.token("ro")) == [{**ANN, "active": True, "tags": ["a", "b"]}]


def test_sqlite3_reads_the_replica_file(cache, tmp_path):
    """The file an embedded replica leaves behind is an ordinary database."""
    replica = tmp_path / "replica.db"
    node("replica.js", cache.url, replica, "SELECT 1 AS one", cache.token("rw"))
    done = subprocess.run(["sqlite3", replica, "SELECT id, name, hex(photo) FROM people ORDER BY id"],
                          capture_output=True, text=True, check=True)
    assert done.stdout == '1|Ann "A"|00FF10\n2|Žofie 😀|\n'
