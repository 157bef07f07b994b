"""Reads a *.scenario file. README.md describes the form."""

import dataclasses
import json
import pathlib
import re

import yaml

from tests.support.walbridge import merge

TESTS = pathlib.Path(__file__).resolve().parents[1]
DIRECTIVES = {"source", "source-file", "sink", "expect", "config", "reconfig", "resync", "wait-stopped", "wait-live", "wait-sink", "needs",
              "modes", "sinks", "captures", "alike", "cells", "stopped", "refused", "exit"}
_STATEMENT = re.compile(r"""(?: [^;'"$-] | '(?:[^']|'')*' | "(?:[^"]|"")*" | \$(\w*)\$.*?\$\1\$ | --[^\n]*\n | - | \$ )+ ;?""",
                        re.VERBOSE | re.DOTALL)
_DDL = re.compile(r"\s*(create|alter|drop|comment|grant|revoke|set)\b", re.IGNORECASE)
_CHANGES_SCHEMA = re.compile(r"\b(create|alter|drop)\b", re.IGNORECASE)


class ScenarioError(ValueError):
    pass


def statements(sql):
    return [m[0].strip() for m in _STATEMENT.finditer(sql) if m[0].strip(" \n;")]


def is_ddl(sql):
    return all(_DDL.match(_strip_comments(s)) for s in statements(sql) if _strip_comments(s))


def _strip_comments(sql):
    return re.sub(r"^(\s*--[^\n]*\n)*\s*", "", sql + "\n").rstrip()


class Check:
    def __init__(self, query, line):
        self.query, self.line, self.rows = query, line, []


@dataclasses.dataclass
class Step:
    """What happens after the start, in order. kind: sql, stop, continue, reconfig, resync, stopped, live, sink."""
    kind: str
    text: str = ""
    value: object = None


class Scenario:
    """before: SQL until walbridge starts when streamed. after: the Steps that follow."""

    def __init__(self, name, title=""):
        self.name, self.title = name, title
        self.config = {}
        self.versions = lambda version: True
        self.modes = ["streamed", "fresh"]
        self.sinks = ["file", "sqld"]
        self.captures = None  # None: both ways when the schema changes after the start, else triggers only
        self.alike = "all"
        self.before, self.after = [], []
        self.checks, self.cells = [], []
        self.stopped, self.refused = {}, {}
        self.exit = 0
        self.schema = None  # as cache_schema.read_schema() gives it; None: only that all caches have the same
        self.carried = set()  # tables that a plan made anew refuses, and that have been here before the reason came

    def takes(self, watching=True, kafka=False):
        """How it is played: "triggers" and "polling" streamed, "fresh" copied afterwards. `watching`: False leaves out polling
        where triggers do. `kafka`: also "kafka" streamed and "kafka-fresh" copied, through a topic."""
        captures = self.captures
        if captures is None:
            changes = any(step.kind == "sql" and _CHANGES_SCHEMA.search(step.text) for step in self.after)
            captures = ["triggers", "polling"] if changes else ["triggers"]
        if not watching and "triggers" in captures:
            captures = ["triggers"]
        streamed = captures + (["kafka"] if kafka else [])
        fresh = ["fresh"] + (["kafka-fresh"] if kafka else [])
        return (streamed if "streamed" in self.modes else []) + (fresh if "fresh" in self.modes else [])

    def run_sql(self, *texts):
        self.after += [Step("sql", text) for text in texts]


class ScenarioFile(Scenario):
    def __init__(self, path):
        self.path = pathlib.Path(path)
        super().__init__(self.path.stem)
        self._started = None  # None: no `--- start` seen; the first line that changes rows starts
        self._explicit_start = bool(re.search(r"^--- start\s*$", self.path.read_text(), re.MULTILINE))
        for line, name, text in self._directives():
            try:
                self._take(line, name, text)
            except (ScenarioError, ValueError, yaml.YAMLError) as error:
                raise ScenarioError(f"{self.path.name}:{line}: {name}: {error}") from None
        if not self.checks and not self.cells and not self.stopped and not self.refused:
            raise ScenarioError(f"{self.path.name}: expects nothing")

    def _directives(self):
        """(line number, directive, text); a line that begins with white space continues the one before."""
        current = None
        for number, line in enumerate(self.path.read_text().splitlines(), 1):
            if line.startswith("#") and current is None and not self.title:
                self.title = line.lstrip("# ").strip()
            if line.startswith("#"):
                continue
            if line[:1].isspace() and current is not None:
                current[2].append(line)
                continue
            if not line.strip():
                continue
            if current is not None:
                yield current[0], current[1], "\n".join(current[2])
            if line.startswith("---"):
                current = None
                yield number, line.strip(), ""
                continue
            name, colon, text = line.partition(":")
            if not colon or name not in DIRECTIVES:
                raise ScenarioError(f"{self.path.name}:{number}: not a directive: {line[:40]}")
            current = [number, name, [text.strip()]]
        if current is not None:
            yield current[0], current[1], "\n".join(current[2])

    def _take(self, line, name, text):
        if name == "--- start":
            self._started = True
        elif name == "--- restart":
            self.after += [Step("stop"), Step("continue")]
        elif name in ("--- stop", "--- continue"):
            self.after.append(Step(name.removeprefix("--- ")))
        elif name.startswith("---"):
            raise ScenarioError("only --- start, --- stop, --- continue and --- restart")
        elif name == "source":
            self._add_sql(text)
        elif name == "source-file":
            self._add_file(text)
        elif name == "sink":
            self.checks.append(Check(text, line))
        elif name == "expect":
            if not self.checks:
                raise ScenarioError("comes after sink:")
            self.checks[-1].rows += [_cells(row) for row in text.splitlines() if row.strip() and row.strip() != "(none)"]
        elif name == "config":
            self.config = merge(self.config, yaml.safe_load(text))
        elif name == "needs":
            match = re.fullmatch(r"pg\s*(>=|<=|=)\s*(\d+)", text)
            if not match:
                raise ScenarioError("only pg>=N, pg<=N, pg=N")
            operator, wanted = match[1], int(match[2])
            self.versions = {">=": lambda v: v >= wanted, "<=": lambda v: v <= wanted, "=": lambda v: v == wanted}[operator]
        elif name in ("modes", "sinks", "captures"):
            chosen, known = text.split(), getattr(self, name) or ["triggers", "polling"]
            if not chosen or not set(chosen) <= set(known):
                raise ScenarioError(f"some of {known}")
            setattr(self, name, chosen)
        elif name == "alike":
            if text not in ("all", "sinks"):
                raise ScenarioError("all or sinks")
            self.alike = text
        elif name == "cells":
            self.cells += _corpus_cells(text)
        elif name in ("stopped", "refused"):
            getattr(self, name).update([_table_and_code(text)])
        elif name == "exit":
            self.exit = int(text)
        else:
            self.after.append(_step(name, text))

    def _add_sql(self, text):
        if self._started is None and not self._explicit_start and not is_ddl(text):
            self._started = True
        if self._started:
            self.run_sql(text)
        else:
            self.before.append(text)

    def _add_file(self, text):
        """FILE ddl | FILE rows: the statements of a file that define things, or all the others."""
        file, _, part = text.partition(" ")
        if part not in ("ddl", "rows"):
            raise ScenarioError("FILE ddl, or FILE rows")
        chosen = [s for s in statements((TESTS / file).read_text()) if is_ddl(s) == (part == "ddl")]
        self._add_sql("\n".join(s if s.endswith(";") else s + ";" for s in chosen))


def _table_and_code(text):
    table, _, code = text.rpartition(" ")
    if not table:
        raise ScenarioError("TABLE CODE")
    return table, code


def _step(name, text):
    if name == "reconfig":
        return Step("reconfig", value=yaml.safe_load(text))
    if name == "resync":
        return Step("resync", text)
    if name == "wait-stopped":
        return Step("stopped", *_table_and_code(text))
    if name == "wait-live":
        return Step("live", text)
    query, arrow, row = text.rpartition("=>")
    if name != "wait-sink" or not arrow:
        raise ScenarioError("QUERY => ROW")
    return Step("sink", query.strip(), _cells(row))


def _cells(row):
    """Cells of a row of expect:, as shown() prints them."""
    return [cell.strip() for cell in re.split(r"\s\|(?=\s|$)", " " + row.strip())]


def _corpus_cells(text):
    """FILE TABLE CACHE-TABLE ID-COLUMN [-COLUMN...]: (cache table, id column, id, column, storage class, value) of each."""
    file, table, cache_table, id_column, *without = text.split()
    found = []
    for line in (TESTS / file).read_text().splitlines():
        cell = json.loads(line)
        if cell["t"] == table and "-" + cell["c"] not in without:
            found.append((cache_table, id_column, cell["id"], cell["c"], cell["s"], cell["v"]))
    if not found:
        raise ScenarioError(f"{file} has no cells of {table}")
    return found


def shown(value):
    """A cell as expect: writes it: null, 1, 1.5, x'00ff'; text bare, or quoted where it would be taken for another."""
    if value is None:
        return "null"
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if isinstance(value, (int, float)):
        return repr(value)
    text = value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    ambiguous = re.fullmatch(r"null|x'.*|'.*|.*\|.*|\s.*|.*\s|[-+]?(\d.*|inf|infinity|nan)?", text, re.IGNORECASE) and not re.match(r"\d+-\d", text)
    return f"'{text}'" if ambiguous else text


def load_all(directory):
    return [ScenarioFile(path) for path in sorted(pathlib.Path(directory).glob("*.scenario"))]
