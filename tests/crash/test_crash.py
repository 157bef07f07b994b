"""kill -9 of walbridge, Postgres and sqld, at random moments of snapshot and stream. Readers watch all the time; when the
dust settles every cache equals the source."""

import random
import threading

import pytest

from .reader import Reader
from .setting import Setting
from .workload import Writers

UNREACHABLE = 3  # walbridge's exit code
SNAPSHOT_ROWS = 250_000


class Chaos:
    """Kills and starts again, one victim at a time."""

    def __init__(self, setting, servers, pick):
        self.setting, self.servers, self.pick = setting, servers, pick
        self.killed = []
        self.pause = threading.Event()

    def supervise(self):
        """What a service manager does: a source that is down at the very start is exit code 3 and another start.
        Once walbridge is under way it must outlive everything but its own death."""
        walbridge = self.setting.walbridge
        if walbridge.running():
            return
        code, last_life = walbridge.process.child.returncode, walbridge.log(100_000).rsplit("walbridge starts", 1)[-1]
        under_way = "snapshot starts" in last_life or "streaming from" in last_life
        assert code == UNREACHABLE and not under_way, f"walbridge ended by itself with {code}:\n{walbridge.log()}"
        walbridge.start()

    def strike(self, victims, at_most_seconds):
        """Waits a random moment, the one thing here that is left to luck, then kills one of the victims."""
        self.pause.wait(self.pick.uniform(0.02, at_most_seconds))
        self.supervise()
        victim = self.pick.choice(victims)
        walbridge = self.setting.walbridge
        if victim == "walbridge":
            walbridge.kill9()
            walbridge.start()
        elif victim == "postgres":
            self.servers.postgres.kill9()
            self.servers.postgres.start()
        else:
            self.servers.sqld.kill9()
            self.servers.sqld.start()
        self.killed.append(victim)


@pytest.mark.timeout(1800)
def test_random_kills(servers, request, seed, tmp_path):
    kills = request.config.getoption("--kills")
    print(f"seed {seed}, {kills} kills")
    pick = random.Random(seed)
    setting = Setting(servers, "crash", tmp_path, rows=SNAPSHOT_ROWS)
    writers = Writers(servers.postgres, "crash", seed)
    readers, chaos = [], Chaos(setting, servers, pick)
    try:
        setting.walbridge.start()
        readers = [Reader(kind, cache, setting.walbridge.name) for kind, cache in setting.caches.items()]

        def check():
            writers.check()
            for reader in readers:
                reader.check()

        # A third while the snapshot runs; each kill of walbridge or Postgres begins it anew.
        while len(chaos.killed) < kills // 3 and not setting.filled():
            chaos.strike(["walbridge", "walbridge", "postgres", "sqld"], 0.6)
            check()
        in_snapshot = len(chaos.killed)
        setting.wait(setting.filled, 180, "the snapshot in every cache", chaos.supervise)
        while len(chaos.killed) < kills:
            before = writers.committed
            chaos.strike(["walbridge", "walbridge", "postgres", "sqld"], 1.5)
            check()
            if len(chaos.killed) % 4 == 0:  # sometimes let it catch up first, sometimes not
                setting.drain(alive=chaos.supervise)
                assert writers.committed > before, "the writers wrote nothing"
        writers.stop()
        setting.drain(timeout=180, alive=chaos.supervise)
        for reader in readers:
            reader.stop()
            assert reader.looks > kills, f"the reader of {reader.name} looked {reader.looks} times only"
        setting.assert_equal()
        assert setting.walbridge.stop() == 0
        print(f"{in_snapshot} kills in the snapshot, {kills - in_snapshot} in the stream, {writers.committed} transactions, "
              f"{[(r.name, r.looks) for r in readers]} looks")
    except BaseException:
        print(f"seed {seed}, killed so far: {chaos.killed}; log of walbridge:\n{setting.walbridge.log()}")
        raise
    finally:
        for reader in readers:
            reader.give_up()
        writers.give_up()
        setting.close()
