"""The Dockerfile as a list of instructions, and what it says of the image."""

import json
import re
import shlex

from tests.support.paths import REPOSITORY

FILE = REPOSITORY / "Dockerfile"


class Stage:
    def __init__(self, base):
        self.base, self.instructions = base, []

    def all(self, name):
        return [rest for each, rest in self.instructions if each == name]

    def last(self, name):
        return self.all(name)[-1]

    def packages(self):
        """What its `apt-get install` lines name."""
        found = []
        for command in " && ".join(self.all("RUN")).split("&&"):
            words = shlex.split(command)
            if words[:2] == ["apt-get", "install"]:
                found += [word for word in words[2:] if not word.startswith("-")]
        return found


def stages():
    text = "\n".join(line for line in FILE.read_text().splitlines() if not line.lstrip().startswith("#"))
    found = []
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        if not line.strip():
            continue
        name, rest = line.split(None, 1)
        if name == "FROM":
            found.append(Stage(rest))
        else:
            found[-1].instructions.append((name, rest))
    return found


def image():
    """{"entrypoint", "command", "workdir", "healthcheck"} of the last stage."""
    last = stages()[-1]
    return {"entrypoint": json.loads(last.last("ENTRYPOINT")), "command": json.loads(last.last("CMD")), "workdir": last.last("WORKDIR"),
            "healthcheck": json.loads(last.last("HEALTHCHECK").split(" CMD ", 1)[1])}
