"""What docker-compose.yml says, run by hand (by_hand.py): both profiles come up in the file's own order by its own health checks,
customers buy, the cache becomes what the source is, and Prometheus shows it."""

import json
import subprocess
import urllib.parse
import urllib.request

import pytest

from tests.support import kafka
from tests.support.cache import RemoteCache
from tests.support.hrana import HranaClient
from tests.support.paths import walbridge_binary
from tests.support.process import wait_for

from . import queries
from .by_hand import Stack
from .shop import TOTALS

pytestmark = pytest.mark.timeout(600)

SINKS = 'walbridge_lag_seconds{sink="main",stage="total"}'


class Running:
    def __init__(self, profile, walbridges, prometheus):
        self.stack, self.walbridges, self.prometheus = Stack(profile), walbridges, prometheus
        try:
            self.stack.up()
        except BaseException:
            self.close()
            raise
        self.cache = RemoteCache(HranaClient("127.0.0.1", self.stack["sqld"].port(8080), None, 30))

    def source(self, sql):
        """One row of the shop, as text."""
        result = subprocess.run(["psql", "-X", "-A", "-t", "-F", " ", "-h", "127.0.0.1", "-p", str(self.stack["postgres"].port(5432)), "-U", "postgres",
                                 "-d", "shop", "-c", sql], capture_output=True, text=True, check=True, timeout=60)
        return tuple(int(value) for value in result.stdout.split())

    def query(self, expression):
        url = f"http://127.0.0.1:{self.stack[self.prometheus].port(9090)}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
        with urllib.request.urlopen(url, timeout=20) as answer:
            return json.load(answer)["data"]["result"]

    def wait(self, condition, timeout, what):
        def checked():
            for name in (*self.walbridges, "sqld", "postgres"):
                assert self.stack[name].process.running(), f"{name} ended:\n{self.stack[name].process.log()}"
            return condition()
        try:
            return wait_for(checked, timeout, what, interval=0.3)
        except AssertionError as error:
            logs = "\n".join(f"{name}:\n{self.stack[name].process.log(3000)}" for name in self.walbridges)
            raise AssertionError(f"{error}\n{logs}") from None

    def wait_for_answers(self, expressions):
        """A rate is there at a target's second scrape, and every target has a second of its own within the pace."""
        missing = list(expressions)

        def all_answer():
            missing[:] = [expression for expression in missing if not self.query(expression)]
            return not missing
        try:
            self.wait(all_answer, 30, "answers")
        except AssertionError as error:
            raise AssertionError("no answer to\n" + "\n".join(missing)) from error

    def close(self):
        self.stack.down()


def run_and_compare(running):
    """Customers buy while the cache is filled and after; when they are gone, both sides are equal."""
    for name in running.walbridges:
        running.wait(running.stack[name].healthy, 120, f"{name} to be healthy")
    at_first = running.source("SELECT max(id) FROM orders")[0]
    running.wait(lambda: running.source("SELECT max(id) FROM orders")[0] > at_first + 100, 60, "a hundred orders")
    running.wait(lambda: running.query(f"{SINKS} < 60"), 60, "Prometheus to show the lag")
    running.wait(lambda: running.query('sum(rate(walbridge_rows_total{op="insert"}[20s])) > 1'), 60, "Prometheus to show the rows that come")
    running.stack["shoppers"].process.kill9()
    wanted = [running.source(f"{TOTALS}")]
    assert wanted[0][0] == 50000 and wanted[0][1] > 30100
    running.wait(lambda: running.cache.query(TOTALS) == wanted, 120, f"the cache to hold {wanted}")
    running.wait(lambda: running.query(f"{SINKS} == 0"), 60, "the lag of an idle shop to be 0")
    up = {series["metric"]["instance"]: series["value"][1] for series in running.query('up{job="walbridge"}')}
    assert up == {f"127.0.0.1:{running.stack[name].port(9630)}": "1" for name in running.walbridges}


def test_direct():
    running = Running(None, ["walbridge"], "prometheus")
    try:
        assert list(running.stack.services) == ["postgres", "shoppers", "sqld", "walbridge", "prometheus"]
        assert running.stack.left_out == {"grafana"}
        run_and_compare(running)
        running.wait_for_answers(query for _, _, query in queries.dashboard_queries()
                                 if not queries.is_of_kafka(query) and not queries.only_in_trouble(query))
        assert running.stack["walbridge"].process.stop(10) == 0
    finally:
        running.close()


def test_through_kafka():
    if not kafka.LIBS.exists():
        pytest.skip("no Kafka broker here; run ./dev setup")
    if subprocess.run([walbridge_binary(), "kafka", "--help"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this walbridge was built without Kafka")
    running = Running("kafka", ["publisher", "applier"], "prometheus-kafka")
    try:
        assert set(running.stack.services) == {"postgres", "shoppers", "sqld", "kafka", "publisher", "applier", "prometheus-kafka"}
        run_and_compare(running)
        running.wait_for_answers(query for _, _, query in queries.dashboard_queries() if queries.is_of_kafka(query))
        for name in running.walbridges:
            assert running.stack[name].process.stop(10) == 0, name
    finally:
        running.close()
