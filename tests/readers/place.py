"""Where the JavaScript clients of these tests are installed, and how programs are run there."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from tests.support.paths import NODE_MODULES

HERE = pathlib.Path(__file__).parent


def place():
    """ES modules look for packages beside themselves, so the scripts run from where the packages are."""
    if (HERE / "node_modules").exists():
        return HERE
    directory = NODE_MODULES.parent / "readers"
    directory.mkdir(parents=True, exist_ok=True)
    for source in (*HERE.glob("*.js"), HERE / "package.json"):
        (directory / source.name).write_bytes(source.read_bytes())
    return directory


def run(command, timeout=120, **environment):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=timeout, check=False,
                          env={**os.environ, **environment}, cwd=place())
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def node(script, *arguments):
    """What a script of this folder prints, as JSON."""
    return json.loads(run(["node", place() / script, *arguments]))


def program(name):
    """A command-line program of an installed package."""
    modules = place() / "node_modules"
    return (modules if modules.exists() else NODE_MODULES) / ".bin" / name


class Workshop:
    """A folder from which packages are found, for generated code; gone afterwards."""

    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="generated-", dir=place()))
        return self.directory

    def __exit__(self, *_):
        shutil.rmtree(self.directory, ignore_errors=True)
