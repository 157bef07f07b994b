"""What docker-compose.yml says, done by hand: the same images' programs, commands, files, variables, health checks and order,
as processes of this machine. A container's world is translated by this table and nothing else:

  service:port, 0.0.0.0:port, 127.0.0.1:port, //:port   127.0.0.1 and a free port, one for each (service, port)
  PGHOST, PGPORT                                        the same
  a mounted file or folder                              a copy below the service's own directory, its text translated too
  a named volume                                        a directory, the same for every service
  the image                                             a program of this machine: images.py
  user, read_only, cap_drop, security_opt, restart      left out: there is no container
"""

import pathlib
import re
import shutil
import tempfile

from tests.support.paths import REPOSITORY
from tests.support.process import Process, free_port, wait_for

from . import compose, images


# Own addresses keep what stands before the port.
ADDRESS = re.compile(r"(?P<own>/dev/tcp/127\.0\.0\.1/|\b127\.0\.0\.1:)(?P<own_port>\d{4,5})\b|//:(?P<any>\d{4,5})\b"
                     r"|\b(?P<name>0\.0\.0\.0|[a-z][a-z-]*):(?P<port>\d{4,5})\b")


class Service:
    def __init__(self, stack, name, wanted):
        self.stack, self.name, self.wanted = stack, name, wanted
        self.root = stack.directory / "services" / name
        self.root.mkdir(parents=True)
        self.log = self.root / "log"
        self.paths = {}  # in the container: here
        for source, target in compose.mounts(wanted):
            self.paths[target] = self._mount(source, target)
        self.image = images.of(wanted["image"])
        for path in self.image.own_paths:
            self.paths.setdefault(path, self.root / path.lstrip("/"))
            self.paths[path].mkdir(parents=True, exist_ok=True)
        self.environment = self._environment()
        self.process = None

    def _mount(self, source, target):
        if "/" not in source:
            volume = self.stack.directory / "volumes" / source
            volume.mkdir(parents=True, exist_ok=True)
            return volume
        here = self.root / target.lstrip("/")
        here.parent.mkdir(parents=True, exist_ok=True)
        origin = REPOSITORY / source
        if origin.is_dir():
            shutil.copytree(origin, here)
        else:
            here.write_text(origin.read_text())
        return here

    def translate_files(self):
        """Once every mount is known: a file may name another one."""
        for _, target in compose.mounts(self.wanted):
            if self.paths[target].is_file():
                self.paths[target].write_text(self.translated(self.paths[target].read_text()))

    def translated(self, text):
        for target in sorted(self.paths, key=len, reverse=True):
            text = re.sub(rf"(?<![\w./-]){re.escape(target)}(?![\w.-])", str(self.paths[target]), text)
        return ADDRESS.sub(self._here, text)

    def _here(self, found):
        """In one pass: what was translated must not be taken for an address of the file."""
        if found["own"]:
            return found["own"] + self._own(int(found["own_port"])).split(":")[1]
        if found["any"]:
            return "//" + self._own(int(found["any"]))
        name = self.name if found["name"] == "0.0.0.0" else found["name"]
        return self.stack.address(name, int(found["port"])) or found[0]

    def _own(self, port):
        return self.stack.address(self.name, port)

    def _environment(self):
        given = {name: str(value) for name, value in self.wanted.get("environment", {}).items()}
        if "PGHOST" in given:
            host, port = self.stack.address(given["PGHOST"], int(given["PGPORT"])).split(":")
            given |= {"PGHOST": host, "PGPORT": port}
        return {name: self.translated(value) for name, value in given.items()}

    def port(self, of_container):
        return int(self._own(of_container).split(":")[1])

    # ---- its life ----

    def start(self):
        entrypoint = self.wanted.get("entrypoint", self.image.entrypoint)
        command = self.wanted.get("command", [] if "entrypoint" in self.wanted else self.image.command)
        words = [self.translated(word) for word in [*entrypoint, *command]]
        self.process = self.image.start(self, words)
        return self

    def run(self, arguments, **options):
        return Process(arguments, self.log, environment={**self.environment, **options.pop("environment", {})}, **options)

    def healthy(self):
        kind, *words = self.wanted["healthcheck"]["test"]
        assert kind == "CMD", f"{self.name}: only CMD needs no shell"
        return self.image.check(self, [self.translated(word) for word in words])

    def wait(self, condition):
        """The `condition` of a depends_on."""
        assert condition == "service_healthy", condition

        def well():
            if not self.process.running():
                raise AssertionError(f"{self.name} ended:\n{self.process.log()}")
            return self.healthy()
        wait_for(well, 120, lambda: f"{self.name} to be healthy:\n{self.process.log()}", interval=0.5)

    def stop(self):
        if self.process is not None and self.process.running():
            self.process.stop(timeout=40, number=self.image.stop_signal)


class Stack:
    """The services of a profile. What has no program here (`left_out`) is not started, and nobody may depend on it."""

    def __init__(self, profile):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="walbridge-stack-"))
        self.directory.chmod(0o755)  # for servers that refuse root
        self._ports, self.started, self.services = {}, [], {}
        chosen = compose.services(profile)
        self._aliases = {name: name for name in chosen}
        for name, service in chosen.items():
            networks = service.get("networks") or {}
            self._aliases |= {alias: name for network in networks.values() for alias in (network or {}).get("aliases", [])}
        self.left_out = {name for name, service in chosen.items() if not images.is_here(service["image"])}
        for name in compose.start_order(chosen):
            if name not in self.left_out:
                self.services[name] = Service(self, name, chosen[name])
        for service in self.services.values():
            service.translate_files()

    def address(self, service, port):
        name = self._aliases.get(service)
        if name is None:
            return None
        return f"127.0.0.1:{self._ports.setdefault((name, port), free_port())}"

    def up(self):
        for name, service in self.services.items():
            for other, how in service.wanted.get("depends_on", {}).items():
                self.services[other].wait(how["condition"])
            self.started.append(service.start())
        return self

    def down(self):
        for service in reversed(self.started):
            if service.process is not None and service.process.running():
                service.process.kill9() if service.image.may_be_killed else service.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __getitem__(self, name):
        return self.services[name]
