"""The structure test itself: each rule finds what it forbids and leaves alone what it allows."""

import pytest

from . import rules
from .sources import code_only
from .test_structure import banned, wrong_header, wrong_include_edges, wrong_library_homes


@pytest.mark.parametrize("name, text", [
    ("mapping/x.cc", '#include "source-pg/open.h"'),
    ("mapping/x.cc", '#include "pipeline/step.h"'),
    ("config/x.cc", '#include "pipeline/api/lsn.h"'),
    ("pipeline/api/x.cc", '#include "config/config.h"'),
    ("source-pg/x.cc", '#include "sink-libsql/open.h"'),
    ("pipeline/x.cc", '#include "sink-libsql/open.h"'),
    ("pipeline/x.cc", '#include <pipeline/api/lsn.h>'),
    ("mapping/x.cc", '#include "table_plan.h"'),
])
def test_forbidden_includes(name, text):
    assert list(wrong_include_edges(name, text))


@pytest.mark.parametrize("name, text", [
    ("mapping/x.cc", '#include "pipeline/api/lsn.h"\n#include "config/config.h"\n#include <string>'),
    ("pipeline/x.cc", '#include "mapping/table_plan.h"'),
    ("cli/x.cc", '#include "sink-libsql/open.h"\n#include "source-pg/open.h"'),
])
def test_allowed_includes(name, text):
    assert not list(wrong_include_edges(name, text))


@pytest.mark.parametrize("name, header, wrong", [
    ("pipeline/x.cc", "sqlite3.h", True), ("sink-libsql/x.cc", "sqlite3.h", False), ("cli/x.cc", "libpq-fe.h", True),
    ("source-pg/x.cc", "curl/curl.h", True), ("pipeline/x.cc", "yaml-cpp/yaml.h", True), ("cli/x.cc", "CLI/CLI.hpp", False),
    ("tests/unit/sink-libsql/x.cc", "sqlite3.h", False), ("pipeline/lane.cc", "prometheus/counter.h", True),
])
def test_library_homes(name, header, wrong):
    assert bool(list(wrong_library_homes(name, f"#include <{header}>"))) == wrong


@pytest.mark.parametrize("name, text, wrong", [
    ("pipeline/lane.cc", "std::jthread worker;", True), ("pipeline/runner.cc", "std::jthread worker;", False),
    ("mapping/x.cc", "auto t = std::chrono::system_clock::now();", True), ("tests/unit/mapping/x.cc", "sleep_for(1s);", True),
    ("pipeline/x.cc", "try {} catch (...) {}", True), ("pipeline/x.cc", "std::cout << 1;", True), ("cli/x.cc", "std::cout << 1;", False),
    ("pipeline/x.cc", 'auto s = "std::cout"; // std::thread', False), ("mapping/x.cc", "std::getenv(name);", True),
    ("pipeline/x.cc", "int n = 1'000'000; std::thread t;", True),
])
def test_banned_in_code(name, text, wrong):
    assert bool(list(banned(name, code_only(text), rules.BANNED_IN_CODE))) == wrong


@pytest.mark.parametrize("text, wrong", [
    ("see /ho" + "me/someone/file", True), ("an /etc/walbridge file", False), ("FIX" + "ME later", True),
    ("TO" + "DO later", True), ("TO" + "DO(anna): when 14 is gone", False),
])
def test_banned_in_text(text, wrong):
    assert bool(list(banned("docs/x.md", text, rules.BANNED_IN_TEXT))) == wrong


def test_headers():
    assert not list(wrong_header("a/b.h", "// What it is.\n#pragma once\n"))
    assert list(wrong_header("a/b.h", "#pragma once\n"))
    assert list(wrong_header("a/b.h", "// What it is.\n#include <x>\n"))


def test_literals_and_comments_are_blanked():
    assert code_only('a /* x\ny */ b "c" R"(d\ne)" 1\'000') == 'a \n b "" ""\n 1\'000'
