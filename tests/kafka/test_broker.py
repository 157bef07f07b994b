"""The broker dies, is away, hangs, or has no room left: nobody ends, nothing is lost, nothing comes twice."""

import pytest

from tests.crash.workload import Writers

MIB = 1 << 20


@pytest.fixture
def running(pipe):
    pipe.applier()
    pipe.start()
    return pipe


@pytest.mark.timeout(600)
def test_broker_killed_ten_times(running, kafka_seed):
    writers = Writers(running.postgres, running.name, kafka_seed)
    try:
        for _ in range(10):
            before = writers.committed
            running.wait(lambda before=before: writers.committed > before + 50, "transactions to be written")
            running.broker.kill9()
            running.servers.broker  # noqa: B018 (starts it again)
        writers.stop()
    finally:
        writers.give_up()
    running.settle()
    running.stop()


def test_broker_stopped_for_a_while(running):
    """Both sides wait, say so, and Postgres keeps what was not published."""
    running.broker.stop()
    confirmed = running.slot()["confirmed"]
    running.write(40)
    bridges = [running.publisher, running.appliers[0].bridge]
    for bridge in bridges:
        running.wait(lambda bridge=bridge: not bridge.ready(), f"{bridge.directory.name} to be not ready")
        assert bridge.get("/livez")[0] == 200
    at_end = int(running.execute("SELECT pg_current_wal_lsn() - '0/0'")[0][0])
    assert confirmed <= running.slot()["confirmed"] < at_end, "confirmed what no broker has"
    running.broker.start()
    running.settle()
    for bridge in bridges:
        running.wait(bridge.ready, f"{bridge.directory.name} to be ready again")
    running.stop()


def test_broker_hangs(running):
    """It takes connections and says nothing."""
    running.broker.pause()
    try:
        running.write(40)
        running.wait(lambda: not running.publisher.ready(), "the publisher to be not ready")
    finally:
        running.broker.resume()
    running.settle()


def test_stops_in_time_without_a_broker(running):
    running.broker.stop()
    running.write(20)
    for bridge in (running.appliers[0].bridge, running.publisher):
        assert bridge.stop(timeout=8) == 0, bridge.log()
    running.broker.start()
    running.start(filled=False)
    running.settle()


def test_both_start_without_a_broker(running):
    """A broker that comes later is found; who gave up said so with exit code 3."""
    running.stop()
    running.broker.stop()
    running.write(10)
    bridges = [running.publisher, running.appliers[0].bridge]
    for bridge in bridges:
        bridge.start()
    running.wait(lambda: all(not b.running() or "kafka-unreachable" in b.log() or "not reached" in b.log() for b in bridges),
                 "both to say that no broker answers", alive=lambda: None)
    for bridge in bridges:
        assert bridge.running() or bridge.process.child.returncode == 3, bridge.log()
    running.broker.start()

    def supervise():
        for bridge in bridges:
            if not bridge.running():
                bridge.start()
    running.settle(alive=supervise)


def test_disk_of_the_broker_is_full(running):
    """A broker that cannot write any more is one that is away; when it has room again all that was written is there."""
    running.broker.limit_files(12 * MIB)
    writers = Writers(running.postgres, running.name, 1)
    try:
        for number in range(60):
            running.execute(f"INSERT INTO documents (id, revision, raw) SELECT {number} + 100000, 1, string_agg(decode(md5(random()::text || i), 'hex'), '') "
                            "FROM generate_series(1, 30000) i")
            if not running.broker.running() or not running.publisher.ready():
                break
        running.wait(lambda: not running.broker.running() or not running.publisher.ready(), "the broker to fail")
        writers.stop()
    finally:
        writers.give_up()
    if running.broker.running():
        running.broker.kill9()
    running.broker.start()
    running.settle(timeout=180)
