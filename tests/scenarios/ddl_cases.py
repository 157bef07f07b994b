"""The cases of corpus/ddl_cases.jsonl as scenarios: rows before the start, the case's DDL while streaming, rows after it,
and the case's own idea of the SQLite schema as the one to find."""

import json
import sqlite3

from tests.support.cache import Cache

from .scenario import TESTS, Check, Scenario, shown

CASES = TESTS / "corpus/ddl_cases.jsonl"
STANDARD_TABLE = "create table t(id int primary key, a text, b numeric(10,2))"
STANDARD_ROWS = "insert into t values (1, 'x', 12.3), (2, 'y', 10), (3, 'z', 'NaN'), (4, 'w', null);"
STANDARD_AFTER = ("update t set b = 1.5 where id = 2; insert into t (id, a, b) values (10, 'new', 2); delete from t where id = 3; "
                  "update t set id = 20 where id = 1;")
LEAF = "_walbridge_leaf"

# No Postgres side: the type is of an extension that is not installed here.
WITHOUT_POSTGRES = {"create.vector"}

# Rows (and tables to put them in) before the start, where the standard rows do not fit.
BEFORE = {
    "alter.add_col_default": "", "enum.rename_value": "", "alter.add_col_generated": "", "alter.add_fk": "",
    "alter.add_col_now": STANDARD_ROWS + "create table proof (id int primary key, c text);",
    "alter.add_col_volatile": STANDARD_ROWS + "create table proof (id int primary key, c text);",
    "enum.add_value": "create table t (id int primary key, m mood2); insert into t values (1, 'sad'), (2, 'ok'), (3, null);",
    "type.composite_add": "create table t (id int primary key, c comp2); insert into t values (1, '(1,2)'), (2, null), (3, '(,3)');",
    "domain.alter": "create table t (id int primary key, d dom2); insert into t values (1, 1), (2, null);",
}

_SERIAL = "insert into t (a) values ('x'), ('y'), ('z'); update t set a = 'changed' where id = 1; delete from t where id = 2;"

# What happens after the DDL, where the standard statements do not fit.
AFTER = {
    "create.int_pk": "insert into t values (1, 'x', true), (2, 'y', null); update t set b = false where id = 1; delete from t where id = 2;",
    "create.bigserial": _SERIAL,
    "create.identity": _SERIAL,
    "create.uuid_pk": "insert into t values ('00000000-0000-0000-0000-000000000001', 'x'), ('00000000-0000-0000-0000-000000000002', 'y'); "
                      "update t set a = 'z' where a = 'x'; delete from t where a = 'y';",
    "create.composite_pk": "insert into t values ('x', 1, 1), ('x', 2, 2), ('y', 1, 3); update t set v = 10 where a = 1; update t set a = 5 where a = 2;",
    "create.no_pk": "insert into t values (1, 'x'), (1, 'x'), (1, 'x'), (2, null), (null, null); delete from t where ctid = (select min(ctid) from t); "
                    "update t set b = 'y' where a = 2;",
    "create.no_identity": "insert into t values (1, 'x'); update t set b = 'y';",
    "create.check_unique_fk": "insert into p values (1), (2); insert into t values (1, 1, 5, 'u'), (2, 2, 6, null), (3, null, 7, 'w'); delete from p where id = 2; "
                              "update t set u = 'v', q = 8 where id = 1;",
    "create.nulls_not_distinct": "insert into t values (1, null), (2, 5); update t set u = 6 where id = 2;",
    "create.generated": "",
    "create.types": "insert into t values (9007199254740993, 'v', 'c', 'n', '{\"k\": [1, null]}', '2024-01-15 12:34:56.123456+00', '2024-01-15', '\\x00ff', 0.1, "
                    "'00000000-0000-0000-0000-0000000000ff', '{1,null,3}', '1 year 2 mons 3 days 04:05:06.789'), "
                    "(2, null, null, null, null, 'infinity', null, null, 'NaN', null, null, null); update t set v = 'w', c = 'ab' where id = 2;",
    "create.schema_prefix": "insert into app.users values (1), (2); delete from app.users where id = 1;",
    "create.case_collision": "insert into users values (1); insert into \"Users\" values (2); update users set id = 3;",
    "create.col_case_collision": "insert into t values (1, 2, 3); update t set a = 4;",
    "create.sqlite_prefix": "insert into sqlite_x values (1); update sqlite_x set id = 2;",
    "create.reserved": "insert into \"select\" values (1, 2, 3), (4, null, null); update \"select\" set \"order\" = 5 where id = 4;",
    "create.partitioned": "insert into t values (1, 'eu'), (2, 'eu'); create table t_us partition of t for values in ('us'); insert into t values (1, 'us'); "
                          "update t set r = 'us' where id = 2; delete from t where id = 1 and r = 'eu';",
    "create.inherits": "insert into p values (1, 1), (2, 2); insert into ch values (1, 5, 6); update p set v = v + 1; delete from only p where id = 2;",
    "create.unlogged": "insert into t values (1); update t set id = 2;",
    "create.temp": "create table other (id int primary key); insert into other values (1);",
    "create.exclusion": "insert into t values (1, '[1,5)'), (2, '[7,9)'); update t set r = '[2,3)' where id = 1; delete from t where id = 2;",
    "create.enum": "insert into t values (1, 'sad'), (2, null); update t set m = 'ok' where id = 2;",
    "create.citext": "",
    "alter.add_col": STANDARD_AFTER + "update t set c = 'c' where id = 2; insert into t values (11, 'p', 1, 'q');",
    "alter.add_col_default": "update t set a = 'q' where id = 1;",
    "alter.add_col_now": STANDARD_AFTER + "insert into proof select id, to_char(c at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS') from t;",
    "alter.add_col_volatile": STANDARD_AFTER + "insert into proof select id, c::text from t;",
    "alter.add_col_generated": "",
    "alter.drop_col": "update t set b = 1.5 where id = 2; insert into t (id, b) values (10, 2); delete from t where id = 3; update t set id = 20 where id = 1;",
    "alter.drop_col_keep": "insert into t (id, b) values (10, 2); delete from t where id = 3;",
    "alter.rename_col": STANDARD_AFTER.replace("(id, a, b)", "(id, c, b)") + "update t set c = null where id = 2;",
    "alter.rename_table": STANDARD_AFTER.replace(" t ", " t9 "),
    "alter.set_schema": STANDARD_AFTER.replace(" t ", " s2.t "),
    "alter.type_using": STANDARD_AFTER.replace("'new'", "77") + "update t set a = a + 1 where id = 2;",
    "alter.numeric_p": "update t set a = 'q' where id = 1;",
    "alter.add_fk": "insert into p values (1), (2), (3); insert into t values (1, 'x', 1), (2, 'y', 2); update t set id = 3 where id = 1;",
    "alter.attach_partition": "update r set b = 1.5 where id = 2; insert into r values (5, 'new', 2); delete from r where id = 3; update r set id = 9 where id = 1;",
    "drop.table": "",
    "truncate": "",
    "enum.add_value": "insert into t values (4, 'zz'); update t set m = 'zz' where id = 2;",
    "enum.rename_value": "",
    "type.composite_add": "insert into t values (4, '(1,2,3)'); update t set c = '(7,8,9)' where id = 3;",
    "domain.alter": "insert into t values (3, 99); update t set d = 5 where id = 1;",
    "rename_with_view_rebuild": STANDARD_AFTER.replace("'new'", "'\\x00ff'"),
}

REFUSED = {
    "create.no_identity": {"public.t": "no-key"},
    "create.col_case_collision": {"public.t": "name-collision"},
    "create.sqlite_prefix": {"public.sqlite_x": "reserved-name"},
    "create.inherits": {"public.ch": "no-key"},
    "create.unlogged": {"public.t": "unlogged"},
}

CONFIG = {
    "alter.drop_col_keep": {"on_ddl": {"drop_column": "keep"}},
    "drop.table": {"on_ddl": {"drop_table": "drop"}},
    "alter.attach_partition": {"on_ddl": {"drop_table": "drop"}},
}

# What there is to see besides the case's own check: (query, rows).
CHECKS = {
    "alter.add_col_now": [("select count(*), count(substr(t.c, 1, 23) = proof.c or null) from t join proof using (id)", [[4, 4]])],
    "alter.add_col_volatile": [("select count(*), count(t.c = proof.c or null), count(distinct t.c) from t join proof using (id)", [[4, 4, 4]])],
    "alter.drop_col_keep": [("select id, a from t where id in (2, 10) order by id", [[2, "y"], [10, None]])],
    "alter.attach_partition": [("select id, a, b from r order by id", [[2, "y", 1.5], [4, "w", None], [5, "new", 2], [9, "x", 12.3]])],
    "alter.type_using": [("select id, a from t order by id", [[2, 2], [4, 1], [10, 77], [20, 1]])],
    "alter.rename_table": [("select group_concat(id) from (select id from t9 order by id)", [["2,4,10,20"]])],
    "type.composite_add": [("select id, c from t order by id", [[1, '{"x":1,"y":2,"z":null}'], [2, None], [3, '{"x":7,"y":8,"z":9}'],
                                                                [4, '{"x":1,"y":2,"z":3}']])],
    "enum.add_value": [("select id, m from t order by id", [[1, "sad"], [2, "zz"], [3, None], [4, "zz"]])],
}

# The values differ from one performance to the next: the caches of each are compared with each other and with its source.
DIFFERENT_EACH_TIME = {"alter.add_col_now", "alter.add_col_volatile"}
# What streaming keeps by policy a fresh copy cannot know.
STREAMED_ONLY = {"alter.drop_col_keep"}
NEEDS = {"create.nulls_not_distinct": 15}
# The corpus names what a mapping rule would do, or leaves tables aside that the rows here need.
NO_EXPECTED_SCHEMA = {"create.case_collision", "enum.add_value", "type.composite_add", "domain.alter", "create.temp"}


class _Memory(Cache):
    def __init__(self, statements):
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        for sql in statements:
            self.connection.execute(sql)

    def batch(self, statements):
        return [self.connection.execute(sql, arguments).fetchall() for sql, arguments in statements]


def expected_schema(case):
    """The schema after the SQLite statements of the case, with what the rows around it need."""
    statements = [*case.get("sqlite_setup", []), *case["sqlite"]]
    if case["id"] == "alter.attach_partition":
        statements.append('DROP TABLE "t"')  # it is no table of its own any more
    if case["id"] in DIFFERENT_EACH_TIME:
        statements.append('CREATE TABLE "proof" ("id" INTEGER PRIMARY KEY, "c" TEXT)')
    return _Memory(statements).schema()


def _ended(sql):
    return sql if sql.rstrip().endswith(";") else sql + ";"


def _scenario(case, part=""):
    identity = case["id"]
    scenario = Scenario(f"case.{identity}{part}", case.get("operator_sees", identity))
    setup = case.get("pg_setup", [])
    standard = STANDARD_TABLE in setup
    scenario.before = [_ended(sql) for sql in setup]
    scenario.before.append(BEFORE.get(identity, STANDARD_ROWS if standard else ""))
    changes = [sql[0] for sql in case.get("sqlite_check", []) if len(sql) == 1]
    after = AFTER.get(identity, STANDARD_AFTER if standard else None)
    if after is None:
        raise ValueError(f"{identity}: no rows to follow the DDL")
    scenario.run_sql(*map(_ended, case["pg"]), *([after] if after else []), *map(_ended, changes))
    # The view of the last case is one that only the cache has.
    queries = [(sql[0], sql[1]) for sql in case.get("sqlite_check", []) if len(sql) == 2 and not sql[0].endswith(" v")]
    for query, rows in [*queries, *CHECKS.get(identity, [])]:
        check = Check(query, identity)
        check.rows = [[shown(value) for value in row] for row in rows]
        scenario.checks.append(check)
    scenario.captures = ["triggers", "polling"]
    scenario.config = CONFIG.get(identity, {})
    scenario.refused = REFUSED.get(identity, {})
    if identity in DIFFERENT_EACH_TIME:
        scenario.alike = "sinks"
    if identity in STREAMED_ONLY:
        scenario.modes = ["streamed"]
    if identity in NEEDS:
        scenario.versions = lambda version: version >= NEEDS[identity]
    if identity not in NO_EXPECTED_SCHEMA:
        scenario.schema = expected_schema(case)
    return scenario


def _collision(case):
    """Two names that fold into one: who was first keeps it; a fresh copy has no first and refuses both."""
    both = {"public.users": "name-collision", "public.Users": "name-collision"}
    fresh, streamed = _scenario(case, ".fresh"), _scenario(case, ".streamed")
    fresh.modes, fresh.refused = ["fresh"], both
    streamed.modes, streamed.captures = ["streamed"], ["triggers"]  # a look at the catalog finds both at once
    streamed.refused, streamed.carried = {"public.Users": "name-collision"}, {"public.users"}
    check = Check("select id from users", case["id"])
    check.rows = [["3"]]
    streamed.checks.append(check)
    return [fresh, streamed]


def load_cases():
    scenarios = []
    for line in CASES.read_text().splitlines():
        case = json.loads(line)
        if case["id"] in WITHOUT_POSTGRES:
            continue
        scenarios += _collision(case) if case["id"] == "create.case_collision" else [_scenario(case)]
    return scenarios
