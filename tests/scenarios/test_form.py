"""The form of the scenario files: how SQL is split, how cells are written."""

import pytest

from .scenario import ScenarioError, ScenarioFile, is_ddl, shown, statements


def write(tmp_path, text):
    path = tmp_path / "x.scenario"
    path.write_text(text)
    return ScenarioFile(path)


@pytest.mark.parametrize("value, text", [
    (None, "null"), (1, "1"), (1.0, "1.0"), ("1", "'1'"), ("", "''"), ("null", "'null'"), (b"\x00\xff", "x'00ff'"), ("a b", "a b"),
    (" a", "' a'"), ("a\nb", "a\\nb"), ("2024-01-15T12:00:00.000+00:00", "2024-01-15T12:00:00.000+00:00"), ("NaN", "'NaN'"),
    (float("inf"), "inf"), ("a | b", "'a | b'"), ("12.50", "'12.50'"),
])
def test_shown(value, text):
    assert shown(value) == text


def test_statements():
    assert statements("select 'a;b'; do $$ begin; end $$; select \"x;y\" -- c;\n;") == \
        ["select 'a;b';", "do $$ begin; end $$;", 'select "x;y" -- c;\n;']
    assert is_ddl("create table t (a int); alter table t add b int") and not is_ddl("create table t (a int); insert into t values (1)")


def test_start_by_itself(tmp_path):
    scenario = write(tmp_path, "# title\nsource: create table t (a int);\nsource: insert into t values (1);\nsource: create table u (a int);\n"
                     "sink: select 1\nexpect: 1 | null\n")
    assert scenario.title == "title" and len(scenario.before) == 1 and len(scenario.after) == 2
    assert scenario.checks[0].rows == [["1", "null"]]


def test_explicit_start(tmp_path):
    scenario = write(tmp_path, "source: insert into t values (1);\n--- start\nsource: select 1;\n--- restart\nsink: x\nexpect:\n  1\n  2\n")
    assert len(scenario.before) == 1 and [step.kind for step in scenario.after[1:]] == ["stop", "continue"] and scenario.checks[0].rows == [["1"], ["2"]]


@pytest.mark.parametrize("text", ["nonsense\n", "wrong: x\n", "expect: 1\n", "source: select 1\n", "needs: pg17\nsink: x\n", "--- pause\nsink: x\n",
                                  "wait-sink: select 1\nsink: x\n", "captures: both\nsink: x\n", "wait-stopped: t\nsink: x\n"])
def test_refused_forms(tmp_path, text):
    with pytest.raises(ScenarioError):
        write(tmp_path, text)


def test_steps(tmp_path):
    scenario = write(tmp_path, "source: create table t (a int);\n--- start\nsource: alter table t add b int;\nwait-stopped: public.t no-key\n"
                     "wait-live: public.t\nwait-sink: select a, b from t => 1 | null\nresync: public.t\nreconfig: { rules: [] }\n--- restart\n"
                     "sink: select 1\nexpect: 1\n")
    assert [step.kind for step in scenario.after] == ["sql", "stopped", "live", "sink", "resync", "reconfig", "stop", "continue"]
    assert (scenario.after[1].text, scenario.after[1].value) == ("public.t", "no-key")
    assert (scenario.after[3].text, scenario.after[3].value) == ("select a, b from t", ["1", "null"])


@pytest.mark.parametrize("text, takes", [
    ("--- start\nsource: alter table t add b int;\n", ["triggers", "polling", "fresh"]),
    ("--- start\nsource: insert into t values (1);\n", ["triggers", "fresh"]),
    ("captures: polling\n--- start\nsource: select 1;\n", ["polling", "fresh"]),
    ("modes: streamed\n--- start\nsource: drop table t;\n", ["triggers", "polling"]),
    ("modes: fresh\n--- start\nsource: drop table t;\n", ["fresh"]),
])
def test_takes(tmp_path, text, takes):
    assert write(tmp_path, text + "sink: select 1\nexpect: 1\n").takes() == takes


@pytest.mark.parametrize("text, takes", [
    ("modes: streamed\n", ["triggers", "kafka"]),
    ("modes: fresh\n", ["fresh", "kafka-fresh"]),
    ("captures: polling\n", ["polling", "kafka", "fresh", "kafka-fresh"]),
])
def test_takes_through_kafka(tmp_path, text, takes):
    assert write(tmp_path, text + "sink: select 1\nexpect: 1\n").takes(kafka=True) == takes
