"""Where things are: the repository, what `./dev setup` installed, the binary under test."""

import os
import pathlib

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
TESTS = REPOSITORY / "tests"
DEV_DIRECTORY = REPOSITORY / ".walbridge-dev"
NODE_MODULES = DEV_DIRECTORY / "node_modules"


def walbridge_binary():
    """The binary under test: WALBRIDGE_BINARY, or what `./dev build` made."""
    binary = pathlib.Path(os.environ.get("WALBRIDGE_BINARY", REPOSITORY / "build/dev/cli/walbridge"))
    if not binary.exists():
        raise FileNotFoundError(f"{binary} is missing; run ./dev build, or set WALBRIDGE_BINARY")
    return binary


def installed(relative, purpose):
    """A file that `./dev setup` puts below node_modules."""
    path = NODE_MODULES / relative
    if not path.exists():
        raise FileNotFoundError(f"{purpose} is missing ({path.relative_to(REPOSITORY)}); run ./dev setup")
    return path
