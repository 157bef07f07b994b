"""docker-compose.yml and .env: valid by the official loader, and by the rules of this house."""

import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

from tests.support.paths import REPOSITORY

from . import compose, dockerfile

LOADER = "github.com/compose-spec/compose-go/v2/cmd@v2.16.2"
DIRECT = {"postgres", "shoppers", "sqld", "walbridge", "prometheus", "grafana"}
KAFKA = {"postgres", "shoppers", "sqld", "kafka", "publisher", "applier", "prometheus-kafka", "grafana"}
OURS = ("walbridge", "publisher", "applier")


@pytest.fixture(scope="module")
def loaded():
    """What the reference implementation of the Compose specification makes of it: validated, variables filled in."""
    go = shutil.which("go") or next((str(p) for p in [pathlib.Path("/usr/local/go/bin/go")] if p.exists()), None)
    if go is None:
        pytest.skip("no go here, so no loader of the Compose specification")
    result = subprocess.run([go, "run", LOADER, "-format", "json", "docker-compose.yml"], cwd=REPOSITORY, capture_output=True, text=True, timeout=280,
                            env={**os.environ, "GOFLAGS": "-mod=mod"}, check=False)
    if "dial tcp" in result.stderr or "proxyconnect" in result.stderr:
        pytest.skip("the loader of the Compose specification cannot be fetched here")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_the_loader_accepts_it(loaded):
    assert set(loaded["services"]) == DIRECT | KAFKA
    assert loaded["name"] == "walbridge"


def test_we_read_it_as_the_loader_does(loaded):
    for name, service in compose.whole_file()["services"].items():
        theirs = loaded["services"][name]
        assert theirs.get("command") == service.get("command"), name
        assert theirs.get("profiles") == service.get("profiles"), name
        assert theirs.get("environment", {}) == service.get("environment", {}), name
        assert {k: v["condition"] for k, v in theirs.get("depends_on", {}).items()} == {
            k: v["condition"] for k, v in service.get("depends_on", {}).items()}, name
        assert [m["target"] for m in theirs.get("volumes", [])] == [target for _, target in compose.mounts(service)], name


def test_one_command_for_each_way():
    """Without a profile what .env says; a --profile takes its place, because Compose reads COMPOSE_PROFILES only without one."""
    assert set(compose.services()) == DIRECT
    assert set(compose.services("kafka")) == KAFKA
    for profile, chosen in ((None, DIRECT), ("kafka", KAFKA)):
        order = compose.start_order(compose.services(profile))
        assert set(order) == chosen
        assert order.index("postgres") < order.index("publisher" if profile else "walbridge")


def test_no_direct_walbridge_beside_kafka():
    """Both would feed the same cache."""
    assert not {"walbridge"} & set(compose.services("kafka")) and not {"applier"} & set(compose.services())


def test_images_are_pinned():
    for name, service in compose.whole_file()["services"].items():
        image, tag = service["image"].rsplit(":", 1)
        if image == "walbridge":
            assert service["build"] == "." and tag == "local"
        else:
            assert re.search(r"\d+\.\d+(\.\d+)?", tag), f"{name}: {service['image']}"


def test_ports_are_on_loopback_and_do_not_collide():
    for profile in (None, "kafka"):
        published = [port for service in compose.services(profile).values() for port in service.get("ports", [])]
        assert published and all(port.startswith("127.0.0.1:") for port in published)
        assert len({port.split(":")[1] for port in published}) == len(published)
    assert "ports" not in compose.whole_file()["services"]["postgres"], "it trusts whoever reaches it"


def test_no_secret():
    for text in (compose.FILE.read_text(), compose.ENVIRONMENT_FILE.read_text()):
        assert not re.search(r"(?i)(password|passwd|token|secret|api_?key)\w*\s*[:=]", text)
        assert not re.search(r"://[^/\s@]+:[^/\s@]+@", text)


def test_everything_that_runs_on_has_a_health_check_and_comes_back():
    for name, service in compose.whole_file()["services"].items():
        assert service["restart"] == "unless-stopped", name
        if name != "shoppers":
            assert service["healthcheck"]["test"][0] == "CMD", name


@pytest.mark.parametrize("name", OURS)
def test_walbridge_has_no_more_rights_than_it_needs(name):
    service = compose.whole_file()["services"][name]
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"]
    assert service["healthcheck"]["test"][1:] == dockerfile.image()["healthcheck"]


def test_who_is_waited_for_is_healthy_first():
    for profile in (None, "kafka"):
        chosen = compose.services(profile)
        for name, service in chosen.items():
            for other, how in service.get("depends_on", {}).items():
                assert other in chosen, f"{name} waits for {other}, which is not started"
                assert how["condition"] == "service_healthy", f"{name} -> {other}"


def test_what_is_mounted_is_there():
    for name, service in compose.whole_file()["services"].items():
        for source, target in compose.mounts(service):
            if "/" in source:
                assert (REPOSITORY / source).exists(), f"{name}: {source}"
                assert f"{source}:{target}:ro" in service["volumes"], f"{name} could write {source}"
            else:
                assert source in compose.whole_file()["volumes"], f"{name}: {source}"


def test_every_walbridge_is_scraped():
    for profile, prometheus in ((None, "prometheus"), ("kafka", "prometheus-kafka")):
        chosen = compose.services(profile)
        (targets,) = [source for source, target in compose.mounts(chosen[prometheus]) if "/targets/" in target]
        (group,) = yaml.safe_load((REPOSITORY / targets).read_text())
        assert sorted(group["targets"]) == sorted(f"{name}:9630" for name in OURS if name in chosen)


def test_the_programs_own_checks_accept_the_configurations():
    """Keys, values and roles; nothing is connected to."""
    for name in OURS:
        assert yaml.safe_load((REPOSITORY / f"deploy/compose/{name}.yaml").read_text())["admin"]["listen"] == "0.0.0.0:9630"
