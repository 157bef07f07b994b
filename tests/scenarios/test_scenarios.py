"""Every scenario, streamed and freshly copied, directly and through Kafka, into a file and sqld: as written, and all the caches the same."""

from tests.support.cache_schema import schema_differences

from .performance import LEAF
from .scenario import shown

# States that a table may end in without a scenario saying so: nobody wants its changes any more.
LEFT_ALONE = {"not-selected"}


def short(row):
    return [cell if len(cell) < 60 else cell[:50] + "…" for cell in row]


def same_rows(first, second):
    lines = []
    for table in sorted(set(first) & set(second)):
        if first[table][0] != second[table][0]:
            lines.append(f"{table}: columns {first[table][0]} and {second[table][0]}")
            continue
        # Equal text means equal storage class and value: shown() tells 1, 1.0 and '1' apart.
        ours, theirs = ([[shown(v) for v in row] for row in rows[table][1]] for rows in (first, second))
        if ours != theirs:
            lines += [f"{table}: first only: {short(row)}" for row in ours if row not in theirs][:5]
            lines += [f"{table}: second only: {short(row)}" for row in theirs if row not in ours][:5]
            lines.append(f"{table}: {len(ours)} and {len(theirs)} rows")
    return lines


def check_cells(scenario, found, where):
    wrong = []
    for (table, _, row, column, storage, value), (found_class, found_value) in zip(scenario.cells, found, strict=True):
        text = found_value.hex() if isinstance(found_value, bytes) else found_value
        if storage in ("integer", "real") and text is not None and found_class == storage:
            text, value = float(text) if storage == "real" else int(text), float(value) if storage == "real" else int(value)
        if (found_class, text) != (storage, value):
            wrong.append(f"{where}: {table}[{row}].{column}: {found_class} {str(text)[:60]!r}, expected {storage} {str(value)[:60]!r}")
    return wrong


def check_states(scenario, take, outcome, sink):
    """Who stopped, who is refused, and that nothing of a copy is left."""
    states, wrong = outcome.states[sink], []
    for table, code in scenario.stopped.items():
        # What stops while streaming may be what a fresh copy refuses to begin with.
        if not (take.endswith("fresh") and table in scenario.refused) and states.get(table) != ("stopped", code):
            wrong.append(f"{table} is {states.get(table)}, expected stopped {code}")
    wrong += [f"{table} is {state} {code}" for table, (state, code) in states.items()
              if state != "live" and table not in scenario.stopped and table not in scenario.refused and code not in LEFT_ALONE]
    if outcome.refused[sink] != scenario.refused:
        wrong.append(f"the plan refuses {outcome.refused[sink]}, expected {scenario.refused}")
    wrong += [f"{table} is refused and yet {states[table]}" for table in scenario.refused
              if table not in scenario.stopped and table not in scenario.carried and states.get(table, ("stopped",))[0] != "stopped"]
    if outcome.leftovers[sink]:
        wrong.append(f"left behind: {outcome.leftovers[sink]}")
    return wrong


def without_leaf(schema):
    """The hidden column of partitioned tables is walbridge's own."""
    return {table: {**shape, "columns": {k: v for k, v in shape.get("columns", {}).items() if k != LEAF}} for table, shape in schema.items()}


def views(scenario, outcomes):
    """(name, schema, rows) of every cache, without tables that stopped on the way: they keep what they had."""
    for take, outcome in outcomes.items():
        for sink in scenario.sinks:
            aside = {name for other in outcomes.values() for table, name in other.names[sink].items() if table in scenario.stopped}
            yield (f"{take} into {sink}", {k: v for k, v in outcome.schema[sink].items() if k not in aside},
                   {k: v for k, v in outcome.rows[sink].items() if k not in aside})


def test_scenario(scenario, version, theatre):
    outcomes = theatre.outcomes(scenario, version)
    wrong = []
    for take, outcome in outcomes.items():
        for sink in scenario.sinks:
            where = f"{take} into {sink}"
            for check, answer in zip(scenario.checks, outcome.answers[sink], strict=True):
                if answer != check.rows:
                    wrong.append(f"{where}, line {check.line}: {check.query}\n  expected {list(map(short, check.rows))}\n"
                                 f"  found    {list(map(short, answer))}")
            wrong += check_cells(scenario, outcome.cells[sink], where)
            if scenario.schema is not None:
                wrong += [f"expected and {where}: {line}" for line in schema_differences(without_leaf(scenario.schema), without_leaf(outcome.schema[sink]))]
            wrong += [f"{where}: {line}" for line in check_states(scenario, take, outcome, sink)]
    groups = [{take: outcome} for take, outcome in outcomes.items()] if scenario.alike == "sinks" else [outcomes]
    for group in groups:
        (first, first_schema, first_rows), *others = views(scenario, group)
        for name, schema, rows in others:
            wrong += [f"{first} and {name}: {line}" for line in schema_differences(first_schema, schema) + same_rows(first_rows, rows)]
    assert not wrong, "\n".join(["", scenario.title, *wrong])
