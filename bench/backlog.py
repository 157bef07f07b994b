"""A backlog of single-row transactions, and one big transaction, into a file, beside pg_recvlogical draining a slot of the
same position to nowhere. Every run of every tool has its own slot, made before the backlog is written."""

from . import peers
from .bridge import Bridge
from .report import Row, ratio_target


def _bridges(bench, prefix, table):
    """One per run, each with its snapshot taken."""
    made = [Bridge(bench.source, bench.directory, f"{prefix}_{run}", [table]) for run in range(bench.runs)]
    for bridge in made:
        bridge.once()
    return made


def _measure(bench, work, table, column, bridges, backlog, slots):
    drains, limits, ours, batch_rows = [], [], [], []
    for run, bridge in enumerate(bridges):
        bench.calm()
        drains.append(peers.recvlogical(bench.source, slots["recvlogical"][run], backlog))
        bench.calm()
        cost, rows_per_batch = bridge.catch_up(backlog)
        ours.append(cost)
        batch_rows.append(rows_per_batch)
        bridge.check(table, column)
        bridge.remove()
        if "drain" in slots:
            bench.calm()
            limits.append(peers.stream_drain(bench.source, slots["drain"][run], backlog))
    rows = [Row(work, "pg_recvlogical to nowhere", backlog.changes, "changes", drains),
            Row(work, "walbridge -> file", backlog.changes, "changes", ours, {"changes per cache transaction": batch_rows})]
    if limits:
        rows.append(Row(work, "walbridge's stream to nowhere", backlog.changes, "changes", limits))
    return rows


def _peer_slots(bench, prefix, table):
    tools = ["recvlogical"] + (["drain"] if peers.stream_drain_binary() else [])
    slots = {tool: [f"{prefix}_{tool}_{run}" for run in range(bench.runs)] for tool in tools}
    bench.source.make_peer_slots(peers.PUBLICATION, table, [name for names in slots.values() for name in names])
    return slots


def small(bench):
    source, sizes = bench.source, bench.sizes
    source.make_accounts(sizes.accounts)
    bridges = _bridges(bench, "small", "accounts")
    slots = _peer_slots(bench, "small", "accounts")
    backlog = source.write_small_transactions(sizes.transactions, sizes.accounts)
    rows = _measure(bench, "backlog of single-row transactions", "accounts", "abalance", bridges, backlog, slots)
    bench.report.add(f"Backlog of {sizes.transactions:,} single-row update transactions on {sizes.accounts:,} rows -> file",
                     rows, against=rows[0])
    name = "backlog of single-row transactions -> file / pg_recvlogical"
    bench.report.targets.append(ratio_target(name, rows[1], rows[0], 1.0, 1.6))
    source.drop_slots()


def big(bench):
    source, sizes = bench.source, bench.sizes
    source.fill_narrow("inserted", 0)
    bridges = _bridges(bench, "big", "inserted")
    slots = _peer_slots(bench, "big", "inserted")
    backlog = source.write_big_transaction("inserted", sizes.big)
    rows = _measure(bench, "one big transaction", "inserted", "aid", bridges, backlog, slots)
    bench.report.add(f"One transaction of {sizes.big:,} inserts -> file", rows, against=rows[0])
    name = "one big transaction -> file / pg_recvlogical"
    bench.report.targets.append(ratio_target(name, rows[1], rows[0], 0.95, 1.0))
    source.drop_slots()
    source.sql("DROP TABLE inserted")


def run(bench):
    small(bench)
    big(bench)
