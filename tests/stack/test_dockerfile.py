"""The Dockerfile: linted, by the rules of this house, and its lists of packages held against what the program is really linked with."""

import json
import os
import re
import shutil
import subprocess

import pytest

from tests.support.paths import DEV_DIRECTORY, REPOSITORY, walbridge_binary

from . import compose, dockerfile

# In every Debian image, so nobody has to name them.
IN_BASE = {"libc6", "libgcc-s1"}
NOT_LINKED = {"ca-certificates"}  # files, not a library
# Of ./dev's list: what only tests, benches and work in the checkout need.
NOT_FOR_IMAGES = {"ccache", "git", "libbenchmark-dev", "libgmock-dev", "libgtest-dev"}


def run(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, **{"check": True, **options}).stdout


def needed(binary):
    """Names of the libraries that the program itself asks for. A Release build leaves out those it was only linked beside."""
    named = re.findall(r"\(NEEDED\)\s+Shared library: \[(.*)\]", run("readelf", "-d", binary))
    unused = {os.path.basename(line.strip()) for line in run("ldd", "-u", binary, check=False).splitlines()}
    return [name for name in named if name not in unused]


def resolved(binary):
    """{name: file} of every library it gets, of its own and theirs."""
    return dict(re.findall(r"(\S+) => (/\S+)", run("ldd", binary)))


def package_of(path):
    """Debian's record may name a file with or without /usr."""
    real = os.path.realpath(path)
    for name in (real, real.removeprefix("/usr")):
        result = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True, check=False)
        if result.returncode == 0:
            return result.stdout.split(":")[0]
    raise AssertionError(f"{path} is of no package")


@pytest.fixture(scope="module")
def packages():
    """{library: package} of the program under test."""
    binary = walbridge_binary()
    files = resolved(binary)
    return {name: package_of(files[name]) for name in needed(binary) if name in files}, {package_of(path) for path in files.values()}


def test_lint():
    result = subprocess.run([DEV_DIRECTORY / "hadolint/bin/hadolint", "--failure-threshold", "style", dockerfile.FILE], capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0 and not result.stdout, result.stdout


def test_stages_have_one_pinned_base():
    build, runtime = dockerfile.stages()
    assert build.base == runtime.base + " AS build"
    assert re.fullmatch(r"debian:bookworm-\d{8}-slim", runtime.base)


def test_installs_each_library_that_the_program_asks_for_and_none_besides(packages):
    direct, _ = packages
    listed = set(dockerfile.stages()[1].packages())
    assert listed - NOT_LINKED == set(direct.values()) - IN_BASE


def test_what_the_libraries_need_comes_with_them(packages):
    """Debian's dependencies of the listed packages hold every other library that is loaded."""
    _, everything = packages
    reached, left = set(), list(dockerfile.stages()[1].packages()) + sorted(IN_BASE)
    while left:
        package = left.pop()
        if package in reached:
            continue
        reached.add(package)
        fields = run("dpkg-query", "-W", "-f", "${Pre-Depends},${Depends}\n", package, check=False).split("\n")[0]
        left += [re.split(r"[\s:(]", choice.strip())[0] for choice in re.split(r"[,|]", fields) if choice.strip()]
    assert everything <= reached, everything - reached


def test_builds_with_what_dev_builds_with():
    listed = re.search(r"^BUILD_PACKAGES=\((.*?)\)", (REPOSITORY / "dev").read_text(), re.MULTILINE | re.DOTALL)[1].split()
    assert set(dockerfile.stages()[0].packages()) == set(listed) - NOT_FOR_IMAGES


def test_the_context_is_enough_to_build(tmp_path):
    """What .dockerignore lets through configures, and Ninja knows how to make the program from it."""
    allowed = [line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert (REPOSITORY / ".dockerignore").read_text().splitlines()[1] == "*"
    for pattern in allowed:
        for source in REPOSITORY.glob(pattern):
            target = tmp_path / source.relative_to(REPOSITORY)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    (command,) = [text for text in dockerfile.stages()[0].all("RUN") if text.startswith("cmake ")]
    configure, build, strip = [part.split() for part in command.split("&&")]
    assert configure == ["cmake", "--preset", "release"] and build == ["cmake", "--build", "--preset", "release", "--target", "walbridge"]
    assert strip == ["strip", "build/release/cli/walbridge"]
    run(*configure, cwd=tmp_path)
    steps = run("ninja", "-C", "build/release", "-t", "commands", "walbridge", cwd=tmp_path).splitlines()
    assert len(steps) > 50 and "-o cli/walbridge " in steps[-1], steps[-1]


def test_what_is_copied_is_in_the_context():
    allowed = [line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for rest in dockerfile.stages()[1].all("COPY"):
        words = rest.split()
        if words[0].startswith("--from="):
            assert words[0] == "--from=build" and words[1] == "/src/build/release/cli/walbridge"
        else:
            assert words[0] in allowed


def test_runs_as_nobody_special_and_without_a_shell():
    last = dockerfile.stages()[1]
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", last.last("USER"))
    image = dockerfile.image()
    assert image["entrypoint"] == ["/usr/bin/walbridge"] and image["command"] == ["run"]
    assert image["healthcheck"] == ["/usr/bin/walbridge", "healthcheck"]
    assert last.last("STOPSIGNAL") == "SIGTERM" and json.loads(last.last("VOLUME")) == ["/var/lib/walbridge"]
    names = [name for name, _ in last.instructions]
    assert "ADD" not in names and names.index("USER") > max(i for i, name in enumerate(names) if name in ("RUN", "COPY"))


def test_labels():
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', dockerfile.stages()[1].last("LABEL")))
    assert labels["title"] == "walbridge" and labels["licenses"] == "Apache-2.0" and labels["description"]
    assert labels["version"] == "${VERSION}" and labels["revision"] == "${REVISION}"
    version = re.search(r"project\(walbridge VERSION ([\d.]+)", (REPOSITORY / "CMakeLists.txt").read_text())[1]
    assert f"VERSION={version}" in dockerfile.stages()[1].all("ARG")


def test_the_image_reads_its_configuration_where_compose_puts_it():
    for name in ("walbridge", "publisher", "applier"):
        targets = [target for _, target in compose.mounts(compose.whole_file()["services"][name])]
        assert f"{dockerfile.image()['workdir']}/walbridge.yaml" in targets
