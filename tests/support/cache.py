"""A cache as a reader sees it: the local file through sqlite3, the remote one through Hrana. Values keep their storage
class: int, float, str, bytes or None."""

import contextlib
import sqlite3

from .cache_schema import quote, read_schema, replicated_tables

PAGE_ROWS = 500
MIN_ROWID, MAX_ROWID = -2**63, 2**63 - 1
CHECKPOINT = "SELECT commit_lsn, end_lsn FROM _walbridge_checkpoint WHERE stream = ?"


class Cache:
    """What both kinds share; a subclass gives `batch`."""

    def batch(self, statements):
        """Results of `(sql, arguments)` pairs, read in one transaction."""
        raise NotImplementedError

    def query(self, sql, arguments=()):
        return self.batch([(sql, arguments)])[0]

    def checkpoint(self, stream="walbridge"):
        """(commit_lsn, end_lsn), or None before the first one is stored."""
        if not self.query("SELECT 1 FROM sqlite_master WHERE name = '_walbridge_checkpoint'"):
            return None
        rows = self.query(CHECKPOINT, (stream,))
        return rows[0] if rows else None

    def table_states(self, stream="walbridge"):
        """{source name: (state, code)}"""
        rows = self.query("SELECT source_name, state, code FROM _walbridge_tables WHERE stream = ?", (stream,))
        return {name: (state, code) for name, state, code in rows}

    def unsettled(self, stream="walbridge"):
        """Source names of tables that wait for their rows or are being copied."""
        rows = self.query("SELECT source_name FROM _walbridge_tables WHERE stream = ? AND (state NOT IN ('live', 'stopped') "
                          "OR coalesce(backfill_frontier, '') <> '')", (stream,))
        return sorted(name for (name,) in rows)

    def cache_names(self, stream="walbridge"):
        """{source name: name here}"""
        return dict(self.query("SELECT source_name, cache_name FROM _walbridge_tables WHERE stream = ?", (stream,)))

    def tables(self):
        return sorted(name for name, (kind, *_) in replicated_tables(self).items() if kind == "table")

    def leftovers(self):
        """Tables of loads and backfills, which must not outlive them."""
        rows = self.query("SELECT name FROM sqlite_master WHERE name GLOB '_walbridge_load_*' OR name GLOB '_walbridge_fill_*'")
        return sorted(name for (name,) in rows)

    def schema(self):
        """What the replicated tables are (cache_schema.py)."""
        return read_schema(self)

    def columns(self, table):
        return [row[0] for row in self.query("SELECT name FROM pragma_table_xinfo(?) WHERE hidden <> 1", (table,))]

    def rows(self, table, columns=None):
        """All rows of a table that is at rest, page by page: a remote answer has a limit."""
        names = ", ".join(map(quote, columns)) if columns else "*"
        # A column may bear one of the names that SQLite has for the row's own number.
        taken = {name.lower() for name in self.columns(table)}
        number = next(name for name in ("_rowid_", "rowid", "oid") if name not in taken)
        found, last = [], MIN_ROWID
        while True:
            page = self.query(f"SELECT {number}, {names} FROM {quote(table)} WHERE {number} >= ? ORDER BY {number} LIMIT {PAGE_ROWS}", (last,))
            found += [row[1:] for row in page]
            if len(page) < PAGE_ROWS or page[-1][0] == MAX_ROWID:
                return found
            last = page[-1][0] + 1

    def dump(self):
        """{table: (column names in their order, sorted rows)} of every replicated table."""
        found = {}
        for table in self.tables():
            names = sorted(self.columns(table))
            found[table] = (names, sorted(self.rows(table, names), key=row_order))
        return found


def row_order(row):
    return [(type(v).__name__, repr(v)) for v in row]


class FileCache(Cache):
    def __init__(self, path):
        self.path = str(path)

    def batch(self, statements):
        uri = f"file:{self.path}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=30, isolation_level=None)) as connection:
            connection.execute("BEGIN")
            return [connection.execute(sql, arguments).fetchall() for sql, arguments in statements]


class RemoteCache(Cache):
    def __init__(self, client):
        self.client = client

    def batch(self, statements):
        return self.client.batch(statements)
