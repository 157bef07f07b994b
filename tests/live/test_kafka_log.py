"""The log over librdkafka on a real broker: killed, stopped and paused in mid-stream, its topic deleted, made anew, eaten by retention and
narrowed; wrong passwords, authorities and protocols. Needs `kafka-log-driver` (target of tests/live), which prints JSON lines."""

import json
import os
import pathlib
import subprocess
import threading

import pytest
import yaml

from tests.support.kafka import PASSWORD, SCRAM_PASSWORD, KafkaBroker
from tests.support.paths import REPOSITORY
from tests.support.process import wait_for

TOPIC = "shop.changes"
SECONDS = 120


def driver_path():
    path = pathlib.Path(os.environ.get("WALBRIDGE_KAFKA_LOG_DRIVER", REPOSITORY / "build/dev/tests/live/kafka-log-driver"))
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; build the target kafka-log-driver or set WALBRIDGE_KAFKA_LOG_DRIVER")
    return path


@pytest.fixture(scope="module")
def broker():
    broker = KafkaBroker(secure=True)
    try:
        yield broker.start()
    finally:
        broker.remove()


@pytest.fixture
def topic(broker):
    if not broker.running():
        broker.start()
    if TOPIC in broker.topics():
        broker.delete_topic(TOPIC)
    broker.create_topic(TOPIC)
    return TOPIC


class Driver:
    """A running driver; its lines come as they are printed."""

    def __init__(self, config, *words):
        self.lines, self.log = [], []
        self.process = subprocess.Popen([driver_path(), config, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.readers = [threading.Thread(target=self._read, args=pair, daemon=True)
                        for pair in ((self.process.stdout, self.lines), (self.process.stderr, self.log))]
        for reader in self.readers:
            reader.start()

    @staticmethod
    def _read(stream, lines):
        lines.extend(iter(stream.readline, ""))

    def said(self):
        return [json.loads(line) for line in list(self.lines)]

    def confirmed(self):
        return max([line.get("confirmed", 0) for line in self.said()] or [0])

    def errors(self):
        return [line["error"] for line in self.said() if "error" in line]

    def end(self, timeout=SECONDS):
        """The last line, once the driver has ended."""
        try:
            self.process.wait(timeout)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
        for reader in self.readers:
            reader.join()
        return self.said()[-1]


@pytest.fixture
def driver(broker, tmp_path):
    running = []

    def start(*words, **section):
        kafka = {"brokers": broker.brokers, "topic": TOPIC, "allow_single_replica": True, **section}
        config = tmp_path / f"{len(running)}.yaml"
        config.write_text(yaml.safe_dump({"source": {"url": "postgres://h/d"}, "sink": {"url": "file:none.db"}, "kafka": kafka}))
        running.append(Driver(config, *words))
        return running[-1]
    yield start
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def numbers(broker):
    return [int(record.headers["n"]) for record in broker.records(TOPIC)]


def restart_at_once(broker):
    broker.kill9()
    broker.start()


def stay_away(broker):
    broker.stop()
    threading.Event().wait(3)  # longer than a reader keeps silent
    broker.start()


def stand_still(broker):
    broker.pause()
    threading.Event().wait(3)
    broker.resume()


@pytest.mark.parametrize("fault", [restart_at_once, stay_away, stand_still])
def test_a_broker_fails_in_mid_stream(broker, topic, driver, fault):
    """Everything is confirmed, once, in order; a reader that follows meanwhile gets the same."""
    writer, reader = driver("publish", 20000, 300, 4000), driver("read", 0, 20000)
    wait_for(lambda: writer.confirmed() > 2000, SECONDS, "records to be confirmed")
    fault(broker)
    end = writer.end()
    assert "error" not in end, end
    assert end["end"]["confirmed"] == 20000 and end["end"]["rising"]
    assert numbers(broker) == list(range(20000))
    assert reader.end()["end"]["next"] == 20000
    assert {error["code"] for error in reader.errors()} <= {"kafka-unreachable"}
    if fault is stay_away:
        assert end["end"]["worst_unreachable_ms"] > 2000
        assert any(line.get("trouble", {}).get("code") == "kafka-unreachable" for line in writer.said())
        assert reader.errors()


def test_a_topic_made_anew_ends_the_writer(broker, topic, driver):
    writer = driver("publish", 10**9, 300, 3000)
    wait_for(lambda: writer.confirmed() > 1000, SECONDS, "records to be confirmed")
    broker.delete_topic(TOPIC)
    broker.create_topic(TOPIC)
    end = writer.end()
    assert end["error"]["code"] == "kafka-log-rewound" and end["end"]["rising"], end
    assert end["unconfirmed_bytes"] == 0


def test_a_deleted_topic_ends_the_writer(broker, topic, driver):
    writer = driver("publish", 10**9, 300, 3000)
    wait_for(lambda: writer.confirmed() > 1000, SECONDS, "records to be confirmed")
    broker.delete_topic(TOPIC)
    assert writer.end()["error"]["code"] == "kafka-topic-missing"


def test_nothing_is_stored_behind_a_refused_record(broker, topic, driver):
    writer = driver("publish", 10**9, 40000, 1000, compression="none")  # several requests in flight, one record or more in each
    wait_for(lambda: writer.confirmed() > 500, SECONDS, "records to be confirmed")
    broker.alter_topic(TOPIC, max_message_bytes=30000)
    end = writer.end()
    assert end["error"]["code"] == "kafka-record-refused", end
    assert "max.message.bytes=1048588" in end["error"]["remedy"]
    stored = numbers(broker)
    assert stored == list(range(len(stored))) and len(stored) >= end["end"]["confirmed"]


def test_two_writers_do_not_disturb_each_other(broker, topic, driver):
    writers = [driver("publish", 3000, 300, 2000) for _ in range(2)]
    for writer in writers:
        end = writer.end()
        assert end["end"]["confirmed"] == 3000 and end["end"]["rising"], end
    assert sorted(numbers(broker)) == sorted([*range(3000)] * 2)


def test_an_offset_that_is_gone_is_a_gap(broker, topic, driver):
    assert driver("publish", 1000, 100, 10**6).end()["end"]["confirmed"] == 1000
    broker.delete_records(TOPIC, 500)
    for start in (499, 1001):
        (error,) = (reader := driver("read", start, 1)).end() and reader.errors()
        assert (error["verdict"], error["code"]) == ("gap", "kafka-offset-gone")
    assert driver("read", 500, 500).end()["end"]["next"] == 1000
    assert driver("range").end() == {"low": 500, "next": 1000}


def test_a_reader_at_the_end_of_a_topic_made_anew_is_told(broker, topic, driver):
    driver("publish", 1000, 100, 10**6).end()
    reader = driver("read", 0, 10**9)
    wait_for(lambda: any(line.get("at_end") for line in reader.said()), SECONDS, "the reader to be at the end")
    broker.delete_topic(TOPIC)
    broker.create_topic(TOPIC)
    reader.end()
    assert reader.errors()[-1]["code"] == "kafka-offset-gone"


def secured(broker, **more):
    return {"brokers": broker.sasl_brokers,
            "properties": {"security.protocol": "sasl_ssl", "ssl.ca.location": str(broker.tls["ca"]), "sasl.mechanism": "PLAIN",
                           "sasl.username": "bob", "sasl.password": PASSWORD, **more}}


def test_a_login_over_tls_reads_and_writes(broker, topic, driver):
    assert driver("publish", 100, 100, 10**6, **secured(broker)).end()["end"]["confirmed"] == 100
    assert driver("read", 0, 100, **secured(broker)).end()["end"]["next"] == 100
    mutual = {"brokers": broker.mtls_brokers, "properties": {
        "security.protocol": "ssl", "ssl.ca.location": str(broker.tls["ca"]), "ssl.certificate.location": str(broker.tls["client-certificate"]),
        "ssl.key.location": str(broker.tls["client-key"])}}
    assert driver("range", **mutual).end() == {"low": 0, "next": 100}


@pytest.mark.parametrize("case", ["password", "authority", "no certificate", "plain to tls", "tls to plain", "no login", "scram"])
def test_who_is_not_let_in_is_told_why(broker, topic, driver, case):
    secret = "hunter2-is-not-it"
    tls = {"security.protocol": "ssl", "ssl.ca.location": str(broker.tls["ca"])}
    section, code = {
        "password": (secured(broker, **{"sasl.password": secret}), "kafka-authentication"),
        "authority": (secured(broker, **{"ssl.ca.location": str(broker.tls["other-ca"])}), "kafka-tls"),
        "no certificate": ({"brokers": broker.mtls_brokers, "properties": tls}, "kafka-tls"),
        "plain to tls": ({"brokers": broker.sasl_brokers}, "kafka-protocol"),
        "tls to plain": ({"properties": tls}, "kafka-protocol"),
        "no login": ({"brokers": broker.sasl_brokers, "properties": tls}, "kafka-protocol"),
        "scram": (secured(broker, **{"sasl.mechanism": "SCRAM-SHA-256", "sasl.username": "alice", "sasl.password": SCRAM_PASSWORD}), "kafka-scram"),
    }[case]
    seen = []
    for words in (["range"], ["ensure"], ["largest"]):
        one = driver(*words, **section)
        error = one.end()["error"]
        assert (error["verdict"], error["code"]) == ("operator", code), error
        assert error["remedy"]
        seen += one.lines + one.log
    one = driver("check", **section)
    (finding,) = one.end()["findings"]
    assert (finding["severity"], finding["code"]) == ("error", code) and finding["fix"]
    assert not any(word in line for line in seen + one.lines + one.log for word in (secret, PASSWORD, SCRAM_PASSWORD))


def findings(one):
    return {(finding["severity"], finding["code"]) for finding in one.end()["findings"]}


def test_topics_are_created_as_they_should_be(broker, driver):
    for name in (TOPIC, f"{TOPIC}.control"):
        if name in broker.topics():
            broker.delete_topic(name)
    one_broker = driver("ensure", allow_single_replica=False).end()["error"]
    assert one_broker["code"] == "kafka-replicas"
    refused = driver("ensure", create_topic=False).end()["error"]
    assert refused["code"] == "kafka-topic-missing" and f"--create --topic {TOPIC} --partitions 1" in refused["remedy"]
    assert driver("largest").end()["error"]["code"] == "kafka-topic-missing"
    assert findings(driver("check")) == {("ok", "kafka-topic-new")}
    assert TOPIC not in broker.topics()
    assert driver("ensure").end() == {"ensured": True}
    assert driver("ensure").end() == {"ensured": True}
    assert broker.topics()[TOPIC] == broker.topics()[f"{TOPIC}.control"] == 1
    assert broker.topic_settings(TOPIC, only_own=True) == {"cleanup.policy": "delete", "retention.ms": "604800000"}
    assert broker.topic_settings(f"{TOPIC}.control", only_own=True)["retention.ms"] == "86400000"
    assert findings(driver("check")) == {("ok", "kafka-topic")}
    assert 1_000_000 < driver("largest").end()["largest"] < 1_048_588


def test_a_topic_that_cannot_be_trusted_is_refused(broker, topic, driver):
    driver("ensure").end()
    broker.alter_topic(TOPIC, cleanup_policy="compact", retention_ms=1000, max_message_bytes=100000)
    assert findings(driver("check")) >= {("error", "kafka-cleanup-policy"), ("warning", "kafka-retention"), ("error", "kafka-max-message-bytes")}
    assert driver("ensure").end()["error"]["code"] in ("kafka-cleanup-policy", "kafka-max-message-bytes")
    broker.alter_topic(TOPIC, cleanup_policy="delete", retention_ms=-1, max_message_bytes=1048588)
    broker.add_partitions(TOPIC, 3)
    assert findings(driver("check")) >= {("error", "kafka-partitions")}
    assert driver("ensure").end()["error"]["code"] == "kafka-partitions"


def test_missing_rights_are_named(driver):
    broker = KafkaBroker(secure=True, settings={"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                                                "super.users": "User:ANONYMOUS"})
    try:
        broker.start()
        as_bob = secured(broker)
        create = driver("ensure", **as_bob).end()["error"]
        assert (create["verdict"], create["code"]) == ("operator", "kafka-authorisation"), create
        broker.create_topic(TOPIC)
        for words in (["range"], ["largest"], ["ensure"], ["publish", 10, 10, 1000]):
            error = driver(*words, **as_bob).end()["error"]
            assert (error["verdict"], error["code"]) == ("operator", "kafka-authorisation"), (words, error)
            assert "--allow-principal User:bob --operation Read" in error["remedy"] and f"--topic {TOPIC}" in error["remedy"]
        assert ("error", "kafka-authorisation") in findings(driver("check", **as_bob))
    finally:
        broker.remove()
