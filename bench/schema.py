"""A schema change, and a copy while the stream goes on: a table of a million rows, 500 transactions a second on another
one, and how long each of those takes to be visible in a file."""

import argparse
import pathlib
import tempfile
import threading
import time

from tests.support.cache import FileCache
from tests.support.postgres import Postgres
from tests.support.process import wait_for
from tests.support.walbridge import Walbridge

from .report import limit_target, thousands

SETUP = """
CREATE TABLE big (id int PRIMARY KEY, name text, amount numeric(10,2), at timestamptz);
INSERT INTO big SELECT i, 'row number ' || i, i / 4.0, timestamptz '2024-01-15 12:00+00' + i * interval '1 s' FROM generate_series(1, {rows}) i;
CREATE TABLE probe (id int PRIMARY KEY, n bigint); INSERT INTO probe SELECT i, 0 FROM generate_series(0, 99) i; ANALYZE;
"""


class Probe:
    """Commits at a steady rate, numbered; a look at the cache tells which numbers are visible."""

    def __init__(self, postgres, database, cache, rate):
        self.postgres, self.database, self.cache, self.rate = postgres, database, cache, rate
        self.committed, self.lags = {}, []
        self._stop = threading.Event()
        self.threads = [threading.Thread(target=run, daemon=True) for run in (self._write, self._read)]
        for thread in self.threads:
            thread.start()

    def _write(self):
        connection, begin, n = self.postgres.connect(self.database), time.monotonic(), 0
        with connection.cursor() as cursor:
            while not self._stop.is_set():
                n += 1
                cursor.execute(f"UPDATE probe SET n = {n} WHERE id = {n % 100}")
                self.committed[n] = time.monotonic()
                self._stop.wait(max(0.0, begin + n / self.rate - time.monotonic()))
        connection.close()

    def _read(self):
        seen = 0
        while not self._stop.is_set():
            latest = self.cache.query("SELECT max(n) FROM probe")[0][0]
            now = time.monotonic()
            self.lags += [(now, now - self.committed[n]) for n in range(seen + 1, latest + 1) if n in self.committed]
            seen = max(seen, latest)
            self._stop.wait(0.001)

    def between(self, begin, end):
        lags = sorted(lag for at, lag in self.lags if begin <= at <= end)
        return {"transactions": len(lags), **({f"p{p}_ms": round(1000 * lags[min(len(lags) - 1, len(lags) * p // 100)], 1) for p in (50, 99)} if lags else {}),
                "max_ms": round(1000 * lags[-1], 1) if lags else None}

    def stop(self):
        self._stop.set()
        for thread in self.threads:
            thread.join(timeout=10)


def measure(options, directory):
    postgres, figures = Postgres(options.pg).start(), {"rows": options.rows, "rate": options.rate}
    bridge = probe = None
    try:
        url = postgres.create_database("measure")
        postgres.execute(SETUP.format(rows=options.rows), "measure")
        cache = FileCache(directory / "cache.db")
        bridge = Walbridge(directory, url, {"url": "file:cache.db"}, name="measure")
        begin = time.monotonic()
        bridge.start()
        bridge.wait(lambda: pathlib.Path(cache.path).exists() and cache.checkpoint("measure"), 300, "the snapshot")
        bridge.wait_streaming(postgres)
        figures["first_snapshot_s"] = round(time.monotonic() - begin, 2)
        probe = Probe(postgres, "measure", cache, options.rate)

        def phase(name, act, done):
            start = time.monotonic()
            act()
            bridge.wait(done, 600, name)
            end = time.monotonic()
            figures[name] = {"seconds": round(end - start, 2), **probe.between(start, end)}

        begin = time.monotonic()
        wait_for(lambda: time.monotonic() - begin > 5, 10, "five quiet seconds")
        figures["quiet"] = probe.between(begin, time.monotonic())
        phase("add_column_constant", lambda: postgres.execute("ALTER TABLE big ADD COLUMN extra int DEFAULT 5", "measure"), lambda: "extra" in cache.columns("big"))

        def resync():
            assert bridge.command("resync", "public.big", "--no-wait").returncode == 0
            wait_for(lambda: cache.unsettled("measure"), 30, "the copy to begin", interval=0.001)
        phase("backfill", resync, lambda: not cache.unsettled("measure"))
        probe.stop()
        figures["equal"] = cache.query("SELECT count(*), sum(id), sum(extra) FROM big") == [(options.rows, options.rows * (options.rows + 1) // 2, 5 * options.rows)]
        figures["backfill"]["rows_per_second"] = round(options.rows / figures["backfill"]["seconds"])
        figures["peak_rss_mib"] = peak_mib(bridge.process.pid)
        return figures
    finally:
        if probe:
            probe.stop()
        if bridge:
            bridge.close()
        postgres.remove()


def peak_mib(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) // 1024 for line in text.splitlines() if line.startswith("VmHWM"))


def run(bench):
    """`bench.runs` times; the median by p99 counts."""
    options = argparse.Namespace(rows=bench.sizes.big, rate=bench.sizes.lag_rate, pg=15)
    figures = []
    for _ in range(bench.runs):
        bench.calm()
        with tempfile.TemporaryDirectory(prefix="walbridge-schema-") as directory:
            figures.append(measure(options, pathlib.Path(directory)))
    for name, title, limit in (("add_column_constant", "ADD COLUMN … DEFAULT constant", 100), ("backfill", "a copy while streaming", 250)):
        key = "max_ms" if name == "add_column_constant" else "p99_ms"
        middle = sorted(figures, key=lambda figure: figure[name][key] or 0)[len(figures) // 2]
        rows, rate = thousands(options.rows), options.rate
        bench.report.say(f"{title}, a table of {rows} rows, {rate} tx/s on another: {middle[name]['seconds']} s, lag p99 {middle[name].get('p99_ms')} ms, "
                         f"max {middle[name]['max_ms']} ms (quiet: p99 {middle['quiet']['p99_ms']} ms), peak RSS {middle['peak_rss_mib']} MiB, equal: {middle['equal']}")
        bench.report.targets.append(limit_target(f"{title} of {rows} rows, lag {key[:-3]} at {rate} tx/s", middle[name][key], limit))
    if not all(figure["equal"] for figure in figures):
        raise RuntimeError("a cache is not equal to its source after a copy")
