"""The systemd unit: what systemd's own tools say of it, and its command with its environment doing the work."""

import os
import re
import shlex
import shutil

from tests.support.cache import FileCache
from tests.support.paths import REPOSITORY
from tests.support.postgres import Postgres
from tests.support.process import Process, unprivileged_user, wait_for

from .conftest import run

UNIT = REPOSITORY / "deploy/systemd/walbridge@.service"


def settings(path):
    found = {}
    for line in path.read_text().splitlines():
        if re.match(r"\w+=", line):
            key, value = line.split("=", 1)
            found.setdefault(key, []).append(value)
    return found


def instance(directory):
    shutil.copy(UNIT, directory / "walbridge@main.service")
    return directory / "walbridge@main.service"


def test_exposure_is_the_documented_one(tmp_path):
    text = run("systemd-analyze", "security", "--offline=yes", "--no-pager", instance(tmp_path)).stdout
    level = re.search(r"Overall exposure level for \S+ (\d+\.\d) (\w+)", text)
    assert float(level[1]) <= 1.5, text
    documented = (REPOSITORY / "docs/deploy.md").read_text()
    assert f"Overall exposure level for walbridge@main.service: {level[1]} {level[2]}" in documented


def test_systemd_understands_every_line(tmp_path):
    unit = instance(tmp_path)
    # The program and its manual are not installed here.
    unit.write_text(re.sub(r"^Documentation=.*\n", "", unit.read_text(), flags=re.MULTILINE).replace("/usr/bin/walbridge", "/bin/true"))
    result = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit)
    assert not result.stdout + result.stderr


def test_installed_for_another_prefix(prefix):
    unit = (prefix / "lib/systemd/system/walbridge@.service").read_text()
    assert f"ExecStart={prefix}/bin/walbridge " in unit and "/usr/bin" not in unit
    page = re.search(r"file://(\S+)", unit)[1]
    assert os.path.exists(page)


def test_the_command_of_the_unit_feeds_a_cache(unpacked, tmp_path):
    """As systemd would: credentials copied under their prefix, the unit's environment and command, an unprivileged user."""
    unit = settings(UNIT)
    user = unprivileged_user()
    state, credentials = tmp_path / "state", tmp_path / "credentials"
    for directory in (state, credentials):
        directory.mkdir()
        if user is not None:
            shutil.chown(directory, user.pw_uid, user.pw_gid)
    for directory in (tmp_path, *tmp_path.parents):
        if directory.stat().st_uid == os.geteuid() and directory != directory.parent:
            directory.chmod(directory.stat().st_mode | 0o011)
    server = Postgres(15)
    bridge = None
    try:
        server.start()
        server.execute("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'one')")
        identity, folder = unit["LoadCredential"][0].split(":")
        assert folder == "/etc/walbridge/secrets"
        secret = credentials / f"{identity}_source_url"
        secret.write_text(server.url() + "\n")
        secret.chmod(0o444)
        variable, value = unit["Environment"][0].split("=")
        config = tmp_path / "main.yaml"
        config.write_text((unpacked / "etc/walbridge/main.yaml").read_text().replace("/var/lib/walbridge/main", str(state))
                          .replace("127.0.0.1:9630", '""'))
        command = shlex.split(unit["ExecStart"][0].replace("/etc/walbridge/%i.yaml", str(config)))
        binary = tmp_path / "walbridge"
        shutil.copy(unpacked / command[0].lstrip("/"), binary)
        bridge = Process([binary, *command[1:]], tmp_path / "log", environment={variable: value.replace("%d", str(credentials))}, user=user,
                         cwd=state)
        cache = state / "cache.db"
        wait_for(lambda: cache.exists() and FileCache(cache).query("SELECT v FROM t") == [("one",)], 60, lambda: bridge.log())
        assert bridge.stop() == 0
    finally:
        if bridge is not None and bridge.running():
            bridge.kill9()
        server.remove()


def test_exit_codes_that_need_a_person_are_not_retried():
    unit = settings(UNIT)
    assert unit["Restart"] == ["on-failure"] and unit["RestartPreventExitStatus"] == ["2 4"]
