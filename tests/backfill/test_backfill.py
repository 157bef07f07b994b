"""Copies of tables that change meanwhile: nothing may be lost, doubled, stale or risen from the dead, whatever the delay
between a commit's place in the log and its visibility; readers see whole tables; a kill resumes at the last chunk."""

import contextlib
import json
import sqlite3

import psycopg2
import pytest

from tests.scenarios.stage import Stage
from tests.support.standby import DelayingStandby

from .workload import SCHEMA, TABLES, Reader, Writer

WRITERS = 3
CHUNK = 150


class Copying(Stage):
    def resync(self, *tables):
        result = self.bridge.command("resync", *tables, "--no-wait")
        assert result.returncode == 0, result.stdout + result.stderr

    def frontier(self, kind, table):
        """The progress of a copy as the cache has it, or None."""
        rows = self.caches[kind].query("SELECT backfill_frontier FROM _walbridge_tables WHERE stream = ? AND source_name = ?", (self.database, table))
        return json.loads(rows[0][0]) if rows and rows[0][0] else None

    def insist(self, sql):
        """A statement whose locks may lose against the writers'."""
        for _ in range(20):
            with contextlib.suppress(psycopg2.errors.DeadlockDetected):
                return self.execute(sql)
        raise AssertionError(f"always a deadlock: {sql}")

    def wait_settled(self, timeout=180):
        self.wait(self.settled, "no table to be copied any more", timeout)


def make(servers, name, directory, schema=SCHEMA, **settings):
    stage = Copying(servers[0], name, directory, sqld=servers[1], snapshot={"backfill_rows": CHUNK}, **settings)
    stage.execute(schema)
    return stage


def all_tables(stage):
    rows = stage.execute("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition")
    return {name: name for (name,) in rows}


@pytest.mark.parametrize("delayed", [True, False], ids=["delayed", "prompt"])
@pytest.mark.timeout(3600)
def test_stress(servers, tmp_path, request, seed, delayed):
    print(f"seed {seed}")
    runs = request.config.getoption("--backfill-runs", 3) if delayed else 1
    stage = make(servers, f"stress_{'delayed' if delayed else 'prompt'}", tmp_path)
    standby, writers, readers = None, [], []
    try:
        stage.start()
        if delayed:
            standby = DelayingStandby(servers[0], seed=seed).start()
        for run in range(runs):
            writers = [Writer(servers[0], stage.database, number, f"{seed}/{run}") for number in range(WRITERS)]
            readers = [Reader(kind, cache) for kind, cache in stage.caches.items()]
            stage.resync(*(f"public.{table}" for table in TABLES))
            # A table that joins with rows in it, and one that the source rewrites.
            for sql in (f"CREATE TABLE joined_{run} AS SELECT * FROM docs", f"ALTER TABLE joined_{run} ADD PRIMARY KEY (id)",
                        f"ALTER TABLE docs ADD COLUMN extra_{run} int GENERATED ALWAYS AS IDENTITY"):
                stage.insist(sql)
            stage.execute(f"UPDATE joined_{run} SET n = n + 1 WHERE id % 3 = 0; DELETE FROM joined_{run} WHERE id % 5 = 0; UPDATE joined_{run} SET id = -id WHERE id % 7 = 0")
            stage.drain()
            stage.wait_settled()
            for one in [*writers, *readers]:
                one.stop()
            stage.wait_equal(all_tables(stage), timeout=120)
            committed, writers, readers = sum(w.committed for w in writers), [], []
            print(f"run {run}: {committed} transactions, no difference")
        for kind, cache in stage.caches.items():
            assert not cache.leftovers(), kind
    finally:
        for one in [*writers, *readers]:
            one.give_up()
        if standby:
            standby.stop()
        stage.close()


BIG = """
CREATE TABLE big (id int PRIMARY KEY, v text); INSERT INTO big SELECT i, 'row ' || i FROM generate_series(1, 20000) i; ANALYZE big;
"""


def rows_read(stage):
    stage.execute("SELECT pg_stat_force_next_flush()" if stage.postgres.version >= 15 else "SELECT 1")
    return stage.execute("SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname = 'big'")[0][0]


def test_kill_resumes_at_the_last_chunk(servers, tmp_path):
    """The record of each cache is never behind what it was, and the source is hardly read more than once."""
    stage = make(servers, "resumes", tmp_path, BIG)
    standby = None
    try:
        stage.start()
        standby = DelayingStandby(servers[0], 0.002, 0.01).start()
        before_copy = rows_read(stage)
        stage.resync("public.big")
        kills = 0
        while kills < 2:
            wanted = 2500 + 3500 * kills
            stage.wait(lambda goal=wanted: all((stage.frontier(kind, "public.big") or {"rows": 0})["rows"] >= goal for kind in stage.caches),
                       f"{wanted} rows copied into every cache")
            stage.bridge.kill9()
            kills += 1
            held = {kind: stage.frontier(kind, "public.big") for kind in stage.caches}
            stage.execute(f"INSERT INTO big VALUES ({30000 + kills}, 'while dead'); UPDATE big SET v = 'changed' WHERE id IN ({kills}00, {kills}0000); DELETE FROM big WHERE id = {kills}")
            stage.bridge.start()
            seen = {kind: [] for kind in stage.caches}

            def going_on(held=held, seen=seen):
                for kind in stage.caches:
                    progress = stage.frontier(kind, "public.big")
                    if progress is not None:
                        seen[kind].append((progress["rows"], int(progress["after"][0]) if progress["after"] else 0))
                return all(seen[kind] and seen[kind][-1][0] > held[kind]["rows"] for kind in stage.caches)
            stage.wait(going_on, "every cache to go on copying")
            for kind, progress in seen.items():
                first_rows, first_key = held[kind]["rows"], int(held[kind]["after"][0])
                assert all(rows >= first_rows and key >= first_key for rows, key in progress), f"{kind}: held {held[kind]}, then {progress[:5]}"
        stage.drain()
        stage.wait_settled()
        # Each of two caches reads it once; a kill costs them a chunk or two.
        read = rows_read(stage) - before_copy
        assert read < 1.25 * 2 * 20000, f"{read} rows read to copy 20000 of them into two caches"
        standby.stop()
        standby = None
        stage.wait_equal({"big": "big"})
    finally:
        if standby:
            standby.stop()
        stage.close()


def test_rows_gone_at_the_source_go(servers, tmp_path):
    """What only the cache has is not there after a copy; readers see the old table until then."""
    stage = make(servers, "gone_rows", tmp_path, "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, 'v' FROM generate_series(1, 1000) i")
    try:
        stage.start()
        with sqlite3.connect(tmp_path / "cache.db", timeout=30) as connection:
            connection.execute("INSERT INTO t VALUES (5000, 'only here'), (-1, 'only here')")
            connection.execute("UPDATE t SET v = 'wrong' WHERE id = 500")
            connection.execute("DELETE FROM t WHERE id BETWEEN 600 AND 700")
        connection.close()
        stage.resync("public.t")
        stage.drain()
        stage.wait_settled()
        stage.wait_equal({"t": "t"})
    finally:
        stage.close()


def test_a_new_table_while_its_first_writers_are_open(servers, tmp_path):
    """Transactions that began to write into a table before it was published, and commit long after: not one row may miss."""
    stage = make(servers, "open_writers", tmp_path, "CREATE TABLE old (id int PRIMARY KEY)")
    slow = stage.postgres.connect(stage.database, autocommit=False)
    try:
        stage.start()
        stage.execute("CREATE TABLE late (id int PRIMARY KEY, v text); INSERT INTO late SELECT i, 'early' FROM generate_series(1, 500) i")
        with slow.cursor() as cursor:
            cursor.execute("INSERT INTO late SELECT i, 'open' FROM generate_series(1000, 1200) i; UPDATE late SET v = 'by the open one' WHERE id < 50")
        stage.execute("INSERT INTO old SELECT generate_series(1, 100); INSERT INTO late VALUES (2000, 'meanwhile')")
        stage.drain()
        slow.commit()
        stage.execute("UPDATE late SET v = v || '!' WHERE id IN (10, 1100, 2000)")
        stage.drain()
        stage.wait_settled()
        stage.wait_equal({"old": "old", "late": "late"})
    finally:
        slow.close()
        stage.close()


def test_changes_of_the_schema_while_it_is_copied(servers, tmp_path):
    """DDL and TRUNCATE in the middle of a copy, of the table that is copied and of others."""
    stage = make(servers, "ddl_meanwhile", tmp_path, SCHEMA)
    standby = None
    try:
        stage.start()
        standby = DelayingStandby(servers[0], 0.002, 0.01).start()
        stage.resync("public.docs", "public.pairs", "public.parts")
        stage.wait(lambda: any(stage.frontier("file", f"public.{t}") for t in ("docs", "pairs", "parts")), "a copy to be under way")
        stage.script("ALTER TABLE docs ADD COLUMN later int DEFAULT 5; INSERT INTO docs VALUES (90000, 1, 'x', NULL, 6); ALTER TABLE pairs RENAME COLUMN v TO value; "
                     "UPDATE pairs SET value = -1 WHERE a = 3; ALTER TABLE docs DROP COLUMN raw; UPDATE docs SET n = 7 WHERE id % 100 = 0; "
                     "ALTER TABLE pairs ALTER value TYPE text USING 'v' || value; DELETE FROM pairs WHERE a = 4; TRUNCATE parts_1; "
                     "INSERT INTO parts VALUES (5, 'after', 'x'); ALTER TABLE parts DETACH PARTITION parts_2; CREATE TABLE parts_3 PARTITION OF parts FOR VALUES FROM (1000) TO (2000); "
                     "INSERT INTO parts VALUES (1500, 'new leaf', 'y'); TRUNCATE bag; INSERT INTO bag VALUES (1, 'only', NULL); ALTER TABLE docs RENAME TO papers;")
        stage.drain()
        stage.wait_settled()
        standby.stop()
        standby = None
        stage.wait_equal(all_tables(stage))
    finally:
        if standby:
            standby.stop()
        stage.close()
