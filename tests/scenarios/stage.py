"""One database of a private Postgres, one bridge, caches in a file and on sqld: what Python tests of schema changes play on."""

import json

from tests.support.cache import FileCache, RemoteCache
from tests.support.compare import differences
from tests.support.process import wait_for
from tests.support.walbridge import Walbridge

MARKER = "CREATE SCHEMA stage; CREATE TABLE stage.marker (id int PRIMARY KEY, n int NOT NULL); INSERT INTO stage.marker VALUES (1, 0);"
PATIENCE = 90


class Stage:
    """`sqld`: None for a file only. `user`: who the bridge is; the tests themselves are superuser."""

    def __init__(self, postgres, database, directory, sqld=None, user="postgres", **settings):
        self.postgres, self.database, self.directory = postgres, database, directory
        self.markers = 0
        postgres.create_database(database)
        self.execute(MARKER)
        sinks = [{"name": "file", "url": "file:cache.db"}]
        self.caches = {"file": FileCache(directory / "cache.db")}
        if sqld is not None:
            namespace = database.replace("_", "-")
            sinks.append({"name": "sqld", "url": sqld.create_namespace(namespace)})
            self.caches["sqld"] = RemoteCache(sqld.client(namespace=namespace))
        self.bridge = Walbridge(directory, postgres.url(database, user), sinks, name=database, settings=settings)

    def execute(self, sql):
        return self.postgres.execute(sql, self.database)

    def script(self, sql):
        return self.postgres.psql(sql, self.database)

    def start(self):
        self.bridge.start()
        self.wait(lambda: all(self.marker(c) is not None for c in self.caches.values()), "every cache to hold its snapshot")
        self.bridge.wait_streaming(self.postgres)
        return self

    def wait(self, condition, what, timeout=PATIENCE):
        return self.bridge.wait(condition, timeout, what)

    @staticmethod
    def marker(cache):
        try:
            rows = cache.query("SELECT n FROM stage_marker")
        except Exception:  # not there yet
            return None
        return rows[0][0] if rows else None

    def drain(self):
        """Until all that is committed now is visible in every cache."""
        self.markers += 1
        self.execute(f"UPDATE stage.marker SET n = {self.markers}")
        self.wait(lambda: all(self.marker(c) == self.markers for c in self.caches.values()), "the marker in every cache")

    def states(self, kind="file"):
        return self.caches[kind].table_states(self.database)

    def settled(self):
        return all(not cache.unsettled(self.database) for cache in self.caches.values())

    def status(self):
        return json.loads(self.bridge.command("status", "--json").stdout)

    def said_of(self, table):
        """What `status` says of a table, of every cache."""
        return [row for cache in self.status()["caches"] for row in cache["tables"] if row["source"] == table]

    def differences(self, tables):
        """{source table: cache table} compared by every cell; a table that lacks a column counts as different."""
        connection, found = self.postgres.connect(self.database), []
        try:
            for kind, cache in self.caches.items():
                for table, cache_table in tables.items():
                    try:
                        found += [f"{kind}: {line}" for line in differences(connection, table, cache, cache_table)]
                    except Exception as error:
                        found.append(f"{kind}: {table}: {error}")
        finally:
            connection.close()
        return found

    def wait_equal(self, tables, timeout=PATIENCE):
        """The source is at rest: the caches must come to equal it, all of them live, without a restart."""
        last = []

        def equal():
            if not self.bridge.running():
                raise AssertionError(f"walbridge ended:\n{self.bridge.log()}")
            last[:] = self.differences(tables) if self.settled() else ["tables are still to be copied"]
            return not last
        wait_for(equal, timeout, lambda: "\n".join(["equal caches", *last[:20], "log:", self.bridge.log()]), interval=0.2)

    def wait_state(self, table, state, code=None):
        def reached():
            found = [cache.table_states(self.database).get(table, (None, None)) for cache in self.caches.values()]
            return all(s == state and code in (None, c) for s, c in found)
        self.wait(reached, f"{table} to be {state} {code or ''}")

    def close(self):
        self.bridge.close()
