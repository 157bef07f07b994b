"""What deploy/ holds for Prometheus and Grafana, without any server: rules by promtool, the dashboard by its structure."""

import collections
import re
import shutil
import subprocess

import pytest
import yaml

from tests.support.paths import REPOSITORY

from . import queries

PROMETHEUS = queries.DEPLOY / "prometheus"
PROVISIONING = queries.DEPLOY / "grafana/provisioning"


@pytest.fixture(scope="module")
def promtool():
    found = shutil.which("promtool")
    assert found, "promtool is missing; run ./dev setup"

    def run(*arguments, cwd=PROMETHEUS):
        result = subprocess.run([found, *arguments], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
        return result.returncode, result.stdout + result.stderr
    return run


def test_rules_are_rules(promtool):
    code, said = promtool("check", "rules", "alerts.yml")
    assert code == 0 and "SUCCESS: 15 rules found" in said, said


def test_configuration_is_one(promtool):
    code, said = promtool("check", "config", "prometheus.yml")
    assert code == 0, said


def test_rules_fire_and_stay_silent(promtool):
    code, said = promtool("test", "rules", "alerts_test.yml")
    assert code == 0, said


@pytest.mark.parametrize("name", sorted(queries.rules()))
def test_rule_has_a_case_for_firing_and_one_for_silence(name):
    """In one scenario it fires at one moment and not at another, so that the case is about when, not only about whether."""
    cases = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]
    wanted = f'alertname="{name}"'
    for case in cases:
        fired = [any(wanted in sample["labels"] for sample in look["exp_samples"]) for look in case["promql_expr_test"]]
        if True in fired and False in fired:
            return
    pytest.fail(f"no case of alerts_test.yml shows {name} silent and firing")


@pytest.mark.parametrize("name", sorted(queries.rules()))
def test_a_rule_that_never_fires_is_noticed(promtool, tmp_path, name):
    """The cases of alerts_test.yml can fail: without the rule they do."""
    rules = yaml.safe_load(queries.ALERTS.read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            if rule["alert"] == name:
                rule["expr"] = f"({rule['expr']}) and vector(1) == 2"
    (tmp_path / "alerts.yml").write_text(yaml.safe_dump(rules))
    shutil.copy(PROMETHEUS / "alerts_test.yml", tmp_path)
    code, said = promtool("test", "rules", "alerts_test.yml", cwd=tmp_path)
    assert code != 0, said


def test_every_rule_says_how_bad_and_what_to_do():
    for name, rule in queries.rules().items():
        assert rule["labels"]["severity"] in ("critical", "warning"), name
        assert len(rule["annotations"]["summary"]) > 20 and len(rule["annotations"]["description"]) > 40, name


def test_only_metrics_that_there_are():
    asked = {queries.family(metric): name for name, rule in queries.rules().items() for metric in queries.metrics_of(rule["expr"])}
    asked |= {queries.family(metric): panel for panel, _, query in queries.dashboard_queries() for metric in queries.metrics_of(query)}
    unknown = {metric: asker for metric, asker in asked.items() if metric not in queries.documented_metrics()}
    assert not unknown, f"docs/operations.md does not know {unknown}"


def test_every_metric_is_shown():
    shown = {queries.family(metric) for _, _, query in queries.dashboard_queries() for metric in queries.metrics_of(query)}
    assert queries.documented_metrics().keys() <= shown, f"the dashboard leaves out {queries.documented_metrics().keys() - shown}"


def test_dashboard_is_whole():
    board = queries.dashboard()
    assert board["uid"] == "walbridge" and board["schemaVersion"] >= 36
    assert [v["name"] for v in board["templating"]["list"]] == ["datasource", "instance", "sink"]
    ids = collections.Counter(panel["id"] for panel in board["panels"])
    assert max(ids.values()) == 1, "two panels with one id"
    for panel in queries.panels():
        assert panel["targets"], panel["title"]
        for at in [panel, *panel["targets"]]:
            assert at["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]
        assert len({t["refId"] for t in panel["targets"]}) == len(panel["targets"]), panel["title"]


def test_panels_do_not_overlap():
    taken = {}
    for panel in queries.dashboard()["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, f"{panel['title']} lies over {taken[x, y]}"
                taken[x, y] = panel["title"]


def test_panels_choose_by_the_variables():
    for panel, _, query in [(p["title"], None, t["expr"]) for p in queries.panels() for t in p["targets"]]:
        for selector in re.findall(r"\bwalbridge_[a-z_]+(\{[^}]*\})?", query):
            assert "$instance" in selector, f"{panel}: {query}"


def test_grafana_finds_the_dashboard_where_compose_puts_it():
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards/walbridge.yml").read_text())["providers"]
    compose = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
    mounts = dict(volume.split(":")[:2][::-1] for volume in compose["services"]["grafana"]["volumes"])
    assert mounts[provider["options"]["path"]] == "./deploy/grafana/dashboards"
    assert mounts["/etc/grafana/provisioning"] == "./deploy/grafana/provisioning"


def test_the_data_source_is_the_one_of_the_compose_file():
    (source,) = yaml.safe_load((PROVISIONING / "datasources/prometheus.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090" and source["jsonData"]["manageAlerts"]
    chosen = queries.dashboard()["templating"]["list"][0]
    assert chosen["query"] == source["type"] and chosen["current"]["value"] == source["uid"]
