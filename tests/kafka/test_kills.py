"""kill -9 of the publisher, the applier and the broker, at random moments of the first copy and of the stream. Readers watch
all the time; when the dust settles every cache equals the source."""

import random
import threading

import pytest

from tests.crash.reader import Reader
from tests.crash.workload import Writers

from .setting import UNUSABLE

COPIED_ROWS = 60_000
VICTIMS = ["publisher", "applier", "broker"]


class Chaos:
    """Kills and starts again, one victim at a time."""

    def __init__(self, pipe, pick):
        self.pipe, self.pick = pipe, pick
        self.killed = []
        self.pause = threading.Event()

    def supervise(self):
        """What a service manager does: whoever finds no broker at its very start may leave with exit code 3, and is started
        again. Once under way a bridge must outlive everything but its own death."""
        for bridge in self.pipe.running():
            if bridge.running():
                continue
            code, last_life = bridge.process.child.returncode, bridge.log(100_000).rsplit("walbridge starts", 1)[-1]
            under_way = "streaming from" in last_life or "publishing" in last_life
            assert code == UNUSABLE and not under_way, f"{bridge.directory.name} ended by itself with {code}:\n{self.pipe.logs()}"
            bridge.start()

    def strike(self, at_most_seconds):
        """Waits a random moment, the one thing here that is left to luck, then kills one of the victims."""
        self.pause.wait(self.pick.uniform(0.02, at_most_seconds))
        self.supervise()
        victim = self.pick.choice(VICTIMS)
        if victim == "broker":
            self.pipe.broker.kill9()
            self.pipe.broker.start()
        else:
            bridge = self.pipe.publisher if victim == "publisher" else self.pipe.appliers[0].bridge
            bridge.kill9()
            bridge.start()
        self.killed.append(victim)


@pytest.mark.timeout(3600)
def test_random_kills(make_pipe, request, kafka_seed):
    kills = request.config.getoption("--kafka-kills")
    print(f"seed {kafka_seed}, {kills} kills")
    pick = random.Random(kafka_seed)
    pipe = make_pipe(rows=COPIED_ROWS)
    applier = pipe.applier(remote=True)
    writers = Writers(pipe.postgres, pipe.name, kafka_seed)
    readers, chaos = [], Chaos(pipe, pick)
    try:
        pipe.start(filled=False)
        readers = [Reader(kind, cache, pipe.name) for kind, cache in applier.caches.items()]

        def check():
            writers.check()
            for reader in readers:
                reader.check()

        while len(chaos.killed) < kills // 4 and not pipe.filled():
            chaos.strike(0.6)
            check()
        in_copy = len(chaos.killed)
        pipe.wait(pipe.filled, "every cache to be filled", 240, chaos.supervise)
        while len(chaos.killed) < kills:
            before = writers.committed
            chaos.strike(1.5)
            check()
            if len(chaos.killed) % 4 == 0:  # sometimes let it catch up first, sometimes not
                pipe.drain(alive=chaos.supervise, timeout=180)
                assert writers.committed > before, "the writers wrote nothing"
        writers.stop()
        pipe.settle(alive=chaos.supervise, timeout=240)
        for reader in readers:
            reader.stop()
            assert reader.looks > kills, f"the reader of {reader.name} looked {reader.looks} times only"
        pipe.assert_equal()
        pipe.stop()
        print(f"{in_copy} kills in the first copy, {kills - in_copy} in the stream, {writers.committed} transactions, "
              f"{[(r.name, r.looks) for r in readers]} looks, {pipe.broker.end(pipe.topic)} records")
    except BaseException:
        print(f"seed {kafka_seed}, killed so far: {chaos.killed}\n{pipe.logs()}")
        raise
    finally:
        for reader in readers:
            reader.give_up()
        writers.give_up()
