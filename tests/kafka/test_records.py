"""What is in the topic: ours is readable from any place and by any tool; what is not ours is said, and never applied."""

import json
import subprocess

import pytest

from .setting import GAP, UNUSABLE, assert_explained, said_by

SECRET = "s3cr3t-in-a-row"
HEADERS = {"wb", "k", "s", "w", "o", "p", "l", "t"}


def test_headers_are_readable(running):
    records = running.broker.records(running.topic)
    assert records[0].headers["k"] == "start"
    for record in records:
        assert HEADERS <= set(record.headers), record
        assert record.headers["wb"] == "1" and record.headers["s"] == records[0].headers["s"]
    kcat = subprocess.run(["kcat", "-C", "-q", "-e", "-b", running.broker.brokers, "-t", running.topic, "-o", "beginning", "-f", "%o %h\n"],
                          capture_output=True, text=True, timeout=60, check=True)
    lines = kcat.stdout.splitlines()
    assert len(lines) >= len(records) and all("wb=1" in line and "k=" in line for line in lines), kcat.stdout[:2000]


def cat(bridge, *arguments):
    result = bridge.command("kafka", "cat", *arguments)
    assert result.returncode == 0, said_by(result)
    return result.stdout


def test_every_record_decodes_without_those_before_it(running):
    """A stream with changes of the schema, many relations, and a transaction in parts, read from each offset."""
    running.execute("ALTER TABLE scratch ADD COLUMN later text DEFAULT 'later'")
    running.write(10)
    running.execute("INSERT INTO bulk SELECT i, 1, repeat('big', 40) FROM generate_series(1000000, 1010000) i")
    running.drain()
    bridge = running.appliers[0].bridge
    end = running.broker.end(running.topic)
    kinds = set()
    for offset in range(end):
        lines = cat(bridge, "--json", "--from", str(offset), "--count", "1").splitlines()
        assert len(lines) == 1, f"offset {offset}: {lines}"
        record = json.loads(lines[0])
        assert record["offset"] == offset, record
        kinds.add(record.get("kind") or record.get("k"))
    assert {"start", "block", "part", "chunk", "answer"} <= kinds


def test_cat_shows_rows_and_says_where_it_ends(running):
    running.execute("INSERT INTO names VALUES ('shown by cat', 7, 0.5)")
    running.drain()
    bridge = running.appliers[0].bridge
    everything = cat(bridge, "--json", "--from", "start")
    assert "shown by cat" in everything
    assert len(everything.splitlines()) >= len(running.broker.records(running.topic)) - 1
    assert len(cat(bridge, "--from", "start", "--count", "3").splitlines()) >= 3
    assert cat(bridge, "--json", "--from", "end") == ""


def before_and_after(running, records):
    """Strangers' records between two of ours: the error, and that the cache stands at what came before them."""
    applier = running.appliers[0]
    before = applier.caches["file"].dump()
    running.published()
    offset = running.broker.produce(running.topic, *records)[0]
    running.execute("INSERT INTO names VALUES ('behind the stranger', 1, 1)")
    return applier, before, offset


@pytest.mark.parametrize("code, headers", [
    ("kafka-foreign-record", {}),
    ("kafka-foreign-record", {"type": "order", "l": "0/1"}),
    ("kafka-other-version", {"wb": "99", "k": "block"}),
], ids=["bare", "other-headers", "other-version"])
def test_strange_record_in_the_stream(running, code, headers):
    applier, before, offset = before_and_after(running, [(headers, SECRET.encode())])
    running.wait(lambda: not applier.bridge.running() or code in applier.bridge.log(50_000), f"{code} to be said", alive=lambda: None)
    assert not applier.bridge.running() or not applier.bridge.ready()
    if not applier.bridge.running():
        assert applier.bridge.process.child.returncode == UNUSABLE, applier.bridge.log()
    said = applier.bridge.log(50_000)
    assert_explained(said, code, str(offset))
    assert SECRET not in said
    assert applier.caches["file"].dump() == before, "something behind the strange record was applied"
    applier.bridge.close()
    once = applier.bridge.command("run", "--once")
    assert once.returncode in (UNUSABLE, GAP) and code in said_by(once), said_by(once)
    # When it is taken out, a new cache begins behind it.
    running.broker.delete_records(running.topic, offset + 1)
    assert applier.bridge.command("destroy", "--caches", "--yes").returncode == 0
    applier.bridge.start()
    running.settle()
    assert_explained(said_by(once), running.topic)


def test_publisher_meets_a_strange_record_at_the_end(running):
    assert running.publisher.stop() == 0
    offset = running.broker.produce(running.topic, ({"type": "order"}, SECRET.encode()))[0]
    result = running.publisher.command("run", "--once")
    said = said_by(result)
    assert result.returncode == UNUSABLE, said
    assert_explained(said, "kafka-foreign-record", str(offset), running.topic)
    assert SECRET not in said


def test_block_with_a_broken_value(running):
    """Headers of ours around bytes that are not: refused, not half applied."""
    running.published()
    last = [r for r in running.broker.records(running.topic) if r.headers["k"] == "block"][-1]
    headers = {**last.headers, "p": last.headers["l"], "l": "FFFFFF/0"}
    applier = running.appliers[0]
    before = applier.caches["file"].dump()
    running.broker.produce(running.topic, (headers, last.value[: len(last.value) // 2]))
    running.wait(lambda: not applier.bridge.running() or "kafka-broken-record" in applier.bridge.log(50_000), "kafka-broken-record to be said",
                 alive=lambda: None)
    assert "kafka-broken-record" in applier.bridge.log(50_000), applier.bridge.log()
    assert applier.caches["file"].dump() == before


def test_topic_of_another_source(running, make_pipe):
    stranger = make_pipe()
    stranger.publisher.config["kafka"]["topic"] = running.topic
    stranger.publisher.write_config()
    end = running.broker.end(running.topic)
    result = stranger.publisher.command("run", "--once")
    assert result.returncode == UNUSABLE, said_by(result)
    assert_explained(said_by(result), "kafka-other-source", running.topic)
    mine = [r for r in running.broker.records(running.topic, end) if r.headers["s"] != running.broker.records(running.topic)[0].headers["s"]]
    assert not mine, f"it wrote all the same: {mine}"
    running.settle()


def test_cache_of_another_topic(running, make_pipe):
    """A cache is only ever fed by the stream that filled it."""
    other = make_pipe()
    other.applier()
    other.start()
    bridge = running.appliers[0].bridge
    assert bridge.stop() == 0
    before = running.appliers[0].caches["file"].dump()
    bridge.config["kafka"]["topic"] = other.topic
    bridge.write_config()
    result = bridge.command("run", "--once")
    assert result.returncode == GAP, said_by(result)
    assert running.appliers[0].caches["file"].dump() == before


def test_cache_that_was_fed_directly(running):
    """It has no place in the topic: a gap, not a guess."""
    from tests.support.walbridge import Walbridge
    direct = Walbridge(running.directory / "direct", running.url, {"url": "file:cache.db"}, name="direct", settings={"tables": {"include": ["public.*"]}})
    direct.once()
    direct.config = {**{k: v for k, v in direct.config.items() if k != "source"}, "name": running.name,
                     "kafka": running.appliers[0].bridge.config["kafka"]}
    direct.config["name"] = "direct"
    direct.write_config()
    result = direct.command("run", "--once")
    assert result.returncode == GAP, said_by(result)
    running.execute("SELECT pg_drop_replication_slot('direct')")


def test_garbage_in_the_control_topic(running):
    """Nobody's request is none; requests behind it are heard."""
    running.broker.produce(running.control_topic, ({}, b""), ({}, b"\xff\xfe not json"), ({}, b'{"kind":"chunk"}'), ({}, b"[1,2,3]"),
                           ({}, json.dumps({"kind": "copy", "id": 1, "stream": "somebody else's", "oids": [1]}).encode()))
    result = running.appliers[0].bridge.command("resync", "public.names")
    assert result.returncode == 0, said_by(result)
    running.write(5)
    running.settle()
    assert running.publisher.running()


def test_no_row_in_any_log(running):
    running.execute(f"INSERT INTO names VALUES ('{SECRET}', 1, 1)")
    running.execute(f"INSERT INTO documents (id, revision, body) VALUES (99999, 1, repeat('{SECRET}', 40000))")
    assert running.appliers[0].bridge.command("resync", "public.documents").returncode == 0
    running.settle()
    running.stop()
    for bridge in running.running():
        assert SECRET not in bridge.log_path.read_text(errors="replace")
