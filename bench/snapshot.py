"""Snapshot of narrow and of wide rows into a fresh file, beside COPY to nowhere and COPY csv into sqlite3's .import."""

from . import peers
from .bridge import Bridge
from .measure import Cost
from .report import Row, ratio_target


def _fill(bench, table, rows):
    if table == "narrow":
        bench.source.fill_narrow(table, rows)
    else:
        bench.source.fill_wide(rows)
    bench.source.checkpoint()


def _measure(bench, table, rows, check_column):
    copies, imports, totals, rows_only = [], [], [], []
    for run in range(bench.runs):
        bench.calm()
        copies.append(peers.copy_to_nowhere(bench.source, table))
        bench.calm()
        imports.append(peers.copy_csv_to_sqlite(bench.source, table, bench.directory, rows))
        bench.calm()
        with Bridge(bench.source, bench.directory, f"snapshot_{table}_{run}", [table]) as bridge:
            cost, copying = bridge.once()
            bridge.check(table, check_column)
        bench.source.drop_slots()
        totals.append(cost)
        rows_only.append(Cost(copying, cost.cpu, cost.server_cpu, cost.peak_rss))
    work = f"snapshot {table}"
    return [Row(work, "COPY csv | sqlite3 .import", rows, "rows", imports),
            Row(work, "COPY TO STDOUT to nowhere", rows, "rows", copies),
            Row(work, "walbridge run --once, whole process", rows, "rows", totals),
            Row(work, "walbridge, its snapshot alone", rows, "rows", rows_only)]


def run(bench):
    for table, rows, column in (("narrow", bench.sizes.narrow, "aid"), ("wide", bench.sizes.wide, "id")):
        _fill(bench, table, rows)
        measured = _measure(bench, table, rows, column)
        bench.report.add(f"Snapshot of {rows:,} {table} rows -> file", measured, against=measured[0])
        name = f"snapshot, {table} -> file / COPY csv | sqlite3 .import"
        bench.report.targets.append(ratio_target(name, measured[2], measured[0], 1.3, 2))
        bench.source.sql(f"DROP TABLE {table}")
