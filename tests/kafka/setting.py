"""The stage of the Kafka tests: one Postgres, one broker, a walbridge that publishes and others that apply to caches of their own."""

import contextlib
import itertools
import json

from tests.crash.workload import FILL, SCHEMA, TABLES, Writer
from tests.support.cache import FileCache, RemoteCache
from tests.support.compare import differences
from tests.support.kafka import KafkaBroker, kafka_section
from tests.support.postgres import Postgres
from tests.support.process import wait_for
from tests.support.sqld import Sqld
from tests.support.walbridge import Walbridge, merge

MARKER = "CREATE TABLE marker (id int PRIMARY KEY, n int NOT NULL); INSERT INTO marker VALUES (1, 0);"
DONE, FOUND, USAGE, UNUSABLE, GAP = range(5)
PATIENCE = 90
_numbers = itertools.count(1)


class Servers:
    """Started when first asked for."""

    def __init__(self):
        self.made = {}

    def _server(self, name, make):
        if name not in self.made:
            self.made[name] = make().start()
        elif not self.made[name].running():
            self.made[name].start()
        return self.made[name]

    @property
    def postgres(self):
        return self._server("postgres", lambda: Postgres(17))

    @property
    def broker(self):
        return self._server("broker", KafkaBroker)

    @property
    def sqld(self):
        return self._server("sqld", lambda: Sqld(namespaces=True))

    def close(self):
        for server in self.made.values():
            server.remove()


class Applier:
    """A walbridge that reads the topic, and its caches."""

    def __init__(self, pipe, name, remote=False, kafka=None, settings=None):
        directory, sinks = pipe.directory / name, [{"name": "file", "url": "file:cache.db"}]
        self.name, self.pipe, self.stream = name, pipe, pipe.name
        self.caches = {"file": FileCache(directory / "cache.db")}
        if remote:
            namespace = f"{pipe.name}-{name}".replace("_", "-")
            sinks.append({"name": "sqld", "url": pipe.servers.sqld.create_namespace(namespace)})
            self.caches["sqld"] = RemoteCache(pipe.servers.sqld.client(namespace=namespace))
        self.bridge = Walbridge(directory, None, sinks, name=pipe.name, settings=pipe.settings("apply", kafka, settings))

    def markers(self):
        return {kind: marker(cache) for kind, cache in self.caches.items()}

    def unsettled(self):
        return sorted({table for cache in self.caches.values() for table in cache.unsettled(self.stream)})

    def settled(self):
        with contextlib.suppress(Exception):  # not there yet
            return all(cache.checkpoint(self.stream) and not cache.unsettled(self.stream) for cache in self.caches.values())
        return False

    def states(self, kind="file"):
        return self.caches[kind].table_states(self.stream)

    def next_offset(self, kind="file"):
        """Where in the topic its checkpoint goes on."""
        return self.caches[kind].query("SELECT kafka_offset FROM _walbridge_checkpoint WHERE stream = ?", (self.stream,))[0][0]


def marker(cache):
    try:
        rows = cache.query("SELECT n FROM marker WHERE id = 1")
    except Exception:  # not there yet
        return None
    return rows[0][0] if rows else None


class Pipe:
    """A database, a topic, one publisher and any number of appliers. `kafka`: more of the section, for everybody."""

    def __init__(self, servers, directory, name=None, schema=SCHEMA, rows=200, tables=TABLES, kafka=None):
        self.servers, self.directory, self.more = servers, directory, kafka or {}
        self.postgres, self.broker = servers.postgres, servers.broker
        self.name = name or f"pipe{next(_numbers)}"
        self.tables = [*tables, "marker"]
        self.topic = f"{self.name}.changes"
        self.control_topic = f"{self.topic}.control"
        self.markers, self.appliers = 0, []
        self.url = self.postgres.create_database(self.name)
        self.execute(schema + MARKER)
        if schema is SCHEMA:
            self.execute(FILL % rows)
        self.publisher = Walbridge(directory / "publisher", self.url, None, name=self.name, settings=self.settings("publish"))

    def settings(self, role, kafka=None, settings=None):
        section = merge(kafka_section(self.broker, self.topic, role, **self.more), kafka or {})
        return merge({"tables": {"include": ["public.*"]}, "kafka": section}, settings or {})

    def applier(self, name="applier", **options):
        self.appliers.append(Applier(self, name, **options))
        return self.appliers[-1]

    def second_publisher(self):
        return Walbridge(self.directory / "second", self.url, None, name=self.name, settings=self.settings("publish"))

    # ---- the source ----

    def execute(self, sql):
        return self.postgres.execute(sql, self.name)

    def write(self, transactions, seed=1):
        writer = Writer(self.postgres, self.name, 1, f"{seed}/{self.markers}")
        try:
            for _ in range(transactions):
                assert writer.step()
        finally:
            writer.close()

    def mark(self):
        self.markers += 1
        self.execute(f"UPDATE marker SET n = {self.markers}")
        return self.markers

    def slot(self):
        """{retained: bytes of log kept, confirmed: position}"""
        rows = self.execute("SELECT pg_current_wal_lsn() - restart_lsn, confirmed_flush_lsn - '0/0' FROM pg_replication_slots "
                            f"WHERE slot_name = '{self.name}'")
        return {"retained": int(rows[0][0]), "confirmed": int(rows[0][1])}

    def published(self):
        """A position that everything committed so far is below: wait until the slot is confirmed up to it."""
        position = int(self.execute("SELECT pg_current_wal_lsn() - '0/0'")[0][0])
        self.publisher.wait(lambda: self.slot()["confirmed"] >= position, PATIENCE, "the slot to be confirmed")

    # ---- the bridges ----

    def start(self, filled=True):
        """The publisher, then everybody who applies; until every cache holds every table."""
        self.start_publisher()
        self.wait(self.has_records, "a record in the topic")
        for applier in self.appliers:
            applier.bridge.start()
        if filled:
            self.wait(self.filled, "every cache to be filled")
        return self

    def start_publisher(self):
        self.publisher.start()
        self.publisher.wait_streaming(self.postgres)

    def has_records(self):
        return self.topic in self.broker.topics() and self.broker.end(self.topic) > 0

    def filled(self):
        return all(applier.settled() and None not in applier.markers().values() for applier in self.appliers)

    def running(self):
        """Everybody that was ever started."""
        return [bridge for bridge in [self.publisher, *(a.bridge for a in self.appliers)] if bridge.process is not None]

    def wait(self, condition, what, timeout=PATIENCE, alive=None):
        """Nobody that was started may end meanwhile, but as SIGTERM told; or `alive` runs at every look, and says who may."""
        def checked():
            if alive is not None:
                alive()
            value = condition()
            if not value and alive is None:
                for bridge in self.running():
                    assert bridge.running() or bridge.process.child.returncode == DONE, f"{bridge.directory.name} ended with {bridge.process.child.returncode}"
            return value
        try:
            return wait_for(checked, timeout, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.logs()}") from None

    def drain(self, appliers=None, alive=None, timeout=PATIENCE):
        """Until a transaction made now is visible in every cache, and with it all before it."""
        number = self.mark()
        chosen = self.appliers if appliers is None else appliers
        self.wait(lambda: all(set(a.markers().values()) == {number} for a in chosen), f"marker {number} in every cache", timeout, alive)

    def differences(self, appliers=None):
        connection = self.postgres.connect(self.name)
        try:
            return [f"{applier.name}/{kind}: {line}" for applier in (self.appliers if appliers is None else appliers)
                    for kind, cache in applier.caches.items() for table in self.tables
                    for line in differences(connection, table, cache, table)]
        finally:
            connection.close()

    def assert_equal(self, appliers=None):
        """The source is at rest and drained: every table of every cache equals it."""
        found = self.differences(appliers)
        assert not found, "\n".join([*found, self.logs()])

    def settle(self, appliers=None, alive=None, timeout=PATIENCE):
        """drain(), no copy left to do, and equal."""
        chosen = self.appliers if appliers is None else appliers
        self.drain(chosen, alive, timeout)
        self.wait(lambda: all(a.settled() for a in chosen), "no table to be copied any more", timeout, alive)
        self.assert_equal(chosen)

    def logs(self):
        return "\n".join(f"---- {bridge.directory.name}:\n{bridge.log(5000)}" for bridge in self.running())

    # ---- ends ----

    def stop(self):
        for bridge in reversed([b for b in self.running() if b.process.child.returncode is None]):
            code = bridge.stop()
            assert code == 0, f"SIGTERM: {bridge.directory.name} exited {code}:\n{bridge.log()}"

    def ended(self, bridge, code, *words, timeout=PATIENCE):
        """The bridge ends by itself with that exit code, and names each of `words`; the end of its log."""
        found = bridge.process.wait(timeout)
        said = bridge.log()
        assert found == code, f"{bridge.directory.name} exited {found}, expected {code}:\n{said}"
        assert_explained(said, *words)
        return said

    def close(self):
        for bridge in self.running():
            bridge.close()
        with contextlib.suppress(Exception):
            self.execute(f"SELECT pg_drop_replication_slot('{self.name}')")
        with contextlib.suppress(Exception):
            for topic in {self.topic, self.control_topic} & set(self.broker.topics()):
                self.broker.delete_topic(topic)


def assert_explained(said, *words):
    missing = [word for word in words if word not in said]
    assert not missing, f"nothing of {missing} in:\n{said}"


def said_by(result):
    return result.stdout + result.stderr


def findings(bridge):
    """{code: finding} of `check --json` that are not ok."""
    result = bridge.command("check", "--json")
    try:
        found = json.loads(result.stdout)["findings"]
    except ValueError:
        raise AssertionError(f"check exited {result.returncode}: {said_by(result)}") from None
    return {finding["code"]: finding for finding in found if finding["severity"] != "ok"}
