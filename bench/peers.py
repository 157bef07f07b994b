"""The tools that walbridge is measured against, each run as its user would run it."""

import pathlib
import subprocess

from tests.support.postgres import lsn_text

from .bridge import binary
from .measure import Child, Cost, ServerCpu

BIN = pathlib.Path("/usr/lib/postgresql/15/bin")
PUBLICATION = "peer"

IMPORT_TABLES = {
    "narrow": "aid INTEGER PRIMARY KEY, bid INTEGER, abalance INTEGER, filler TEXT",
    "wide": "id INTEGER PRIMARY KEY, uid TEXT, name TEXT, created_at TEXT, amount TEXT, active INTEGER, meta TEXT, "
            "quantity INTEGER, score REAL, tags TEXT",
}


def _psql(source, copy, **streams):
    return Child(["psql", "-X", "-q", "-d", source.database_url, "-c", copy], **streams)


def copy_to_nowhere(source, table):
    server = ServerCpu(source.process.pid)
    child = _psql(source, f"COPY {table} TO STDOUT")
    try:
        cost = child.wait()
    finally:
        child.close()
    cost.server_cpu = server.used()
    return cost


def copy_csv_to_sqlite(source, table, directory, rows):
    """psql -c 'COPY … csv' | sqlite3 FILE '.import …' into a table with the same key."""
    path = pathlib.Path(directory) / "import.db"
    subprocess.run(["sqlite3", path, f"CREATE TABLE {table} ({IMPORT_TABLES[table]});"], check=True)
    server = ServerCpu(source.process.pid)
    psql = _psql(source, f"COPY {table} TO STDOUT (FORMAT csv)", stdout=subprocess.PIPE)
    sqlite = None
    try:
        sqlite = Child(["sqlite3", path, f".import --csv /dev/stdin {table}"], stdin=psql.process.stdout)
        psql.process.stdout.close()
        ends = [psql.wait(), sqlite.wait()]
    finally:
        for child in filter(None, (psql, sqlite)):
            child.close()
    cost = Cost(sqlite.started - psql.started + ends[1].seconds, sum(e.cpu for e in ends), server.used(),
                max(e.peak_rss for e in ends))
    loaded = int(subprocess.run(["sqlite3", path, f"SELECT count(*) FROM {table}"], check=True, capture_output=True).stdout)
    path.unlink()
    if loaded != rows:
        raise RuntimeError(f"sqlite3 imported {loaded} of {rows} rows of {table}")
    return cost


def recvlogical(source, slot, backlog):
    """pg_recvlogical, pgoutput version 1 in text, to nowhere."""
    server = ServerCpu(source.process.pid)
    child = Child([BIN / "pg_recvlogical", "-d", source.database_url, "--slot", slot, "--start", "-o", "proto_version=1",
                   "-o", f"publication_names={PUBLICATION}", "--no-loop", "--endpos", lsn_text(backlog.end), "-f", "/dev/null"])
    try:
        cost = child.wait()
    finally:
        child.close()
    cost.server_cpu = server.used()
    return cost


def stream_drain_binary():
    """Built beside walbridge; none when only walbridge itself was."""
    path = binary().parents[1] / "bench/bench-stream-drain"
    return path if path.exists() else None


def stream_drain(source, slot, backlog):
    """walbridge's own stream to nowhere: what any target behind it could reach at most."""
    start = source.sql(f"SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = '{slot}'")[0][0]
    server = ServerCpu(source.process.pid)
    child = Child([stream_drain_binary(), source.database_url, slot, PUBLICATION, start, lsn_text(backlog.end)])
    try:
        cost = child.wait()
    finally:
        child.close()
    cost.server_cpu = server.used()
    return cost
