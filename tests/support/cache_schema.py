"""The schema of a cache by what it means to a reader: columns with their types, keys, collations; indexes with theirs.
Not by its SQL text, which tells how a table came to be; neither by the order of columns, nor by defaults."""

import re

SYSTEM = ("_walbridge_", "sqlite_", "libsql_", "__turso")
TABLES = "SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main'"
COLUMNS = ('SELECT l.name, x.name, x.type, x."notnull", x.pk, x.hidden FROM pragma_table_list AS l, pragma_table_xinfo(l.name) AS x '
           "WHERE l.schema = 'main' AND l.type = 'table'")
INDEXES = ('SELECT l.name, i.name, i."unique", i.origin, i.partial FROM pragma_table_list AS l, pragma_index_list(l.name) AS i '
           "WHERE l.schema = 'main' AND l.type = 'table'")
INDEX_PARTS = ('SELECT l.name, i.name, x.name, x."desc", x.coll FROM pragma_table_list AS l, pragma_index_list(l.name) AS i, '
               "pragma_index_xinfo(i.name) AS x WHERE l.schema = 'main' AND l.type = 'table' AND x.key ORDER BY 1, 2, x.seqno")
SQL = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL"
# A compound SELECT compares as its first column does: six texts, one fewer without case, two fewer without padding.
COLLATION = ("SELECT count(*) FROM (SELECT {column} FROM {table} WHERE 0 UNION SELECT 'a' UNION SELECT 'A' UNION SELECT 'b' "
             "UNION SELECT 'b ' UNION SELECT 'c' UNION SELECT 'c ')")
COLLATIONS = {6: "BINARY", 5: "NOCASE", 4: "RTRIM"}
BATCH = 200


def quote(name):
    return '"' + name.replace('"', '""') + '"'


def is_replicated(name, kind, indexes):
    """Not walbridge's own, not what SQLite, a full-text table or a vector index keeps for itself."""
    if kind == "shadow" or name.startswith(SYSTEM):
        return False
    return not (name.endswith("_shadow") and name.removesuffix("_shadow") in indexes)


def _bare(sql):
    """Expression text without what has no meaning: white space and quotes around names."""
    return re.sub(r'[\s"]+', "", sql)


def _index_text(sql):
    """Parts and condition of CREATE INDEX: expressions stand in no pragma."""
    sql = re.sub(r"/\*.*?\*/", " ", sql, flags=re.DOTALL)
    body = re.search(r"\bON\s+(\"(?:[^\"]|\"\")*\"|\S+?)\s*(\(.*)$", sql, re.IGNORECASE | re.DOTALL)
    return _bare(body[2]) if body else _bare(sql)


def replicated_tables(cache):
    tables, indexes = cache.batch([(TABLES, ()), ("SELECT name FROM sqlite_master WHERE type = 'index'", ())])
    names = {name for (name,) in indexes}
    return {name: (kind, wr, strict) for name, kind, wr, strict in tables if is_replicated(name, kind, names)}


def read_schema(cache):
    """{table: {"form", "columns": {name: …}, "indexes": {name: …}, "triggers": [name]}}; a virtual table: its SQL."""
    kinds = replicated_tables(cache)
    columns, indexes, parts, sql = cache.batch([(q, ()) for q in (COLUMNS, INDEXES, INDEX_PARTS, SQL)])
    texts = {(kind, name): text for kind, name, _, text in sql}
    schema = {}
    for table, (kind, wr, strict) in kinds.items():
        if kind == "virtual":
            # The row's own number has as many names as the key has.
            schema[table] = {"virtual": re.sub(r"content_rowid='\w+'", "", _bare(texts[("table", table)]))}
        elif kind == "table":
            schema[table] = {"form": (wr, strict), "columns": {}, "indexes": {}, "triggers": []}
    collations = _collations(cache, [(t, c, d) for t, c, d, *_ in columns if t in schema and "columns" in schema[t]])
    for table, column, declared, not_null, key, hidden in columns:
        if table in schema and "columns" in schema[table]:
            schema[table]["columns"][column] = (declared, bool(not_null), key, hidden, collations.get((table, column)))
    for table, index, unique, origin, partial in indexes:
        if table in schema and "indexes" in schema[table]:
            found = [(name, bool(desc), coll) for t, i, name, desc, coll in parts if (t, i) == (table, index)]
            by_expression = partial or any(name is None for name, _, _ in found)
            text = _index_text(texts[("index", index)]) if by_expression else ""
            name = index if origin == "c" else f"({origin})"
            schema[table]["indexes"][name] = (bool(unique), origin, tuple(found), text)
    for kind, name, table, _ in sql:
        if kind == "trigger" and table in schema and "triggers" in schema[table]:
            schema[table]["triggers"] = sorted([*schema[table]["triggers"], name])
    return schema


def _collations(cache, columns):
    textual = [(t, c) for t, c, declared in columns if "TEXT" in declared.upper() or "CHAR" in declared.upper()]
    found = {}
    for begin in range(0, len(textual), BATCH):
        some = textual[begin:begin + BATCH]
        answers = cache.batch([(COLLATION.format(table=quote(t), column=quote(c)), ()) for t, c in some])
        found.update({key: COLLATIONS.get(rows[0][0], rows[0][0]) for key, rows in zip(some, answers, strict=True)})
    return found


def schema_differences(first, second):
    """What `second` has otherwise than `first`, as lines."""
    lines = []
    for table in sorted(set(first) | set(second)):
        if table not in first or table not in second:
            lines.append(f"table {table}: only in the {'second' if table not in first else 'first'}")
            continue
        for part in sorted(set(first[table]) | set(second[table])):
            ours, theirs = first[table].get(part), second[table].get(part)
            if isinstance(ours, dict) and isinstance(theirs, dict):
                lines += [f"table {table}: {part} {name}: {ours.get(name, 'none')} and {theirs.get(name, 'none')}"
                          for name in sorted(set(ours) | set(theirs)) if ours.get(name) != theirs.get(name)]
            elif ours != theirs:
                lines.append(f"table {table}: {part}: {ours} and {theirs}")
    return lines
