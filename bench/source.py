"""The Postgres of a benchmark: its settings, its tables, and the backlogs it writes."""

import dataclasses

from tests.support.postgres import Postgres, lsn_value

DATABASE = "bench"

# A server as it comes, but for what would disturb a measurement in the middle. fsync is off: no tool measured here waits
# for the source's disk, and a shared disk would only add noise.
SETTINGS = {
    "fsync": "off",
    "shared_buffers": "256MB",
    "max_wal_size": "32GB",
    "checkpoint_timeout": "1h",
    "autovacuum": "off",
    "log_min_messages": "warning",
}

SETTINGS_IN_WORDS = ("Postgres 15, fsync off, synchronous_commit on, shared_buffers 256MB, max_wal_size 32GB, checkpoint_timeout 1h, "
                     "autovacuum off, logical_decoding_work_mem 64MB (default)")

# As pgbench makes its accounts: the filler is 84 blanks.
ACCOUNT_COLUMNS = "aid int PRIMARY KEY, bid int, abalance int, filler char(84)"

WIDE = """
CREATE TABLE wide (id bigint PRIMARY KEY, uid uuid, name text, created_at timestamptz, amount numeric(12,2), active bool,
                   meta jsonb, quantity int, score double precision, tags text[]);
INSERT INTO wide
  SELECT i, md5(i::text)::uuid, 'customer number ' || i, timestamptz '2024-01-01 00:00:00+00' + i * interval '7.013 seconds',
         (i::bigint * 7919 % 100000000) / 100.0, i % 3 = 0, jsonb_build_object('visits', i % 1000, 'city', 'town ' || i % 97, 'beta', i % 2 = 0),
         i % 5000, sqrt(i), ARRAY['tag' || i % 11, 'group ' || i % 7]
  FROM generate_series(1, {rows}) i;
"""

# One key per change, in an order that looks random and is the same in every run.
KEY = "(hashint8extended(i, 42) & 9223372036854775807) % {accounts} + 1"

CHURN = f"""
CREATE PROCEDURE churn(first bigint, changes bigint, total bigint) LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN first..first + changes - 1 LOOP
    UPDATE accounts SET abalance = i WHERE aid = {KEY.format(accounts="total")};
    COMMIT;
  END LOOP;
END $$;
"""


@dataclasses.dataclass
class Backlog:
    """What a reader of a slot made before it has to go through."""
    changes: int
    first: int       # its changes are numbered from here (see KEY)
    before: int      # the last transaction commits above this position
    end: int         # and its end is not above this one


class Source(Postgres):
    def __init__(self, directory):
        super().__init__(15, settings=SETTINGS, directory=directory)
        self.next_change = 1

    def start(self):
        super().start()
        self.create_database(DATABASE)
        self.sql("CREATE TABLE past_the_end (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY)")
        return self

    def sql(self, text):
        return self.execute(text, DATABASE)

    @property
    def database_url(self):
        return self.url(DATABASE)

    def _settle(self, table):
        """Hint bits and statistics, so that the first reader has no more to do than the third."""
        self.psql(f"VACUUM (FREEZE, ANALYZE) {table};", DATABASE, timeout=600)

    def fill_narrow(self, table, rows):
        self.psql(f"CREATE TABLE {table} ({ACCOUNT_COLUMNS}); INSERT INTO {table} "
                  f"SELECT i, (i - 1) / 100000 + 1, 0, '' FROM generate_series(1, {rows}) i;", DATABASE, timeout=600)
        self._settle(table)

    def fill_wide(self, rows):
        self.psql(WIDE.format(rows=rows), DATABASE, timeout=600)
        self._settle("wide")

    def make_accounts(self, accounts):
        if not self.sql("SELECT 1 FROM pg_class WHERE relname = 'accounts'"):
            self.fill_narrow("accounts", accounts)
            self.psql(CHURN, DATABASE)

    def checkpoint(self):
        """Dirty pages go out now and not during a measurement."""
        self.psql("CHECKPOINT;", DATABASE, timeout=600)

    # ---- backlogs ----

    def make_peer_slots(self, publication, table, names):
        self.sql(f"CREATE PUBLICATION {publication} FOR TABLE {table}, past_the_end")
        for name in names:
            self.sql(f"SELECT pg_create_logical_replication_slot('{name}', 'pgoutput')")

    def write_small_transactions(self, transactions, accounts):
        """That many updates of one row, each its own transaction."""
        first = self.next_change
        self.psql(f"SET synchronous_commit = off; CALL churn({first}, {transactions - 1}, {accounts});", DATABASE, timeout=1800)
        before = self.wal_end()
        self.psql(f"CALL churn({first + transactions - 1}, 1, {accounts});", DATABASE)
        self.next_change = first + transactions
        return self._end(transactions, first, before)

    def write_big_transaction(self, table, rows):
        before = self.wal_end()
        self.psql(f"INSERT INTO {table} SELECT i, (i - 1) / 100000 + 1, 0, '' FROM generate_series(1, {rows}) i;",
                  DATABASE, timeout=600)
        return self._end(rows, 1, before)

    def wal_end(self):
        return lsn_value(self.sql("SELECT pg_current_wal_insert_lsn()::text")[0][0])

    def _end(self, changes, first, before):
        end = self.wal_end()
        # A reader told to stop at `end` sees by this at once that it is past it.
        self.sql("INSERT INTO past_the_end DEFAULT VALUES")
        return Backlog(changes, first, before, end)

    def changed_keys(self, backlog, accounts):
        """(aid, abalance) of every change of a backlog of small transactions, in order."""
        return self.sql(f"SELECT {KEY.format(accounts=accounts)}, i FROM generate_series({backlog.first}::bigint, "
                        f"{backlog.first + backlog.changes - 1}) i ORDER BY i")

    def drop_slots(self):
        self.sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active")
        for (name,) in self.sql("SELECT pubname FROM pg_publication"):
            self.sql(f'DROP PUBLICATION "{name}"')
