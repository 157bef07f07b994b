"""Two walbridges on either side of a topic, as measured processes: one publishes, the other applies to a file of its own."""

import contextlib
import pathlib
import shutil
import signal
import sqlite3
import time

import confluent_kafka

from tests.support.cache import FileCache
from tests.support.kafka import kafka_section
from tests.support.postgres import lsn_value
from tests.support.process import wait_for
from tests.support.walbridge import Walbridge

from .bridge import FILE_POLL, Cached, FilePosition, binary
from .measure import Child, Cost, ServerCpu, thread_cpu

TOPIC_POLL = 0.02   # a request to the broker
FILL_SECONDS = 900


class TopicEnd:
    """Up to which source position the topic is complete: the header `l` of its last record."""

    def __init__(self, broker, topic):
        self.consumer = confluent_kafka.Consumer({"bootstrap.servers": broker.brokers, "group.id": "bench", "enable.auto.commit": False,
                                                  "log_level": 0, "fetch.wait.max.ms": 10})
        self.topic = topic
        self.end, self.value = -1, 0

    def read(self):
        end = self.consumer.get_watermark_offsets(confluent_kafka.TopicPartition(self.topic, 0), timeout=20)[1]
        if end > self.end:
            self.consumer.assign([confluent_kafka.TopicPartition(self.topic, 0, end - 1)])
            message = self.consumer.poll(5)
            if message is not None and not message.error():
                self.value = max(self.value, lsn_value(dict(message.headers())["l"].decode()))
                self.end = end
        return self.value

    def close(self):
        self.consumer.close()


class Children:
    """Several processes that are one tool: CPU added up, the largest peak of memory."""

    def __init__(self, children):
        self.children = children

    def running(self):
        return all(child.running() for child in self.children)

    def cost_so_far(self):
        return self._together([child.cost_so_far() for child in self.children])

    def stop(self, number):
        return self._together([child.stop(number) for child in reversed(self.children)])

    def close(self):
        for child in self.children:
            child.close()

    @staticmethod
    def _together(costs):
        return Cost(max(c.seconds for c in costs), sum(c.cpu for c in costs), 0, max(c.peak_rss for c in costs))


class Pair(Cached):
    """`cache` and what reads it are as Bridge's, so that the same observer can watch either."""

    def __init__(self, source, broker, directory, name, tables):
        self.source, self.broker, self.name = source, broker, name
        self.topic = f"{name}.changes"
        self.directory = pathlib.Path(directory) / name
        self.cache = self.directory / "cache.db"

        def bridge(role, url, sinks):
            settings = {"tables": {"include": [f"public.{t}" for t in tables]}, "kafka": kafka_section(broker, self.topic, role)}
            return Walbridge(self.directory / role, url, sinks, name=name, binary=binary(), settings=settings)
        self.publisher = bridge("publish", source.database_url, None)
        self.applier = bridge("apply", None, {"url": f"file:{self.cache}"})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def remove(self):
        for topic in {self.topic, f"{self.topic}.control"} & set(self.broker.topics()):
            self.broker.delete_topic(topic)
        shutil.rmtree(self.directory)

    @staticmethod
    def _start(bridge):
        with open(bridge.log_path, "ab") as log:
            return Child([bridge.binary, "-c", bridge.config_path, "run"], stdout=log, stderr=log, cwd=bridge.directory)

    def publishing(self):
        return contextlib.closing(self._start(self.publisher))

    def applying(self):
        return contextlib.closing(self._start(self.applier))

    def running(self):
        return contextlib.closing(Children([self._start(self.publisher), self._start(self.applier)]))

    def _wait(self, condition, child, timeout, what):
        def checked():
            if not child.running():
                raise RuntimeError("a walbridge ended while waiting for " + what)
            return condition()
        try:
            wait_for(checked, timeout, what)
        except (AssertionError, RuntimeError) as error:
            raise RuntimeError(f"{error}\npublisher:\n{self.publisher.log()}\napplier:\n{self.applier.log()}") from None

    def wait_streaming(self, child):
        sql = f"SELECT 1 FROM pg_replication_slots WHERE slot_name = '{self.name}' AND active"
        self._wait(lambda: bool(self.source.sql(sql)), child, 60, "the slot to be streamed from")
        if isinstance(child, Children):
            self._wait(self.applier.ready, child, 60, "the applier to be ready")

    def wait_confirmed(self, child, position):
        sql = f"SELECT confirmed_flush_lsn - '0/0' > {position} FROM pg_replication_slots WHERE slot_name = '{self.name}'"
        self._wait(lambda: self.source.sql(sql)[0][0], child, 60, "the slot to be confirmed")

    def filled(self):
        cache = FileCache(self.cache)
        with contextlib.suppress(sqlite3.OperationalError):
            return cache.checkpoint(self.name) is not None and not cache.unsettled(self.name) and bool(cache.table_states(self.name))
        return False

    def fill(self):
        """Slot, topic, and the cache with every row there is now; nobody runs afterwards."""
        with self.running() as children:
            self._wait(self.filled, children, FILL_SECONDS, "the cache to be filled")
            children.stop(signal.SIGTERM)

    def _until(self, position, pause, child, before, timeout=900):
        deadline = time.monotonic() + timeout
        while position.read() <= before:
            if not child.running() or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} did not catch up in {time.monotonic() - child.started:.0f} s\n"
                                   f"publisher:\n{self.publisher.log()}\napplier:\n{self.applier.log()}")
            time.sleep(pause)

    @staticmethod
    def _publishing_cost(child):
        cost = child.cost_so_far()
        cost.publishing = thread_cpu(child.pid, "publisher", "rdk:")
        return cost

    def start_cost(self):
        """Of a publisher that finds nothing to publish, from its start until it waits: no row pays for that."""
        with self.publishing() as child:
            self._wait(self.publisher.ready, child, 60, "the publisher to be ready")
            cost = self._publishing_cost(child)
            child.stop(signal.SIGTERM)
        return cost

    def publish(self, backlog):
        """The cost from process start until the whole backlog is in the topic; stopped afterwards, which is not counted."""
        server = ServerCpu(self.source.process.pid, self.broker.process.pid)
        with self.publishing() as child, contextlib.closing(TopicEnd(self.broker, self.topic)) as position:
            self._until(position, TOPIC_POLL, child, backlog.before)
            cost = self._publishing_cost(child)
            cost.server_cpu = server.used()
            child.stop(signal.SIGTERM)
        return cost

    def apply(self, backlog):
        """The same until the cache holds what is in the topic."""
        server = ServerCpu(self.broker.process.pid)
        with self.applying() as child, contextlib.closing(FilePosition(self.cache, self.name)) as position:
            self._until(position, FILE_POLL, child, backlog.before)
            cost = child.cost_so_far()
            cost.server_cpu = server.used()
            child.stop(signal.SIGTERM)
        return cost
