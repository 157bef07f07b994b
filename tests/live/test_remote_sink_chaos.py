"""A remote cache whose connections are cut and whose sqld is killed: nothing lost, nothing doubled, nothing halved.

The table has no key, so a transaction applied twice shows; some transactions rebuild it or change its columns. Needs `sink-driver` (target of tests/live) and sqld."""

import json
import os
import pathlib
import random
import socket
import subprocess
import threading
import time

import pytest

from tests.support.paths import REPOSITORY
from tests.support.process import wait_for
from tests.support.sqld import Sqld

TRANSACTIONS = 300
ROWS = 200


def sink_driver():
    path = pathlib.Path(os.environ.get("WALBRIDGE_SINK_DRIVER", REPOSITORY / "build/dev/tests/live/sink-driver"))
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; build the target sink-driver or set WALBRIDGE_SINK_DRIVER")
    return path


class CuttingProxy:
    """A TCP relay that ends each connection after a random number of bytes, in either direction."""

    def __init__(self, target_port, seed):
        self.target_port, self.random = target_port, random.Random(seed)
        self.cutting, self.cuts = True, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target_port), timeout=5)
            except OSError:
                client.close()
                continue
            # Requests are about 20 KB: some connections die in the first request, some in an answer, some live on.
            upstream = self.random.randrange(200_000) if self.cutting else None
            downstream = self.random.randrange(8_000) if self.cutting and self.random.random() < 0.5 else None
            for source, sink, budget in ((client, server, upstream), (server, client, downstream)):
                threading.Thread(target=self._relay, args=(source, sink, budget), daemon=True).start()

    def _relay(self, source, sink, budget):
        try:
            while data := source.recv(4096):
                if budget is not None:
                    if len(data) >= budget:
                        sink.sendall(data[:budget])
                        self.cuts += 1
                        break
                    budget -= len(data)
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()


@pytest.fixture
def sqld():
    server = Sqld()
    yield server.start()
    server.remove()


def test_cuts_and_kills_lose_and_double_nothing(sqld):
    proxy = CuttingProxy(sqld.port, seed=20)
    command = [sink_driver(), "append", f"http://127.0.0.1:{proxy.port}", str(TRANSACTIONS), str(ROWS)]
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    kills = 0
    pause = random.Random(5)
    try:
        while driver.poll() is None and kills < 6:
            position = stored_position(sqld)
            wanted = position + pause.randrange(10, 50)
            wait_for(lambda: driver.poll() is not None or stored_position(sqld) >= min(wanted, TRANSACTIONS), 120,
                     f"the driver to reach transaction {wanted}")
            time.sleep(pause.random() * 0.01)  # somewhere inside a transaction
            sqld.kill9()
            kills += 1
            sqld.start()
        output, errors = driver.communicate(timeout=240)
    finally:
        proxy.close()
        if driver.poll() is None:
            driver.kill()
            driver.communicate()
    assert driver.returncode == 0, errors
    outcome = json.loads(output)
    assert kills >= 3 and proxy.cuts >= 20 and outcome["retries"] >= 10, (kills, proxy.cuts, outcome)
    print(f"{kills} kills, {proxy.cuts} cuts, {outcome}")
    assert sqld.query("SELECT count(*), count(DISTINCT batch || '/' || n), max(batch) FROM log") == [
        (TRANSACTIONS * ROWS, TRANSACTIONS * ROWS, TRANSACTIONS)]
    assert sqld.query("SELECT commit_lsn FROM _walbridge_checkpoint") == [(TRANSACTIONS,)]
    assert sqld.query("SELECT name FROM pragma_table_info('log')") == [("batch",), ("n",), ("line",)]
    assert sqld.query("SELECT name FROM sqlite_master WHERE name GLOB '_walbridge_fill_*'") == []
    assert sqld.query("PRAGMA integrity_check") == [("ok",)]


def stored_position(sqld):
    try:
        rows = sqld.query("SELECT commit_lsn FROM _walbridge_checkpoint")
        return rows[0][0] if rows else 0
    except Exception:  # noqa: BLE001 - not there yet, or just killed
        return 0
