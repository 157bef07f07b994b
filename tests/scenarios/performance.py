"""Plays one scenario once: on one Postgres, streamed (with event triggers or without) or fresh, into a local file and
sqld at the same time."""

import json
import time

from tests.support.cache import FileCache, RemoteCache, quote, row_order
from tests.support.process import wait_for
from tests.support.walbridge import Walbridge, merge

from .scenario import shown

MARKER = "walbridge_test_marker"
LEAF = "_walbridge_leaf"
# Everything committed before a marker is visible when the marker is: caches see commits in order.
CREATE_MARKER = (f"CREATE SCHEMA walbridge_test; CREATE TABLE walbridge_test.marker (id int PRIMARY KEY, n int NOT NULL); "
                 f"INSERT INTO walbridge_test.marker VALUES (1, 0)")
MARKER_RULE = {"match": "walbridge_test.marker", "as": MARKER}
DRAIN_SECONDS = 90
STOP_SECONDS = 5  # the promise of SIGTERM


class Outcome:
    """What is in each cache afterwards."""

    def __init__(self):
        self.schema, self.rows, self.answers, self.cells, self.states, self.refused = {}, {}, {}, {}, {}, {}
        self.names, self.leftovers = {}, {}


class Performance:
    """`take`: "triggers" or "polling", streamed; "fresh", copied afterwards."""

    fresh, polling = ("fresh",), ("polling",)  # takes

    def __init__(self, scenario, postgres, sqld, take, directory):
        self.scenario, self.postgres, self.sqld, self.take = scenario, postgres, sqld, take
        self.database = f"{take}_{scenario.name}".replace(".", "_").replace("-", "_").lower()[:63]
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
            if self.take in self.fresh:
                self._copy()
            else:
                self._stream()
            outcome = self._look()
            self._destroy()
            return outcome
        finally:
            for bridge in self._bridges():
                bridge.close()
            self._drop_database()

    def _bridges(self):
        return [self.walbridge] if self.walbridge is not None else []

    def psql(self, script):
        return self.postgres.psql(script.replace("%DATABASE%", self.database) + "\n;", self.database)

    def _walbridge(self, url):
        # A slot is named for the whole server, so the name tells the database.
        return Walbridge(self.directory, url, self._sinks(), name=self.database, settings=self._settings(self.scenario.config))

    def _sinks(self):
        scenario, sinks = self.scenario, []
        if "file" in scenario.sinks:
            sinks.append({"name": "file", "url": "file:cache.db"})
            self.caches["file"] = FileCache(self.directory / "cache.db")
        if "sqld" in scenario.sinks:
            namespace = f"pg{self.postgres.version}-{self.database}".replace("_", "-")
            sinks.append({"name": "sqld", "url": self.sqld.create_namespace(namespace)})
            self.caches["sqld"] = RemoteCache(self.sqld.client(namespace=namespace))
        return sinks

    def _settings(self, config):
        settings = merge({"tables": {"include": ["*.*"]}}, config)
        settings["tables"]["include"] = [*settings["tables"]["include"], "walbridge_test.marker"]
        settings["rules"] = [*settings.get("rules", []), MARKER_RULE]
        if self._watches():
            settings = merge(settings, {"source": {"event_triggers": False}})
        return settings

    def _watches(self):
        return self.take in self.polling

    # ---- the two ways ----

    def _stream(self):
        for sql in self.scenario.before:
            self.psql(sql)
        config = self.scenario.config
        self._start()
        for step in self.scenario.after:
            if step.kind == "sql":
                self.psql(step.text)
            elif step.kind == "reconfig":
                config = merge(config, step.value)
            elif step.kind == "stop":
                self._drain()
                self._stop()
            elif step.kind == "continue":
                self._configure(config)
                self._start()
            else:
                self._await(step)
        self._drain()
        self._stop_feeding()

    def _configure(self, config):
        for bridge in self._bridges():
            given = {key: bridge.config[key] for key in ("version", "name", "admin", "sinks", "kafka") if key in bridge.config}
            if "source" in bridge.config:
                given["source"] = {"url": bridge.config["source"]["url"]}
            bridge.config = merge(given, self._settings(config))
            bridge.write_config()

    def _await(self, step):
        """Steps that need a running bridge: something asked of it, or something it must come to by itself."""
        if step.kind == "resync":
            result = self.walbridge.command("resync", step.text)
            assert result.returncode == 0, f"resync exited {result.returncode}: {result.stdout}{result.stderr}"
        elif step.kind == "stopped":
            wanted = ("stopped", step.value)
            self._wait_caches(lambda cache: self._state(cache, step.text) == wanted, f"{step.text} to stop with {step.value}")
            self._check_said(step)
        elif step.kind == "live":
            self._wait_caches(lambda cache: self._state(cache, step.text)[0] == "live", f"{step.text} to be live")
        else:
            self._wait_caches(lambda cache: self._answer(cache, step.text) == [step.value], f"{step.text} => {step.value}")

    def _wait_caches(self, condition, what):
        self.walbridge.wait(lambda: all(condition(cache) for cache in self.caches.values()), DRAIN_SECONDS, what)

    def _state(self, cache, table):
        return cache.table_states(self.walbridge.name).get(table, (None, None))

    @staticmethod
    def _answer(cache, query):
        """Rows as expect: writes them; what a cache says instead of an answer is one too."""
        try:
            return [[shown(v) for v in row] for row in cache.query(query)]
        except Exception as error:
            return [[str(error)]]

    def _check_said(self, step):
        """`status` names the stopped table with its code, and says why and what to do."""
        status = json.loads(self.walbridge.command("status", "--json").stdout)
        for cache in status["caches"]:
            said = [t for t in cache["tables"] if t["source"] == step.text]
            assert said and said[0]["state"] == "stopped" and said[0]["code"] == step.value and len(said[0]["reason"]) > 20, \
                f"status of {step.text}: {said}"

    def _copy(self):
        config = self.scenario.config
        for sql in self.scenario.before:
            self.psql(sql)
        for step in self.scenario.after:
            if step.kind == "sql":
                self.psql(step.text)
            elif step.kind == "reconfig":
                config = merge(config, step.value)
        self._configure(config)
        self._run_once()

    def _run_once(self):
        self.walbridge.once(expected=(self.scenario.exit,))

    def _start(self):
        self.walbridge.start()
        self._wait_filled()
        self.walbridge.wait_streaming(self.postgres)

    def _wait_filled(self):
        def filled():
            return all(self._position(cache) for cache in self.caches.values())
        self.walbridge.wait(filled, DRAIN_SECONDS, "every cache to hold its snapshot")

    def _position(self, cache):
        try:
            checkpoint = cache.checkpoint(self.walbridge.name)
        except Exception:  # a cache that is not there yet says so in many ways
            return None
        return checkpoint[1] if checkpoint else None

    def _drain(self):
        if self._watches():
            # A look at the catalog that finds the second change began after the one that found the first had ended: then
            # all that changed before either is in the stream.
            self._change_marker()
            self._change_marker()
        self._touch_marker()
        self._wait_settled()

    def _touch_marker(self):
        self.markers += 1
        self.psql(f"UPDATE walbridge_test.marker SET n = {self.markers}")
        self._wait_caches(lambda cache: self._answer(cache, f"SELECT n FROM {MARKER}") == [[str(self.markers)]], "the marker in every cache")

    def _change_marker(self):
        self.markers += 1
        column = f"seen_{self.markers}"
        self.psql(f"ALTER TABLE walbridge_test.marker ADD COLUMN {column} int")
        self._wait_caches(lambda cache: column in cache.columns(MARKER), "a change of the schema in every cache")

    def _wait_settled(self):
        def left():
            return {kind: found for kind, cache in self.caches.items() if (found := cache.unsettled(self.walbridge.name))}
        try:
            self.walbridge.wait(lambda: not left(), DRAIN_SECONDS, "no table to be copied any more")
        except AssertionError as error:
            raise AssertionError(f"still to be copied: {left()}: {error}") from None

    def _stop(self):
        self._end(self.walbridge)

    def _stop_feeding(self):
        """The last stop, before there is a look at the caches."""
        self._stop()

    @staticmethod
    def _end(bridge):
        begin = time.monotonic()
        code = bridge.stop(timeout=3 * STOP_SECONDS)
        took = time.monotonic() - begin
        assert code == 0, f"SIGTERM: exit code {code}\n{bridge.log()}"
        assert took < STOP_SECONDS, f"SIGTERM: took {took:.1f} s\n{bridge.log()}"

    # ---- what there is to see ----

    def _look(self):
        outcome = Outcome()
        for name, cache in self.caches.items():
            outcome.schema[name] = {k: v for k, v in cache.schema().items() if k != MARKER}
            outcome.rows[name] = {k: self._leaves_named(*v) for k, v in cache.dump().items() if k != MARKER}
            outcome.names[name] = cache.cache_names(self.walbridge.name)
            outcome.leftovers[name] = cache.leftovers()
            outcome.answers[name] = [self._answer(cache, check.query) for check in self.scenario.checks]
            outcome.cells[name] = [self._cell(cache, *cell[:4]) for cell in self.scenario.cells]
            outcome.states[name] = cache.table_states(self.walbridge.name)
        outcome.refused = self._refused()
        return outcome

    def _refused(self):
        plan = json.loads(self.walbridge.command("plan", "--json").stdout)
        return {sink["name"]: {t["source"]: t["code"] for t in sink["refused"]} for sink in plan["sinks"]}

    def _leaves_named(self, columns, rows):
        """The hidden column of partitioned tables holds an oid, which differs from database to database: its name instead."""
        if rows and LEAF in columns:
            at = columns.index(LEAF)
            names = dict(self.postgres.execute("SELECT oid::bigint, oid::regclass::text FROM pg_class WHERE relkind = 'r'", self.database))
            rows = sorted([(*row[:at], names.get(row[at], row[at]), *row[at + 1:]) for row in rows], key=row_order)
        return columns, rows

    @staticmethod
    def _cell(cache, table, id_column, row_id, column):
        where = f"rowid = {int(row_id)}" if id_column == "rowid" else f"{quote(id_column)} = {int(row_id)}"
        rows = cache.query(f"SELECT typeof({quote(column)}), {quote(column)} FROM {quote(table)} WHERE {where}")
        return rows[0] if len(rows) == 1 else (f"{len(rows)} rows", None)

    # ---- leaving nothing behind ----

    def _destroy(self):
        for bridge in self._bridges():
            result = bridge.command("destroy", "--yes", "--caches")
            assert result.returncode == 0, f"destroy exited {result.returncode}: {result.stdout}{result.stderr}"
        self._check_gone()

    def _check_gone(self):
        name = self.walbridge.name
        left = self.postgres.execute(f"SELECT 'slot ' || slot_name FROM pg_replication_slots WHERE slot_name = '{name}' "
                                     "UNION ALL SELECT 'publication ' || pubname FROM pg_publication "
                                     "UNION ALL SELECT 'event trigger ' || evtname FROM pg_event_trigger "
                                     "UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname = 'walbridge'", self.database)
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
