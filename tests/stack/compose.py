"""docker-compose.yml as Compose reads it: variables filled in, one profile chosen, services in the order they start."""

import re

import yaml

from tests.support.paths import REPOSITORY

FILE = REPOSITORY / "docker-compose.yml"
ENVIRONMENT_FILE = REPOSITORY / ".env"


def environment_file():
    pairs = [line.split("=", 1) for line in ENVIRONMENT_FILE.read_text().splitlines() if line and not line.startswith("#")]
    return dict(pairs)


def fill_in(value, variables):
    """${NAME:-default}, the one form the file uses."""
    if isinstance(value, str):
        return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: variables.get(found[1]) or found[2], value)
    if isinstance(value, dict):
        return {key: fill_in(item, variables) for key, item in value.items()}
    return [fill_in(item, variables) for item in value] if isinstance(value, list) else value


def whole_file():
    return fill_in(yaml.safe_load(FILE.read_text()), environment_file())


def services(profile=None):
    """{name: service} that `docker compose [--profile NAME] up` starts; without a name, what .env says."""
    active = [profile] if profile else environment_file()["COMPOSE_PROFILES"].split(",")
    return {name: service for name, service in whole_file()["services"].items()
            if not service.get("profiles") or set(service["profiles"]) & set(active)}


def start_order(chosen):
    """Names, each behind all that it depends on."""
    order = []

    def visit(name, above=()):
        assert name not in above, f"a circle of depends_on: {above}"
        for other in chosen[name].get("depends_on", {}):
            visit(other, (*above, name))
        if name not in order:
            order.append(name)
    for name in chosen:
        visit(name)
    return order


def mounts(service):
    """[(source, target)]; a source with a slash is a path of the repository, otherwise a named volume."""
    return [tuple(volume.split(":")[:2]) for volume in service.get("volumes", [])]
