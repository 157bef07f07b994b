"""The Kafka harness: what it breaks must break, and what it restores must be there again."""

import confluent_kafka
import pytest

from .kafka import KafkaBroker
from .process import wait_for

MIB = 1 << 20


@pytest.fixture(scope="module")
def broker():
    broker = KafkaBroker().start()
    yield broker
    broker.remove()


def values(broker, topic):
    return [record.value for record in broker.records(topic)]


def numbered(first, last):
    return [({"k": "x"}, b"%d" % i) for i in range(first, last)]


def test_kill9_keeps_what_was_acknowledged_and_the_port(broker):
    broker.create_topic("killed")
    broker.produce("killed", *numbered(0, 100))
    address = broker.brokers
    broker.kill9()
    assert not broker.running()
    broker.start()
    assert broker.brokers == address
    assert values(broker, "killed") == [b"%d" % i for i in range(100)]


def test_restored_log_is_the_old_one(broker):
    broker.create_topic("restored")
    broker.produce("restored", *numbered(0, 10))
    broker.stop()
    copy = broker.copy_data()
    broker.start()
    broker.produce("restored", *numbered(10, 20))
    assert broker.end("restored") == 20
    broker.kill9()
    broker.restore_data(copy)
    broker.start()
    assert broker.offsets("restored") == (0, 10)
    assert broker.produce("restored", *numbered(50, 51)) == [10]


def test_deleted_records_are_gone(broker):
    broker.create_topic("retained")
    broker.produce("retained", *numbered(0, 10))
    broker.delete_records("retained", 4)
    assert broker.offsets("retained") == (4, 10)
    assert values(broker, "retained") == [b"%d" % i for i in range(4, 10)]


def test_topic_settings_and_partitions(broker):
    broker.create_topic("altered", max_message_bytes=2_000_000)
    broker.alter_topic("altered", cleanup_policy="compact")
    own = broker.topic_settings("altered", only_own=True)
    assert own == {"max.message.bytes": "2000000", "cleanup.policy": "compact"}
    broker.add_partitions("altered", 3)
    with pytest.raises((AssertionError, confluent_kafka.KafkaException)):
        broker.produce("altered", ({}, b"without a key"), **{"message.timeout.ms": 3000})
    broker.delete_topic("altered")
    broker.create_topic("altered")
    assert broker.topics()["altered"] == 1 and broker.end("altered") == 0


def test_full_disk_ends_the_broker_and_not_what_it_had(broker):
    broker.create_topic("full", max_message_bytes=20 * MIB)
    broker.produce("full", *numbered(0, 10))
    broker.limit_files(12 * MIB)
    for _ in range(20):
        try:
            broker.produce("full", ({}, b"x" * MIB), **{"message.timeout.ms": 3000})
        except AssertionError:
            break
    wait_for(lambda: not broker.running(), 60, "the broker to give up its only disk")
    broker.start()
    assert values(broker, "full")[:10] == [b"%d" % i for i in range(10)]
    broker.produce("full", *numbered(10, 11))
