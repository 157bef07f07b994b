#!/usr/bin/python3
"""The demonstration: a private Postgres with a live shop in it, walbridge copying it into file:cache.db and keeping up,
the cache read back with plain SQL. Everything lives in a temporary directory and is gone afterwards."""

import argparse
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from tests.support.cache import FileCache  # noqa: E402
from tests.support.paths import walbridge_binary  # noqa: E402
from tests.support.postgres import Postgres  # noqa: E402
from tests.support.process import Process, TimedOut, free_port, wait_for  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent

QUERIES = [
    ("The tables", "SELECT source_name AS source, cache_name AS cache, state FROM _walbridge_tables ORDER BY 1"),
    ("The newest orders, joined", """SELECT o.id, c.name, o.status, o.total, o.placed_at FROM orders o JOIN customers c ON c.id = o.customer_id
ORDER BY o.id DESC LIMIT 5"""),
    ("JSON, arrays, decimals", """SELECT p.sku, p.price, p.tags ->> 0 AS first_tag, p.in_stock,
       (SELECT preferences ->> 'language' FROM customers WHERE id = 7) AS language FROM products p ORDER BY p.in_stock LIMIT 3"""),
    ("How fresh the cache is, from inside it", "SELECT round(seconds_since_commit, 3) AS seconds_since_last_commit, end_lsn FROM _walbridge_freshness"),
]

# The same question to both sides; the answers must be equal.
TOTALS = """SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM orders), (SELECT count(*) FROM order_lines),
       (SELECT sum(in_stock) FROM products), (SELECT count(*) FROM orders WHERE status = 'paid')"""


def say(text=""):
    print(text, flush=True)


class Shop:
    """Customers who keep ordering, from a thread of its own."""

    def __init__(self, postgres):
        self._stop = threading.Event()
        self.postgres, self.transactions = postgres, 0
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        pick = random.Random(7)
        connection = self.postgres.connect("shop", autocommit=False)
        with connection.cursor() as cursor:
            while not self._stop.wait(0.005):
                self._buy(cursor, pick)
                connection.commit()
                self.transactions += 1
        connection.close()

    @staticmethod
    def _buy(cursor, pick):
        customer, sku, quantity = pick.randint(1, 50_000), f"SKU-{pick.randint(1, 2000):05}", pick.randint(1, 4)
        cursor.execute("INSERT INTO orders (customer_id, total, gift) SELECT %s, price * %s, %s FROM products WHERE sku = %s RETURNING id, total",
                       (customer, quantity, pick.random() < 0.1, sku))
        order, total = cursor.fetchone()
        cursor.execute("INSERT INTO order_lines VALUES (%s, 1, %s, %s, %s)", (order, sku, quantity, total / quantity))
        cursor.execute("UPDATE products SET in_stock = in_stock - %s WHERE sku = %s", (quantity, sku))
        cursor.execute("UPDATE orders SET status = 'paid' WHERE id = %s", (order - pick.randint(1, 50),))
        cursor.execute("UPDATE customers SET last_seen = clock_timestamp(), preferences = preferences || '{\"returning\": true}' WHERE id = %s",
                       (customer,))
        if pick.random() < 0.05:
            cursor.execute("DELETE FROM order_lines WHERE order_id = %s", (pick.randint(1, 300_000),))

    def stop(self):
        self._stop.set()
        self.thread.join(timeout=10)


def start_walbridge(postgres, directory, admin_port):
    """Its progress goes where ours goes: live on a terminal, in lines elsewhere. Its log goes to a file."""
    environment = {"DATABASE_URL": postgres.url("shop"), "ADMIN_ADDRESS": f"127.0.0.1:{admin_port}"}
    command = [walbridge_binary(), "-c", directory / "walbridge.yaml", "run"]
    say("$ walbridge run -c walbridge.yaml")
    return Process(command, directory / "walbridge.log", environment=environment, cwd=directory, output=sys.stdout)


def commit_to_visible(admin_port):
    """(seconds, cache transactions) so far, from the histogram that /metrics shows."""
    with urllib.request.urlopen(f"http://127.0.0.1:{admin_port}/metrics", timeout=5) as page:
        text = page.read().decode()
    return [float(re.search(rf"^walbridge_commit_to_visible_seconds_{part}\{{.*\}} (\S+)$", text, re.MULTILINE)[1]) for part in ("sum", "count")]


def wait_caught_up(walbridge, cache, what):
    def ready():
        if not walbridge.running():
            raise RuntimeError(f"walbridge ended with {walbridge.child.returncode}:\n{walbridge.log()}")
        return what(cache)
    wait_for(ready, 120, "the cache to hold the shop")


def has_rows(cache):
    return pathlib.Path(cache.path).exists() and "orders" in cache.tables()


def show(directory):
    for title, sql in QUERIES:
        say(f"\n-- {title}")
        say("\n".join(f"sqlite> {line}" if n == 0 else f"   ...> {line}" for n, line in enumerate(sql.splitlines())))
        subprocess.run(["sqlite3", "-readonly", "-box", directory / "cache.db", sql], check=True, stdin=subprocess.DEVNULL)


def demonstrate(seconds, directory, servers):
    say("Starting a private Postgres 15 and filling a shop: 50 000 customers, 300 000 orders, 900 000 order lines ...")
    postgres = Postgres(15, settings={"fsync": "on"})
    servers.append(postgres)
    postgres.start()
    postgres.create_database("shop")
    postgres.psql((HERE / "shop.sql").read_text(), "shop")
    shutil.copy(HERE / "walbridge.yaml", directory)
    say("\n".join(["", "walbridge.yaml:"] + ["    " + line for line in (HERE / "walbridge.yaml").read_text().splitlines()] + [""]))

    shop = Shop(postgres)
    admin_port = free_port()
    walbridge = start_walbridge(postgres, directory, admin_port)
    servers.append(walbridge)
    cache = FileCache(directory / "cache.db")
    wait_caught_up(walbridge, cache, has_rows)
    streaming_since, before = time.monotonic(), shop.transactions
    half_way = None  # what was committed during the snapshot waited for it: the second half tells how it goes on
    while (now := time.monotonic()) < streaming_since + seconds:
        wait_caught_up(walbridge, cache, has_rows)
        if half_way is None and now > streaming_since + seconds / 2:
            half_way = commit_to_visible(admin_port)
        time.sleep(0.2)
    shop.stop()
    done = shop.transactions - before
    wanted = [tuple(postgres.execute(TOTALS, "shop")[0])]
    wait_caught_up(walbridge, cache, lambda c: c.query(TOTALS) == wanted)
    total, count = (end - begin for begin, end in zip(half_way or (0, 0), commit_to_visible(admin_port), strict=True))
    walbridge.send(signal.SIGINT)
    code = walbridge.wait(10)
    say(f"\n{done} transactions came by while it streamed; from commit to visible in the cache: {total / max(count, 1) * 1000:.1f} ms on average.")
    say("Now plain SQL on cache.db:")
    show(directory)
    say("\n-- The same counts from both sides: customers, orders, lines, stock, paid orders")
    say(f"postgres  {tuple(int(v) for v in wanted[0])}\ncache     {cache.query(TOTALS)[0]}")
    return code


def main():
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="how long to show the live lag (default 10)")
    options = parser.parse_args()

    def terminated(number, _frame):
        raise SystemExit(128 + number)
    signal.signal(signal.SIGTERM, terminated)

    directory, servers = pathlib.Path(tempfile.mkdtemp(prefix="walbridge-demo-")), []
    try:
        code = demonstrate(options.seconds, directory, servers)
    except KeyboardInterrupt:
        code = 130
    except (TimedOut, RuntimeError, FileNotFoundError) as error:
        print(f"demo: {error}", file=sys.stderr)
        code = 3
    finally:
        for server in reversed(servers):
            if isinstance(server, Postgres):
                server.remove()
            elif server.running():
                server.kill9()
        shutil.rmtree(directory, ignore_errors=True)
    say("\nAll stopped, all removed." if code == 0 else f"\nEnded with {code}; all stopped, all removed.")
    return code


if __name__ == "__main__":
    sys.exit(main())
