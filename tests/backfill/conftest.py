"""Options and servers of the backfill tests."""

import random

import pytest

from tests.support.postgres import Postgres
from tests.support.sqld import Sqld


def pytest_addoption(parser):
    parser.addoption("--backfill-runs", type=int, default=3, help="copies of every table in the stress test of the backfill")
    parser.addoption("--backfill-pg", type=int, default=17, help="its Postgres version")
    parser.addoption("--backfill-seed", type=int, default=None, help="its seed; a failure prints the one it used")


@pytest.fixture(scope="session")
def seed(request):
    chosen = request.config.getoption("--backfill-seed", None)
    return chosen if chosen is not None else random.SystemRandom().randrange(1, 1_000_000)


@pytest.fixture(scope="module")
def servers(request):
    servers = Postgres(request.config.getoption("--backfill-pg", 17)).start(), Sqld(namespaces=True).start()
    yield servers
    for server in servers:
        server.remove()
