"""A backlog of single-row transactions into sqld, beside hand-made requests that carry the same rows: one JSON array per
statement, the fastest encoding known, prepared before the clock starts, with as many rows per transaction as walbridge had."""

import http.client
import json
import math
import time

from tests.support.sqld import Sqld

from . import peers
from .bridge import Bridge
from .measure import Cost, ServerCpu, process_cpu
from .report import Row, ratio_target

CREATE = "CREATE TABLE accounts (aid INTEGER PRIMARY KEY, bid INTEGER, abalance INTEGER, filler TEXT)"
UPSERT = ("INSERT INTO accounts (aid, bid, abalance, filler) SELECT value->>0, value->>1, value->>2, value->>3 FROM json_each(?1) "
          "WHERE true ON CONFLICT (aid) DO UPDATE SET bid = excluded.bid, abalance = excluded.abalance, filler = excluded.filler")
FILLER = " " * 84


def _request(steps):
    return json.dumps({"baton": None, "requests": [{"type": "batch", "batch": {"steps": steps}}, {"type": "close"}]}).encode()


def _step(number, sql, arguments=()):
    step = {"stmt": {"sql": sql, "args": list(arguments), "want_rows": False}}
    return step if number == 0 else {"condition": {"type": "ok", "step": number - 1}, **step}


def _transaction(rows):
    """One request that upserts `rows`, lists of (aid, abalance), as one transaction."""
    values = json.dumps([[aid, (aid - 1) // 100000 + 1, balance, FILLER] for aid, balance in rows], separators=(",", ":"))
    return _request([_step(0, "BEGIN IMMEDIATE"), _step(1, UPSERT, [{"type": "text", "value": values}]), _step(2, "COMMIT")])


class Reference:
    """sqld with the same table, written to without walbridge."""

    def __init__(self, accounts, directory):
        self.sqld = Sqld(directory=directory)
        self.accounts = accounts

    def start(self):
        self.sqld.start()
        self.connection = http.client.HTTPConnection("127.0.0.1", self.sqld.port, timeout=60)
        self._post(_request([_step(0, CREATE)]))
        for first in range(1, self.accounts + 1, 10_000):
            last = min(first + 10_000, self.accounts + 1)
            self._post(_transaction([(aid, 0) for aid in range(first, last)]))
        return self

    def _post(self, body):
        self.connection.request("POST", "/v3/pipeline", body, {"Content-Type": "application/json"})
        response = self.connection.getresponse()
        text = response.read()
        results = json.loads(text).get("results", []) if response.status == 200 else []
        if not results or results[0]["type"] != "ok" or any(results[0]["response"]["result"]["step_errors"]):
            raise RuntimeError(f"sqld answered {response.status}: {text[:500]}")

    def write(self, changes, rows_per_transaction, source):
        """Cost of the changes; balances are shifted so that no row stays as it was in an earlier run."""
        shift = int(time.time()) % 1_000_000
        bodies = [_transaction([(aid, balance + shift) for aid, balance in changes[at:at + rows_per_transaction]])
                  for at in range(0, len(changes), rows_per_transaction)]
        server = ServerCpu(source.process.pid, self.sqld.process.pid)
        own = process_cpu("self")
        begin = time.monotonic()
        for body in bodies:
            self._post(body)
        return Cost(time.monotonic() - begin, process_cpu("self") - own, server.used(), 0)

    def remove(self):
        self.sqld.remove()


def _measure(bench, reference, bridges, backlog, changes):
    ours, theirs, batch_rows = [], [], []
    for bridge in bridges:
        bench.calm()
        cost, rows_per_batch = bridge.catch_up(backlog)
        bridge.check("accounts", "abalance")
        ours.append(cost)
        batch_rows.append(rows_per_batch)
        bench.calm()
        theirs.append(reference.write(changes, max(1, math.ceil(rows_per_batch)), bench.source))
    work = "backlog -> sqld"
    return [Row(work, "hand-made JSON requests", backlog.changes, "rows", theirs),
            Row(work, "walbridge -> sqld", backlog.changes, "rows", ours, {"rows per cache transaction": batch_rows})]


def _one_big_transaction(bench):
    """Inserts of one transaction, above the cap of a remote cache: applied in parts. Beside it the source's own limit."""
    source, sizes = bench.source, bench.sizes
    source.fill_narrow("inserted", 0)
    servers = []
    try:
        bridges = []
        for number in range(bench.runs):
            servers.append(Sqld(directory=bench.directory))
            bridges.append(Bridge(source, bench.directory, f"remote_big_{number}", ["inserted"], sqld=servers[-1].start()))
            bridges[-1].once()
        slots = [f"remote_big_drain_{number}" for number in range(bench.runs)]
        source.make_peer_slots(peers.PUBLICATION, "inserted", slots)
        backlog = source.write_big_transaction("inserted", sizes.big)
        drains, ours, batch_rows = [], [], []
        for bridge, slot in zip(bridges, slots):
            bench.calm()
            drains.append(peers.recvlogical(source, slot, backlog))
            bench.calm()
            cost, rows_per_batch = bridge.catch_up(backlog)
            bridge.check("inserted", "aid")
            ours.append(cost)
            batch_rows.append(rows_per_batch)
    finally:
        for server in servers:
            server.remove()
    work = "one big transaction -> sqld"
    rows = [Row(work, "pg_recvlogical to nowhere", backlog.changes, "changes", drains),
            Row(work, "walbridge -> sqld", backlog.changes, "changes", ours, {"rows per cache transaction": batch_rows})]
    bench.report.add(f"One transaction of {sizes.big:,} inserts -> sqld", rows, against=rows[0])
    source.drop_slots()
    source.sql("DROP TABLE inserted")


def run(bench):
    _small_transactions(bench)
    _one_big_transaction(bench)


def _small_transactions(bench):
    source, sizes = bench.source, bench.sizes
    source.make_accounts(sizes.accounts)
    servers = []
    try:
        bridges = []
        for number in range(bench.runs):
            servers.append(Sqld(directory=bench.directory))
            bridges.append(Bridge(source, bench.directory, f"remote_{number}", ["accounts"], sqld=servers[-1].start()))
            bridges[-1].once()
        servers.append(Reference(sizes.accounts, bench.directory))
        reference = servers[-1].start()
        backlog = source.write_small_transactions(sizes.transactions, sizes.accounts)
        rows = _measure(bench, reference, bridges, backlog, source.changed_keys(backlog, sizes.accounts))
    finally:
        for server in servers:
            server.remove()
    bench.report.add(f"Backlog of {sizes.transactions:,} single-row update transactions on {sizes.accounts:,} rows -> sqld",
                     rows, against=rows[0])
    name = "backlog -> sqld / hand-made JSON, same rows per transaction"
    bench.report.targets.append(ratio_target(name, rows[1], rows[0], 0.7, 0.9))
    source.drop_slots()
