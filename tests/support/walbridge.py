"""The walbridge process as an operator runs it: a YAML file, commands, signals, and the HTTP pages of its admin server."""

import http.client
import json
import os
import pathlib
import re
import subprocess

import yaml

from .paths import walbridge_binary
from .process import Process, free_port, wait_for
from .postgres import lsn_value

PROGRESS = re.compile(r"(topic [\w.-]+|[\w-]+): (waiting|streaming|snapshot \[|catching up|(not )?publishing|failed  )")


def merge(base, extra):
    """`extra` over `base`, mappings merged key by key, everything else replaced."""
    if isinstance(base, dict) and isinstance(extra, dict):
        merged = dict(base)
        for key, value in extra.items():
            merged[key] = merge(base[key], value) if key in base else value
        return merged
    return extra


class Walbridge:
    """`sinks`: one mapping for `sink:`, a list of them for `sinks:`, or none. `settings`: anything else of the file. `source_url`:
    none for one that applies from Kafka."""

    def __init__(self, directory, source_url, sinks, name="walbridge", settings=None, environment=None, binary=None):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.binary = binary or walbridge_binary()
        self.name = name
        self.admin_port = free_port()
        self.environment = dict(environment or {})
        self.config_path = self.directory / "walbridge.yaml"
        self.log_path = self.directory / "walbridge.log"
        self.process = None
        config = {"version": 1, "name": name, "tables": {"include": ["*.*"]}, "admin": {"listen": f"127.0.0.1:{self.admin_port}"}}
        if source_url is not None:
            config["source"] = {"url": source_url}
        if sinks is not None:
            config["sinks" if isinstance(sinks, list) else "sink"] = sinks
        self.config = merge(config, settings or {})
        self.write_config()

    def write_config(self):
        self.config_path.write_text(yaml.safe_dump(self.config, sort_keys=False, allow_unicode=True))

    # ---- commands ----

    def command(self, *arguments, timeout=120, environment=None):
        """Runs a command to its end; the result has returncode, stdout and stderr."""
        command = [str(a) for a in (self.binary, "-c", self.config_path, *arguments)]
        env = {**os.environ, **self.environment, **(environment or {})}
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, env=env,
                              cwd=self.directory, check=False)

    def once(self, timeout=120, expected=(0,)):
        """`run --once`; fails with its output unless it exits as expected."""
        result = self.command("run", "--once", timeout=timeout)
        with open(self.log_path, "a", encoding="utf8") as log:
            log.write(result.stdout + result.stderr)
        if result.returncode not in expected:
            raise AssertionError(f"run --once exited {result.returncode}, expected {expected}:\n{result.stdout}{result.stderr}")
        return result

    # ---- the running process ----

    def start(self, environment=None):
        self.process = Process([self.binary, "-c", self.config_path, "run"], self.log_path,
                               environment={**self.environment, **(environment or {})}, cwd=self.directory)
        return self

    def running(self):
        return self.process is not None and self.process.running()

    def kill9(self):
        self.process.kill9()

    def stop(self, timeout=10):
        """SIGTERM; its exit code. A process that is not gone after `timeout` seconds is a failure."""
        return self.process.stop(timeout=timeout) if self.process is not None else None

    def close(self):
        """For the end of a test: gone, however it stood."""
        if self.running():
            self.process.kill9()

    def log(self, last=8000):
        """What it wrote, without the lines that tell progress every second."""
        text = self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
        return "\n".join(line for line in text.splitlines() if not PROGRESS.match(line))[-last:]

    # ---- what it says of itself ----

    def get(self, path):
        """(status, body) of a page of the admin server; (0, "") while it does not answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=5)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()

    def status(self):
        status, body = self.get("/status")
        return json.loads(body) if status == 200 else None

    def metrics(self):
        """{(name, (("label", "value"), …)): number}"""
        status, body = self.get("/metrics")
        found = {}
        for line in body.splitlines() if status == 200 else []:
            match = re.fullmatch(r"([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?", line)
            if match:
                labels = tuple(sorted(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or "")))
                found[(match[1], labels)] = float(match[3])
        return found

    def metric(self, name, **labels):
        wanted = set(labels.items())
        values = [value for (found, has), value in self.metrics().items() if found == name and wanted <= set(has)]
        return sum(values) if values else None

    def ready(self):
        return self.get("/readyz")[0] == 200

    def wait(self, condition, timeout, what):
        """wait_for, and fail at once with the log when the process has ended."""
        def checked():
            value = condition()
            if not value and not self.running():
                raise AssertionError(f"walbridge ended with {self.process.child.returncode} while waiting for {what}:\n{self.log()}")
            return value
        try:
            return wait_for(checked, timeout, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\nlog of walbridge:\n{self.log()}") from None

    def wait_streaming(self, postgres, timeout=30):
        """Until its slot exists and a stream reads from it."""
        sql = f"SELECT 1 FROM pg_replication_slots WHERE slot_name = '{self.name}' AND active AND confirmed_flush_lsn IS NOT NULL"
        self.wait(lambda: bool(postgres.execute(sql)), timeout, "the slot to be streamed from")

    def wait_confirmed(self, postgres, lsn, timeout=30):
        """Until it told Postgres that everything below `lsn` is durable in all its caches (I2)."""
        sql = f"SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = '{self.name}'"

        def confirmed():
            rows = postgres.execute(sql)
            return bool(rows and rows[0][0]) and lsn_value(rows[0][0]) >= lsn
        self.wait(confirmed, timeout, f"the slot to be confirmed up to {lsn:X}")
