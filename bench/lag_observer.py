"""Reads a cache as an application would, on a connection of its own, and notes for every row of `stamped` how old its stamp
was when it could first be read. Writes a JSON list of seconds to the second argument when told to stop by SIGTERM.

It asks SQLite's data_version, which reads shared memory only, some thousand times a second."""

import json
import pathlib
import signal
import sqlite3
import sys
import time

PAUSE = 0.0003


def main():
    cache, answer = sys.argv[1:]
    stopping = []
    signal.signal(signal.SIGTERM, lambda number, frame: stopping.append(number))
    connection = sqlite3.connect(f"file:{cache}?mode=ro", uri=True, timeout=10, isolation_level=None)
    lags, last, version = [], 0, None
    while not stopping:
        now_version = connection.execute("PRAGMA data_version").fetchone()
        if now_version == version:
            time.sleep(PAUSE)
            continue
        version = now_version
        rows = connection.execute("SELECT id, at_us FROM stamped WHERE id > ? ORDER BY id", (last,)).fetchall()
        now = time.time()
        lags += [now - at_us / 1e6 for _, at_us in rows]
        last = rows[-1][0] if rows else last
    pathlib.Path(answer).write_text(json.dumps(lags), encoding="ascii")


if __name__ == "__main__":
    main()
