"""Kafka between source and cache, beside walbridge without it, on the same backlogs in the same run: how fast each half is, what
publishing costs, how much memory a transaction of a million rows takes, the lag, and the log that the source keeps."""

import statistics

from tests.support.kafka import KafkaBroker

from . import lag, peers
from .bridge import Bridge
from .pair import Pair
from .report import MIB, Row, Target, ratio_target

DOWN_ROUNDS = 12          # of writing, while one applier is away and the other not
ROUND_CHANGES = 2000


def _slots(bench, prefix, table):
    names = [f"{prefix}_drain_{run}" for run in range(bench.runs)]
    bench.source.make_peer_slots(peers.PUBLICATION, table, names)
    return names


def _measure(bench, broker, prefix, table, column, write):
    """Rows (direct, publish, apply, decode only) of one backlog, and what starting a publisher costs; every run of every tool
    has its own slot, made before the backlog."""
    source = bench.source
    bridges = [Bridge(source, bench.directory, f"{prefix}_direct_{run}", [table]) for run in range(bench.runs)]
    pairs = [Pair(source, broker, bench.directory, f"{prefix}_pair_{run}", [table]) for run in range(bench.runs)]
    for bridge in bridges:
        bridge.once()
    starts = []
    for pair in pairs:
        pair.fill()
        starts.append(pair.start_cost().publishing)
    slots = _slots(bench, prefix, table)
    backlog = write()
    costs = {"direct": [], "publish": [], "apply": [], "drain": []}
    for bridge, pair, slot in zip(bridges, pairs, slots, strict=True):
        for name, work in {"direct": lambda b=bridge: b.catch_up(backlog)[0], "publish": lambda p=pair: p.publish(backlog),
                           "apply": lambda p=pair: p.apply(backlog), "drain": lambda s=slot: peers.stream_drain(source, s, backlog)}.items():
            bench.calm()
            costs[name].append(work())
        for tool in (bridge, pair):
            tool.check(table, column)
            tool.remove()
    source.drop_slots()
    tools = {"direct": "walbridge -> file, without Kafka", "publish": "publisher: Postgres -> Kafka", "apply": "applier: Kafka -> file",
             "drain": "walbridge's stream to nowhere"}
    rows = {name: Row(f"{prefix} through Kafka", tools[name], backlog.changes, "changes", costs[name]) for name in costs}
    rows["publish"].notes["CPU milliseconds of publishing"] = [1000 * cost.publishing for cost in costs["publish"]]
    rows["publish"].notes["… of a start that finds nothing"] = [1000 * cpu for cpu in starts]
    return rows


def _cpu_added(rows):
    """Microseconds of one row, of the threads that pack, compress and send, less their start; the row is received and decoded anyway."""
    notes = rows["publish"].notes
    added = [(publishing - start) / 1000 / rows["publish"].amount * 1e6
             for publishing, start in zip(notes["CPU milliseconds of publishing"], notes["… of a start that finds nothing"], strict=True)]
    return statistics.median(added)


def small(bench, broker):
    source, sizes = bench.source, bench.sizes
    source.make_accounts(sizes.accounts)
    rows = _measure(bench, broker, "small", "accounts", "abalance", lambda: source.write_small_transactions(sizes.transactions, sizes.accounts))
    bench.report.add(f"Through Kafka: backlog of {sizes.transactions:,} single-row update transactions on {sizes.accounts:,} rows",
                     list(rows.values()), against=rows["direct"])
    targets = bench.report.targets
    targets.append(ratio_target("backlog of single-row transactions -> Kafka / direct -> file", rows["publish"], rows["direct"], 0.8, 1.2))
    targets.append(ratio_target("backlog of single-row transactions, Kafka -> file / direct -> file", rows["apply"], rows["direct"], 1.0, 2.0))
    targets.append(Target("CPU added per row by publishing", _cpu_added(rows), 1.0, 0.7, False, "{:.2f} us"))


def big(bench, broker):
    source, sizes = bench.source, bench.sizes
    source.fill_narrow("inserted", 0)
    rows = _measure(bench, broker, "big", "inserted", "aid", lambda: source.write_big_transaction("inserted", sizes.big))
    bench.report.add(f"Through Kafka: one transaction of {sizes.big:,} inserts", list(rows.values()), against=rows["direct"])
    bench.report.say(f"    publisher: CPU added per row {_cpu_added(rows):.2f} us")
    for half, name in (("publish", "publisher"), ("apply", "applier")):
        bench.report.targets.append(Target(f"one transaction of {sizes.big:,} rows through Kafka, peak RSS of the {name}", rows[half].peak_rss() / MIB,
                                           192, 96, False, "{:.0f} MiB"))
    source.sql("DROP TABLE inserted")


def steady(bench, broker):
    """Direct and through Kafka in turns."""
    sizes = bench.sizes
    found = {"direct": [], "kafka": []}
    for number in range(bench.runs):
        for way, lines in found.items():
            bench.source.sql(lag.TABLE)
            name = f"lag_{way}_{number}"
            tool = Bridge(bench.source, bench.directory, name, ["stamped"]) if way == "direct" else Pair(bench.source, broker, bench.directory, name, ["stamped"])
            with tool:
                tool.once() if way == "direct" else tool.fill()
                lines.append({**lag.observe(bench, tool), "way": way})
            bench.source.drop_slots()
            bench.source.sql("DROP TABLE stamped")
    for way, lines in found.items():
        bench.report.add_lag(f"Steady {sizes.lag_rate} transactions/s for {sizes.lag_seconds} s -> file, stamp to visible, {way}", lines)
    for part, least, aim in (("p50", 10, 4), ("p99", 50, 10)):
        added = statistics.median(line[part] for line in found["kafka"]) - statistics.median(line[part] for line in found["direct"])
        bench.report.targets.append(Target(f"lag at {sizes.lag_rate} tx/s, {part} through Kafka less {part} directly", added * 1000, least, aim, False, "{:+.1f} ms"))


def _retained(bench, pair, away):
    """The most log the slot kept, looked at after each round of writing was published; the applier runs, or does not."""
    source, slot = bench.source, f"slot_name = '{pair.name}'"
    most = 0
    running = pair.publishing() if away else pair.running()
    with running as child:
        pair.wait_streaming(child)
        for _ in range(DOWN_ROUNDS):
            # A checkpoint says where transactions begin; the start of a slot moves there with the next confirmation.
            source.checkpoint()
            pair.wait_confirmed(child, source.write_small_transactions(10, bench.sizes.accounts).before)
            backlog = source.write_small_transactions(ROUND_CHANGES, bench.sizes.accounts)
            pair.wait_confirmed(child, backlog.before)
            most = max(most, int(source.sql(f"SELECT pg_current_wal_lsn() - restart_lsn FROM pg_replication_slots WHERE {slot}")[0][0]))
        written = backlog.end
        child.stop(15)
    return most, written


def retained(bench, broker):
    source = bench.source
    source.make_accounts(bench.sizes.accounts)
    found, lines = {False: [], True: []}, []
    for number in range(bench.runs):
        for away in (False, True):
            with Pair(source, broker, bench.directory, f"kept_{'away' if away else 'up'}_{number}", ["accounts"]) as pair:
                pair.fill()
                begin = source.wal_end()
                most, end = _retained(bench, pair, away)
                found[away].append(most)
                lines.append((away, most, end - begin))
            source.drop_slots()
    bench.report.say(f"\nThrough Kafka: log kept by the slot while {DOWN_ROUNDS * ROUND_CHANGES:,} transactions are written")
    for away, kept, written in lines:
        bench.report.say(f"  applier {'away' if away else 'up':<4}  at most {kept / MIB:6.2f} MiB of {written / MIB:6.1f} MiB written")
    bench.report.targets.append(Target("log kept at the source, applier away / up", statistics.median(found[True]) / statistics.median(found[False]), 1.1, 1.0, False, "{:.2f}x"))


def run(bench):
    if peers.stream_drain_binary() is None:
        raise FileNotFoundError("bench-stream-drain is missing; run ./dev build release")
    broker = KafkaBroker(directory=bench.directory).start()
    try:
        small(bench, broker)
        big(bench, broker)
        steady(bench, broker)
        retained(bench, broker)
    finally:
        broker.remove()
