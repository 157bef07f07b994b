"""Plays one scenario once: on one Postgres, streamed or fresh, into a local file and sqld at the same time."""

import json
import time

from tests.support.cache import FileCache, RemoteCache, quote, row_order
from tests.support.process import wait_for
from tests.support.walbridge import Walbridge, merge

from .scenario import Scenario, shown

MARKER = "walbridge_test_marker"
LEAF = "_walbridge_leaf"
# Everything committed before a marker is visible when the marker is: caches see commits in order.
CREATE_MARKER = (f"CREATE SCHEMA walbridge_test; CREATE TABLE walbridge_test.marker (id int PRIMARY KEY, n int NOT NULL); "
                 f"INSERT INTO walbridge_test.marker VALUES (1, 0)")
DRAIN_SECONDS = 60
STOP_SECONDS = 5  # the promise of SIGTERM


class Outcome:
    """What is in each cache afterwards."""

    def __init__(self):
        self.schema, self.rows, self.answers, self.cells, self.states, self.refused = {}, {}, {}, {}, {}, {}


class Performance:
    def __init__(self, scenario, postgres, sqld, mode, directory):
        self.scenario, self.postgres, self.sqld, self.mode = scenario, postgres, sqld, mode
        self.database = f"{scenario.name}_{mode}"[:63]
        self.directory = directory / f"pg{postgres.version}" / self.database
        self.directory.mkdir(parents=True)
        self.markers = 0
        self.caches, self.walbridge = {}, None

    def play(self):
        """The Outcome; raises when walbridge does not do as the scenario says."""
        url = self.postgres.create_database(self.database)
        self.psql(CREATE_MARKER)
        try:
            self.walbridge = self._walbridge(url)
            if self.mode == "streamed":
                self._stream()
            else:
                self._copy()
            outcome = self._look()
            self._destroy()
            return outcome
        finally:
            if self.walbridge is not None:
                self.walbridge.close()
            self._drop_database()

    def psql(self, script):
        return self.postgres.psql(script.replace("%DATABASE%", self.database) + "\n;", self.database)

    def _walbridge(self, url):
        scenario, sinks = self.scenario, []
        if "file" in scenario.sinks:
            sinks.append({"name": "file", "url": "file:cache.db"})
            self.caches["file"] = FileCache(self.directory / "cache.db")
        if "sqld" in scenario.sinks:
            namespace = f"pg{self.postgres.version}-{self.database}".replace("_", "-").lower()
            sinks.append({"name": "sqld", "url": self.sqld.create_namespace(namespace)})
            self.caches["sqld"] = RemoteCache(self.sqld.client(namespace=namespace))
        # A slot is named for the whole server, so the name tells the database.
        name = self.database.lower()
        settings = merge({"tables": {"include": ["*.*"]}}, scenario.config)
        settings["tables"]["include"] = settings["tables"]["include"] + ["walbridge_test.marker"]
        return Walbridge(self.directory, url, sinks, name=name, settings=settings)

    # ---- the two ways ----

    def _stream(self):
        for sql in self.scenario.before:
            self.psql(sql)
        self._start()
        for step in self.scenario.after:
            if step is Scenario.RESTART:
                self._drain()
                self._stop()
                self._start()
            else:
                self.psql(step)
        self._drain()
        self._stop()

    def _copy(self):
        for step in self.scenario.before + self.scenario.after:
            if step is not Scenario.RESTART:
                self.psql(step)
        self.walbridge.once(expected=(self.scenario.exit,))

    def _start(self):
        self.walbridge.start()

        def filled():
            return all(self._position(cache) for cache in self.caches.values())
        self.walbridge.wait(filled, DRAIN_SECONDS, "every cache to hold its snapshot")
        self.walbridge.wait_streaming(self.postgres)

    def _position(self, cache):
        try:
            checkpoint = cache.checkpoint(self.walbridge.name)
        except Exception:  # a cache that is not there yet says so in many ways
            return None
        return checkpoint[1] if checkpoint else None

    def _drain(self):
        self.markers += 1
        self.psql(f"UPDATE walbridge_test.marker SET n = {self.markers}")

        def visible():
            return all(cache.query(f"SELECT n FROM {MARKER}") == [(self.markers,)] for cache in self.caches.values())
        self.walbridge.wait(visible, DRAIN_SECONDS, "the marker in every cache")

    def _stop(self):
        begin = time.monotonic()
        code = self.walbridge.stop(timeout=3 * STOP_SECONDS)
        took = time.monotonic() - begin
        assert code == 0, f"SIGTERM: exit code {code}\n{self.walbridge.log()}"
        assert took < STOP_SECONDS, f"SIGTERM: took {took:.1f} s\n{self.walbridge.log()}"

    # ---- what there is to see ----

    def _look(self):
        outcome = Outcome()
        for name, cache in self.caches.items():
            outcome.schema[name] = {k: v for k, v in cache.schema().items() if k != MARKER}
            outcome.rows[name] = {k: self._leaves_named(cache, k, v) for k, v in cache.dump().items() if k != MARKER}
            outcome.answers[name] = [[[shown(v) for v in row] for row in cache.query(check.query)] for check in self.scenario.checks]
            outcome.cells[name] = [self._cell(cache, *cell[:4]) for cell in self.scenario.cells]
            outcome.states[name] = cache.table_states(self.walbridge.name)
        plan = json.loads(self.walbridge.command("plan", "--json").stdout)
        outcome.refused = {sink["name"]: {t["source"]: t["code"] for t in sink["refused"]} for sink in plan["sinks"]}
        return outcome

    def _leaves_named(self, cache, table, rows):
        """The hidden column of partitioned tables holds an oid, which differs from database to database: its name instead."""
        if not rows or LEAF not in (columns := cache.columns(table)):
            return rows
        at = columns.index(LEAF)
        names = dict(self.postgres.execute("SELECT oid::bigint, oid::regclass::text FROM pg_class WHERE relkind = 'r'", self.database))
        named = [(*row[:at], names.get(row[at], row[at]), *row[at + 1:]) for row in rows]
        return sorted(named, key=row_order)

    @staticmethod
    def _cell(cache, table, id_column, row_id, column):
        where = f"rowid = {int(row_id)}" if id_column == "rowid" else f"{quote(id_column)} = {int(row_id)}"
        rows = cache.query(f"SELECT typeof({quote(column)}), {quote(column)} FROM {quote(table)} WHERE {where}")
        return rows[0] if len(rows) == 1 else (f"{len(rows)} rows", None)

    # ---- leaving nothing behind ----

    def _destroy(self):
        result = self.walbridge.command("destroy", "--yes", "--caches")
        assert result.returncode == 0, f"destroy exited {result.returncode}: {result.stdout}{result.stderr}"
        name = self.walbridge.name
        left = self.postgres.execute(f"SELECT 'slot ' || slot_name FROM pg_replication_slots WHERE slot_name = '{name}' "
                                     "UNION ALL SELECT 'publication ' || pubname FROM pg_publication", self.database)
        assert not left, f"destroy left {left}"
        for kind, cache in self.caches.items():
            tables = [n for (n,) in cache.query("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND name NOT LIKE 'libsql_%'")]
            assert not tables, f"destroy --caches left {tables} in {kind}"

    def _drop_database(self):
        def without_slot():
            self.postgres.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
                                  f"WHERE database = '{self.database}' AND NOT active")
            return not self.postgres.execute(f"SELECT 1 FROM pg_replication_slots WHERE database = '{self.database}'")
        wait_for(without_slot, 20, "the slot to be free")
        self.postgres.execute(f'DROP DATABASE IF EXISTS "{self.database}" WITH (FORCE)')
