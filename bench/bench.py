#!/usr/bin/python3
"""Measures walbridge beside the tools one would otherwise use, in one run, with its own Postgres.

Prints medians of the runs with their spread, ratios, CPU seconds and peak memory, and at the end what was to be reached.
A figure that misses its target is not an error: the exit code says only whether everything could be measured."""

import argparse
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # instead of bench/, whose bench.py would hide the package of that name

from bench import backlog, kafka, lag, remote, schema, snapshot  # noqa: E402
from bench.bridge import binary  # noqa: E402
from bench.report import Report  # noqa: E402
from bench.source import SETTINGS_IN_WORDS, Source  # noqa: E402

WORKS = {"snapshot": snapshot.run, "backlog": backlog.run, "remote": remote.run, "lag": lag.run, "schema": schema.run, "kafka": kafka.run}


@dataclasses.dataclass
class Sizes:
    narrow: int = 3_000_000
    wide: int = 1_000_000
    accounts: int = 1_000_000
    transactions: int = 200_000
    big: int = 1_000_000
    lag_rate: int = 500
    lag_seconds: int = 20


QUICK = Sizes(narrow=200_000, wide=100_000, accounts=100_000, transactions=20_000, big=100_000, lag_seconds=4)


class Bench:
    """What every work shares."""

    def __init__(self, options, directory, report):
        self.runs = options.runs
        self.sizes = QUICK if options.quick else Sizes()
        self.directory = directory
        self.report = report
        self.source = Source(directory)

    def calm(self):
        """Before every measurement: what the one before left dirty goes to disk now, not into this one."""
        os.sync()


def parse(arguments):
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("works", nargs="*", metavar="snapshot|backlog|remote|lag|schema|kafka|all", help="what to measure (default: all)")
    parser.add_argument("--runs", type=int, default=3, help="times each tool runs, in turns (default 3)")
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that it works, not how fast it is")
    parser.add_argument("--json", metavar="FILE", help="also write every figure there")
    options = parser.parse_args(arguments)
    for work in options.works:
        if work not in WORKS and work != "all":
            parser.error(f"nothing called {work} to measure; one of: {', '.join(WORKS)}, all")
    if options.runs < 1:
        parser.error("--runs needs at least 1")
    options.works = list(WORKS) if not options.works or "all" in options.works else options.works
    return options


def machine():
    with open("/proc/cpuinfo", encoding="utf8") as cpuinfo:
        models = [line.split(":", 1)[1].strip() for line in cpuinfo if line.startswith("model name")]
    return f"{os.cpu_count()} x {models[0] if models else 'unknown CPU'}"


def load(report):
    one, five, _ = os.getloadavg()
    report.say(f"load average {one:.2f} (5 min {five:.2f})" +
               (": OTHER WORK IS RUNNING ON THIS MACHINE, the figures are disturbed" if one > 0.7 * (os.cpu_count() or 1) else ""))
    return one


def measure(options, report, directory):
    report.say(f"{time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}, {machine()}, {binary()}")
    report.say(SETTINGS_IN_WORDS)
    facts = {"machine": machine(), "settings": SETTINGS_IN_WORDS, "runs": options.runs, "quick": options.quick,
             "load_at_start": load(report), "load_after": {}}
    bench = Bench(options, directory, report)
    try:
        bench.source.start()
        for work in options.works:
            WORKS[work](bench)
            facts["load_after"][work] = load(report)
    finally:
        bench.source.remove()
    report.finish()
    return {**facts, **report.as_json()}


def main(arguments=None):
    options = parse(arguments)

    def interrupted(number, _frame):
        raise SystemExit(128 + number)
    signal.signal(signal.SIGTERM, interrupted)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="walbridge-bench-"))
    directory.chmod(0o755)  # Postgres, which is not root, has its data below
    try:
        result = measure(options, Report(sys.stdout), directory)
    except KeyboardInterrupt:
        return 130
    except (RuntimeError, OSError, AssertionError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(result, indent=1) + "\n", encoding="utf8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
