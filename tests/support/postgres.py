"""A private Postgres 14 to 18: own data directory, own free port of 127.0.0.1, logical decoding on.

Version 15 is Debian's; the others come from npm (`./dev setup`). fsync is off: kill -9 loses nothing that reached the
kernel, and no test here takes the power away."""

import contextlib
import pathlib
import shutil
import signal
import subprocess
import tempfile

import psycopg2
import psycopg2.extensions

from .paths import NODE_MODULES
from .process import Process, accepts, free_port, unprivileged_user, wait_for

VERSIONS = (14, 15, 16, 17, 18)

SETTINGS = {
    "wal_level": "logical",
    "max_wal_senders": 60,
    "max_replication_slots": 200,
    "max_connections": 120,
    "max_prepared_transactions": 10,
    "fsync": "off",
    "shared_buffers": "64MB",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
    "timezone": "America/New_York",        # not what walbridge wants: it must set its own session
    "datestyle": "SQL, DMY",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "autovacuum_naptime": "1h",
    "jit": "off",
}


def binaries(version):
    """The directory with initdb and postgres, or None when that version is not installed."""
    if version not in VERSIONS:
        raise ValueError(f"no Postgres {version}: one of {VERSIONS}")
    for directory in (pathlib.Path(f"/usr/lib/postgresql/{version}/bin"), NODE_MODULES / f"pg{version}/native/bin"):
        if (directory / "postgres").exists():
            return directory
    return None


def _psql_program():
    """The client itself: Debian's wrapper around it takes three times as long."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/psql"))
    return found[-1] if found else "psql"


class Postgres:
    def __init__(self, version=15, settings=None, hba=None, directory=None):
        self.version = version
        self.port = free_port()
        self.user = unprivileged_user()
        self.settings = {**SETTINGS, **(settings or {}), "port": self.port}
        self.hba = hba
        self.process = None
        self.bin = binaries(version)
        if self.bin is None:
            raise FileNotFoundError(f"Postgres {version} is not installed; run ./dev setup")
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"walbridge-pg{version}-", dir=directory))
        self._give_away(self.directory)
        self._make_reachable()
        self.data = self.directory / "data"
        self._initialize()

    def _give_away(self, path):
        if self.user is not None:
            shutil.chown(path, self.user.pw_uid, self.user.pw_gid)

    def _make_reachable(self):
        """A checkout below a private home cannot be entered by the unprivileged user: work on a copy then."""
        if self.user is None:
            return
        probe = subprocess.run([self.bin / "postgres", "--version"], user=self.user.pw_uid, group=self.user.pw_gid,
                               extra_groups=[], capture_output=True, cwd="/", check=False) if self._traversable() else None
        if probe is None or probe.returncode != 0:
            shutil.copytree(self.bin.parent, self.directory / "native", symlinks=True)
            self.bin = self.directory / "native/bin"

    def _traversable(self):
        return all(parent.stat().st_mode & 0o005 == 0o005 for parent in self.bin.parents)

    def _initialize(self):
        identity = {} if self.user is None else {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}
        subprocess.run([self.bin / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                        "--locale=C.UTF-8", "--no-sync", "--no-instructions"],
                       check=True, capture_output=True, cwd=self.directory, **identity)
        lines = [f"{name} = '{value}'" for name, value in self.settings.items()]
        with open(self.data / "postgresql.conf", "a", encoding="utf8") as conf:
            conf.write("\n" + "\n".join(lines) + "\n")
        if self.hba is not None:
            (self.data / "pg_hba.conf").write_text("\n".join(self.hba) + "\n")

    def start(self):
        # SIGQUIT, an immediate shutdown, if we die: nobody will need the data again.
        self.process = Process([self.bin / "postgres", "-D", self.data], self.directory / "log", user=self.user,
                               cwd=self.directory, parent_death_signal="QUIT")
        self.wait_ready()
        return self

    def wait_ready(self, timeout=60):
        def ready():
            if not self.process.running():
                raise RuntimeError(f"Postgres {self.version} ended at start:\n{self.process.log()}")
            if not accepts(self.port):
                return False
            try:
                self.connect().close()
                return True
            except psycopg2.OperationalError:
                return False
        wait_for(ready, timeout, f"Postgres {self.version} to accept connections")

    def running(self):
        return self.process is not None and self.process.running()

    def kill9(self):
        """SIGKILL to the postmaster; its children notice and leave by themselves, which start() waits for."""
        children = self._children()
        self.process.kill9()
        wait_for(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in children), 30, "backends to leave")

    def _children(self):
        """Pids whose parent is the postmaster."""
        found = []
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                if stat.read_text().rsplit(")", 1)[1].split()[1] == str(self.process.pid):
                    found.append(stat.parent.name)
        return found

    def stop(self):
        if self.running():
            self.process.stop(timeout=30, number=signal.SIGINT)  # fast: does not wait for clients

    def restart(self):
        self.stop()
        return self.start()

    def remove(self):
        """Stops, however it stands, and removes every file."""
        if self.running():
            self.process.stop(timeout=30, number=signal.SIGQUIT)
        shutil.rmtree(self.directory, ignore_errors=True)

    def url(self, database="postgres", user="postgres", **parameters):
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}" + (f"?{query}" if query else "")

    def connect(self, database="postgres", user="postgres", autocommit=True):
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, dbname=database, user=user, connect_timeout=10,
                                      application_name="walbridge-tests")
        connection.autocommit = autocommit
        return connection

    def execute(self, sql, database="postgres"):
        """Runs one statement (or several as one transaction) on a connection of its own."""
        connection = self.connect(database)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def psql(self, script, database="postgres", timeout=120):
        """Runs a script as `psql -f` does: each statement its own transaction unless it says otherwise."""
        result = subprocess.run([_psql_program(), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.url(database), "-f", "-"],
                                input=script, text=True, capture_output=True, timeout=timeout, check=False)
        if result.returncode != 0:
            raise RuntimeError(f"psql failed: {result.stderr}")
        return result.stdout

    def create_database(self, name, template="template0"):
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE {template}')
        return self.url(name)

    def wal_position(self, database="postgres"):
        return lsn_value(self.execute("SELECT pg_current_wal_lsn()::text", database)[0][0])


def lsn_value(text):
    high, low = text.split("/")
    return (int(high, 16) << 32) | int(low, 16)


def lsn_text(value):
    return f"{value >> 32:X}/{value & 0xFFFFFFFF:X}"
