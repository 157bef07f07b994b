"""The house's rules, checked on every file: include edges, one home per library, sizes, banned words, no dead code."""

import json
import re

import pytest

from . import rules
from .sources import CODE, FILES, ROOT, TEXT, code_only, includes, module_of, name_of

OUR_MODULES = set(rules.INCLUDE_EDGES) | rules.EVERYBODY
# A test may say these words: they are what it tests with.
SELF = {"tests/tidy/rules.py", "tests/tidy/test_structure.py"}


def read(path):
    return path.read_text(encoding="utf8", errors="replace")


def wrong_include_edges(name, text):
    module = module_of(name)
    for line, target, is_system in includes(text):
        first = module_of(target)
        if is_system:
            if first in OUR_MODULES and (ROOT / target).exists():
                yield f"{name}:{line}: our own headers are included with quotes: {target}"
            continue
        if module in ("tests", "bench") and (ROOT / name).parent.joinpath(target).exists() and not (ROOT / target).exists():
            yield f"{name}:{line}: include from the repository root: {target}"
        elif first not in OUR_MODULES or not (ROOT / target).exists():
            yield f"{name}:{line}: not a file of ours, from the repository root: {target}"
        elif module not in rules.EVERYBODY and first != module and first not in rules.INCLUDE_EDGES[module]:
            yield f"{name}:{line}: {module} must not include {first}: {target}"


def wrong_library_homes(name, text):
    if rules.LIBRARIES_FREE_FOR.match(name):
        return
    for line, target, _ in includes(text):
        for library, (headers, homes) in rules.LIBRARY_HOMES.items():
            if re.fullmatch(headers, target) and not re.match(homes, name):
                yield f"{name}:{line}: {library} is used outside its home: {target}"


def banned(name, text, table):
    for number, line in enumerate(text.splitlines(), 1):
        for words, homes, why in table:
            found = re.search(words, line)
            if found and not re.match(homes, name):
                yield f"{name}:{number}: {found[0]}: {why}"


def wrong_header(name, text):
    lines = text.splitlines()
    if not lines or not lines[0].startswith("//"):
        yield f"{name}:1: a header opens with what it is, its invariant and its thread"
    comment = next((i for i, line in enumerate(lines) if not line.startswith("//")), len(lines))
    if comment >= len(lines) or lines[comment] != "#pragma once":
        yield f"{name}:{comment + 1}: #pragma once follows the opening comment"
    if comment > 14:
        yield f"{name}:1: the opening comment is longer than 14 lines; the rest belongs to the declarations"


def report(findings):
    findings = list(findings)
    assert not findings, "\n" + "\n".join(findings)


def test_there_is_something_to_check():
    assert len(CODE) > 50 and len(TEXT) > len(CODE)


def test_include_edges():
    report(f for path in CODE for f in wrong_include_edges(name_of(path), read(path)))


def test_one_library_one_home():
    report(f for path in CODE for f in wrong_library_homes(name_of(path), read(path)))


def test_no_file_is_long():
    sized = [p for p in FILES if p.suffix in (".cc", ".h", ".py") or p.name in ("dev",)]
    report(f"{name_of(p)}: {count} lines, more than {rules.MAX_LINES}"
           for p in sized if (count := len(read(p).splitlines())) > rules.MAX_LINES)


def test_banned_words_in_code():
    report(f for path in CODE for f in banned(name_of(path), code_only(read(path)), rules.BANNED_IN_CODE))


def test_banned_words_anywhere():
    report(f for path in TEXT if name_of(path) not in SELF for f in banned(name_of(path), read(path), rules.BANNED_IN_TEXT))


def test_headers_open_with_their_purpose():
    report(f for path in CODE if path.suffix == ".h" for f in wrong_header(name_of(path), read(path)))


def test_every_source_is_compiled():
    database = ROOT / "build/dev/compile_commands.json"
    if not database.exists():
        pytest.fail("no build/dev/compile_commands.json: run ./dev build")
    compiled = {entry["file"] for entry in json.loads(database.read_text())}
    # Fuzz targets are compiled by another preset: they must stand in its list.
    fuzz_list = ROOT / "tests/fuzz/CMakeLists.txt"
    fuzz = read(fuzz_list) if fuzz_list.exists() else ""
    report(f"{name_of(p)}: no target compiles it" for p in CODE if p.suffix == ".cc" and str(p) not in compiled
           and not (name_of(p).startswith("tests/fuzz/") and (p.stem in fuzz or "GLOB" in fuzz)))


def test_every_header_is_included():
    text = "\n".join(read(p) for p in CODE)
    report(f"{name_of(p)}: nobody includes it" for p in CODE if p.suffix == ".h" and f'"{name_of(p)}"' not in text)


def test_private_headers_stay_private():
    """What the adapters show is open.h; the engine's parts are for the engine, cli and tests."""
    public = {"source-pg": {"source-pg/open.h"}, "sink-libsql": {"sink-libsql/open.h", "sink-libsql/trial.h"}}
    report(f"{name_of(p)}:{line}: {target} is private to {module_of(target)}" for p in CODE
           if module_of(name_of(p)) == "cli" for line, target, is_system in includes(read(p))
           if not is_system and module_of(target) in public and target not in public[module_of(target)])
