"""Every named failpoint of the code: walbridge dies there by SIGKILL, starts again, and ends with caches equal to the
source. A failpoint this story does not reach fails the test: it would be one that nobody tests."""

import re
import signal
import sqlite3

import pytest

from tests.support.paths import REPOSITORY

from .reader import Reader
from .setting import Setting
from .workload import Writer

FOLDERS = ("config", "pipeline", "mapping", "source-pg", "sink-libsql", "cli")


def named_failpoints():
    found = set()
    for folder in FOLDERS:
        for path in (REPOSITORY / folder).rglob("*.cc"):
            found |= set(re.findall(r'WALBRIDGE_FAILPOINT\("([^"]+)"\)', path.read_text()))
    return sorted(name for name in found if not name.startswith("kafka-"))  # those have a story of their own, in tests/kafka


class Story:
    """Load, stream, a table altered in place, one that is rewritten and copied while the stream goes on, a restart, stream."""

    def __init__(self, setting, crash_at):
        self.setting, self.walbridge = setting, setting.walbridge
        self.environment = {"WALBRIDGE_CRASH_AT": crash_at}
        self.crashed = False
        self.writer = Writer(setting.postgres, setting.name, 1, 1)

    def start(self):
        self.walbridge.start({} if self.crashed else self.environment)

    def alive(self):
        """Starts walbridge again after the one death we asked for; any other end is a failure."""
        if self.walbridge.running():
            return
        code = self.walbridge.process.child.returncode
        assert code == -signal.SIGKILL and not self.crashed, f"walbridge ended with {code}:\n{self.walbridge.log()}"
        self.crashed = True
        self.start()

    def write(self, transactions):
        for _ in range(transactions):
            assert self.writer.step()

    def stop(self):
        """A crash may also come at the stop."""
        code = self.walbridge.stop()
        if code == -signal.SIGKILL and not self.crashed:
            self.crashed = True
            self.start()
            self.setting.drain(alive=self.alive)
            code = self.walbridge.stop()
        assert code == 0, f"walbridge ended with {code}:\n{self.walbridge.log()}"

    def settled(self):
        return not any(cache.unsettled(self.setting.walbridge.name) for cache in self.setting.caches.values())

    def play(self):
        self.start()
        self.setting.wait(self.setting.filled, 60, "the snapshot in every cache", self.alive)
        for _ in range(4):
            self.write(10)
            self.setting.drain(alive=self.alive)
        self.setting.execute("ALTER TABLE scratch ADD COLUMN later text DEFAULT 'later'")
        self.setting.execute("INSERT INTO scratch (id, later) VALUES (1, 'x') ON CONFLICT DO NOTHING")
        self.setting.drain(alive=self.alive)
        self.setting.execute("ALTER TABLE scratch ALTER later TYPE varchar(20) USING later || '!'")
        self.write(5)
        self.setting.drain(alive=self.alive)
        self.setting.wait(self.settled, 60, "the copy to be in its place", self.alive)
        self.stop()
        self.start()
        self.write(20)
        self.setting.drain(alive=self.alive)
        self.stop()


@pytest.mark.parametrize("name", named_failpoints())
def test_failpoint(name, shared_servers, tmp_path):
    setting = Setting(shared_servers, "at_" + name.replace("-", "_"), tmp_path)
    readers = []
    try:
        story = Story(setting, name)
        if name.startswith("local-reload"):  # a file that is somebody else's already is filled in its place
            with sqlite3.connect(tmp_path / "cache.db") as file:
                file.execute("CREATE TABLE theirs (id INTEGER)")
        readers = [Reader(kind, cache, setting.walbridge.name) for kind, cache in setting.caches.items()]
        story.play()
        for reader in readers:
            reader.stop()
        assert story.crashed, f"{name} was never reached"
        setting.assert_equal()
    finally:
        for reader in readers:
            reader.give_up()
        setting.close()


def test_there_are_failpoints():
    assert len(named_failpoints()) >= 5
