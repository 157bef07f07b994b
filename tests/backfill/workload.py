"""Tables that are copied while they change, and writers that change them in every way that makes a copy go wrong: rows
that move behind and before the place the copy has come to, unchanged TOAST, savepoints, transactions over several chunks."""

import random
import threading

import psycopg2

STEADY = 1000  # rows of docs that nobody removes or renames: readers must always see all of them
ROWS = 3000

SCHEMA = f"""
CREATE TABLE docs (id int PRIMARY KEY, n int NOT NULL, body text, raw bytea);
ALTER TABLE docs ALTER body SET STORAGE EXTERNAL, ALTER raw SET STORAGE EXTERNAL;
INSERT INTO docs SELECT i, 0, repeat(chr(97 + i % 26), 2500), decode(repeat('00ff', i % 1500), 'hex') FROM generate_series(1, {ROWS}) i;
CREATE TABLE pairs (a int, b text, v int, note text, PRIMARY KEY (a, b));
ALTER TABLE pairs ALTER note SET STORAGE EXTERNAL;
INSERT INTO pairs SELECT i % 40, 'key ' || i, i, repeat('n', 2200) FROM generate_series(1, {ROWS}) i;
CREATE TABLE bag (a int, b text, big text);
ALTER TABLE bag ALTER big SET STORAGE EXTERNAL;
ALTER TABLE bag REPLICA IDENTITY FULL;
INSERT INTO bag SELECT i % 10, 'x', repeat('b', 2100) FROM generate_series(1, 300) i;
CREATE TABLE parts (id int, v text, big text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (1000);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (1000) TO (100000);
ALTER TABLE parts_1 ALTER big SET STORAGE EXTERNAL; ALTER TABLE parts_2 ALTER big SET STORAGE EXTERNAL;
INSERT INTO parts SELECT i, 'row', repeat('p', 2300) FROM generate_series(1, 2000) i;
"""
TABLES = ["docs", "pairs", "bag", "parts"]
# What a reader may never see while docs is copied again.
STEADY_ROWS = f"SELECT count(*), count(body), sum(length(body)) FROM docs WHERE id <= {STEADY}"
STEADY_ANSWER = (STEADY, STEADY, 2500 * STEADY)


class Writer:
    def __init__(self, postgres, database, number, seed):
        self.random = random.Random(f"{seed}/{number}")
        self.number = number
        self.connection = postgres.connect(database, autocommit=False)
        self.committed, self.failure = 0, None
        self._stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    PAUSE_SECONDS = 0.015  # leaves the caches room to keep up; nothing depends on it

    def _run(self):
        try:
            while not self._stop.wait(self.PAUSE_SECONDS):
                try:
                    with self.connection.cursor() as cursor:
                        self._transaction(cursor)
                    if self.random.random() < 0.08:
                        self.connection.rollback()
                    else:
                        self.connection.commit()
                        self.committed += 1
                except (psycopg2.errors.DeadlockDetected, psycopg2.errors.UniqueViolation):
                    self.connection.rollback()
        except Exception as error:  # told by stop()
            self.failure = error
        finally:
            self.connection.close()

    def _transaction(self, cursor):
        for _ in range(self.random.randint(1, 5)):
            if self.random.random() < 0.2:
                cursor.execute("SAVEPOINT one")
                self._change(cursor)
                cursor.execute(self.random.choice(["ROLLBACK TO one", "RELEASE one"]))
            self._change(cursor)

    def _change(self, cursor):
        getattr(self, self.random.choice(["_docs", "_docs", "_docs", "_pairs", "_bag", "_parts"]))(cursor, self.random)

    def _docs(self, cursor, pick):
        what, some = pick.random(), pick.randint(STEADY + 1, ROWS + 2000)
        if what < 0.35:  # unchanged TOAST, anywhere
            cursor.execute("UPDATE docs SET n = n + 1 WHERE id BETWEEN %s AND %s", (first := pick.randint(1, ROWS), first + pick.randint(0, 20)))
        elif what < 0.5:
            cursor.execute("INSERT INTO docs VALUES (%s, 0, repeat('i', %s), NULL) ON CONFLICT (id) DO UPDATE SET raw = '\\x01'", (some, pick.randint(0, 4000)))
        elif what < 0.65:
            cursor.execute("DELETE FROM docs WHERE id = %s", (some,))
        elif what < 0.9:  # across the frontier, with unchanged TOAST, both ways
            cursor.execute("UPDATE docs SET id = %s, n = n + 1 WHERE id = %s AND NOT EXISTS (SELECT FROM docs WHERE id = %s)",
                           (other := pick.randint(STEADY + 1, ROWS + 2000), some, other))
        else:
            cursor.execute("UPDATE docs SET body = repeat('u', 2500) WHERE id = %s", (pick.randint(1, ROWS),))

    def _pairs(self, cursor, pick):
        a, b = pick.randint(0, 45), f"key {pick.randint(1, ROWS)}"
        if pick.random() < 0.4:
            cursor.execute("UPDATE pairs SET a = %s WHERE b = %s AND NOT EXISTS (SELECT FROM pairs q WHERE q.a = %s AND q.b = %s)", (a, b, a, b))
        elif pick.random() < 0.5:
            cursor.execute("INSERT INTO pairs VALUES (%s, %s, 1, repeat('m', 2200)) ON CONFLICT (a, b) DO UPDATE SET v = pairs.v + 1", (a, b))
        else:
            cursor.execute("DELETE FROM pairs WHERE a = %s AND v %% 97 = %s", (a, pick.randint(0, 96)))

    def _bag(self, cursor, pick):
        what = pick.random()
        if what < 0.5:
            cursor.execute("INSERT INTO bag VALUES (%s, %s, %s)", (pick.randint(0, 10), pick.choice(["x", "y", None]), pick.choice([None, "s", "b" * 2100])))
        elif what < 0.75:
            cursor.execute("DELETE FROM bag WHERE ctid = (SELECT ctid FROM bag WHERE a = %s LIMIT 1 FOR UPDATE SKIP LOCKED)", (pick.randint(0, 10),))
        else:
            cursor.execute("UPDATE bag SET b = %s WHERE ctid = (SELECT ctid FROM bag WHERE a = %s LIMIT 1 FOR UPDATE SKIP LOCKED)",
                           (pick.choice("xyz"), pick.randint(0, 10)))

    def _parts(self, cursor, pick):
        first, second, what = pick.randint(1, 2500), pick.randint(1, 2500), pick.random()
        if what < 0.4:
            cursor.execute("UPDATE parts SET id = %s WHERE id = %s AND NOT EXISTS (SELECT FROM parts WHERE id = %s)", (first, second, first))
        elif what < 0.7:
            cursor.execute("UPDATE parts SET v = v || '+' WHERE id = %s AND length(v) < 50", (first,))
        elif what < 0.85:
            cursor.execute("INSERT INTO parts VALUES (%s, 'new', 'n') ON CONFLICT DO NOTHING", (first,))
        else:
            cursor.execute("DELETE FROM parts WHERE id = %s", (first,))

    def give_up(self):
        """For the way out of a failed test."""
        self._stop.set()

    def stop(self):
        self._stop.set()
        self.thread.join(timeout=60)
        if self.failure:
            raise self.failure


class Reader:
    """Looks at one cache all the time: docs is always there, whole, and its steady rows keep their large values."""

    def __init__(self, name, cache):
        self.name, self.cache, self.looks, self.broken = name, cache, 0, []
        self._stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self._stop.is_set() and not self.broken:
            try:
                found = self.cache.query(STEADY_ROWS)
                if found != [STEADY_ANSWER]:
                    self.broken.append(f"{self.name}: {found} instead of {STEADY_ANSWER}")
                self.looks += 1
            except Exception as error:
                if "locked" not in str(error) and "busy" not in str(error).lower():
                    self.broken.append(f"{self.name}: {type(error).__name__}: {error}")
            self._stop.wait(0.01)

    def give_up(self):
        """For the way out of a failed test."""
        self._stop.set()

    def stop(self):
        self._stop.set()
        self.thread.join(timeout=30)
        assert not self.broken, self.broken
        assert self.looks > 3, f"{self.name}: looked {self.looks} times only"
