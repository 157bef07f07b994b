"""The shop of demo/ in a private Postgres, with customers who keep buying (pgbench on demo/buy.sql)."""

import pathlib
import shutil

from tests.support.paths import REPOSITORY
from tests.support.process import Process

DEMO = REPOSITORY / "demo"
TOTALS = """SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM orders), (SELECT count(*) FROM order_lines),
       (SELECT sum(in_stock) FROM products), (SELECT count(*) FROM orders WHERE status = 'paid'), (SELECT max(id) FROM orders)"""


def pgbench():
    """The program itself: Debian's wrapper chooses a cluster."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/pgbench"))
    return found[-1] if found else shutil.which("pgbench")


def totals_of(postgres, database):
    return [tuple(int(value) for value in postgres.execute(TOTALS, database)[0])]


class Shop:
    def __init__(self, postgres, database, directory, orders=300):
        self.postgres, self.database, self.directory = postgres, database, pathlib.Path(directory)
        self.url = postgres.create_database(database)
        postgres.psql(f"\\set orders {orders}\n" + (DEMO / "shop.sql").read_text(), database)
        self.shoppers = None

    def open(self, rate=50):
        """Lets customers in; they leave when Postgres does."""
        command = [pgbench(), "--no-vacuum", f"--file={DEMO / 'buy.sql'}", "--client=2", f"--rate={rate}", "--time=100000", self.database]
        environment = {"PGHOST": "127.0.0.1", "PGPORT": str(self.postgres.port), "PGUSER": "postgres"}
        self.shoppers = Process(command, self.directory / "shoppers.log", environment=environment)

    def close(self):
        if self.shoppers is not None and self.shoppers.running():
            self.shoppers.kill9()

    def totals(self):
        return totals_of(self.postgres, self.database)
