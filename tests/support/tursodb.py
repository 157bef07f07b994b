"""A private `tursodb --sync-server`: one database file, own free port of 127.0.0.1, no authentication."""

import pathlib
import shutil
import tempfile

from .hrana import HranaClient, HranaError
from .paths import installed
from .process import Process, free_port, wait_for


class Tursodb:
    def __init__(self, directory=None):
        self.port = free_port()
        self.binary = installed("@tursodatabase/cli-linux-x64-gnu/tursodb", "tursodb")
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="walbridge-tursodb-", dir=directory))
        self.process = None

    def start(self):
        self.process = Process([self.binary, self.directory / "cache.db", "--sync-server", f"127.0.0.1:{self.port}"],
                               self.directory / "log", cwd=self.directory)

        def answers():
            if not self.process.running():
                raise RuntimeError(f"tursodb ended at start:\n{self.process.log()}")
            try:
                return self.client().execute("SELECT 1") == [(1,)]
            except (OSError, HranaError):
                return False
        wait_for(answers, 30, "tursodb to answer")
        return self

    def running(self):
        return self.process is not None and self.process.running()

    def kill9(self):
        self.process.kill9()

    def stop(self):
        if self.running():
            self.process.stop(timeout=20)

    def remove(self):
        if self.running():
            self.process.kill9()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def client(self, timeout=30):
        return HranaClient("127.0.0.1", self.port, timeout=timeout, closes=False)

    def query(self, sql, arguments=()):
        return self.client().query(sql, arguments)
