"""Topics, brokers and settings that are not as they should be: found by `check` with what mends it, met by `run` with a code."""

import json

import pytest

from tests.support.process import free_port

from .setting import DONE, FOUND, UNUSABLE, USAGE, assert_explained, findings, said_by


def both(pipe):
    if not pipe.appliers:
        pipe.applier()
    return [pipe.publisher, pipe.appliers[0].bridge]


# ---- a topic that changes under way ----

def test_partitions_added(running):
    """Ours stays where it is; the others are nobody's."""
    running.broker.add_partitions(running.topic, 3)
    running.write(20)
    running.settle()
    for bridge in both(running):
        found = findings(bridge)
        assert "kafka-partitions" in found and found["kafka-partitions"]["fix"], found


def test_compaction_enabled(running):
    """The broker refuses records without a key then: nothing is confirmed, and it goes on when that is mended."""
    running.broker.alter_topic(running.topic, cleanup_policy="compact")
    running.write(10)
    at_end = int(running.execute("SELECT pg_current_wal_lsn() - '0/0'")[0][0])
    running.wait(lambda: not running.publisher.running() or not running.publisher.ready(), "the publisher to say so", alive=lambda: None)
    assert running.slot()["confirmed"] < at_end
    for bridge in both(running):
        assert "kafka-cleanup-policy" in findings(bridge)
    running.broker.alter_topic(running.topic, cleanup_policy="delete")
    if not running.publisher.running():
        assert running.publisher.process.child.returncode == UNUSABLE, running.publisher.log()
        running.start_publisher()
    running.settle(timeout=120)


# ---- what is wrong from the start ----

WRONG_TOPICS = {
    "kafka-partitions": {"partitions": 3},
    "kafka-cleanup-policy": {"cleanup_policy": "compact"},
}


@pytest.mark.parametrize("code", WRONG_TOPICS)
def test_wrong_topic(code, pipe):
    pipe.broker.create_topic(pipe.topic, **WRONG_TOPICS[code])
    for bridge in both(pipe):
        found = findings(bridge)
        assert code in found and found[code]["severity"] == "error" and found[code]["fix"], found
        result = bridge.command("run", "--once", timeout=60)
        assert result.returncode == UNUSABLE, said_by(result)
        assert_explained(said_by(result), code, pipe.topic)
    assert pipe.broker.end(pipe.topic) == 0, "something was written into it"


def test_topic_missing_and_not_to_be_created(make_pipe):
    pipe = make_pipe(kafka={"create_topic": False})
    for bridge in both(pipe):
        found = findings(bridge)
        assert "kafka-topic-missing" in found and pipe.topic in found["kafka-topic-missing"]["message"], found
        result = bridge.command("run", "--once", timeout=60)
        assert result.returncode == UNUSABLE, said_by(result)
        assert_explained(said_by(result), "kafka-topic-missing", pipe.topic)
    assert pipe.topic not in pipe.broker.topics()
    pipe.broker.create_topic(pipe.topic)
    pipe.broker.create_topic(pipe.control_topic)
    pipe.start()
    pipe.settle()


def test_topic_is_created_as_check_wants_it(running):
    settings = running.broker.topic_settings(running.topic)
    assert running.broker.topics()[running.topic] == 1
    assert settings["cleanup.policy"] == "delete"
    for bridge in both(running):
        errors = {code: f for code, f in findings(bridge).items() if f["severity"] == "error"}
        assert not errors, errors


def test_single_replica_is_said(make_pipe):
    pipe = make_pipe(kafka={"allow_single_replica": False})
    found = findings(pipe.publisher)
    assert any("replica" in f["message"] and f["severity"] == "error" for f in found.values()), found


def test_nobody_answers(make_pipe):
    pipe = make_pipe(kafka={"brokers": f"127.0.0.1:{free_port()}"})
    for bridge in both(pipe):
        result = bridge.command("run", "--once", timeout=90)
        assert result.returncode == UNUSABLE, said_by(result)
        assert_explained(said_by(result), "kafka-unreachable", "127.0.0.1")
        check = bridge.command("check", "--json", timeout=90)
        assert check.returncode in (FOUND, UNUSABLE) and "kafka-unreachable" in check.stdout, said_by(check)


@pytest.mark.parametrize("properties, word", [
    ({"no.such.property": "1"}, "no.such.property"),
    ({"acks": "1"}, "acks"),
    ({"enable.idempotence": "false"}, "enable.idempotence"),
    ({"auto.offset.reset": "latest"}, "auto.offset.reset"),
    ({"linger.ms": "many"}, "linger.ms"),
])
def test_property_that_cannot_be(properties, word, make_pipe):
    pipe = make_pipe(kafka={"properties": properties})
    for bridge in both(pipe):
        result = bridge.command("run", "--once", timeout=60)
        assert result.returncode in (USAGE, UNUSABLE), said_by(result)
        assert_explained(said_by(result), word)


def test_commands_of_each_role(running):
    """status, plan and destroy of one that publishes and one that applies."""
    publisher, applier = both(running)
    running.drain()
    said = json.loads(publisher.command("status", "--json").stdout)
    assert said["running"] is True and said["slot"]["exists"] is True
    said = json.loads(applier.command("status", "--json").stdout)
    assert said["running"] is True
    assert {t["source"] for t in said["caches"][0]["tables"]} >= {f"public.{t}" for t in running.tables}
    plan = json.loads(applier.command("plan", "--json").stdout)
    assert plan["sinks"][0]["name"] == "file"
    result = applier.command("destroy", "--caches", "--yes")
    assert result.returncode == UNUSABLE and "already-running" in result.stderr, said_by(result)
    running.write(5)
    running.drain()
    running.stop()
    for bridge in (publisher, applier):
        result = bridge.command("status", "--json")
        assert result.returncode == DONE and json.loads(result.stdout)["running"] is False, said_by(result)
    result = applier.command("destroy", "--caches", "--yes")
    assert result.returncode == DONE, said_by(result)
    cache = running.appliers[0].caches["file"]
    assert not cache.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    assert running.slot()["retained"] >= 0, "destroy of an applier took the slot"
    running.broker.delete_topic(running.topic)
    assert findings(publisher)["kafka-topic-new"]["severity"] == "warning", "the slot is there and its topic is not"
    result = publisher.command("destroy", "--yes")
    assert result.returncode == DONE, said_by(result)
    assert not running.execute(f"SELECT 1 FROM pg_replication_slots WHERE slot_name = '{running.name}'")
    assert not running.execute("SELECT 1 FROM pg_publication")


def test_commands_that_need_the_source_say_so(running):
    """resync goes by way of the publisher; what only Postgres knows is not asked of an applier in vain."""
    applier = running.appliers[0].bridge
    result = applier.command("resync", "public.names")
    assert result.returncode == DONE, said_by(result)
    running.settle()


def test_both_roles_in_one_process(make_pipe):
    from tests.support.walbridge import Walbridge
    pipe = make_pipe()
    reader = pipe.applier()
    reader.bridge = Walbridge(reader.bridge.directory, pipe.url, [{"name": "file", "url": "file:cache.db"}], name=pipe.name, settings=pipe.settings("both"))
    reader.bridge.start()
    pipe.wait(pipe.filled, "the cache to be filled")
    pipe.write(30)
    pipe.settle()
    assert pipe.broker.end(pipe.topic) > 0
    reader.bridge.kill9()
    pipe.write(10)
    reader.bridge.start()
    pipe.settle()
    pipe.stop()


def test_publisher_that_is_not_heard(make_pipe):
    """Whoever waits names the topic and what to do: status, /readyz, the log, and a command that is run for once."""
    pipe = make_pipe()
    pipe.broker.create_topic(pipe.topic)
    pipe.broker.create_topic(pipe.control_topic)
    applier = pipe.applier().bridge
    waited = f"topic {pipe.topic}: nobody has published into it yet"
    applier.start()
    applier.wait(lambda: waited in applier.get("/readyz")[1], 20, "/readyz to name the topic")
    assert "kafka.role: publish" in applier.get("/readyz")[1]
    said = applier.command("status").stdout
    assert waited in said and "slot and schema capture are the publisher's" in said and "schema changes" not in said, said
    assert f"topic {pipe.topic}: not read yet" in said, said
    assert applier.log().count(f"{waited} code=kafka-no-publisher") == 1, applier.log()
    result = pipe.publisher.command("status")
    assert result.returncode == DONE and waited in result.stdout, said_by(result)
    result = applier.command("plan", "--json", timeout=60)
    assert result.returncode == UNUSABLE and result.stdout == "", said_by(result)
    assert f"waiting, at most 30 s: {waited}" in result.stderr and "[kafka-no-publisher]" in result.stderr


def test_what_status_says_of_the_topic(running):
    """Of the running bridge its end of the topic; of one that is not running, what is in the topic. An old end is said by run."""
    publisher, applier = both(running)
    running.drain()
    assert f"topic {running.topic}: publishing, confirmed up to " in publisher.command("status").stdout
    said = applier.command("status").stdout
    assert f"topic {running.topic}: next offset " in said and "records behind" in said and "\nslot:" not in said, said
    assert applier.status()["slot"] is None and applier.status()["schema_capture"] is None
    running.stop()
    seen = [json.loads(bridge.command("status", "--json").stdout)["kafka"] for bridge in (publisher, applier)]
    assert seen[0] == seen[1] and seen[0]["topic"] == running.topic and seen[0]["end_offset"] > seen[0]["low_offset"] == 0, seen
    line = f"topic {running.topic}: offsets 0..{seen[0]['end_offset']}, published up to {seen[0]['published_lsn']}\n"
    for bridge in (publisher, applier):
        assert line in bridge.command("status").stdout
    assert "no publisher writes" not in said_by(applier.once())
    last = running.broker.records(running.topic)[-1]
    running.broker.produce(running.topic, (last.headers, last.value, 1))
    assert f"no publisher writes into the topic: a cache gets what is in it topic={running.topic}" in said_by(applier.once())
