"""A cache as a reader sees it: the local file through sqlite3, the remote one through Hrana. Values keep their storage
class: int, float, str, bytes or None."""

import contextlib
import re
import sqlite3

SYSTEM = "_walbridge_"
PAGE_ROWS = 5000
MIN_ROWID, MAX_ROWID = -2**63, 2**63 - 1
CHECKPOINT = "SELECT commit_lsn, end_lsn FROM _walbridge_checkpoint WHERE stream = ?"


def quote(name):
    return '"' + name.replace('"', '""') + '"'


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

    def tables(self):
        rows = self.query("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        return [n for (n,) in rows if not n.startswith((SYSTEM, "sqlite_", "libsql_", "__turso"))]

    def schema(self):
        """{name: SQL} of the replicated tables and their indexes, white space aside."""
        rows = self.query("SELECT name, tbl_name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL")
        return {name: re.sub(r"\s+", " ", sql) for name, table, sql in rows
                if not table.startswith((SYSTEM, "sqlite_", "libsql_", "__turso"))}

    def columns(self, table):
        return [row[0] for row in self.query("SELECT name FROM pragma_table_xinfo(?)", (table,))]

    def rows(self, table, columns=None):
        """All rows of a table that is at rest, page by page: a remote answer has a limit."""
        names = ", ".join(map(quote, columns)) if columns else "*"
        found, last = [], MIN_ROWID
        while True:
            page = self.query(f"SELECT _rowid_, {names} FROM {quote(table)} WHERE _rowid_ >= ? ORDER BY _rowid_ LIMIT {PAGE_ROWS}", (last,))
            found += [row[1:] for row in page]
            if len(page) < PAGE_ROWS or page[-1][0] == MAX_ROWID:
                return found
            last = page[-1][0] + 1

    def dump(self):
        """{table: sorted rows} of every replicated table."""
        return {table: sorted(self.rows(table), key=row_order) for table in self.tables()}


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
