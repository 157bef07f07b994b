"""The figures: medians of the runs, ratios between tools of the same run, and what they were meant to reach."""

import dataclasses
import statistics

MIB = 1 << 20


@dataclasses.dataclass
class Row:
    """One tool at one piece of work; `costs` has one entry per run."""
    work: str
    tool: str
    amount: int
    unit: str
    costs: list
    notes: dict = dataclasses.field(default_factory=dict)   # label -> one number per run

    def rates(self):
        return [self.amount / cost.seconds for cost in self.costs]

    def rate(self):
        return statistics.median(self.rates())

    def median(self, field):
        return statistics.median(getattr(cost, field) for cost in self.costs)

    def peak_rss(self):
        return max(cost.peak_rss for cost in self.costs)


@dataclasses.dataclass
class Target:
    """`least` may be None: only an aim is stated. Ratios are better when higher, seconds and bytes when lower."""
    name: str
    measured: float
    least: float | None
    aim: float
    higher_is_better: bool
    form: str   # of the three numbers

    def mark(self):
        def reaches(limit):
            return self.measured >= limit if self.higher_is_better else self.measured <= limit
        if reaches(self.aim):
            return "aim"
        return "pass" if self.least is None or reaches(self.least) else "MISSED"


def ratio_target(name, walbridge, peer, least, aim):
    return Target(name, walbridge.rate() / peer.rate(), least, aim, True, "{:.2f}x")


def lag_target(name, seconds):
    return Target(name, seconds * 1000, 20, 5, False, "{:.1f} ms")


def limit_target(name, milliseconds, limit):
    return Target(name, milliseconds, limit, limit, False, "{:.1f} ms")


def memory_target(peak):
    return Target("peak RSS of walbridge without Kafka, any of the above", peak / MIB, 128, 64, False, "{:.0f} MiB")


def thousands(number):
    return f"{number:,.0f}".replace(",", " ")


def table(head, lines):
    """Aligned columns: the first one to the left, the others to the right."""
    widths = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]
    for line in [head, *lines]:
        cells = [line[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
        yield "  " + "  ".join(cells).rstrip()


class Report:
    def __init__(self, out):
        self.out = out
        self.rows = []
        self.targets = []
        self.lags = []

    def say(self, text=""):
        print(text, file=self.out, flush=True)

    def add(self, title, rows, against):
        """Prints a block; `against` is the row whose rate is 1.00x."""
        self.rows += rows
        unit = rows[0].unit
        head = ["", unit + "/s", "min", "max", "ratio", "CPU s", "server CPU s", "peak RSS MiB"]
        lines = [[row.tool, thousands(row.rate()), thousands(min(row.rates())), thousands(max(row.rates())),
                  f"{row.rate() / against.rate():.2f}x", f"{row.median('cpu'):.2f}", f"{row.median('server_cpu'):.2f}",
                  f"{row.peak_rss() / MIB:.0f}"] for row in rows]
        self.say(f"\n{title}")
        for line in table(head, lines):
            self.say(line)
        for row in rows:
            for label, values in row.notes.items():
                self.say(f"    {row.tool}: {label} {thousands(statistics.median(values))}")

    def add_lag(self, title, lines):
        self.lags += lines
        self.say(f"\n{title}")
        head = ["", "p50 ms", "p99 ms", "max ms", "rows", "CPU s", "server CPU s", "observer CPU s", "peak RSS MiB"]
        cells = [[f"run {i}", f"{line['p50'] * 1000:.2f}", f"{line['p99'] * 1000:.2f}", f"{line['max'] * 1000:.2f}",
                  str(line["rows"]), f"{line['cpu']:.2f}", f"{line['server_cpu']:.2f}", f"{line['observer_cpu']:.2f}",
                  f"{line['peak_rss'] / MIB:.0f}"] for i, line in enumerate(lines, 1)]
        for line in table(head, cells):
            self.say(line)

    def finish(self):
        bridges = [row for row in self.rows if row.tool.startswith("walbridge")]
        peaks = [row.peak_rss() for row in bridges] + [line["peak_rss"] for line in self.lags if line.get("way") != "kafka"]
        if peaks:
            self.targets.append(memory_target(max(peaks)))
        lines = [[t.name, "" if t.least is None else t.form.format(t.least), t.form.format(t.aim), t.form.format(t.measured),
                  t.mark()] for t in self.targets]
        self.say("\nWhat it must reach")
        for line in table(["", "at least", "aim", "measured", ""], lines):
            self.say(line)

    def as_json(self):
        return {
            "rows": [{"work": row.work, "tool": row.tool, "amount": row.amount, "unit": row.unit, "rate": row.rate(),
                      "runs": [dataclasses.asdict(cost) for cost in row.costs], "notes": row.notes} for row in self.rows],
            "lag": self.lags,
            "targets": [{**dataclasses.asdict(target), "mark": target.mark()} for target in self.targets],
        }
