"""Schemas compared by what they mean: the same however they came to be, different where a reader would notice."""

import sqlite3

import pytest

from .cache import Cache
from .cache_schema import schema_differences


class Memory(Cache):
    def __init__(self, script):
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.executescript(script)

    def batch(self, statements):
        return [self.connection.execute(sql, arguments).fetchall() for sql, arguments in statements]


BASE = """CREATE TABLE t ("id" INTEGER PRIMARY KEY, "a" TEXT COLLATE NOCASE, "b" DECIMAL(10,2), "g" INTEGER GENERATED ALWAYS AS ("id" * 2) VIRTUAL);
CREATE INDEX "i" ON "t" ("a" DESC, "b") WHERE "b" > 0 AND "a" IS NOT NULL; CREATE INDEX "e" ON "t" (lower("a"));
CREATE TABLE k (x TEXT NOT NULL, y INTEGER NOT NULL, PRIMARY KEY (y, x));"""


@pytest.mark.parametrize("script", [
    BASE,
    """CREATE TABLE old (id integer primary key, b decimal(10,2)); ALTER TABLE old RENAME TO t; ALTER TABLE t ADD COLUMN c TEXT COLLATE NOCASE DEFAULT 'x';
       ALTER TABLE t RENAME COLUMN c TO a; ALTER TABLE t ADD COLUMN g INTEGER GENERATED ALWAYS AS (id*2) VIRTUAL;
       CREATE INDEX i ON t(a DESC,b) WHERE b>0 AND a IS NOT NULL; CREATE INDEX e ON t(lower(a)); CREATE TABLE k (y INTEGER NOT NULL, x TEXT NOT NULL, PRIMARY KEY (y, x));""",
])
def test_same(script):
    ours, theirs = Memory(BASE).schema(), Memory(script).schema()
    for schema in (ours, theirs):  # type names are compared as written
        for table in schema.values():
            table["columns"] = {name: (shape[0].upper(), *shape[1:]) for name, shape in table["columns"].items()}
    assert schema_differences(ours, theirs) == []


@pytest.mark.parametrize("old, new, where", [
    ("TEXT COLLATE NOCASE", "TEXT", "columns a"), ("TEXT COLLATE NOCASE", "TEXT COLLATE RTRIM", "columns a"), ("DECIMAL(10,2)", "TEXT", "columns b"),
    ('"b" > 0', '"b" > 1', "indexes i"), ('"a" DESC', '"a"', "indexes i"), ("lower", "upper", "indexes e"), ("CREATE INDEX", "CREATE UNIQUE INDEX", "indexes"),
    ("(y, x)", "(x, y)", "columns"), ("VIRTUAL", "STORED", "columns g"), ('INDEX "e"', 'INDEX "f"', "indexes e"), ("x TEXT NOT NULL", "x TEXT", "columns x"),
])
def test_different(old, new, where):
    assert old in BASE
    found = schema_differences(Memory(BASE).schema(), Memory(BASE.replace(old, new)).schema())
    assert any(where in line for line in found), found


def test_own_and_hidden_tables_are_left_out():
    cache = Memory(BASE + 'CREATE TABLE _walbridge_tables (x); CREATE TABLE _walbridge_fill_1_s (x); CREATE VIRTUAL TABLE f USING fts5(a, content="t", content_rowid=id);')
    assert cache.tables() == ["k", "t"] and set(cache.schema()) == {"f", "k", "t"} and cache.leftovers() == ["_walbridge_fill_1_s"]


def test_rows_of_a_table_that_takes_the_names_of_the_row_number():
    cache = Memory("CREATE TABLE t (rowid TEXT, _rowid_ INTEGER); INSERT INTO t VALUES ('a', NULL), ('b', 7);")
    names, rows = cache.dump()["t"]
    assert names == ["_rowid_", "rowid"] and set(rows) == {(None, "a"), (7, "b")}
