"""The stage of a crash test: one Postgres, one sqld, walbridge feeding a file and sqld from one slot."""

from tests.support.cache import FileCache, RemoteCache
from tests.support.compare import differences
from tests.support.postgres import Postgres
from tests.support.process import wait_for
from tests.support.sqld import Sqld
from tests.support.walbridge import Walbridge

from .workload import FILL, SCHEMA, TABLES

MARKER = "CREATE TABLE marker (id int PRIMARY KEY, n int NOT NULL); INSERT INTO marker VALUES (1, 0);"


class Servers:
    def __init__(self):
        self.postgres = Postgres(15).start()
        self.sqld = Sqld(namespaces=True).start()

    def close(self):
        self.postgres.remove()
        self.sqld.remove()


class Setting:
    """A database of the servers with the workload's tables, and a walbridge for it."""

    def __init__(self, servers, name, directory, rows=1000):
        self.postgres, self.sqld, self.name = servers.postgres, servers.sqld, name
        self.markers = 0
        url = self.postgres.create_database(name)
        self.execute(SCHEMA + MARKER)
        self.execute(FILL % rows)
        self.directory = directory
        namespace = name.replace("_", "-")
        sinks = [{"name": "file", "url": "file:cache.db"}, {"name": "sqld", "url": self.sqld.create_namespace(namespace)}]
        self.walbridge = Walbridge(directory, url, sinks, name=name, settings={"tables": {"include": ["public.*"]}})
        self.caches = {"file": FileCache(directory / "cache.db"), "sqld": RemoteCache(self.sqld.client(namespace=namespace))}

    def execute(self, sql):
        return self.postgres.execute(sql, self.name)

    def drain(self, timeout=120, alive=None):
        """Until a transaction made now is visible in every cache, and with it all before it."""
        self.markers += 1
        self.execute(f"UPDATE marker SET n = {self.markers}")
        self.wait(lambda: all(self.marker(c) == self.markers for c in self.caches.values()), timeout, "the marker in every cache", alive)

    def wait(self, condition, timeout, what, alive=None):
        """`alive` runs at every poll; it may start walbridge again, or do nothing if it must not have ended."""
        def checked():
            if alive is not None:
                alive()
            return condition()
        if alive is None:
            self.walbridge.wait(condition, timeout, what)
        else:
            try:
                wait_for(checked, timeout, what)
            except AssertionError as error:
                raise AssertionError(f"{error}\nlog of walbridge:\n{self.walbridge.log()}") from None

    @staticmethod
    def marker(cache):
        try:
            rows = cache.query("SELECT n FROM marker WHERE id = 1")
        except Exception:  # not there yet
            return None
        return rows[0][0] if rows else None

    def filled(self):
        return all(self.marker(cache) is not None for cache in self.caches.values())

    def assert_equal(self):
        """Every table of every cache equals the source."""
        connection = self.postgres.connect(self.name)
        try:
            found = [f"{kind}: {line}" for kind, cache in self.caches.items() for table in [*TABLES, "marker"]
                     for line in differences(connection, table, cache, table)]
        finally:
            connection.close()
        assert not found, "\n".join(found + ["log of walbridge:", self.walbridge.log()])

    def close(self):
        self.walbridge.close()
