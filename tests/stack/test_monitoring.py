"""Debian's Prometheus on a running bridge: every query of the dashboard and of the alerts has data, and each alert fires when
what it watches for is really done to the bridge, and is silent before and after."""

import contextlib
import os
import signal

import pytest

from tests.support.cache import FileCache, RemoteCache
from tests.support.postgres import Postgres
from tests.support.process import wait_for
from tests.support.sqld import Sqld
from tests.support.walbridge import Walbridge

from . import queries
from .prometheus import Prometheus
from .shop import TOTALS, Shop

pytestmark = pytest.mark.timeout(600)

# There is a limit to lose the slot by, and checkpoints come when a test says so.
SETTINGS = {"max_slot_wal_keep_size": "3GB", "max_wal_size": "20GB", "checkpoint_timeout": "1h", "min_wal_size": "1GB"}

KAFKA_ALERTS = {name for name, rule in queries.rules().items() if queries.is_of_kafka(rule["expr"])}
# What walbridge cannot be brought to do: this version sets no row aside. promtool has a case for it.
NEVER = {"WalbridgeQuarantinedRows"}
# An open stream without a pulse is a topic without a publisher (test_monitoring_kafka.py); Postgres' own is hung up on.
OF_TOPICS = {"WalbridgeStreamSilent"}


class Stage:
    def __init__(self, directory):
        self.open = contextlib.ExitStack()
        self.postgres = Postgres(15, settings=SETTINGS).start()
        self.open.callback(self.postgres.remove)
        self.sqld = Sqld(namespaces=True).start()
        self.open.callback(self.sqld.remove)
        self.shop = Shop(self.postgres, "shop", directory)
        self.open.callback(self.shop.close)
        sinks = [{"name": "file", "url": "file:cache.db"}, {"name": "remote", "url": self.sqld.create_namespace("shop")}]
        self.walbridge = self.bridge(directory / "bridge", self.shop.url, sinks, "shop")
        self.caches = [FileCache(directory / "bridge/cache.db"), RemoteCache(self.sqld.client(namespace="shop"))]
        self.shop.open()
        self.walbridge.start()
        self.walbridge.wait(self.walbridge.ready, 120, "the bridge to be ready")
        self.targets = [f"127.0.0.1:{self.walbridge.admin_port}"]
        self.prometheus = Prometheus(self.targets, alert_after="2s").start()
        self.open.callback(self.prometheus.remove)

    def bridge(self, directory, url, sinks, name):
        walbridge = Walbridge(directory, url, sinks, name=name, settings={"tables": {"include": ["public.*"]}})
        self.open.callback(walbridge.close)
        return walbridge

    def write_log(self, files, database="shop"):
        """So many files of log, each all but empty."""
        for _ in range(files):
            self.postgres.execute("UPDATE products SET title = title WHERE sku = 'SKU-00001'", database)
            self.postgres.execute("SELECT pg_switch_wal()", database)

    def all_well(self, timeout=90):
        self.prometheus.wait_silent(queries.rules().keys(), timeout)


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    stage = None
    try:
        stage = Stage(tmp_path_factory.mktemp("monitoring"))
        yield stage
    finally:
        if stage is not None:
            stage.open.close()


def test_every_query_of_the_dashboard_has_data(stage):
    wanted = [query for _, _, query in queries.dashboard_queries() if not queries.is_of_kafka(query) and not queries.only_in_trouble(query)]
    assert len(wanted) > 30
    stage.prometheus.wait_data(wanted)


def test_every_query_is_understood(stage):
    for _, _, query in queries.dashboard_queries():
        stage.prometheus.query(query)


def test_the_lists_of_the_dashboard(stage):
    lists = {name: stage.prometheus.label_values(series, label) for name, (series, label) in queries.variable_queries().items()}
    assert lists == {"instance": stage.targets, "sink": ["file", "remote"]}


def test_every_alert_is_evaluated_and_silent(stage):
    rules = stage.prometheus.rules()
    assert rules.keys() == queries.rules().keys()
    wait_for(lambda: all(rule["health"] == "ok" for rule in stage.prometheus.rules().values()), 30, "every rule to be evaluated")
    stage.all_well()
    # Silent because it looked at something: what each one compares is there.
    looked_at = {metric for name, rule in queries.rules().items() if name not in KAFKA_ALERTS for metric in queries.metrics_of(rule["expr"])}
    stage.prometheus.wait_data(looked_at | {'up{job="walbridge"}'})


def test_prometheus_and_the_bridge_agree(stage):
    metric = 'walbridge_transactions_total{sink="remote"}'
    stage.prometheus.wait_data([f"{metric} > 0"])
    assert stage.prometheus.query(metric)[0][1] <= stage.walbridge.metric("walbridge_transactions_total", sink="remote")


def test_a_cache_that_is_away(stage):
    """Its own alerts, and what it does to the source: log that is kept, and a slot that will be lost. The other cache is fine."""
    prometheus = stage.prometheus
    stage.sqld.stop()
    stage.write_log(150)  # 2.3 of 3 GiB
    prometheus.wait_firing("WalbridgeSinkDown", 60, sink="remote", severity="critical")
    prometheus.wait_firing("WalbridgeSlotRetention", 60)
    prometheus.wait_firing("WalbridgeSlotLossAhead", 60)
    (late,) = prometheus.wait_firing("WalbridgeLagHigh", 120)
    assert late["labels"]["sink"] == "remote" and "cache remote is 1m" in late["annotations"]["summary"]
    troubled = [query for _, _, query in queries.dashboard_queries() if queries.only_in_trouble(query)]
    assert len(troubled) == 2
    prometheus.wait_data(troubled)
    assert not [a for a in prometheus.firing("WalbridgeSinkDown") if a["labels"]["sink"] == "file"]
    stage.sqld.start()
    stage.all_well()


def test_a_table_that_stops(stage):
    stage.postgres.execute("ALTER TABLE order_lines DROP CONSTRAINT order_lines_pkey", "shop")
    for sink in ("file", "remote"):
        stage.prometheus.wait_firing("WalbridgeTableStopped", 60, sink=sink, table="public.order_lines")
    stage.postgres.execute("ALTER TABLE order_lines ADD PRIMARY KEY (order_id, line)", "shop")
    stage.all_well()


def test_a_server_that_is_mute(stage):
    """Its end of the connection hangs; the bridge hangs up and finds the slot in use."""
    ((sender,),) = stage.postgres.execute("SELECT active_pid FROM pg_replication_slots WHERE slot_name = 'shop'")
    os.kill(sender, signal.SIGSTOP)
    try:
        stage.prometheus.wait_firing("WalbridgeStreamDown", 120)
    finally:
        os.kill(sender, signal.SIGCONT)
    stage.all_well()


def test_a_source_that_is_gone(stage):
    stage.postgres.stop()
    stage.prometheus.wait_firing("WalbridgeStreamDown", 60)
    stage.postgres.start()
    stage.shop.close()
    stage.shop.open()
    stage.all_well()


def test_nothing_to_scrape(stage):
    stage.prometheus.set_targets([])
    stage.prometheus.wait_firing("WalbridgeAbsent", 60)
    stage.prometheus.set_targets(stage.targets)
    stage.all_well()


def test_after_all_that_the_caches_are_the_source(stage):
    stage.shop.close()
    wanted = stage.shop.totals()
    for cache in stage.caches:
        stage.walbridge.wait(lambda cache=cache: cache.query(TOTALS) == wanted, 60, "the cache to hold what the source does")


def test_a_slot_that_is_lost(stage):
    """Said beforehand, said when it has happened; and the bridge that finds out ends with 4 and is missed."""
    prometheus = stage.prometheus
    url = stage.postgres.create_database("lonely")
    stage.postgres.execute("CREATE TABLE products AS SELECT 'SKU-00001' AS sku, 'one' AS title; ALTER TABLE products ADD PRIMARY KEY (sku)", "lonely")
    lonely = stage.bridge(stage.walbridge.directory.parent / "lonely", url, {"name": "far", "url": stage.sqld.create_namespace("lonely")}, "lonely")
    lonely.start()
    lonely.wait(lonely.ready, 60, "the second bridge to be ready")
    instance = f"127.0.0.1:{lonely.admin_port}"
    prometheus.set_targets([*stage.targets, instance])
    prometheus.wait_data([f'walbridge_slot_safe_bytes{{instance="{instance}"}}'])

    stage.sqld.stop()
    stage.postgres.execute("ALTER SYSTEM SET max_slot_wal_keep_size = '64MB'")
    stage.postgres.execute("SELECT pg_reload_conf()")
    stage.write_log(8, "lonely")
    stage.write_log(8)
    for each in (instance, *stage.targets):
        prometheus.wait_firing("WalbridgeSlotUnreserved", 60, instance=each)
    stage.postgres.execute("CHECKPOINT")
    # Its only cache is away, so that it asks for nothing; it still tells.
    prometheus.wait_firing("WalbridgeSlotLost", 60, instance=instance, status="lost")
    # This one has a cache to feed, and cannot.
    stage.walbridge.process.wait(60)
    assert stage.walbridge.process.child.returncode == 4, stage.walbridge.log()
    prometheus.wait_firing("WalbridgeDown", 60, instance=stage.targets[0])


def test_every_alert_was_seen_to_fire(stage):
    """Of the whole file; a rule without a test above shows here."""
    seen = {labels["alertname"] for labels, _ in stage.prometheus.query('last_over_time(ALERTS{alertstate="firing"}[1h])')}
    assert seen == queries.rules().keys() - KAFKA_ALERTS - OF_TOPICS - NEVER
