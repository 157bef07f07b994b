"""generate.py BINARY DIRECTORY: writes walbridge.1 and the completions from what BINARY says of itself."""

import pathlib
import subprocess
import sys

from cli_help import read
from completions import bash, fish, zsh
from man_page import man_page


def main(binary, directory):
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    program = read(binary)
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in (("walbridge.1", man_page(program, version)), ("walbridge.bash", bash(program)),
                       ("_walbridge", zsh(program)), ("walbridge.fish", fish(program))):
        (directory / name).write_text(text, encoding="utf8")


if __name__ == "__main__":
    main(*sys.argv[1:])
