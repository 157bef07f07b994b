"""The Debian package: accepted by lintian, hardened, complete, and doing its work where it is installed."""

import email
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from tests.support.paths import REPOSITORY

from .conftest import run


def fields(deb):
    return email.message_from_string(run("dpkg-deb", "-f", deb).stdout)


def test_lintian_has_nothing_to_say(deb):
    result = subprocess.run(["lintian", "--tag-display-limit", "0", str(deb)], capture_output=True, text=True, timeout=240, check=False)
    assert not re.findall(r"^[EW]: .*", result.stdout, re.MULTILINE), result.stdout
    assert result.returncode == 0


def test_control(deb):
    control = fields(deb)
    libraries = control["Depends"]
    for needed in ("libpq5", "libsqlite3-0", "libcurl4", "libc6", "adduser", "ca-certificates"):
        assert re.search(rf"(^|, ){re.escape(needed)}\b", libraries), f"{needed} is not among {libraries}"
    assert control["Section"] == "database" and control["Package"] == "walbridge" and control["Homepage"] is None


def test_versions_agree(deb, unpacked):
    version = fields(deb)["Version"]
    says = run(unpacked / "usr/bin/walbridge", "--version").stdout.split()[-1]
    changelog = re.match(r"walbridge \((\S+)\)", (REPOSITORY / "packaging/debian/changelog").read_text())
    assert version == changelog[1] == f"{says}-1"


def test_every_library_it_links_is_a_dependency(deb, unpacked):
    """By name, from the dynamic section: dpkg-shlibdeps cannot have been given another binary."""
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", unpacked / "usr/bin/walbridge").stdout)
    assert "libpq.so.5" in needed
    depends = fields(deb)["Depends"]
    for library in needed:
        owners = {line.split(":")[0] for line in run("dpkg", "-S", f"*/{library}").stdout.splitlines()}
        assert any(re.search(rf"(^|, ){re.escape(owner)}\b", depends) for owner in owners), f"{library} of {owners} is not in {depends}"


def test_the_binary_is_stripped(unpacked):
    assert ".debug_info" not in run("readelf", "-SW", unpacked / "usr/bin/walbridge").stdout


def test_the_binary_is_hardened(unpacked, cache_entries):
    if cache_entries["CMAKE_BUILD_TYPE"] != "Release":
        pytest.skip(f"only Release builds are hardened, this is {cache_entries['CMAKE_BUILD_TYPE']}")
    binary = unpacked / "usr/bin/walbridge"
    dynamic = run("readelf", "-dW", binary).stdout
    assert "BIND_NOW" in dynamic and re.search(r"FLAGS_1.*NOW.*PIE", dynamic)
    segments = run("readelf", "-lW", binary).stdout
    assert "GNU_RELRO" in segments and re.search(r"GNU_STACK.* RW ", segments)
    symbols = run("readelf", "--dyn-syms", "-W", binary).stdout
    assert "__stack_chk_fail" in symbols and re.search(r"__\w+_chk@", symbols.replace("__stack_chk_fail", ""))


def test_files(unpacked):
    for path, mode in {"usr/bin/walbridge": 0o755, "lib/systemd/system/walbridge@.service": 0o644, "etc/walbridge/main.yaml": 0o644,
                       "etc/walbridge/secrets": 0o700, "usr/share/man/man1/walbridge.1.gz": 0o644,
                       "usr/share/bash-completion/completions/walbridge": 0o644, "usr/share/zsh/vendor-completions/_walbridge": 0o644,
                       "usr/share/fish/vendor_completions.d/walbridge.fish": 0o644, "usr/share/doc/walbridge/copyright": 0o644,
                       "usr/share/doc/walbridge/changelog.Debian.gz": 0o644, "usr/share/doc/walbridge/docs/deploy.md": 0o644,
                       "usr/share/doc/walbridge/compiled-in/libpg-query-dev.txt": 0o644}.items():
        assert (unpacked / path).stat().st_mode & 0o777 == mode, path


def test_links_of_the_installed_documentation_lead_somewhere(unpacked):
    doc = unpacked / "usr/share/doc/walbridge"
    pages = sorted(doc.rglob("*.md"))
    assert len(pages) > 5
    broken = []
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[\w-]*)?\)", page.read_text()):
            source = REPOSITORY / page.relative_to(doc)
            assert (source.parent / target).exists(), f"{source.relative_to(REPOSITORY)}: {target} is not in the repository"
            shipped = not target.lstrip("./").startswith(("bench/", "CONTRIBUTING", "LICENSE", "tests/", "docker-compose"))
            if shipped and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(doc)}: {target}")
    assert not broken


def test_md5sums(deb, unpacked, tmp_path):
    run("dpkg-deb", "-e", deb, tmp_path / "control")
    run("md5sum", "--check", "--quiet", "--strict", tmp_path / "control/md5sums", cwd=unpacked)
    assert (tmp_path / "control/conffiles").read_text().split() == ["/etc/walbridge/main.yaml"]
    for script in ("postinst", "prerm", "postrm"):
        run("sh", "-n", tmp_path / "control" / script)


INSTALL = """
set -e
mount -t tmpfs none "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cp "$2" "$1/root/package.deb"
exec chroot "$1/root" sh -euxc '
  export DEBIAN_FRONTEND=noninteractive
  dpkg -i /package.deb
  test "$(getent passwd walbridge | cut -d: -f6,7)" = /var/lib/walbridge:/usr/sbin/nologin
  walbridge --version
  test "$(stat -c "%U %a" /etc/walbridge/secrets)" = "root 700"
  echo "# mine" >> /etc/walbridge/main.yaml
  echo postgres://nobody@127.0.0.1:1/none > /etc/walbridge/secrets/source_url
  test "$(stat -c "%U %a" /var/lib/walbridge/main)" = "walbridge 700"
  walbridge -c /etc/walbridge/main.yaml check | grep "ok .*sink main: /var/lib/walbridge/main/cache.db can be written"
  dpkg -i /package.deb
  grep "# mine" /etc/walbridge/main.yaml
  dpkg -r walbridge
  grep "# mine" /etc/walbridge/main.yaml
  ! command -v walbridge
  dpkg -P walbridge
  test ! -e /etc/walbridge/main.yaml
  cat /etc/walbridge/secrets/source_url
  getent passwd walbridge
'
"""


def test_install_upgrade_remove_purge(deb, tmp_path):
    """On a copy-on-write image of this machine, which forgets everything at the end."""
    if os.geteuid() != 0:
        pytest.skip("an installation needs root")
    run("unshare", "--mount", "sh", "-c", INSTALL, "install", tmp_path, deb)


def test_installed_program_needs_nothing_of_the_checkout(unpacked, tmp_path):
    """Another directory, an empty environment: usage, manual and configuration errors work."""
    copy = tmp_path / "walbridge"
    shutil.copy(unpacked / "usr/bin/walbridge", copy)
    result = subprocess.run([copy, "check"], cwd=tmp_path, env={}, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 2 and "walbridge.yaml" in result.stderr
    text = pathlib.Path(copy).read_bytes()
    assert str(REPOSITORY).encode() not in text
