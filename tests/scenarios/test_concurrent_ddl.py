"""Schema changes from several sessions at once, and while the first snapshot is being copied: in the end the caches equal
the source, with event triggers and without."""

import random
import threading

import psycopg2
import pytest

from tests.support.postgres import Postgres
from tests.support.process import wait_for
from tests.support.sqld import Sqld

from .stage import Stage

SESSIONS, STEPS = 4, 30
CAPTURES = pytest.mark.parametrize("triggers", [True, False], ids=["triggers", "polling"])


@pytest.fixture(scope="module")
def servers():
    servers = Postgres(15).start(), Sqld(namespaces=True).start()
    yield servers
    for server in servers:
        server.remove()


def tables(stage):
    """{quoted source name: cache name} of what a cache must hold: every table with a key."""
    rows = stage.execute("SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind = 'r' "
                         "AND NOT c.relispartition AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)")
    return {name: name for (name,) in rows}


class Session:
    """One connection that changes schemas and rows at random; what it may not do just now it does not do."""

    def __init__(self, stage, number, seed):
        self.random = random.Random(f"{seed}/{number}")
        self.number, self.names = number, 0
        self.connection = stage.postgres.connect(stage.database, autocommit=False)
        self.failure, self.done = None, 0
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            for _ in range(STEPS):
                try:
                    with self.connection.cursor() as cursor:
                        cursor.execute("SET LOCAL lock_timeout = '2s'")
                        for _ in range(self.random.randint(1, 4)):
                            self._change(cursor)
                    self.connection.rollback() if self.random.random() < 0.15 else self.connection.commit()
                    self.done += 1
                except (psycopg2.errors.DeadlockDetected, psycopg2.errors.LockNotAvailable, psycopg2.errors.UndefinedTable,
                        psycopg2.errors.UndefinedColumn, psycopg2.errors.DuplicateColumn, psycopg2.errors.InternalError,
                        psycopg2.errors.ObjectNotInPrerequisiteState):
                    self.connection.rollback()
        except Exception as error:  # told by join()
            self.failure = error
        finally:
            self.connection.close()

    def _name(self, kind):
        self.names += 1
        return f"{kind}_{self.number}_{self.names}"

    def _table(self, cursor):
        cursor.execute("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY random() LIMIT 1")
        return cursor.fetchone()[0]

    def _columns(self, cursor, table):
        cursor.execute("SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 1 AND NOT attisdropped", (table,))
        return [name for (name,) in cursor.fetchall()]

    def _change(self, cursor):
        table, pick = self._table(cursor), self.random.random()
        columns = self._columns(cursor, table)
        if pick < 0.35:
            cursor.execute(f"INSERT INTO {table} (id) SELECT coalesce(max(id), 0) + {self.number * 1000 + self.random.randint(1, 900)} FROM {table} ON CONFLICT DO NOTHING")
            if columns:
                cursor.execute(f"UPDATE {table} SET {self.random.choice(columns)} = NULL WHERE id % {self.random.randint(2, 9)} = 0")
        elif pick < 0.55:
            kind, value = self.random.choice([("int", "7"), ("text", "'seven'"), ("int", "NULL"), ("text", "md5('x')")])
            cursor.execute(f"ALTER TABLE {table} ADD COLUMN {self._name('c')} {kind} DEFAULT {value}")
        elif pick < 0.65 and columns:
            cursor.execute(f"ALTER TABLE {table} RENAME COLUMN {self.random.choice(columns)} TO {self._name('r')}")
        elif pick < 0.75 and columns:
            cursor.execute(f"ALTER TABLE {table} DROP COLUMN {self.random.choice(columns)}")
        elif pick < 0.8 and columns:
            cursor.execute(f"ALTER TABLE {table} ALTER {self.random.choice(columns)} TYPE text USING '{self._name('v')}'")
        elif pick < 0.85 and columns:
            cursor.execute(f"CREATE INDEX {self._name('i')} ON {table} ({self.random.choice(columns)})")
        elif pick < 0.9:
            cursor.execute(f"ALTER TABLE {table} RENAME TO {self._name('t')}")
        elif pick < 0.94:
            name = self._name("n")
            cursor.execute(f"CREATE TABLE {name} (id int PRIMARY KEY, v text); INSERT INTO {name} SELECT i, 'row' FROM generate_series(1, 20) i")
        elif pick < 0.97:
            cursor.execute(f"DELETE FROM {table} WHERE id % 3 = 0; TRUNCATE {table}; INSERT INTO {table} (id) SELECT generate_series(1, 5)")
        else:
            cursor.execute(f"SAVEPOINT s; ALTER TABLE {table} ADD COLUMN {self._name('lost')} int; ROLLBACK TO s")

    def join(self):
        self.thread.join(timeout=120)
        if self.failure:
            raise self.failure
        assert self.done > STEPS // 3, f"session {self.number} could do next to nothing: {self.done}"


@CAPTURES
def test_several_sessions(servers, tmp_path, request, triggers):
    seed = request.config.getoption("--ddl-seed") or random.SystemRandom().randrange(1, 1_000_000)
    print(f"seed {seed}")
    stage = Stage(servers[0], f"sessions_{'triggers' if triggers else 'polling'}", tmp_path, sqld=servers[1], source={"event_triggers": triggers})
    try:
        stage.execute("".join(f"CREATE TABLE s{i} (id int PRIMARY KEY, a text, b int); INSERT INTO s{i} SELECT i, 'row ' || i, i FROM generate_series(1, 50) i; "
                              for i in range(4)))
        stage.start()
        for session in [Session(stage, number, seed) for number in range(1, SESSIONS + 1)]:
            session.join()
        stage.wait_equal(tables(stage))
        for name, cache in stage.caches.items():
            assert not cache.leftovers(), name
    finally:
        stage.close()


@CAPTURES
def test_during_the_first_snapshot(servers, tmp_path, triggers):
    stage = Stage(servers[0], f"snapshot_{'triggers' if triggers else 'polling'}", tmp_path, sqld=servers[1],
                  source={"event_triggers": triggers}, snapshot={"workers": 1}, on_ddl={"drop_table": "drop"})
    try:
        stage.execute("".join(f"CREATE TABLE s{i} (id int PRIMARY KEY, a text, b int); INSERT INTO s{i} SELECT i, repeat('x', 200), i FROM generate_series(1, 40000) i; "
                              for i in range(6)))
        stage.bridge.start()
        wait_for(lambda: stage.execute(f"SELECT 1 FROM pg_replication_slots WHERE slot_name = '{stage.database}' AND confirmed_flush_lsn IS NOT NULL"), 60,
                 "the snapshot to begin", interval=0.005)
        stage.script("ALTER TABLE s0 ADD COLUMN c int DEFAULT 5; INSERT INTO s0 VALUES (50000, 'new', 1, 2); ALTER TABLE s1 RENAME COLUMN a TO renamed; "
                     "ALTER TABLE s2 DROP COLUMN a; ALTER TABLE s3 ALTER a TYPE int USING length(a); UPDATE s3 SET b = -1 WHERE id < 10; DROP TABLE s4; "
                     "TRUNCATE s5; INSERT INTO s5 VALUES (1, 'after', 1); CREATE TABLE s6 (id int PRIMARY KEY, v text); INSERT INTO s6 VALUES (1, 'x'); "
                     "ALTER TABLE s1 RENAME TO s7; UPDATE s7 SET renamed = 'y' WHERE id = 40000; CREATE TABLE s4 (id text PRIMARY KEY); INSERT INTO s4 VALUES ('z');")
        stage.wait(lambda: all(stage.marker(c) is not None for c in stage.caches.values()), "every cache to hold its snapshot")
        stage.wait_equal(tables(stage))
        for name, cache in stage.caches.items():
            assert set(cache.tables()) == {*tables(stage), "stage_marker"}, name
    finally:
        stage.close()
