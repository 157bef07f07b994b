"""Several of a kind: publishers of one source, appliers of one cache, appliers of different caches."""

import signal

import pytest

from tests.crash.reader import Reader
from tests.crash.workload import Writers
from tests.support.cache import FileCache
from tests.support.walbridge import Walbridge

from .setting import UNUSABLE, assert_explained, said_by


def test_second_publisher_is_refused_and_the_first_goes_on(running):
    second = running.second_publisher()
    result = second.command("run", "--once", timeout=60)
    assert result.returncode == UNUSABLE, said_by(result)
    assert_explained(said_by(result), "already-running")
    running.write(10)
    running.settle()


def epochs(pipe):
    """Writers in the order in which they first wrote, and how often one wrote again after a later one had."""
    seen, late = [], 0
    for record in pipe.broker.records(pipe.topic):
        writer = record.headers["w"]
        if writer not in seen:
            seen.append(writer)
        elif writer != seen[-1]:
            late += 1
    return seen, late


@pytest.mark.parametrize("rows", [1, 60_000], ids=["small", "parts"])
def test_zombie_publisher(running, rows):
    """One that was thought dead wakes up when another has taken its place, and still has records to send."""
    zombie = running.publisher
    applier = running.appliers[0]
    readers = [Reader(kind, cache, running.name) for kind, cache in applier.caches.items()]
    try:
        running.broker.pause()  # what it sends now stays in its queue
        if rows > 1:
            running.execute(f"INSERT INTO bulk SELECT i, 1, repeat('big', 40) FROM generate_series(1000000, {1_000_000 + rows}) i")
        running.write(20)
        running.wait(lambda: (zombie.metric("walbridge_source_transactions_total") or 0) > 0, "the publisher to have read")
        zombie.process.send(signal.SIGSTOP)
        running.broker.resume()
        running.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{running.name}' AND pid <> pg_backend_pid()")
        running.publisher = running.second_publisher()
        running.start_publisher()
        running.write(20)
        running.drain()
        zombie.process.send(signal.SIGCONT)
        running.write(20)
        running.drain()
        running.write(20)
        running.settle()
        for reader in readers:
            reader.stop()
        writers, late = epochs(running)
        print(f"{len(writers)} writers, {late} late records")
        assert len(writers) >= 2
        assert running.publisher.running()
    finally:
        zombie.process.send(signal.SIGCONT)
        zombie.close()
        for reader in readers:
            reader.give_up()


def test_two_appliers_of_one_cache(running):
    """The one that comes later takes over or is refused; never do both write."""
    applier = running.appliers[0]
    first = applier.bridge
    path = first.directory / "cache.db"
    second = Walbridge(running.directory / "second-applier", None, [{"name": "file", "url": f"file:{path}"}], name=running.name,
                       settings=running.settings("apply"))
    readers = [Reader("file", FileCache(path), running.name)]
    writers = Writers(running.postgres, running.name, 1)
    try:
        second.start()
        running.wait(lambda: not (first.running() and second.running()), "one of the two to give way", alive=lambda: None)
        loser, winner = (first, second) if second.running() else (second, first)
        assert winner.running(), f"both ended:\n{first.log()}\n{second.log()}"
        assert loser.process.child.returncode == UNUSABLE, loser.log()
        assert_explained(loser.log(), "fenced")
        writers.stop()
        applier.bridge = winner
        running.settle()
        for reader in readers:
            reader.stop()
    finally:
        for reader in readers:
            reader.give_up()
        writers.give_up()
        first.close()
        second.close()


def test_appliers_of_different_caches(running):
    """Each at its own pace, with its own rules, into its own kind of cache; one that is away keeps nobody else back."""
    running.applier("away")
    running.applier("remote", remote=True)
    masked = running.applier("masked", settings={"tables": {"include": ["public.names", "public.marker"]},
                                                 "rules": [{"match": "public.names", "as": "called"}]})
    for applier in running.appliers[1:]:
        applier.bridge.start()
    running.wait(running.filled, "every cache to be filled")
    away = running.appliers[1]
    assert away.bridge.stop() == 0
    running.write(40)
    running.drain([a for a in running.appliers if a is not away])
    assert masked.caches["file"].tables() == ["called", "marker"]
    (ours,) = masked.caches["file"].query("SELECT count(*) FROM called")
    assert ours[0] == running.execute("SELECT count(*) FROM names")[0][0] > 0
    away.bridge.start()
    running.settle([a for a in running.appliers if a is not masked])
    running.stop()


def test_applier_whose_tables_are_not_there(running):
    lost = running.applier("lost", settings={"tables": {"include": ["public.no_such_table"]}})
    result = lost.bridge.command("run", "--once", timeout=90)
    assert result.returncode != 0 or "no_such_table" in said_by(result), said_by(result)
    check = lost.bridge.command("check")
    assert "no_such_table" in said_by(check), said_by(check)
