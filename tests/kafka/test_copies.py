"""A cache that begins from nothing, tables copied again, one side away while the other works, one run and out."""

import pytest

from tests.crash.reader import Reader
from tests.crash.workload import Writers
from tests.support.process import Process

from .setting import DONE, FOUND, UNUSABLE, assert_explained, said_by

MIB = 1 << 20


@pytest.fixture
def running(pipe):
    pipe.applier()
    pipe.start()
    return pipe


def test_new_cache_under_load(make_pipe, kafka_seed):
    """Begun while transactions go on: no state of it is one the source never had."""
    pipe = make_pipe(rows=50_000)
    writers = Writers(pipe.postgres, pipe.name, kafka_seed)
    readers = []
    try:
        pipe.start()
        pipe.wait(lambda: writers.committed > 200, "transactions to be written")
        applier = pipe.applier(remote=True)
        readers = [Reader(kind, cache, pipe.name) for kind, cache in applier.caches.items()]
        applier.bridge.start()
        before = writers.committed
        pipe.wait(pipe.filled, "every cache to be filled", 180)
        pipe.wait(lambda: writers.committed > before + 100, "more transactions")
        writers.stop()
        pipe.settle(timeout=120)
        for reader in readers:
            reader.stop()
            assert reader.looks > 10
    finally:
        writers.give_up()
        for reader in readers:
            reader.give_up()
    pipe.stop()


@pytest.mark.timeout(600)
def test_publisher_killed_while_tables_are_copied(make_pipe, kafka_seed):
    """Chunks come through the topic; whoever asked asks again."""
    pipe = make_pipe(rows=120_000)
    writers = Writers(pipe.postgres, pipe.name, kafka_seed)
    applier = pipe.applier()
    try:
        pipe.start(filled=False)
        kills = 0
        while not pipe.filled():
            before = pipe.broker.end(pipe.topic)
            pipe.wait(lambda before=before: pipe.filled() or pipe.broker.end(pipe.topic) > before + 20, "records to be written")
            if kills < 5 and not pipe.filled():
                pipe.publisher.kill9()
                pipe.publisher.start()
                kills += 1
        assert kills >= 2, "the copy was done too soon"
        writers.stop()
        pipe.settle(timeout=180)
        assert not applier.caches["file"].leftovers()
    finally:
        writers.give_up()
    pipe.stop()


def test_resync_under_load(running, kafka_seed):
    writers = Writers(running.postgres, running.name, kafka_seed)
    reader = Reader("file", running.appliers[0].caches["file"], running.name)
    try:
        for _ in range(3):
            result = running.appliers[0].bridge.command("resync", "--all", "--yes", timeout=180)
            assert result.returncode == DONE, said_by(result)
        writers.stop()
        running.settle()
        reader.stop()
    finally:
        writers.give_up()
        reader.give_up()


def test_log_of_the_source_does_not_wait_for_an_applier(running):
    """The slot moves with the topic: what a cache misses lies in Kafka."""
    applier = running.appliers[0]
    assert applier.bridge.stop() == 0
    begin = int(running.execute("SELECT pg_current_wal_lsn() - '0/0'")[0][0])
    most = 0
    for _ in range(8):
        running.execute("UPDATE bulk SET v = v + 1, s = (SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 300))")
        running.write(5)
        running.published()
        running.execute("CHECKPOINT")  # says where transactions begin, which is how a slot's start can move
        running.write(5)
        running.published()
        most = max(most, running.slot()["retained"])
    written = int(running.execute("SELECT pg_current_wal_lsn() - '0/0'")[0][0]) - begin
    print(f"{written / MIB:.1f} MiB written, at most {most / MIB:.1f} MiB retained")
    assert written > 8 * MIB
    assert most < written / 2, f"{most} of {written} bytes retained while the applier was away"
    applier.bridge.start()
    running.settle()


def test_filtered_log_moves_the_slot(running):
    """Nothing for us in megabytes of log: the slot moves all the same, and nobody takes that for a gap afterwards."""
    running.execute("CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.noise (id int, v text)")
    before = running.slot()["confirmed"]
    for _ in range(3):
        running.execute("INSERT INTO elsewhere.noise SELECT i, repeat('x', 200) FROM generate_series(1, 20000) i")
        running.published()
    assert running.slot()["confirmed"] > before + 8 * MIB
    for _ in range(2):
        running.stop()
        running.start(filled=False)
        running.settle()
    assert "kafka-gap" not in running.publisher.log(), running.publisher.log()


def test_once(pipe):
    """`run --once` of each: all there was is in the topic, and all that is in the topic is in the cache."""
    applier = pipe.applier()
    pipe.publisher.once()
    pipe.start_publisher()
    applier.bridge.once(timeout=180)
    assert not applier.unsettled()
    pipe.write(20)
    number = pipe.mark()
    assert pipe.publisher.stop() == 0
    pipe.publisher.once()
    applier.bridge.once()
    assert set(applier.markers().values()) == {number}
    pipe.assert_equal()


def test_once_does_not_wait_for_a_publisher_that_is_away(running):
    """A table that waits for rows is named, and that is no success; nor is a stop before all is done."""
    applier = running.appliers[0]
    running.write(30)
    running.drain()
    running.stop()
    applier.bridge.config["rules"] = [{"match": "public.names", "columns": {"v": {"mask": "sha256"}}}]
    applier.bridge.write_config()
    process = Process([applier.bridge.binary, "-c", applier.bridge.config_path, "run", "--once"], applier.bridge.log_path, cwd=applier.bridge.directory)
    running.wait(lambda: applier.states()["public.names"][0] == "pending", "the table to wait for rows", alive=lambda: None)
    assert process.stop(10) == FOUND
    assert "stopped before all was done" in applier.bridge.log()
    result = applier.bridge.command("run", "--once")
    assert result.returncode == UNUSABLE, said_by(result)
    assert_explained(said_by(result), "kafka-no-publisher", "public.names", "kafka.role: publish")
    running.start_publisher()
    applier.bridge.once()
    assert {type(v) for (v,) in applier.caches["file"].query("SELECT v FROM names WHERE v IS NOT NULL")} == {str}


def test_changes_of_the_schema_while_one_side_is_away(running):
    applier = running.appliers[0]
    assert applier.bridge.stop() == 0
    running.execute("ALTER TABLE scratch ADD COLUMN later text DEFAULT 'later'")
    running.execute("INSERT INTO scratch (id, later) VALUES (1, 'x')")
    running.execute("CREATE TABLE born (id int PRIMARY KEY, v text); INSERT INTO born VALUES (1, 'a')")
    running.published()
    assert running.publisher.stop() == 0
    running.execute("ALTER TABLE names ALTER v TYPE bigint; INSERT INTO born VALUES (2, 'b')")
    running.execute("DROP TABLE bag")
    running.tables.remove("bag")
    running.tables.append("born")
    applier.bridge.start()
    running.start_publisher()
    running.settle(timeout=120)
    running.stop()


def test_lag_is_right_when_idle_and_when_behind(running):
    """Stages apart, zero at rest, growing while an applier cannot know what it misses."""
    applier = running.appliers[0].bridge
    running.write(10)
    running.drain()

    def lag(stage):
        return applier.metric("walbridge_lag_seconds", stage=stage)
    running.wait(lambda: lag("total") == 0, "no lag at rest")
    assert {"source", "kafka", "apply"} <= {dict(labels).get("stage") for name, labels in applier.metrics() if name == "walbridge_lag_seconds"}
    for unit in ("records", "seconds"):
        running.wait(lambda unit=unit: applier.metric(f"walbridge_kafka_consumer_lag_{unit}") == 0, f"no {unit} of the topic to be left")
    running.broker.pause()
    try:
        running.write(5)
        running.wait(lambda: (running.publisher.metric("walbridge_lag_seconds", stage="total") or 0) > 1
                     or not running.publisher.ready(), "the publisher to be behind")
    finally:
        running.broker.resume()
    running.settle()
    running.wait(lambda: lag("total") == 0, "no lag again")
    running.wait(applier.ready, "the applier to be ready")
