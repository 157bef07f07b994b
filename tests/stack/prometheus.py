"""A private Prometheus that runs deploy/prometheus as it is. Changed are only: the targets (a file that the configuration reads
anyway), the pace (scrape and evaluation interval) and, on request, the `for` of each rule. The expressions are untouched."""

import http.client
import json
import math
import pathlib
import shutil
import tempfile
import urllib.parse

import yaml

from tests.support.process import Process, free_port, wait_for

from .queries import ALERTS, DEPLOY

PACE = "1s"


class Prometheus:
    def __init__(self, targets, alert_after=None, directory=None):
        """`targets`: addresses to scrape. `alert_after`: replaces the `for` of every alert."""
        self.port = free_port()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="walbridge-prometheus-", dir=directory))
        self.process = None
        config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
        config["global"] = {"scrape_interval": PACE, "evaluation_interval": PACE}
        (self.directory / "prometheus.yml").write_text(yaml.safe_dump(config))
        alerts = yaml.safe_load(ALERTS.read_text())
        for group in alerts["groups"]:
            for rule in group["rules"]:
                rule["for"] = alert_after or rule["for"]
        (self.directory / "alerts.yml").write_text(yaml.safe_dump(alerts))
        (self.directory / "targets").mkdir()
        self.set_targets(targets)

    def set_targets(self, targets):
        """Prometheus watches the file; a replaced one is read whole."""
        fresh = self.directory / "fresh"
        fresh.write_text(yaml.safe_dump([{"targets": list(targets)}]))
        fresh.replace(self.directory / "targets/walbridge.yml")

    def start(self):
        self.process = Process(["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address=127.0.0.1:{self.port}"],
                               self.directory / "log", cwd=self.directory)

        def ready():
            if not self.process.running():
                raise RuntimeError(f"Prometheus ended at start:\n{self.process.log()}")
            return self._get("/-/ready")[0] == 200
        wait_for(ready, 60, "Prometheus to be ready", interval=0.1)
        return self

    def remove(self):
        if self.process is not None and self.process.running():
            self.process.kill9()
        shutil.rmtree(self.directory, ignore_errors=True)

    # ---- what it says ----

    def _get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def api(self, path, **parameters):
        status, body = self._get(f"/api/v1/{path}?{urllib.parse.urlencode(parameters, doseq=True)}")
        answer = json.loads(body) if body else {}
        assert status == 200 and answer["status"] == "success", f"{path} {parameters}: {status} {answer.get('error', body)}"
        return answer["data"]

    def query(self, expression):
        """[(labels, value)]"""
        return [(series["metric"], float(series["value"][1])) for series in self.api("query", query=expression)["result"]]

    def label_values(self, series, label):
        return sorted({found[label] for found in self.api("series", **{"match[]": series}) if label in found})

    def rules(self):
        """{alert: rule as Prometheus has it, with health, lastError and its alerts}"""
        return {rule["name"]: rule for group in self.api("rules")["groups"] for rule in group["rules"]}

    def firing(self, name):
        """The alerts of a rule that fire now."""
        return [alert for alert in self.rules()[name]["alerts"] if alert["state"] == "firing"]

    def wait_firing(self, name, timeout, **labels):
        def found():
            return [a for a in self.firing(name) if labels.items() <= a["labels"].items()]
        return wait_for(found, timeout, lambda: f"{name} {labels} to fire; now {self.state()}", interval=0.2)

    def wait_silent(self, names, timeout):
        def silent():
            now = self.rules()
            return all(now[name]["state"] == "inactive" for name in names)
        wait_for(silent, timeout, lambda: f"{sorted(names)} to be silent; now {self.state()}", interval=0.2)

    def wait_data(self, queries, timeout=60):
        """Until every query returns something; fails with those that do not."""
        left = set(queries)

        def all_answered():
            left.difference_update([query for query in left if self._has_data(query)])
            return not left
        wait_for(all_answered, timeout, lambda: f"no data for {sorted(left)}", interval=0.3)

    def _has_data(self, query):
        return any(not math.isnan(value) for _, value in self.query(query))

    def state(self):
        return {name: rule["state"] for name, rule in self.rules().items() if rule["state"] != "inactive"}
