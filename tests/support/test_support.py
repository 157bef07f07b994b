"""The harness itself: it must see a difference when there is one, survive what the crash tests do, and leave nothing."""

import os
import pathlib
import signal
import sqlite3
import subprocess
import sys

import pytest

from .cache import FileCache
from .compare import differences, expected_value
from .postgres import Postgres, lsn_text, lsn_value
from .process import wait_for
from .sqld import Sqld
from .walbridge import merge

WITH_SERVERS = pathlib.Path(__file__).with_name("with_servers.py")


@pytest.fixture(scope="module")
def postgres():
    server = Postgres(15).start()
    yield server
    server.remove()


def make_cache(path, rows):
    with sqlite3.connect(path) as cache:
        cache.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, b TEXT, n DECIMAL(10,2))")
        cache.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
    return FileCache(path)


@pytest.mark.parametrize("rows, count", [
    ([(1, "x", 1.5), (2, None, 2)], 0),
    ([(1, "x", 1.5)], 1),
    ([(1, "x", 1.5), (2, None, 2), (3, "", 0)], 1),
    ([(1, "x", "1.50"), (2, None, 2)], 0),   # a column of NUMERIC affinity stores the same number
    ([(1, b"x", 1.5), (2, None, 2)], 2),
    ([(1, "x", 1.5), (2, "", 2)], 2),
])
def test_differences_are_seen(postgres, tmp_path, rows, count):
    postgres.execute("DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, b text, n numeric(10,2)); "
                     "INSERT INTO t VALUES (1, 'x', 1.50), (2, NULL, 2)")
    cache = make_cache(tmp_path / "cache.db", rows)
    connection = postgres.connect()
    try:
        assert len(differences(connection, "t", cache, "t")) == count
    finally:
        connection.close()


def test_one_is_not_one_point_zero(postgres, tmp_path):
    postgres.execute("DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, b text, n float8); INSERT INTO t VALUES (1, '1', 1)")
    with sqlite3.connect(tmp_path / "cache.db") as cache:
        cache.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, b, n)")
        cache.execute("INSERT INTO t VALUES (1, 1, 1)")
    connection = postgres.connect()
    try:
        assert len(differences(connection, "t", FileCache(tmp_path / "cache.db"), "t")) == 2
    finally:
        connection.close()


@pytest.mark.parametrize("text, type_name, value", [
    ("t", "boolean", 1), ("2024-01-15 12:34:56+00", "timestamp with time zone", "2024-01-15T12:34:56.000+00:00"),
    ("2024-01-15 12:34:56.5", "timestamp without time zone", "2024-01-15T12:34:56.500"),
    ("2024-01-15 12:34:56.123456", "timestamp without time zone", "2024-01-15T12:34:56.123456"),
    ("12.00", "numeric(10,2)", 12), ("12.00", "numeric", "12.00"), ("NaN", "double precision", "NaN"), ("\\x00ff", "bytea", b"\x00\xff"),
])
def test_expected_value(text, type_name, value):
    assert expected_value(text, type_name) == value


def test_lsn_and_merge():
    assert lsn_value("16/B374D848") == 0x16B374D848 and lsn_text(0x16B374D848) == "16/B374D848"
    assert merge({"a": {"b": 1, "c": [1]}}, {"a": {"c": [2]}, "d": 3}) == {"a": {"b": 1, "c": [2]}, "d": 3}


def test_postgres_survives_kill9(postgres):
    postgres.execute("CREATE TABLE IF NOT EXISTS kept (n int); INSERT INTO kept VALUES (1)")
    postgres.kill9()
    assert not postgres.running()
    postgres.start()
    assert postgres.execute("SELECT count(*) > 0 FROM kept") == [(True,)]


def test_sqld_tokens_and_kill9():
    server = Sqld(auth=True).start()
    try:
        server.client().execute("SELECT 1")
        with pytest.raises(RuntimeError, match="40[13]"):
            type(server.client())("127.0.0.1", server.port).execute("SELECT 1")
        with pytest.raises(RuntimeError, match="401"):
            type(server.client())("127.0.0.1", server.port, server.token(expires_in=-3600)).execute("SELECT 1")
        server.kill9()
        server.start()
        assert server.query("SELECT 1, NULL, 'x', 1.5, x'00'") == [(1, None, "x", 1.5, b"\x00")]
    finally:
        server.remove()


def test_with_servers_passes_code_and_address(tmp_path):
    script = 'echo "$WALBRIDGE_TEST_SQLD_URL"; exit 7'
    result = subprocess.run([sys.executable, WITH_SERVERS, "--sqld", "--", "sh", "-c", script], capture_output=True, text=True, check=False,
                            env={**os.environ, "TMPDIR": str(tmp_path)})
    assert result.returncode == 7 and result.stdout.startswith("http://127.0.0.1:")
    assert list(tmp_path.iterdir()) == []


def test_with_servers_cleans_up_when_terminated(tmp_path):
    started = tmp_path / "started"
    work = tmp_path / "work"
    work.mkdir()
    process = subprocess.Popen([sys.executable, WITH_SERVERS, "--sqld", "--", "sh", "-c", f"echo $$ > {started}.new; mv {started}.new {started}; exec cat"],
                               stdin=subprocess.PIPE, env={**os.environ, "TMPDIR": str(work)})
    try:
        wait_for(started.exists, 30, "the command to run")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
        assert not pathlib.Path(f"/proc/{started.read_text().strip()}").exists()
        assert list(work.iterdir()) == []
    finally:
        process.kill()
        process.stdin.close()
