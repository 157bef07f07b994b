"""Exact comparison of source tables with a cache: every row, every cell, by storage class and value.

The expected values are computed here, independently of the mapping under test, from the text Postgres prints under the
canonical session, for the types the crash test uses."""

import collections
import re

from .cache import quote

CANONICAL_SESSION = ("SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'iso_8601'; "
                     "SET extra_float_digits = 3; SET bytea_output = 'hex'; SET lc_monetary = 'C'")


def _timestamp(text):
    if "infinity" in text:
        return text
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d+))?(\+00)?", text)
    date, time, fraction, zone = match.groups()
    micros = (fraction or "").ljust(6, "0")
    digits = micros if micros[3:] != "000" else micros[:3]
    return f"{date}T{time}.{digits}" + ("+00:00" if zone else "")


def _decimal(text, type_name):
    precision, scale = map(int, re.fullmatch(r"numeric\((\d+),(-?\d+)\)", type_name).groups())
    if precision > 15 or text in ("NaN", "Infinity", "-Infinity"):
        return text
    number = float(text)
    # A column of NUMERIC affinity keeps an integral double as an integer.
    return int(number) if scale <= 0 or number.is_integer() else number


def expected_value(text, type_name):
    """What the default encoding stores for what Postgres prints."""
    if text is None:
        return None
    if type_name in ("smallint", "integer", "bigint", "oid"):
        return int(text)
    if type_name == "boolean":
        return 1 if text == "t" else 0
    if type_name in ("real", "double precision"):
        return text if text in ("NaN", "Infinity", "-Infinity") else float(text) + 0.0
    if type_name == "bytea":
        return bytes.fromhex(text[2:])
    if type_name.startswith("timestamp"):
        return _timestamp(text)
    if type_name.startswith("numeric("):
        return _decimal(text, type_name)
    if type_name in ("text", "numeric", "uuid", "json", "jsonb", "date", "name") or type_name.startswith("character varying"):
        return text
    raise NotImplementedError(f"no expectation for type {type_name}")


def source_rows(connection, table):
    """(column names, rows as the cache must hold them); `table` is quoted as SQL needs it."""
    with connection.cursor() as cursor:
        cursor.execute(CANONICAL_SESSION)
        cursor.execute("SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = %s::regclass "
                       "AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum", (table,))
        columns = cursor.fetchall()
        cursor.execute(f"SELECT {', '.join(_as_text(name, type_name) for name, type_name in columns)} FROM {table}")
        rows = cursor.fetchall()
    types = [type_name for _, type_name in columns]
    return [name for name, _ in columns], [tuple(expected_value(v, t) for v, t in zip(row, types)) for row in rows]


def _as_text(name, type_name):
    if type_name == "boolean":
        return f"CASE WHEN {quote(name)} THEN 't' WHEN NOT {quote(name)} THEN 'f' END"
    return f"{quote(name)}::text"


def differences(connection, table, cache, cache_table, limit=10):
    """What is different, as lines that name rows by their content; empty when source and cache are equal."""
    names, wanted = source_rows(connection, table)
    found = cache.rows(cache_table, names)
    wanted, found = (collections.Counter(map(_typed, rows)) for rows in (wanted, found))
    lines = [f"{table}: missing in the cache {count}x: {_shown(row)}" for row, count in (wanted - found).items()]
    lines += [f"{table}: only in the cache {count}x: {_shown(row)}" for row, count in (found - wanted).items()]
    return lines[:limit] + ([f"{table}: … {len(lines) - limit} more"] if len(lines) > limit else [])


def _typed(row):
    """1, 1.0 and True are equal in Python and not in SQLite."""
    return tuple((type(value).__name__, value) for value in row)


def _shown(row):
    return ", ".join(f"{kind}:{str(value)[:40]}" for kind, value in row)
