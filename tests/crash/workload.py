"""What the crash tests replicate: tables whose every committed state obeys rules a reader can check, and writers that
keep changing them, survive the source's crashes and never break the rules."""

import contextlib
import random
import threading

import psycopg2

ACCOUNTS = 50
TOTAL = ACCOUNTS * 1000

SCHEMA = f"""
CREATE TABLE accounts (id int PRIMARY KEY, balance bigint NOT NULL, note text);
INSERT INTO accounts SELECT i, 1000, 'account ' || i FROM generate_series(1, {ACCOUNTS}) i;
CREATE TABLE journal (writer int, n bigint, at timestamptz NOT NULL DEFAULT now(), amount numeric(10,2), PRIMARY KEY (writer, n));
CREATE TABLE heartbeat (writer int PRIMARY KEY, n bigint NOT NULL);
CREATE TABLE documents (id bigint PRIMARY KEY, revision int NOT NULL, body text, raw bytea, meta jsonb);
ALTER TABLE documents ALTER body SET STORAGE EXTERNAL, ALTER raw SET STORAGE EXTERNAL;
CREATE TABLE names (name text PRIMARY KEY, v int, ratio double precision);
CREATE TABLE bag (a int, b text);
ALTER TABLE bag REPLICA IDENTITY FULL;
CREATE TABLE parts (id int, region text, v int, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE parts_eu PARTITION OF parts FOR VALUES IN ('eu');
CREATE TABLE parts_us PARTITION OF parts FOR VALUES IN ('us');
CREATE TABLE scratch (id int PRIMARY KEY, v text);
CREATE TABLE bulk (id int PRIMARY KEY, v int, s text);
"""

# Rows to make the snapshot last; nobody changes most of them.
FILL = "INSERT INTO bulk SELECT i, i, 'row ' || i || repeat('.', i %% 400) FROM generate_series(1, %s) i"

TABLES = ["accounts", "journal", "heartbeat", "documents", "names", "bag", "parts", "scratch", "bulk"]

# Each must give no row in any state a reader can see.
RULES = {
    "money is neither made nor lost": f"SELECT * FROM (SELECT sum(balance) AS total, count(*) AS n FROM accounts) WHERE total <> {TOTAL} OR n <> {ACCOUNTS}",
    "a journal has no hole and ends where its writer is":
        "SELECT h.writer, h.n, count(j.n), max(j.n) FROM heartbeat h LEFT JOIN journal j ON j.writer = h.writer "
        "GROUP BY h.writer, h.n HAVING count(j.n) <> h.n OR coalesce(max(j.n), 0) <> h.n",
    "nobody writes journal without heartbeat": "SELECT 1 FROM journal WHERE writer NOT IN (SELECT writer FROM heartbeat)",
}


class Writer:
    """One connection's worth of random transactions. `step` runs one; a lost connection is made again."""

    def __init__(self, postgres, database, number, seed):
        self.postgres, self.database, self.number = postgres, database, number
        self.random = random.Random(f"{seed}/{number}")
        self.connection = None
        self.committed = 0

    def step(self):
        """True: committed or rolled back as it wished; False: the source was not there."""
        try:
            if self.connection is None or self.connection.closed:
                self.connection = self.postgres.connect(self.database, autocommit=False)
            with self.connection.cursor() as cursor:
                self._transaction(cursor)
            if self.random.random() < 0.05:
                self.connection.rollback()
            else:
                self.connection.commit()
                self.committed += 1
            return True
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            # A crash or a deadlock. Whether a commit took effect is for the source to say; the rules hold either way.
            self.close()
            return False

    def close(self):
        if self.connection is not None:
            with contextlib.suppress(psycopg2.Error):
                self.connection.close()
        self.connection = None

    def _transaction(self, cursor):
        pick = self.random
        first, second = sorted(pick.sample(range(1, ACCOUNTS + 1), 2))
        amount = pick.randint(-100, 100)
        cursor.execute("UPDATE accounts SET balance = balance - %s WHERE id = %s", (amount, first))
        for _ in range(pick.randint(1, 3)):
            getattr(self, pick.choice(["_document", "_name", "_bag", "_part", "_scratch", "_bulk"]))(cursor, pick)
        cursor.execute("INSERT INTO heartbeat VALUES (%s, 1) ON CONFLICT (writer) DO UPDATE SET n = heartbeat.n + 1 RETURNING n", (self.number,))
        cursor.execute("INSERT INTO journal (writer, n, amount) VALUES (%s, %s, %s)", (self.number, cursor.fetchone()[0], amount / 4))
        cursor.execute("UPDATE accounts SET balance = balance + %s WHERE id = %s", (amount, second))

    def _document(self, cursor, pick):
        key = pick.randint(1, 40) * 10 + self.number
        what = pick.random()
        if what < 0.4:
            cursor.execute("INSERT INTO documents VALUES (%s, 0, repeat(%s, %s), decode(repeat('00ff', %s), 'hex'), '{\"k\": [1, null]}') "
                           "ON CONFLICT (id) DO UPDATE SET body = excluded.body, revision = documents.revision + 1",
                           (key, pick.choice("abcż"), pick.randint(0, 6000), pick.randint(0, 3000)))
        elif what < 0.8:
            cursor.execute("UPDATE documents SET revision = revision + 1 WHERE id = %s", (key,))
        elif what < 0.9:
            cursor.execute("UPDATE documents SET id = id + 10000, raw = NULL WHERE id = %s AND NOT EXISTS "
                           "(SELECT 1 FROM documents WHERE id = %s)", (key, key + 10000))
        else:
            cursor.execute("DELETE FROM documents WHERE id IN (%s, %s)", (key, key + 10000))

    def _name(self, cursor, pick):
        name = f"{pick.choice(['Ann', 'ann', 'Zoë', 'ann '])}-{self.number}-{pick.randint(1, 20)}"
        cursor.execute("INSERT INTO names VALUES (%s, %s, %s) ON CONFLICT (name) DO UPDATE SET v = excluded.v",
                       (name, pick.randint(0, 9), pick.choice([0.1, 1e300, "NaN", "Infinity", 1 / 3, 2])))
        if pick.random() < 0.5:
            cursor.execute("UPDATE names SET name = name || '+' WHERE name = %s AND length(name) < 20 AND NOT EXISTS "
                           "(SELECT 1 FROM names WHERE name = %s)", (name, name + "+"))

    def _bag(self, cursor, pick):
        if pick.random() < 0.6:
            cursor.execute("INSERT INTO bag VALUES (%s, %s)", (pick.randint(1, 5), pick.choice(["x", "y", "", None])))
        else:
            cursor.execute("DELETE FROM bag WHERE ctid = (SELECT ctid FROM bag WHERE a = %s LIMIT 1 FOR UPDATE SKIP LOCKED)", (pick.randint(1, 5),))

    def _part(self, cursor, pick):
        key, region = pick.randint(1, 30) * 10 + self.number, pick.choice(["eu", "us"])
        if pick.random() < 0.5:
            cursor.execute("INSERT INTO parts VALUES (%s, %s, 1) ON CONFLICT (id, region) DO UPDATE SET v = parts.v + 1", (key, region))
        else:
            other = "us" if region == "eu" else "eu"
            cursor.execute("UPDATE parts SET region = %s, id = id + 1000 WHERE id = %s AND region = %s AND NOT EXISTS "
                           "(SELECT 1 FROM parts WHERE id = %s AND region = %s)", (other, key, region, key + 1000, other))

    def _scratch(self, cursor, pick):
        # Only one writer truncates, and it takes nothing else of scratch in that transaction.
        if self.number == 1 and pick.random() < 0.1:
            cursor.execute("TRUNCATE scratch")
        else:
            cursor.execute("INSERT INTO scratch VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET v = excluded.v",
                           (pick.randint(1, 50) * 10 + self.number, pick.choice(["", None, "text"])))

    def _bulk(self, cursor, pick):
        begin = pick.randint(1, 5000)
        size = 3000 if pick.random() < 0.02 else 5
        cursor.execute("UPDATE bulk SET v = v + 1 WHERE id BETWEEN %s AND %s", (begin, begin + size))


class Writers:
    """Two writers in threads of their own, until stop()."""

    PAUSE_SECONDS = 0.004  # leaves the machine some room; nothing depends on it

    def __init__(self, postgres, database, seed):
        self._stop = threading.Event()
        self.failure = None
        self.writers = [Writer(postgres, database, number, seed) for number in (1, 2)]
        self.threads = [threading.Thread(target=self._run, args=(w,), daemon=True) for w in self.writers]
        for thread in self.threads:
            thread.start()

    def _run(self, writer):
        try:
            while not self._stop.is_set():
                self._stop.wait(self.PAUSE_SECONDS if writer.step() else 0.05)
        except Exception as error:  # told to the test by stop() and check()
            self.failure = error
        finally:
            writer.close()

    def check(self):
        if self.failure is not None:
            raise self.failure

    @property
    def committed(self):
        return sum(w.committed for w in self.writers)

    def stop(self):
        self._stop.set()
        for thread in self.threads:
            thread.join(timeout=60)
        self.check()

    def give_up(self):
        """For the way out of a failed test."""
        self._stop.set()
