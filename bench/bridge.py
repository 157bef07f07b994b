"""walbridge as a measured tool: one directory, one name (so one slot), run once or until it has caught up."""

import contextlib
import datetime
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import time

from tests.support.hrana import HranaClient
from tests.support.paths import REPOSITORY
from tests.support.process import wait_for
from tests.support.walbridge import Walbridge

from .measure import Child, ServerCpu

COMMIT_LSN = "SELECT commit_lsn FROM _walbridge_checkpoint WHERE stream = ?"
FILE_POLL = 0.01     # of a database that is mapped into our memory: some microseconds each
REMOTE_POLL = 0.1    # each is a request that the server has to answer


def binary():
    path = pathlib.Path(os.environ.get("WALBRIDGE_BINARY", REPOSITORY / "build/release/cli/walbridge"))
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; run ./dev build release, or set WALBRIDGE_BINARY")
    return path


class FilePosition:
    """commit_lsn of a local cache, asked of SQLite only after something was committed."""

    def __init__(self, path, stream):
        self.connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30, isolation_level=None)
        self.stream = stream
        self.version = None
        self.value = 0

    def read(self):
        version = self.connection.execute("PRAGMA data_version").fetchone()
        if version != self.version:
            self.version = version
            self.value = self.connection.execute(COMMIT_LSN, (self.stream,)).fetchone()[0]
        return self.value

    def close(self):
        self.connection.close()


class RemotePosition:
    def __init__(self, port, stream):
        self.client = HranaClient("127.0.0.1", port)
        self.stream = stream

    def read(self):
        return self.client.query(COMMIT_LSN, (self.stream,))[0][0]

    def close(self):
        pass


class Cached:
    """A tool whose `cache` must hold what the `source` holds, or its figure is worth nothing."""

    def cache_rows(self, sql):
        with contextlib.closing(sqlite3.connect(f"file:{self.cache}?mode=ro", uri=True)) as connection:
            return connection.execute(sql).fetchall()

    def check(self, table, column):
        sql = f"SELECT count(*), sum({column}) FROM {table}"
        source, cache = [tuple(map(int, rows[0])) for rows in (self.source.sql(sql), self.cache_rows(sql))]
        if source != cache:
            raise RuntimeError(f"{self.name}: the cache of {table} has count and sum {cache}, the source {source}")


class Bridge(Cached):
    """`sqld`: the server that is the cache; none: a file of its own."""

    def __init__(self, source, directory, name, tables, sqld=None):
        self.source, self.name, self.sqld = source, name, sqld
        self.directory = pathlib.Path(directory) / name
        self.cache = self.directory / "cache.db"
        self.bridge = Walbridge(self.directory, source.database_url, {"url": sqld.url if sqld else f"file:{self.cache}"},
                                name=name, binary=binary(), settings={"tables": {"include": [f"public.{t}" for t in tables]}})
        self.log_path = self.directory / "walbridge.log"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def remove(self):
        shutil.rmtree(self.directory)

    def _start(self, *arguments):
        with open(self.log_path, "ab") as log:
            return Child([self.bridge.binary, "-c", self.bridge.config_path, *arguments], stdout=log, stderr=log,
                         cwd=self.directory)

    def _explained(self, error):
        return RuntimeError(f"{error}\nlog of walbridge:\n{self.bridge.log()}")

    def once(self):
        """(cost, seconds from the log's "snapshot starts" to "snapshot done") of `run --once`."""
        server = ServerCpu(self.source.process.pid)
        child = self._start("run", "--once")
        try:
            cost = child.wait()
        except RuntimeError as error:
            raise self._explained(error) from None
        finally:
            child.close()
        cost.server_cpu = server.used()
        return cost, self._logged("snapshot done") - self._logged("snapshot starts")

    def _logged(self, message):
        """When the log has it, in seconds; the last time."""
        found = re.findall(rf"^(\S+)Z \w+ {message}", self.log_path.read_text(errors="replace"), re.MULTILINE)
        if not found:
            raise RuntimeError(f'walbridge logged no "{message}":\n{self.bridge.log()}')
        return datetime.datetime.fromisoformat(found[-1]).timestamp()

    def running(self):
        return contextlib.closing(self._start("run"))

    def wait_streaming(self, child):
        def streaming():
            if not child.running():
                raise self._explained("walbridge ended")
            return bool(self.source.sql(f"SELECT 1 FROM pg_replication_slots WHERE slot_name = '{self.name}' AND active"))
        wait_for(streaming, 60, "walbridge to stream")

    def catch_up(self, backlog, timeout=900):
        """The cost from process start until the cache holds the whole backlog, and the rows of an average cache
        transaction. The process is stopped afterwards; that is not counted."""
        position = RemotePosition(self.sqld.port, self.name) if self.sqld else FilePosition(self.cache, self.name)
        server = ServerCpu(self.source.process.pid, *([self.sqld.process.pid] if self.sqld else []))
        with self.running() as child, contextlib.closing(position):
            deadline = time.monotonic() + timeout
            while position.read() <= backlog.before:
                if not child.running() or time.monotonic() > deadline:
                    raise self._explained(f"walbridge did not catch up in {time.monotonic() - child.started:.0f} s")
                time.sleep(REMOTE_POLL if self.sqld else FILE_POLL)
            cost = child.cost_so_far()
            cost.server_cpu = server.used()
            batches = self.bridge.metric("walbridge_batches_total") or 1
            child.stop(signal.SIGTERM)
        return cost, backlog.changes / batches

    def cache_rows(self, sql):
        return self.sqld.query(sql) if self.sqld else super().cache_rows(sql)
