"""What Postgres holds, as a client should see it: computed from the text that COPY prints, independently of walbridge.
Arrays, composites and hstore come from the corpus, whose reference encoder wrote them."""

import decimal
import io
import json
import pathlib
import re
import sys

from tests.support.compare import CANONICAL_SESSION

CORPUS = pathlib.Path(__file__).parents[1] / "corpus"
SPECIALS = ("NaN", "Infinity", "-Infinity")
LARGEST_DATE = 8_640_000_000_000_000  # of JavaScript, in milliseconds
sys.setrecursionlimit(20_000)  # the corpus has JSON of 2500 levels

ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def _from_copy(field):
    if field == "\\N":
        return None
    return re.sub(r"\\(.)", lambda m: ESCAPES.get(m[1], m[1]), field, flags=re.DOTALL)


def _reference():
    with open(CORPUS / "expected.jsonl", encoding="utf8") as lines:
        return {(cell["t"], cell["id"], cell["c"]): cell.get("v") for cell in map(json.loads, lines)}


def _number(text):
    if text in SPECIALS:
        return {"number": text}
    value = float(text)
    return {"number": text.replace("inf", "Infinity")} if value in (float("inf"), float("-inf")) else value


def script_json(text):
    """What JSON.parse makes of it: doubles only, the last of equal keys."""
    def number(digits):
        value = float(digits)
        return {"number": "Infinity" if value > 0 else "-Infinity"} if value in (float("inf"), float("-inf")) else value
    return json.loads(text, parse_int=number, parse_float=number, strict=False)


def millis(text):
    """Milliseconds since 1970, rounded down; None where a Date has no value."""
    match = re.fullmatch(r"(\d+)-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:\+00)?)?( BC)?", text)
    if match is None:
        return None
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    if match[8]:
        year = 1 - year
    shifted = year - (month <= 2)
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    days = era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
    seconds = days * 86400 + int(match[4] or 0) * 3600 + int(match[5] or 0) * 60 + int(match[6] or 0)
    result = seconds * 1000 + int((match[7] or "0").ljust(6, "0")) // 1000
    return result if abs(result) <= LARGEST_DATE else None


def _date_text(text):
    """Years outside 0..9999 as ISO 8601 writes them."""
    match = re.fullmatch(r"(\d+)-(\d\d-\d\d)( BC)?", text)
    if match is None or (not match[3] and len(match[1]) == 4):
        return text
    year = 1 - int(match[1]) if match[3] else int(match[1])
    return f"{year:04}-{match[2]}" if 0 <= year <= 9999 else f"{'-' if year < 0 else '+'}{abs(year):06}-{match[2]}"


def _time_text(text):
    match = re.fullmatch(r"(\d\d:\d\d:\d\d)(?:\.(\d+))?([+-][\d:]+)?", text)
    zone = match[3] or ""
    if zone and ":" not in zone:
        zone += ":00"
    return match[1] + (f".{match[2].ljust(6, '0')}" if match[2] else "") + zone


def _money(text):
    return ("-" if text.startswith("-") else "") + re.sub(r"[^\d.]", "", text)


class Value:
    """One value with what it is: `kind` decides how each client shows it."""

    def __init__(self, kind, value):
        self.kind = kind
        self.value = value


def _decode(text, kind, cell, reference):
    if text is None:
        return Value("null", None)
    if kind == "bool":
        return Value("plain", text == "t")
    if kind in ("int2", "int4"):
        return Value("plain", int(text))
    if kind in ("oid", "xid", "cid"):
        return Value("unsigned", int(text))
    if kind in ("int8", "xid8"):
        return Value("bigint", int(text))
    if kind in ("float4", "float8"):
        return Value("plain", _number(text))
    if kind == "numeric":
        return Value("decimal", text)
    if kind == "money":
        return Value("decimal", _money(text))
    if kind in ("json", "jsonb"):
        return Value("plain", script_json(text))
    if kind in ("array", "composite", "hstore"):
        return Value("plain", script_json(reference[cell]))
    if kind == "bytea":
        return Value("bytes", text[2:])
    if kind in ("timestamp", "timestamptz"):
        return Value("instant", millis(text))
    if kind == "date":
        return Value("date", (_date_text(text), millis(text)))
    if kind in ("time", "timetz"):
        return Value("plain", _time_text(text))
    return Value("enum" if kind == "enum" else "plain", text)


KINDS = """
WITH RECURSIVE base AS (
  SELECT a.attname, a.attnum, t.oid, t.typname, t.typtype, t.typbasetype, t.typelem, t.typcategory
  FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
  WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT b.attname, b.attnum, t.oid, t.typname, t.typtype, t.typbasetype, t.typelem, t.typcategory
  FROM base b JOIN pg_type t ON t.oid = b.typbasetype WHERE b.typtype = 'd')
SELECT attname, CASE WHEN typtype = 'e' THEN 'enum' WHEN typtype = 'c' THEN 'composite' WHEN typcategory = 'A' AND typelem <> 0
                     AND typname NOT IN ('int2vector', 'oidvector') THEN 'array' ELSE typname END
FROM base WHERE typtype <> 'd' ORDER BY attnum
"""


def quote(name):
    return '"' + name.replace('"', '""') + '"'


def table_values(connection, schema, table):
    """[{column: Value}] of one table."""
    reference = _reference()
    qualified = f"{quote(schema)}.{quote(table)}"
    with connection.cursor() as cursor:
        cursor.execute(CANONICAL_SESSION)
        cursor.execute(KINDS, (qualified,))
        columns = cursor.fetchall()
        cursor.execute("SELECT relkind = 'p' FROM pg_class WHERE oid = %s::regclass", (qualified,))
        only = "" if cursor.fetchone()[0] else "ONLY "  # child tables are tables of their own, partitions are not
        names = ", ".join(quote(name) for name, _ in columns)
        out = io.StringIO()
        cursor.copy_expert(f"COPY (SELECT {names} FROM {only}{qualified}) TO STDOUT", out)
    rows = []
    for line in out.getvalue().split("\n")[:-1]:
        fields = [_from_copy(field) for field in line.split("\t")]
        rows.append({name: _decode(text, kind, (f"{schema}.{table}", fields[0], name), reference)
                     for (name, kind), text in zip(columns, fields)})
    return rows


def as_drizzle(value):
    if value.kind == "date":
        return value.value[0]
    if value.kind in ("null", "plain", "enum", "decimal"):
        return value.value
    return {"unsigned": lambda v: v, "bigint": lambda v: {"bigint": str(v)}, "bytes": lambda v: {"hex": v},
            "instant": lambda v: {"date": v}}[value.kind](value.value)


def as_prisma(value, member):
    """Under its profile. `member`: the name of an enum's label in the generated client."""
    if value.kind == "date":
        return {"date": value.value[1]}
    if value.kind in ("null", "plain"):
        return value.value
    return {"enum": member, "decimal": lambda v: {"decimal": decimal_form(v)}, "unsigned": lambda v: {"bigint": str(v)},
            "bigint": lambda v: {"bigint": str(v)}, "bytes": lambda v: {"hex": v}, "instant": lambda v: {"date": v}}[value.kind](value.value)


def decimal_form(text):
    """One text for all texts of a number."""
    number = decimal.Decimal(text)
    if not number.is_finite():
        return str(number)
    sign, digits, exponent = number.as_tuple()
    digits = "".join(map(str, digits)).lstrip("0")
    stripped = digits.rstrip("0")
    if not stripped:
        return "0"
    return f"{'-' if sign else ''}{stripped}e{exponent + len(digits) - len(stripped)}"
