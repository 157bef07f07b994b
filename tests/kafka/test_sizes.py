"""Values and transactions larger than a message, than the topic's limit, than memory."""

import pathlib

import pytest

MIB = 1 << 20
MOST_RSS = 192 * MIB
BIG_ROWS = 1_000_000
VALUE = "SELECT string_agg(decode(md5(random()::text || i), 'hex'), '') FROM generate_series(1, {}) i"  # 16 bytes each, nothing compresses it
PLAIN = "CREATE TABLE big (id int PRIMARY KEY, n int, value bytea);"


@pytest.fixture
def running(make_pipe):
    pipe = make_pipe(schema=PLAIN, tables=["big"])
    pipe.applier()
    return pipe.start()


def peak_rss(bridge):
    for line in pathlib.Path(f"/proc/{bridge.process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


def largest(running):
    return max(len(record.value) for record in running.broker.records(running.topic))


@pytest.mark.timeout(600)
def test_value_of_50_megabytes(running):
    """In the stream, beside small ones, and in a copied table."""
    running.execute(f"INSERT INTO big VALUES (1, 1, NULL); INSERT INTO big VALUES (2, 1, ({VALUE.format(50_000_000 // 16)})); "
                    "INSERT INTO big VALUES (3, 1, NULL)")
    running.execute("UPDATE big SET n = 2")
    running.settle(timeout=180)
    assert largest(running) < MIB, "a record that a topic as it comes refuses"
    assert running.appliers[0].bridge.command("resync", "public.big", timeout=180).returncode == 0
    running.settle(timeout=180)
    running.stop()


@pytest.mark.timeout(600)
def test_transaction_of_a_million_rows(running):
    """More than either process may hold."""
    running.execute(f"INSERT INTO big SELECT i, i, decode(md5(i::text), 'hex') FROM generate_series(1, {BIG_ROWS}) i")
    running.drain(timeout=300)
    peaks = {bridge.directory.name: peak_rss(bridge) for bridge in running.running()}
    print({name: f"{peak / MIB:.0f} MiB" for name, peak in peaks.items()})
    (counted,) = running.appliers[0].caches["file"].query("SELECT count(*), sum(n) FROM big")
    assert counted == (BIG_ROWS, BIG_ROWS * (BIG_ROWS + 1) // 2)
    over = {name: f"{peak / MIB:.0f} MiB" for name, peak in peaks.items() if peak > MOST_RSS}
    assert not over, f"peak memory: {over}"
    parts = [r for r in running.broker.records(running.topic) if r.headers["k"] == "part"]
    assert len(parts) > 10 and parts[-1].headers.get("end"), "it did not go in parts"


def test_limit_of_the_topic_is_lowered(running):
    """A record that is refused stops the publisher before anything behind it, and it goes on with smaller ones."""
    running.broker.alter_topic(running.topic, max_message_bytes=300_000)
    running.execute(f"INSERT INTO big SELECT i, 1, ({VALUE.format(60_000)}) FROM generate_series(1, 5) i")
    running.execute("INSERT INTO big VALUES (100, 1, NULL)")
    running.settle(timeout=120)
    running.stop()


def test_limit_below_what_can_be_used(running):
    """Said while it lasts; nothing is confirmed, and nothing lost when it is mended."""
    running.broker.alter_topic(running.topic, max_message_bytes=2_000)
    running.execute(f"INSERT INTO big SELECT i, 1, ({VALUE.format(2_000)}) FROM generate_series(1, 5) i")
    at_end = int(running.execute("SELECT pg_current_wal_lsn() - '0/0'")[0][0])
    running.wait(lambda: not running.publisher.running() or not running.publisher.ready(), "the publisher to say so", alive=lambda: None)
    assert "max.message.bytes" in running.publisher.log(), running.publisher.log()
    assert running.slot()["confirmed"] < at_end
    running.broker.alter_topic(running.topic, max_message_bytes=1_048_588)
    if not running.publisher.running():
        assert running.publisher.process.child.returncode == 3, running.publisher.log()
        running.start_publisher()
    running.settle(timeout=120)
