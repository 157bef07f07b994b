"""Every named failpoint on the way through Kafka: the process dies there by SIGKILL, starts again, and the cache ends equal to
the source. A failpoint that its story does not reach fails the test: it would be one that nobody tests."""

import re
import signal

import pytest

from tests.crash.reader import Reader
from tests.crash.workload import Writer
from tests.support.paths import REPOSITORY

from .setting import PATIENCE

FOLDERS = ("pipeline", "sink-libsql")
# Where an applier commits or copies; the first copy of a cache fed directly is not here.
APPLIERS = ("before-commit", "after-commit", "local-before-commit", "local-after-commit", "before-swap")
BIG_ROWS = 30_000  # of one transaction: several parts


def named_failpoints(prefix):
    found = set()
    for folder in FOLDERS:
        for path in (REPOSITORY / folder).rglob("*.cc"):
            found |= {name for name in re.findall(r'WALBRIDGE_FAILPOINT\("([^"]+)"\)', path.read_text()) if name.startswith(prefix)}
    return sorted(found)


class Story:
    """A first copy, small transactions, one so large that it goes in parts, a table copied again, a restart of both."""

    def __init__(self, pipe, crash_at, of_publisher):
        self.pipe = pipe
        self.applier = pipe.applier()
        self.victim = pipe.publisher if of_publisher else self.applier.bridge
        self.crash_at, self.crashed = crash_at, False
        self.writer = Writer(pipe.postgres, pipe.name, 1, 1)

    def start(self, bridge):
        bridge.start({"WALBRIDGE_CRASH_AT": self.crash_at} if bridge is self.victim and not self.crashed else {})

    def alive(self):
        """Starts the victim again after the one death we asked for; any other end is a failure."""
        for bridge in self.pipe.running():
            if bridge.running():
                continue
            code = bridge.process.child.returncode
            assert bridge is self.victim and code == -signal.SIGKILL and not self.crashed, \
                f"{bridge.directory.name} ended with {code}:\n{self.pipe.logs()}"
            self.crashed = True
            self.start(bridge)

    def write(self, transactions):
        for _ in range(transactions):
            assert self.writer.step()

    def stop(self):
        self.alive()
        for bridge in (self.applier.bridge, self.pipe.publisher):
            code = bridge.stop()
            if code == -signal.SIGKILL and bridge is self.victim and not self.crashed:  # it was reached on the way out
                self.crashed = True
                code = 0
            assert code == 0, f"{bridge.directory.name} ended with {code}:\n{self.pipe.logs()}"

    def drain(self):
        self.pipe.drain(alive=self.alive)

    def play(self):
        self.start(self.pipe.publisher)
        self.pipe.wait(self.pipe.has_records, "a record in the topic", PATIENCE, self.alive)
        self.start(self.applier.bridge)
        self.pipe.wait(self.pipe.filled, "the cache to be filled", PATIENCE, self.alive)
        for _ in range(4):
            self.write(10)
            self.drain()
        self.pipe.execute(f"INSERT INTO bulk SELECT i, 1, repeat('big', 40) FROM generate_series(1000000, {1_000_000 + BIG_ROWS}) i")
        self.write(5)
        self.drain()
        self.pipe.execute("ALTER TABLE documents ALTER revision TYPE bigint")  # a rewrite: its rows are copied again
        self.write(5)
        self.drain()
        self.pipe.wait(self.applier.settled, "the copy to be in its place", PATIENCE, self.alive)
        self.stop()
        self.start(self.pipe.publisher)
        self.start(self.applier.bridge)
        self.write(10)
        self.drain()
        self.stop()


def play(pipe, name, of_publisher):
    story = Story(pipe, name, of_publisher)
    readers = []
    try:
        readers = [Reader(kind, cache, pipe.name) for kind, cache in story.applier.caches.items()]
        story.play()
        for reader in readers:
            reader.stop()
        assert story.crashed, f"{name} was never reached"
        pipe.assert_equal()
    finally:
        for reader in readers:
            reader.give_up()


@pytest.mark.parametrize("name", named_failpoints("kafka-"))
def test_publisher_dies_at(name, pipe):
    play(pipe, name, of_publisher=True)


@pytest.mark.parametrize("nth", [2, 5])
def test_publisher_dies_between_later_parts(pipe, nth):
    play(pipe, f"kafka-between-parts:{nth}", of_publisher=True)


@pytest.mark.parametrize("name", APPLIERS)
def test_applier_dies_at(name, pipe):
    play(pipe, name, of_publisher=False)


def test_the_names_are_known():
    known = set(named_failpoints(""))
    assert len(named_failpoints("kafka-")) >= 5 and known >= set(APPLIERS)
