"""Steady load: how long after the source's clock stamped a row does a reader of the file see it? The stamp is taken in the
statement, so the figures hold the rest of the statement and the commit too."""

import json
import signal
import sys

from tests.support.paths import REPOSITORY
from tests.support.process import wait_for

from . import peers
from .bridge import Bridge
from .measure import Child, ServerCpu
from .report import lag_target

TABLE = "CREATE TABLE stamped (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at_us bigint)"
INSERT = "INSERT INTO stamped (at_us) VALUES ((extract(epoch FROM clock_timestamp()) * 1000000)::bigint);\n"


def _percentile(sorted_values, part):
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * part))]


def observe(bench, bridge):
    """One run: the observer's answer and what everybody used."""
    script = bridge.directory / "insert.sql"
    script.write_text(INSERT)
    answer = bridge.directory / "observed.json"
    writer = observer = None
    with bridge.running() as child:
        try:
            bridge.wait_streaming(child)
            observer = Child([sys.executable, REPOSITORY / "bench/lag_observer.py", bridge.cache, answer])
            bench.source.psql(INSERT, "bench")
            wait_for(lambda: bridge.cache_rows("SELECT 1 FROM stamped"), 30, "the first row to be visible")
            bench.calm()
            before, server = child.cost_so_far(), ServerCpu(bench.source.process.pid)
            writer = Child([peers.BIN / "pgbench", "-n", "-c", "1", "-M", "prepared", "-R", str(bench.sizes.lag_rate),
                            "-T", str(bench.sizes.lag_seconds), "-f", script, bench.source.database_url])
            writer.wait()
            written = bench.source.sql("SELECT count(*) FROM stamped")[0][0]
            wait_for(lambda: bridge.cache_rows("SELECT count(*) FROM stamped")[0][0] == written, 30, "the last row to be visible")
            after, server_cpu = child.cost_so_far(), server.used()
            observed = observer.stop(signal.SIGTERM)
            child.stop(signal.SIGTERM)
        finally:
            for other in filter(None, (writer, observer)):
                other.close()
    lags = sorted(json.loads(answer.read_text()))
    return {"rows": len(lags), "p50": _percentile(lags, 0.5), "p99": _percentile(lags, 0.99), "max": lags[-1],
            "cpu": after.cpu - before.cpu, "server_cpu": server_cpu, "observer_cpu": observed.cpu, "peak_rss": after.peak_rss}


def run(bench):
    sizes = bench.sizes
    lines = []
    for number in range(bench.runs):
        bench.source.sql(TABLE)
        with Bridge(bench.source, bench.directory, f"lag_{number}", ["stamped"]) as bridge:
            bridge.once()
            lines.append(observe(bench, bridge))
        bench.source.drop_slots()
        bench.source.sql("DROP TABLE stamped")
    bench.report.add_lag(f"Steady {sizes.lag_rate} transactions/s for {sizes.lag_seconds} s -> file, stamp to visible", lines)
    middle = sorted(lines, key=lambda line: line["p99"])[len(lines) // 2]
    bench.report.targets.append(lag_target(f"steady lag at {sizes.lag_rate} tx/s -> file, p99", middle["p99"]))
