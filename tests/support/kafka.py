"""A private Kafka broker (KRaft, one node): own data directory, own ports of 127.0.0.1 that it keeps over restarts.

The broker is Java's, from what `./dev setup` installed; topics and records go through librdkafka, as walbridge's do."""

import contextlib
import pathlib
import random
import shutil
import signal
import socket
import struct
import subprocess
import tempfile

import confluent_kafka
from confluent_kafka import admin

from . import kafka_tls
from .paths import DEV_DIRECTORY
from .process import Process, TimedOut, wait_for

LIBS = DEV_DIRECTORY / "kafka/libs"
START_SECONDS = 90
STARTS = 5  # a port may be taken between our look and the broker's
PASSWORD, SCRAM_PASSWORD = "plain-pa55-of-bob", "scram-pa55-of-alice"

# As it comes, but for one node, for quick starts, and for being known as gone soon after a kill.
SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "200",
    "log.retention.check.interval.ms": "1000",
    "file.delete.delay.ms": "500",
}
PROTOCOLS = {"PLAINTEXT": "PLAINTEXT", "CONTROLLER": "PLAINTEXT", "SASL": "SASL_SSL", "MTLS": "SSL"}
SECURITY = {
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256",
    "listener.name.sasl.plain.sasl.jaas.config":
        f'org.apache.kafka.common.security.plain.PlainLoginModule required user_bob="{PASSWORD}";',
    "listener.name.sasl.scram-sha-256.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
    "ssl.keystore.type": "PEM",
    "ssl.truststore.type": "PEM",
    "listener.name.mtls.ssl.client.auth": "required",
}


def _port():
    """Below the range that the system gives to clients, so that nobody's connection takes it while the broker is down."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _java(*arguments):
    if not LIBS.exists():
        raise FileNotFoundError(f"the Kafka broker is missing ({LIBS.relative_to(DEV_DIRECTORY.parent)}); run ./dev setup")
    return ["java", "-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-cp", f"{LIBS}/*", *arguments]


class Record:
    def __init__(self, message):
        self.offset, self.value = message.offset(), message.value() or b""
        self.headers = {name: (value or b"").decode(errors="replace") for name, value in message.headers() or []}

    def __repr__(self):
        return f"{self.offset}: {self.headers}"


class KafkaBroker:
    """`secure`: also a SASL_SSL listener (PLAIN for bob, SCRAM-SHA-256 for alice) and one that asks for a client's certificate."""

    def __init__(self, secure=False, settings=None, directory=None):
        self.secure = secure
        self.settings = {**SETTINGS, **(SECURITY if secure else {}), **(settings or {})}
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="walbridge-kafka-", dir=directory))
        self.data = self.directory / "data"
        self.tls = kafka_tls.make(self.directory) if secure else None
        self.process, self._admin, self.ports = None, None, {}

    # ---- the server ----

    def _configure(self):
        names = ["PLAINTEXT", "CONTROLLER"] + (["SASL", "MTLS"] if self.secure else [])
        self.ports = {name: _port() for name in names}
        listeners = {name: f"{name}://127.0.0.1:{port}" for name, port in self.ports.items()}
        lines = {**self.settings, "listeners": ",".join(listeners.values()),
                 "advertised.listeners": ",".join(text for name, text in listeners.items() if name != "CONTROLLER"),
                 "listener.security.protocol.map": ",".join(f"{name}:{PROTOCOLS[name]}" for name in names),
                 "controller.quorum.voters": f"1@127.0.0.1:{self.ports['CONTROLLER']}", "log.dirs": self.data}
        if self.secure:
            lines |= {"ssl.keystore.location": self.tls["broker"], "ssl.truststore.location": self.tls["ca"]}
        self.config = self.directory / "server.properties"
        self.config.write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
        shutil.rmtree(self.data, ignore_errors=True)
        scram = ["--add-scram", f"SCRAM-SHA-256=[name=alice,password={SCRAM_PASSWORD}]"] if self.secure else []
        subprocess.run(_java("kafka.tools.StorageTool", "format", "-t", "d2FsYnJpZGdlLXRlc3RzMQ", "-c", self.config, *scram),
                       check=True, capture_output=True, cwd=self.directory, timeout=START_SECONDS)

    def start(self):
        for attempt in range(STARTS):
            first = not self.ports
            if first:
                self._configure()
            # SIGKILL if we die: nobody will need the data again.
            self.process = Process(_java("kafka.Kafka", self.config), self.directory / "log", cwd=self.directory, parent_death_signal="KILL")
            with contextlib.suppress(BrokerEnded):
                self.wait_ready()
                return self
            if "Address already in use" not in self.process.log(20000) or attempt == STARTS - 1:
                raise RuntimeError(f"the Kafka broker ended at start:\n{self.process.log()}")
            if first:
                self.ports = {}
        raise RuntimeError("not reached")

    def wait_ready(self):
        def ready():
            if not self.process.running():
                raise BrokerEnded
            with contextlib.suppress(confluent_kafka.KafkaException):
                return bool(self.admin().list_topics(timeout=1).brokers)
            return False
        try:
            wait_for(ready, START_SECONDS, "the Kafka broker to answer", interval=0.1)
        except TimedOut as error:
            raise TimedOut(f"{error}\n{self.process.log()}") from None

    def running(self):
        return self.process is not None and self.process.running()

    def stop(self):
        if self.running():
            self.process.stop(timeout=60)

    def kill9(self):
        self.process.kill9()

    def restart(self):
        self.stop()
        return self.start()

    def pause(self):
        """Neither dead nor answering, until resume()."""
        self.process.send(signal.SIGSTOP)

    def resume(self):
        self.process.send(signal.SIGCONT)

    def limit_files(self, size):
        """No file of the running broker grows beyond that: what a full disk does to it. None: any size again."""
        text = "unlimited" if size is None else str(size)
        subprocess.run(["prlimit", "--pid", str(self.process.pid), f"--fsize={text}:unlimited"], check=True, capture_output=True)

    def remove(self):
        """Stops, however it stands, and removes every file."""
        if self.running():
            self.process.kill9()
        self._admin = None
        shutil.rmtree(self.directory, ignore_errors=True)

    def copy_data(self):
        """A backup; the broker must be stopped."""
        assert not self.running()
        copy = pathlib.Path(tempfile.mkdtemp(prefix="copy-", dir=self.directory))
        shutil.copytree(self.data, copy, dirs_exist_ok=True)
        return copy

    def restore_data(self, copy):
        """As if everything since copy_data() had never been written; the broker must be stopped."""
        assert not self.running()
        shutil.rmtree(self.data)
        shutil.copytree(copy, self.data)

    # ---- how to reach it ----

    @property
    def brokers(self):
        return f"127.0.0.1:{self.ports['PLAINTEXT']}"

    @property
    def sasl_brokers(self):
        return f"127.0.0.1:{self.ports['SASL']}"

    @property
    def mtls_brokers(self):
        return f"127.0.0.1:{self.ports['MTLS']}"

    def admin(self):
        if self._admin is None:
            self._admin = admin.AdminClient({"bootstrap.servers": self.brokers, "log_level": 0, "reconnect.backoff.max.ms": 500})
        return self._admin

    # ---- topics ----

    @staticmethod
    def _done(futures):
        return [future.result(timeout=30) for future in futures.values()]

    def create_topic(self, name, partitions=1, **settings):
        config = {key.replace("_", "."): str(value) for key, value in settings.items()}
        self._done(self.admin().create_topics([admin.NewTopic(name, partitions, 1, config=config)], operation_timeout=20))
        wait_for(lambda: name in self.topics(), 30, f"topic {name} to be there")

    def delete_topic(self, name):
        self._done(self.admin().delete_topics([name], operation_timeout=20))
        wait_for(lambda: name not in self.topics(), 30, f"topic {name} to be gone")

    def topics(self):
        """{name: number of partitions}"""
        metadata = self.admin().list_topics(timeout=20)
        return {name: len(topic.partitions) for name, topic in metadata.topics.items() if topic.error is None}

    def topic_settings(self, name, only_own=False):
        """Settings as text; `only_own`: those that were given to this topic."""
        resource = admin.ConfigResource(admin.ConfigResource.Type.TOPIC, name)
        (entries,) = self._done(self.admin().describe_configs([resource]))
        own = admin.ConfigSource.DYNAMIC_TOPIC_CONFIG.value
        return {key: entry.value for key, entry in entries.items() if not only_own or entry.source == own}

    def alter_topic(self, name, **settings):
        changed = {key.replace("_", "."): str(value) for key, value in settings.items()}
        wanted = {**self.topic_settings(name, only_own=True), **changed}
        self._done(self.admin().alter_configs([admin.ConfigResource(admin.ConfigResource.Type.TOPIC, name, set_config=wanted)]))
        wait_for(lambda: changed.items() <= self.topic_settings(name).items(), 30, f"the settings of {name}")

    def add_partitions(self, name, total):
        self._done(self.admin().create_partitions([admin.NewPartitions(name, total)], operation_timeout=20))
        wait_for(lambda: self.topics()[name] == total, 30, f"{name} to have {total} partitions")

    def delete_records(self, name, before, partition=0):
        """What retention does to records below `before`. The client library of Debian cannot, the request is simple."""
        topic = name.encode()
        body = struct.pack(">i h", 1, len(topic)) + topic + struct.pack(">i i q i", 1, partition, before, 20000)
        request = struct.pack(">h h i h", 21, 1, 7, -1) + body  # DeleteRecords, version 1, without a client's name
        with socket.create_connection(("127.0.0.1", self.ports["PLAINTEXT"]), timeout=30) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            with connection.makefile("rb") as answer:
                (size,) = struct.unpack(">i", answer.read(4))
                low, error = struct.unpack(">q h", answer.read(size)[-10:])
        assert (low, error) == (before, 0), f"DeleteRecords of {name} before {before}: error {error}, now from {low}"

    # ---- records ----

    def consumer(self, **settings):
        return contextlib.closing(confluent_kafka.Consumer({
            "bootstrap.servers": self.brokers, "group.id": "tests", "enable.auto.commit": False, "enable.partition.eof": True,
            "auto.offset.reset": "error", "log_level": 0, "fetch.message.max.bytes": 100_000_000, **settings}))

    def offsets(self, name, partition=0):
        """(first, next)"""
        def asked():  # a partition that has just been made has no leader yet
            with contextlib.suppress(confluent_kafka.KafkaException), self.consumer() as consumer:
                return consumer.get_watermark_offsets(confluent_kafka.TopicPartition(name, partition), timeout=20)
            return None
        return wait_for(asked, 30, f"the offsets of {name}", interval=0.1)

    def end(self, name):
        return self.offsets(name)[1]

    def records(self, name, start=None, until=None):
        """Every Record from `start` (default: the first) up to the end there is now, or before `until`."""
        low, end = self.offsets(name)
        end = end if until is None else min(end, until)
        at, found = low if start is None else max(start, low), []
        if at >= end:
            return found
        with self.consumer() as consumer:
            consumer.assign([confluent_kafka.TopicPartition(name, 0, at)])
            while True:
                message = consumer.poll(20)
                assert message is not None, f"{name}: nothing more at offset {found[-1].offset if found else at} of {end}"
                if message.error() and message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                    return found
                assert not message.error(), message.error()
                if message.offset() >= end:
                    return found
                found.append(Record(message))
                if message.offset() == end - 1:
                    return found

    def produce(self, name, *records, **settings):
        """Writes records, (headers, value) or (headers, value, milliseconds since 1970), as anybody could; returns their offsets."""
        refused, offsets = [], []

        def delivered(error, message):
            if error:
                refused.append(error)
            else:
                offsets.append(message.offset())
        producer = confluent_kafka.Producer({"bootstrap.servers": self.brokers, "log_level": 0, "message.max.bytes": 100_000_000, **settings})
        for headers, value, *written in records:
            producer.produce(name, value, headers=list(headers.items()) if isinstance(headers, dict) else headers, partition=0, on_delivery=delivered,
                             timestamp=written[0] if written else 0)
        left = producer.flush(30)
        assert not refused and not left, f"{name}: {refused}, {left} not sent"
        return sorted(offsets)


class BrokerEnded(Exception):
    pass


def environment_of(broker):
    """What programs that are handed a broker by with_servers.py read."""
    found = {"WALBRIDGE_TEST_KAFKA_BROKERS": broker.brokers}
    if broker.secure:
        found |= {"WALBRIDGE_TEST_KAFKA_SASL_BROKERS": broker.sasl_brokers, "WALBRIDGE_TEST_KAFKA_CA": str(broker.tls["ca"]),
                  "WALBRIDGE_TEST_KAFKA_USER": "bob", "WALBRIDGE_TEST_KAFKA_PASSWORD": PASSWORD}
    return found


def kafka_section(broker, topic, role, **more):
    """Of a configuration. One broker: a single replica is all there can be."""
    return {"brokers": broker.brokers, "topic": topic, "role": role, "allow_single_replica": True, **more}
