"""Options and servers of the Kafka tests."""

import random

import pytest

from .setting import Pipe, Servers


def pytest_addoption(parser):
    parser.addoption("--kafka-kills", type=int, default=20, help="random kills of the crash test through Kafka")
    parser.addoption("--kafka-seed", type=int, default=None, help="its seed; a failure prints the one it used")


@pytest.fixture(scope="session")
def kafka_seed(request):
    chosen = request.config.getoption("--kafka-seed")
    return chosen if chosen is not None else random.SystemRandom().randrange(1, 1_000_000)


@pytest.fixture(scope="session")
def servers():
    servers = Servers()
    yield servers
    servers.close()


@pytest.fixture
def make_pipe(servers, tmp_path):
    made = []

    def make(**options):
        made.append(Pipe(servers, tmp_path / f"pipe{len(made)}", **options))
        return made[-1]
    yield make
    for pipe in made:
        pipe.close()


@pytest.fixture
def pipe(make_pipe):
    return make_pipe()


@pytest.fixture
def running(pipe):
    """One publisher and one applier that has everything; a file with another beginning has its own."""
    pipe.applier()
    pipe.start()
    pipe.write(10)
    pipe.drain()
    return pipe
