"""Every query that the dashboard and the alert rules ask of Prometheus, and which of them speak only of Kafka or only in trouble."""

import json
import re

import yaml

from tests.support.paths import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
DASHBOARD = DEPLOY / "grafana/dashboards/walbridge.json"
ALERTS = DEPLOY / "prometheus/alerts.yml"

# What Grafana puts in for its variables.
VARIABLES = {"$__rate_interval": "20s", "$instance": ".*", "$sink": ".*"}


def dashboard():
    return json.loads(DASHBOARD.read_text())


def panels():
    """Those that show something; a row is a heading."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def filled_in(expression):
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, f"a variable that this test does not know: {expression}"
    return expression


def dashboard_queries():
    """[(panel, legend, query)]"""
    return [(panel["title"], target["legendFormat"], filled_in(target["expr"])) for panel in panels() for target in panel["targets"]]


def variable_queries():
    """{variable: (query for the series, label)} of the dashboard's lists."""
    found = {}
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            query, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()
            found[variable["name"]] = (filled_in(query), label)
    return found


def rules():
    """{name of the alert: rule}"""
    return {rule["alert"]: rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]}


def metrics_of(expression):
    return set(re.findall(r"\bwalbridge_[a-z_]+\b", expression))


def is_of_kafka(expression):
    return any(name.startswith("walbridge_kafka_") for name in metrics_of(expression)) or re.search(r'(stage|sink)=~?"kafka', expression) is not None


def only_in_trouble(expression):
    """Has no series while all is well: alerts, and retries that nobody needed yet."""
    return expression.startswith("ALERTS") or "walbridge_retries_total" in expression


def documented_metrics():
    """{name: its row} of the table in docs/operations.md."""
    rows = re.findall(r"^\| (`walbridge_.*) \|", (REPOSITORY / "docs/operations.md").read_text(), re.MULTILINE)
    return {name: row for row in rows for name in re.findall(r"`(walbridge_[a-z_]+)", row.split("|")[0])}


def family(series):
    """The documented name of a series: a histogram has three."""
    return re.sub(r"_(bucket|sum|count)$", "", series)
