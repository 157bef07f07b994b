"""Generated clients with the real packages: the Drizzle schema compiles under `tsc --strict` and reads every table from a
server, an embedded replica and a file; the Prisma schema generates a client that reads them too. Each value equals what
Postgres holds."""

import contextlib
import json
import re

import psycopg2
import pytest

from tests.readers.place import Workshop, node, program, run
from tests.readers.source_values import as_drizzle, as_prisma, decimal_form, table_values
from tests.support.paths import TESTS
from tests.support.postgres import Postgres
from tests.support.sqld import Sqld
from tests.support.walbridge import Walbridge

# Tables whose names SQLite or JavaScript cannot have as they are take part under others.
RENAMED = [{"match": "Sales.Order Items", "columns": {"Select": {"as": "Select 2"}}},
           {"match": "public.Users", "as": "Users, the second"}, {"match": "public.sqlite_stuff", "as": "class"},
           {"match": "public.i_child", "mode": "append"}, {"match": "public.k_tstz", "columns": {"t": {"type": "default"}}}]
SETTINGS = {"tables": {"include": ["*.*"], "exclude": ["public.u_unlogged"]}}
STRICT = {"strict": True, "noUncheckedIndexedAccess": True, "noImplicitOverride": True, "target": "ES2022", "module": "nodenext",
          "moduleResolution": "nodenext", "skipLibCheck": True, "types": ["node"], "rootDir": ".", "noEmitOnError": True,
          "outDir": "compiled", "rewriteRelativeImportExtensions": True}
# Generation needs no engine; without a name it would download one.
PRISMA = {"PRISMA_SCHEMA_ENGINE_BINARY": "/bin/true", "CHECKPOINT_DISABLE": "1", "PRISMA_HIDE_UPDATE_MESSAGE": "1"}

# Encodings whose decoders the default does not use. What they hold is as exact, so the values read must be the same.
OTHER_ENCODINGS = [
    {"bool": "text", "int4": "text", "int8": "text", "xid8": "text", "numeric(10,2)": "integer_scaled", "numeric(15,4)": "integer_scaled",
     "numeric(18,0)": "integer_scaled", "numeric(3,5)": "integer_scaled", "numeric(5,-2)": "text", "money": "integer_scaled",
     "bytea": "hex", "uuid": "blob", "json": "compact", "timestamp": "unix_ms", "timestamptz": "unix_ms",
     "enum": "rank"},
    {"bytea": "base64", "uuid": "text_hex", "jsonb": "compact", "timestamp": "text_sqlite", "timestamptz": "text_sqlite"},
    {"timestamp": "utc", "timestamptz": "text"},
    {"timestamp": "unix_ms_frac", "timestamptz": "unix_ms_frac"},
]


@pytest.fixture(scope="module")
def postgres():
    server = Postgres(15)
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def sqld():
    server = Sqld(auth=True).start()
    yield server
    server.remove()


def load_corpus(postgres, database):
    postgres.create_database(database)
    for name in ("01_types.sql", "04_idents.sql"):
        postgres.psql((TESTS / "corpus" / name).read_text(encoding="utf8"), database)


class Caches:
    """The corpus in a file and, if there is one, in a server."""

    def __init__(self, postgres, directory, database, sqld=None, **settings):
        self.postgres = postgres
        self.sqld = sqld
        self.database = database
        load_corpus(postgres, database)
        self.file = directory / "cache.db"
        sinks = [{"name": "file", "url": f"file:{self.file}"}]
        if sqld:
            sinks.append({"name": "server", "url": sqld.url, "auth_token": sqld.token("rw")})
        self.bridge = Walbridge(directory, postgres.url(database), sinks, name=database,
                                settings={**SETTINGS, "rules": RENAMED, **settings})
        self.bridge.once()

    def generate(self, format_name, directory, sink="file"):
        result = self.bridge.command("schema", "--format", format_name, "--sink", sink, "--out", directory)
        assert result.returncode == 0, result.stderr
        assert "not in it" not in result.stderr
        return result

    def planned(self):
        """{cache table: (schema, table, {cache column: source column})} of what is carried."""
        sinks = json.loads(self.bridge.command("plan", "--json", "--no-caches").stdout)["sinks"]
        tables = {}
        for table in sinks[0]["tables"]:
            schema, _, name = table["source"].partition(".")
            columns = {c["name"]: c["source"] for c in table["columns"] if "source" in c}
            tables[table["cache"]] = (schema, name, columns)
        return tables


@pytest.fixture(scope="module")
def caches(postgres, sqld, tmp_path_factory):
    return Caches(postgres, tmp_path_factory.mktemp("clients"), "clients", sqld)


def compile_strictly(directory, files):
    (directory / "package.json").write_text('{"type": "module"}')
    (directory / "tsconfig.json").write_text(json.dumps({"compilerOptions": STRICT, "files": files}))
    run([program("tsc"), "-p", directory / "tsconfig.json"])
    return directory / "compiled"


def expected_tables(postgres, database, planned, form):
    """{cache table: rows as {cache column: value}}, sorted."""
    expected = {}
    connection = psycopg2.connect(postgres.url(database))
    with contextlib.closing(connection):
        for cache, (schema, table, columns) in planned.items():
            rows = table_values(connection, schema, table)
            expected[cache] = sort_rows([{name: form(row[source]) for name, source in columns.items()} for row in rows])
    return expected


def sort_rows(rows):
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))


def compare(found, expected):
    """Cell by cell, so that a failure names what differs."""
    assert sorted(found) == sorted(expected)
    cells = 0
    for table, rows in expected.items():
        key = "id" if rows and "id" in rows[0] else None
        def order(row):
            return json.dumps(row[key] if key else row, sort_keys=True)
        mine = sorted(({name: row.get(name, "missing") for name in rows[0]} for row in found[table]), key=order) if rows else []
        assert len(found[table]) == len(rows), table
        for got, want in zip(mine, sorted(rows, key=order)):
            for name, value in want.items():
                cells += 1
                assert got[name] == value, f"{table}.{name} of {want.get('id')}: {got[name]!r} instead of {value!r}"
    return cells


@pytest.fixture(scope="module")
def drizzle(caches):
    with Workshop() as directory:
        caches.generate("drizzle", directory)
        yield compile_strictly(directory, ["schema.ts"]) / "schema.js"


def test_drizzle_reads_a_file(caches, drizzle):
    found = node("read_drizzle.js", drizzle, f"file:{caches.file}")
    assert compare(found, expected_tables(caches.postgres, caches.database, caches.planned(), as_drizzle)) > 1000


def test_drizzle_reads_a_server(caches, drizzle):
    found = node("read_drizzle.js", drizzle, caches.sqld.url, caches.sqld.token("ro"))
    assert compare(found, expected_tables(caches.postgres, caches.database, caches.planned(), as_drizzle)) > 1000


def test_drizzle_reads_an_embedded_replica(caches, drizzle, tmp_path):
    found = node("read_drizzle.js", drizzle, caches.sqld.url, caches.sqld.token("rw"), tmp_path / "replica.db")
    assert compare(found, expected_tables(caches.postgres, caches.database, caches.planned(), as_drizzle)) > 1000


@pytest.mark.parametrize("types", OTHER_ENCODINGS, ids=lambda types: ",".join(sorted(set(types.values())))[:60])
def test_drizzle_decodes_other_encodings(postgres, tmp_path, types):
    case = Caches(postgres, tmp_path, f"encodings{OTHER_ENCODINGS.index(types)}", types=types)
    if "unix_ms_frac" in types.values():
        # No double has the microseconds of the year 9999; whole milliseconds after 287396 are beyond JavaScript's numbers.
        postgres.execute("DELETE FROM c_datetime WHERE id IN (12, 15)", case.database)
        case.bridge.once()
    with Workshop() as directory:
        case.generate("drizzle", directory)
        found = node("read_drizzle.js", compile_strictly(directory, ["schema.ts"]) / "schema.js", f"file:{case.file}")
    assert compare(found, expected_tables(postgres, case.database, case.planned(), as_drizzle)) > 1000


def test_drizzle_decodes_binary_json(postgres, tmp_path):
    """Which a server's SQLite writes; Debian's is too old for it."""
    postgres.create_database("jsonb")
    postgres.psql((TESTS / "corpus/01_types.sql").read_text(encoding="utf8"), "jsonb")
    postgres.execute("DELETE FROM c_json WHERE id = 15", "jsonb")  # SQLite knows 1000 levels only
    server = Sqld().start()
    try:
        bridge = Walbridge(tmp_path, postgres.url("jsonb"), {"url": server.url}, name="jsonb",
                           settings={"tables": {"include": ["public.c_json"]}, "types": {"jsonb": "jsonb_blob"}})
        bridge.once()
        with Workshop() as directory:
            assert bridge.command("schema", "--format", "drizzle", "--out", directory).returncode == 0
            assert "pgJsonb(" in (directory / "schema.ts").read_text()
            found = node("read_drizzle.js", compile_strictly(directory, ["schema.ts"]) / "schema.js", server.url)
        planned = {"c_json": ("public", "c_json", {name: name for name in ("id", "note", "j", "jb")})}
        assert compare(found, expected_tables(postgres, "jsonb", planned, as_drizzle)) == 16 * 4
    finally:
        server.remove()


class PrismaNames:
    """What a schema.prisma calls tables, columns and labels of enums."""

    def __init__(self, text):
        self.models = {}
        self.members = {}
        self.ignored = set()
        for kind, name, body in re.findall(r"^(model|enum) (\w+) \{\n(.*?)^\}", text, re.DOTALL | re.MULTILINE):
            mapped = re.search(r'^  @@map\((".*")\)$', body, re.MULTILINE)
            lines = re.findall(r'^  (\w+)( [\w?]+)?(?: @id)?(?: @map\((".*")\))?$', body, re.MULTILINE)
            names = {json.loads(original) if original else name: name for name, _, original in lines}
            if kind == "enum":
                self.members.update(names)
                continue
            table = json.loads(mapped[1]) if mapped else name
            self.models[table] = (name, names)
            if "@@ignore" in body:
                self.ignored.add(table)


def test_prisma_reads_a_file_and_a_server(postgres, tmp_path):
    server = Sqld(auth=True).start()
    try:
        read_with_prisma(Caches(postgres, tmp_path, "prisma", server, profile="prisma"))
    finally:
        server.remove()


def read_with_prisma(caches):
    with Workshop() as directory:
        caches.generate("prisma", directory)
        run([program("prisma"), "generate", "--schema", directory / "schema.prisma"], **PRISMA)
        compiled = compile_strictly(directory, ["generated/client.ts"]) / "generated/client.js"
        names = PrismaNames((directory / "schema.prisma").read_text(encoding="utf8"))
        planned = {table: rest for table, rest in caches.planned().items() if table not in names.ignored}
        assert set(caches.planned()) - set(planned) == {"k_full", "i_child"}
        expected = expected_tables(caches.postgres, caches.database, planned, lambda v: as_prisma(v, names.members.get))
        for address in ([f"file:{caches.file}"], [caches.sqld.url, caches.sqld.token("ro")]):
            read = node("read_prisma.js", compiled, *address)
            found = {}
            for table in planned:
                model, fields = names.models[table]
                found[table] = [{column: normal(row[field]) for column, field in fields.items()} for row in read[model]]
            assert compare(found, expected) > 1000


def normal(value):
    return {"decimal": decimal_form(value["decimal"])} if isinstance(value, dict) and set(value) == {"decimal"} else value


def test_the_file_says_whether_it_fits(caches, postgres):
    """Last: it changes a table."""
    with Workshop() as directory:
        caches.generate("drizzle", directory)
        check = ("schema", "--check", directory / "schema.ts", "--sink", "file")
        assert caches.bridge.command(*check).returncode == 0
        stated = json.loads(caches.bridge.command("status", "--json").stdout)["caches"][0]["schema_hash"]
        assert f"// walbridge-schema {stated}\n" in (directory / "schema.ts").read_text(encoding="utf8")
        postgres.execute("ALTER TABLE c_bool ADD COLUMN later text; CREATE TABLE newcomer (id int PRIMARY KEY)", caches.database)
        caches.bridge.once()
        result = caches.bridge.command(*check)
        assert result.returncode == 1, result.stdout
        assert "table c_bool has another schema now" in result.stdout
        assert "table newcomer is not in the file" in result.stdout
        caches.generate("drizzle", directory)
        assert caches.bridge.command(*check).returncode == 0
