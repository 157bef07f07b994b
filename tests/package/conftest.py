"""One .deb and one installed prefix for all tests, made from a finished build directory (WALBRIDGE_PACKAGE_BUILD, or
build/release). What is made lies in a temporary directory; the build directory only gets the manual and the completions."""

import os
import pathlib
import re
import subprocess

import pytest

from tests.support.paths import REPOSITORY


def run(*command, **options):
    """Runs to its end; fails with what it printed."""
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=240, check=False,
                            stdin=subprocess.DEVNULL, **options)
    assert result.returncode == 0, f"{command} exited {result.returncode}:\n{result.stdout}{result.stderr}"
    return result


@pytest.fixture(scope="session")
def build():
    directory = pathlib.Path(os.environ.get("WALBRIDGE_PACKAGE_BUILD", REPOSITORY / "build/release")).resolve()
    if not (directory / "cli/walbridge").exists():
        raise FileNotFoundError(f"{directory} holds no finished build; run ./dev build release, or set WALBRIDGE_PACKAGE_BUILD")
    return directory


@pytest.fixture(scope="session")
def cache_entries(build):
    """The settings of the build directory."""
    return dict(re.findall(r"^(\w+):\w+=(.*)$", (build / "CMakeCache.txt").read_text(), re.MULTILINE))


@pytest.fixture(scope="session")
def deb(build, tmp_path_factory):
    directory = tmp_path_factory.mktemp("deb")
    run("cpack", "--config", build / "CPackConfig.cmake", "-B", directory, cwd=directory)
    packages = list(directory.glob("*.deb"))
    assert len(packages) == 1
    return packages[0]


@pytest.fixture(scope="session")
def unpacked(deb, tmp_path_factory):
    """The package's files in a root of their own."""
    root = tmp_path_factory.mktemp("root")
    run("dpkg-deb", "-x", deb, root)
    return root


@pytest.fixture(scope="session")
def prefix(build, tmp_path_factory):
    """What `cmake --install` puts below a prefix."""
    directory = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", build, "--prefix", directory)
    return directory


@pytest.fixture(scope="session")
def program(prefix):
    return prefix / "bin/walbridge"
