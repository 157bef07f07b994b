"""Options and servers of the crash tests."""

import random

import pytest

from .setting import Servers


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=20, help="random kills of the crash test")
    parser.addoption("--seed", type=int, default=None, help="seed of the crash tests; a failure prints the one it used")


@pytest.fixture(scope="session")
def seed(request):
    chosen = request.config.getoption("--seed")
    return chosen if chosen is not None else random.SystemRandom().randrange(1, 1_000_000)


@pytest.fixture
def servers():
    servers = Servers()
    yield servers
    servers.close()


@pytest.fixture(scope="module")
def shared_servers():
    servers = Servers()
    yield servers
    servers.close()
