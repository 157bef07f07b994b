"""The recipes of deploy/: accepted by the platform's schema where there is one to have, one bridge only, no secret inside, and
with configurations that the program takes."""

import copy
import json
import re
import subprocess
import tomllib

import jsonschema
import pytest
import yaml

from tests.support.paths import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
CLOSED = {"DATABASE_URL": "postgres://reader:hidden@127.0.0.1:1/shop", "TURSO_TOKEN": "hidden"}
USAGE, UNUSABLE = 2, 3
SCHEMA = json.loads((REPOSITORY / "tests/package/kubernetes-1.30.schema.json").read_text())


def documents(path):
    return list(yaml.safe_load_all(path.read_text()))


def of_kind(path, kind):
    return next(document for document in documents(path) if document["kind"] == kind)


def validate(document):
    jsonschema.validate(document, {**SCHEMA, "$ref": f"#/$defs/{SCHEMA['kinds'][document['kind']]}"})


def takes(program, directory, text):
    """The configuration is read to its end: the only thing wrong is that no bridge runs."""
    directory.mkdir(exist_ok=True)
    secrets = directory / "secrets"
    secrets.mkdir()
    for name, value in (("database-url", CLOSED["DATABASE_URL"]), ("turso-token", CLOSED["TURSO_TOKEN"])):
        (secrets / name).write_text(value)
    text = re.sub(r"(listen: .*:)9630", r"\g<1>1", text.replace("/run/secrets/walbridge", str(secrets)))
    (directory / "walbridge.yaml").write_text(text)
    result = subprocess.run([program, "healthcheck"], cwd=directory, env=CLOSED, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == UNUSABLE and "admin-unreachable" in result.stderr, result.stderr
    assert "hidden" not in result.stdout + result.stderr


# ---------------------------------------------------------------- Kubernetes

KUBERNETES = sorted((DEPLOY / "kubernetes").glob("*.yaml"))


@pytest.mark.parametrize("path", KUBERNETES, ids=lambda path: path.stem)
def test_kubernetes_takes_it(path):
    for document in documents(path):
        validate(document)


@pytest.mark.parametrize("path", KUBERNETES, ids=lambda path: path.stem)
def test_kubernetes_would_not_take_a_slip(path):
    for document in documents(path):
        broken = copy.deepcopy(document)
        broken.setdefault("spec", {})["replica"] = 1
        with pytest.raises(jsonschema.ValidationError):
            validate(broken)


def bridge_of(pod):
    return next(c for c in pod.get("initContainers", []) + pod["containers"] if c["name"] == "walbridge")


def test_kubernetes_runs_one_bridge():
    deployment = of_kind(DEPLOY / "kubernetes/standalone.yaml", "Deployment")["spec"]
    assert deployment["replicas"] == 1 and deployment["strategy"]["type"] == "Recreate"
    stateful = of_kind(DEPLOY / "kubernetes/sidecar.yaml", "StatefulSet")["spec"]
    assert stateful["replicas"] == 1 and bridge_of(stateful["template"]["spec"])["restartPolicy"] == "Always"


@pytest.mark.parametrize("path", KUBERNETES, ids=lambda path: path.stem)
def test_kubernetes_pod(path):
    pod = next(d for d in documents(path) if "template" in d.get("spec", {}))["spec"]["template"]["spec"]
    bridge = bridge_of(pod)
    assert bridge["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert pod["securityContext"]["runAsNonRoot"] and bridge["securityContext"]["readOnlyRootFilesystem"]
    assert {"postgres", "hidden"}.isdisjoint(json.dumps(bridge).split('"'))
    ports = {port["name"]: port["containerPort"] for port in bridge["ports"]}
    config = yaml.safe_load(next(iter(of_kind(path, "ConfigMap")["data"].values())))
    assert config["admin"]["listen"] == f"0.0.0.0:{ports['admin']}"
    for service in (d for d in documents(path) if d["kind"] == "Service"):
        assert ports["admin"] not in [port["port"] for port in service["spec"]["ports"]]
    mounts = {mount["name"] for mount in bridge["volumeMounts"]}
    claims = {claim["metadata"]["name"] for d in documents(path) for claim in d.get("spec", {}).get("volumeClaimTemplates", [])}
    assert mounts == {volume["name"] for volume in pod["volumes"]} | claims


@pytest.mark.parametrize("path", KUBERNETES, ids=lambda path: path.stem)
def test_kubernetes_configuration(path, program, tmp_path):
    takes(program, tmp_path / "run", of_kind(path, "ConfigMap")["data"]["walbridge.yaml"])


# ---------------------------------------------------------------- Fly.io

def test_fly():
    app = tomllib.loads((DEPLOY / "fly/fly.toml").read_text())
    assert app["deploy"]["strategy"] == "immediate" and "http_service" not in app and "services" not in app
    assert (REPOSITORY / app["files"][0]["local_path"]).exists()
    assert app["checks"]["alive"]["path"] == "/livez" and app["kill_signal"] == "SIGTERM"
    config = yaml.safe_load((DEPLOY / "fly/walbridge.yaml").read_text())
    assert config["admin"]["listen"].endswith(f":{app['checks']['alive']['port']}") and not config["sink"]["url"].startswith("file:")


# ---------------------------------------------------------------- Cloud Run

def test_cloudrun():
    service = documents(DEPLOY / "cloudrun/service.yaml")[0]
    annotations = service["spec"]["template"]["metadata"]["annotations"]
    assert annotations["autoscaling.knative.dev/minScale"] == annotations["autoscaling.knative.dev/maxScale"] == "1"
    assert annotations["run.googleapis.com/cpu-throttling"] == "false"
    assert service["metadata"]["annotations"]["run.googleapis.com/ingress"] == "internal"
    container = service["spec"]["template"]["spec"]["containers"][0]
    assert container["livenessProbe"]["httpGet"]["path"] == container["startupProbe"]["httpGet"]["path"] == "/livez"
    config = yaml.safe_load((DEPLOY / "cloudrun/walbridge.yaml").read_text())
    assert config["admin"]["listen"] == f"0.0.0.0:{container['ports'][0]['containerPort']}"
    assert not config["sink"]["url"].startswith("file:")
    wanted = set(re.findall(r"\$\{(\w+)", (DEPLOY / "cloudrun/walbridge.yaml").read_text()))
    assert wanted == {variable["name"] for variable in container["env"]} and all("valueFrom" in variable for variable in container["env"])


@pytest.mark.parametrize("name", ["fly", "cloudrun"])
def test_configuration(name, program, tmp_path):
    takes(program, tmp_path / "run", (DEPLOY / name / "walbridge.yaml").read_text())
