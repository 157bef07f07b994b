"""Every scenario, streamed and freshly copied, into a file and sqld: as written, and all four the same."""

from .scenario import shown


def short(row):
    return [cell if len(cell) < 60 else cell[:50] + "…" for cell in row]


def same_rows(first, second):
    lines = []
    for table in sorted(set(first) | set(second)):
        if table not in first or table not in second:
            lines.append(f"{table}: only in the {'second' if table not in first else 'first'}")
            continue
        # Equal text means equal storage class and value: shown() tells 1, 1.0 and '1' apart.
        ours, theirs = ([[shown(v) for v in row] for row in rows[table]] for rows in (first, second))
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


def test_scenario(scenario, version, theatre):
    outcomes = theatre.outcomes(scenario, version)
    wrong = []
    for mode, outcome in outcomes.items():
        for sink in scenario.sinks:
            where = f"{mode} into {sink}"
            for check, answer in zip(scenario.checks, outcome.answers[sink], strict=True):
                if answer != check.rows:
                    wrong.append(f"{where}, line {check.line}: {check.query}\n  expected {list(map(short, check.rows))}\n"
                                 f"  found    {list(map(short, answer))}")
            wrong += check_cells(scenario, outcome.cells[sink], where)
            for table, code in scenario.stopped.items():
                if outcome.states[sink].get(table) != ("stopped", code):
                    wrong.append(f"{where}: {table} is {outcome.states[sink].get(table)}, expected stopped {code}")
            if outcome.refused[sink] != scenario.refused:
                wrong.append(f"{where}: the plan refuses {outcome.refused[sink]}, expected {scenario.refused}")
            wrong += [f"{where}: {table} is refused and yet there" for table in scenario.refused if table in outcome.states[sink]]
    views = [(f"{mode} into {sink}", outcome.schema[sink], outcome.rows[sink])
             for mode, outcome in outcomes.items() for sink in scenario.sinks]
    for name, schema, rows in views[1:]:
        first, first_schema, first_rows = views[0]
        if schema != first_schema:
            wrong.append(f"{first} and {name}: schemas differ: {first_schema} {schema}")
        wrong += [f"{first} and {name}: {line}" for line in same_rows(first_rows, rows)]
    assert not wrong, "\n".join(["", scenario.title, *wrong])
