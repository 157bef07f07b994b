"""Starts each server once and plays all selected scenarios in a few threads; each test waits for its own."""

import concurrent.futures
import os
import pathlib
import shutil
import tempfile

import pytest

from tests.support.kafka import KafkaBroker
from tests.support.postgres import VERSIONS, Postgres
from tests.support.sqld import Sqld
from tests.support.with_servers import versions

from .ddl_cases import load_cases
from .kafka_performance import KafkaPerformance
from .performance import Performance
from .scenario import load_all

HERE = pathlib.Path(__file__).resolve().parent


def pytest_addoption(parser):
    parser.addoption("--pg", default="15,17", help="Postgres versions of the scenarios, or all")
    parser.addoption("--kafka", choices=["newest", "all", "none"], default="newest",
                     help="Postgres versions whose scenarios are also played through Kafka: the newest chosen one, all chosen ones, none")
    parser.addoption("--ddl-seed", type=int, default=None, help="seed of the concurrent schema changes; a failure prints the one it used")
    parser.addoption("--keep", action="store_true", help="keep configuration, log and cache of every scenario, and say where")


def pytest_generate_tests(metafunc):
    if "scenario" in metafunc.fixturenames:
        chosen = versions(metafunc.config.getoption("--pg"))
        newest = newest_of(chosen)
        cases = [(s, v) for s in load_all(HERE) for v in chosen if s.versions(v)]
        cases += [(s, v) for s in load_cases() for v in newest if s.versions(v)]
        metafunc.parametrize("scenario, version", cases, ids=[f"{s.name}-pg{v}" for s, v in cases])


def newest_of(chosen):
    """Where the cases of the corpus, and the capture without triggers, are played: on the newest of the chosen versions; on
    every one when all are asked for."""
    return chosen if chosen == list(VERSIONS) else chosen[-1:]


class Theatre:
    """The servers, and the performances that run on them."""

    def __init__(self, cases, watching, through_kafka, keep):
        self.keep = keep
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="walbridge-scenarios-"))
        self.sqld = Sqld(namespaces=True, arguments=["--max-concurrent-connections", "4096", "--max-concurrent-requests", "1024"]).start()
        self.postgres = {version: Postgres(version).start() for version in VERSIONS if any(v == version for _, v in cases)}
        self.kafka = KafkaBroker().start() if through_kafka else None
        self.pool = concurrent.futures.ThreadPoolExecutor(max_workers=3 * (os.cpu_count() or 1))
        self.futures = {(scenario.name, version): [(take, self.pool.submit(self._play, scenario, version, take))
                                                   for take in scenario.takes(version in watching, version in through_kafka)]
                        for scenario, version in cases}

    def _play(self, scenario, version, take):
        if take.startswith("kafka"):
            return KafkaPerformance(scenario, self.postgres[version], self.sqld, self.kafka, take, self.directory).play()
        return Performance(scenario, self.postgres[version], self.sqld, take, self.directory).play()

    def outcomes(self, scenario, version):
        return {take: future.result(timeout=280) for take, future in self.futures[(scenario.name, version)]}

    def close(self):
        self.pool.shutdown(wait=True, cancel_futures=True)
        for server in filter(None, [*self.postgres.values(), self.sqld, self.kafka]):
            server.remove()
        if self.keep:
            print(f"\nkept: {self.directory}")
        else:
            shutil.rmtree(self.directory, ignore_errors=True)


@pytest.fixture(scope="session")
def theatre(request):
    cases = [(item.callspec.params["scenario"], item.callspec.params["version"]) for item in request.session.items
             if "theatre" in getattr(item, "fixturenames", ()) and hasattr(item, "callspec")]
    chosen = versions(request.config.getoption("--pg"))
    through_kafka = {"newest": chosen[-1:], "all": chosen, "none": []}[request.config.getoption("--kafka")]
    theatre = Theatre(cases, newest_of(chosen), through_kafka, request.config.getoption("--keep"))
    yield theatre
    theatre.close()
