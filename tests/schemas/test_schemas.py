"""Databases as they are found: many tables, everything Postgres accepts, years of migrations while it streams. walbridge
carries what it can, and names what it cannot: nothing is missing in silence."""

import pathlib
import time

import pytest

from tests.scenarios.performance import Performance
from tests.scenarios.scenario import Scenario
from tests.scenarios.test_scenarios import schema_differences, same_rows
from tests.support.cache import FileCache
from tests.support.postgres import Postgres
from tests.support.sqld import Sqld
from tests.support.walbridge import Walbridge

HERE = pathlib.Path(__file__).resolve().parent
OWN_SCHEMAS = "('pg_catalog', 'information_schema', 'walbridge', 'walbridge_test')"

# What no cache can hold after the migrations, and why.
REFUSED = {
    "shop": {"shop.empty_row": "no-key", "shop.product_images": "no-key"},
    "saas": {"app.deliveries": "no-key"},
}


@pytest.fixture(scope="module")
def servers():
    servers = Postgres(17).start(), Sqld(namespaces=True, arguments=["--max-concurrent-connections", "1024"]).start()
    yield servers
    for server in servers:
        server.remove()


class SchemaPerformance(Performance):
    def _look(self):
        outcome = super()._look()
        names = [(row[0], row[1]) for row in self.postgres.execute(
            "SELECT n.nspname || '.' || c.relname, format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            f"WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT IN {OWN_SCHEMAS}", self.database)]
        kinds = dict(self.postgres.execute("SELECT format('%I.%I', n.nspname, c.relname), c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace",
                                           self.database))
        outcome.counts = {name: self.postgres.execute(f"SELECT count(*) FROM {'ONLY ' if kinds[quoted] == 'r' else ''}{quoted}", self.database)[0][0]
                          for name, quoted in names}
        return outcome


def scenario(name):
    made = Scenario(name)
    made.before = [(HERE / f"{name}.sql").read_text(), (HERE / f"{name}_rows.sql").read_text()]
    lines = (HERE / f"{name}_migrations.sql").read_text().splitlines()
    made.run_sql(*[line for line in lines if not line.startswith("--")])
    made.config = {"on_ddl": {"drop_table": "drop"}}
    made.captures = ["triggers", "polling"]
    return made


def check(name, outcome, sink):
    """Every table of the source is there with all its rows, or refused by name."""
    refused, names, rows = outcome.refused[sink], outcome.names[sink], outcome.rows[sink]
    wrong = [f"{table} is {state} {code}" for table, (state, code) in outcome.states[sink].items() if state != "live" and table not in refused]
    for table, count in outcome.counts.items():
        if table in refused:
            continue
        if names.get(table) not in rows:
            wrong.append(f"{table} is neither there nor refused")
        elif len(rows[names[table]][1]) != count:
            wrong.append(f"{table}: {len(rows[names[table]][1])} rows, {count} at the source")
    return wrong + [f"left behind: {found}" for found in outcome.leftovers[sink]]


@pytest.mark.parametrize("name", ["shop", "saas"])
def test_real_schema(name, servers, tmp_path):
    story = scenario(name)
    outcomes = {take: SchemaPerformance(story, *servers, take, tmp_path).play() for take in ("fresh", "triggers", "polling")}
    wrong = [f"{take} into {sink}: {line}" for take, outcome in outcomes.items() for sink in story.sinks for line in check(name, outcome, sink)]
    first = outcomes["fresh"]
    for take, outcome in outcomes.items():
        for sink in story.sinks:
            if outcome.refused[sink] != REFUSED[name]:
                wrong.append(f"{take} into {sink}: refused {outcome.refused[sink]}")
            wrong += [f"fresh into file and {take} into {sink}: {line}" for line in
                      schema_differences(first.schema["file"], outcome.schema[sink]) + same_rows(first.rows["file"], outcome.rows[sink])]
    assert not wrong, "\n".join(["", *wrong])


TABLES = 200
MANY = f"""
DO $$ BEGIN FOR i IN 1..{TABLES} LOOP
  EXECUTE format('CREATE TABLE t%s (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant uuid NOT NULL, name text, amount numeric(10,2), ratio float8, '
                 'tags text[], meta jsonb, at timestamptz DEFAULT now(), flag bool, other int, UNIQUE (tenant, name))', i);
  EXECUTE format('CREATE INDEX ON t%s (at DESC, other) WHERE flag', i);
END LOOP; END $$;
"""


def test_two_hundred_tables(servers, tmp_path, record_property):
    """plan under 1 s and a first snapshot under 5 s is the aim; told as numbers, and held to five times that."""
    postgres = servers[0]
    url = postgres.create_database("many_tables")
    postgres.execute(MANY, "many_tables")
    bridge = Walbridge(tmp_path, url, {"url": "file:cache.db"}, name="many_tables")
    try:
        begin = time.monotonic()
        plan = bridge.command("plan", "--json")
        plan_seconds = time.monotonic() - begin
        assert plan.returncode == 0, plan.stderr
        begin = time.monotonic()
        bridge.once()
        copy_seconds = time.monotonic() - begin
        assert len(FileCache(tmp_path / "cache.db").tables()) == TABLES
        print(f"\n{TABLES} tables: plan {plan_seconds:.2f} s (aim 1), first snapshot {copy_seconds:.2f} s (aim 5)")
        record_property("plan_seconds", round(plan_seconds, 3))
        record_property("snapshot_seconds", round(copy_seconds, 3))
        assert plan_seconds < 5 and copy_seconds < 25
    finally:
        bridge.command("destroy", "--yes")
        bridge.close()
