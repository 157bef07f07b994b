"""As test_monitoring.py, with Kafka between: a publisher, a broker, an applier; and what only happens there."""

import contextlib
import subprocess

import pytest

from tests.support import kafka
from tests.support.cache import RemoteCache
from tests.support.paths import walbridge_binary
from tests.support.postgres import Postgres
from tests.support.process import wait_for
from tests.support.sqld import Sqld
from tests.support.walbridge import Walbridge

from . import queries
from .prometheus import Prometheus
from .shop import TOTALS, Shop

pytestmark = pytest.mark.timeout(600)

OF_THIS_FILE = {name for name, rule in queries.rules().items() if queries.is_of_kafka(rule["expr"])} | {"WalbridgeStreamSilent"}


class Stage:
    def __init__(self, directory):
        self.open = contextlib.ExitStack()
        self.postgres = Postgres(15).start()
        self.open.callback(self.postgres.remove)
        self.sqld = Sqld().start()
        self.open.callback(self.sqld.remove)
        self.broker = kafka.KafkaBroker().start()
        self.open.callback(self.broker.remove)
        self.shop = Shop(self.postgres, "shop", directory)
        self.open.callback(self.shop.close)
        self.publisher = self._bridge(directory / "publisher", "publish", source_url=self.shop.url)
        self.applier = self._bridge(directory / "applier", "apply", sink={"name": "edge", "url": self.sqld.url})
        self.cache = RemoteCache(self.sqld.client())
        self.shop.open()
        for bridge in (self.publisher, self.applier):  # the publisher makes the topic
            bridge.start()
            bridge.wait(bridge.ready, 120, f"{bridge.directory.name} to be ready")
        self.targets = [f"127.0.0.1:{bridge.admin_port}" for bridge in (self.publisher, self.applier)]
        self.prometheus = Prometheus(self.targets, alert_after="2s").start()
        self.open.callback(self.prometheus.remove)

    def _bridge(self, directory, role, source_url=None, sink=None):
        section = kafka.kafka_section(self.broker, "shop.changes", role)
        bridge = Walbridge(directory, source_url, sink, name="shop", settings={"tables": {"include": ["public.*"]}, "kafka": section})
        self.open.callback(bridge.close)
        return bridge

    def all_well(self, timeout=120):
        self.prometheus.wait_silent(queries.rules().keys(), timeout)


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    if not kafka.LIBS.exists():
        pytest.skip("no Kafka broker here; run ./dev setup")
    if subprocess.run([walbridge_binary(), "kafka", "--help"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this walbridge was built without Kafka")
    stage = None
    try:
        stage = Stage(tmp_path_factory.mktemp("monitoring"))
        yield stage
    finally:
        if stage is not None:
            stage.open.close()


def test_every_query_about_kafka_has_data(stage):
    wanted = [query for _, _, query in queries.dashboard_queries() if queries.is_of_kafka(query)]
    assert len(wanted) > 7
    stage.prometheus.wait_data(wanted)


def test_the_lag_has_its_stages(stage):
    stages = stage.prometheus.label_values('walbridge_lag_seconds{sink="edge"}', "stage")
    assert stages == ["apply", "kafka", "source", "total"]


def test_every_alert_is_silent(stage):
    wait_for(lambda: all(rule["health"] == "ok" for rule in stage.prometheus.rules().values()), 30, "every rule to be evaluated")
    stage.all_well()
    compared = {metric for name in OF_THIS_FILE for metric in queries.metrics_of(queries.rules()[name]["expr"])}
    stage.prometheus.wait_data(compared)


def test_a_publisher_that_is_gone(stage):
    """Its own end is missed, and its applier says that the topic has no pulse."""
    stage.publisher.kill9()
    stage.prometheus.wait_firing("WalbridgeDown", 30, instance=stage.targets[0])
    stage.prometheus.wait_firing("WalbridgeStreamSilent", 120, instance=stage.targets[1])
    stage.publisher.start()
    stage.all_well()


def test_a_broker_that_is_gone(stage):
    stage.broker.kill9()
    stage.prometheus.wait_firing("WalbridgeKafkaDown", 60, instance=stage.targets[0])
    stage.prometheus.wait_firing("WalbridgePublisherUnconfirmed", 90, instance=stage.targets[0])
    stage.broker.start()
    stage.all_well()


def test_an_applier_that_is_behind(stage):
    stage.sqld.stop()
    stage.prometheus.wait_firing("WalbridgeApplierBehind", 120, instance=stage.targets[1], sink="edge")
    stage.sqld.start()
    stage.all_well()


def test_after_all_that_the_cache_is_the_source(stage):
    stage.shop.close()
    wanted = stage.shop.totals()
    stage.applier.wait(lambda: stage.cache.query(TOTALS) == wanted, 60, "the cache to hold what the source does")


def test_every_alert_about_kafka_was_seen_to_fire(stage):
    seen = {labels["alertname"] for labels, _ in stage.prometheus.query('last_over_time(ALERTS{alertstate="firing"}[1h])')}
    assert OF_THIS_FILE <= seen, OF_THIS_FILE - seen
