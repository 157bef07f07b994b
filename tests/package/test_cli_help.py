"""Manual and completions are made from --help: everything it says is in them, and the tools that read them are content."""

import os
import re
import subprocess
import sys

import pytest

from tests.support.paths import REPOSITORY

from .conftest import run

sys.path.insert(0, str(REPOSITORY / "packaging"))
from cli_help import parse, read  # noqa: E402


@pytest.fixture(scope="module")
def tree(program):
    return read(program)


@pytest.fixture(scope="module")
def share(prefix):
    return prefix / "share"


@pytest.fixture(scope="module")
def manual(share):
    """As a reader sees it, on one line."""
    result = run("man", "--warnings", "-E", "ascii", "-P", "cat", "-l", share / "man/man1/walbridge.1",
                 env={**os.environ, "MANWIDTH": "200", "MAN_KEEP_FORMATTING": "", "LC_ALL": "C.UTF-8"})
    return " ".join(re.sub(r".\x08", "", result.stdout).split())


def words_of(command):
    return [sub.path[-1] for sub in command.commands] + [name for option in command.options for name in option.names]


# ---------------------------------------------------------------- what is read

def test_the_tree_holds_what_help_prints(tree, program):
    """Counted from the raw text, so that the parser cannot overlook a line."""
    commands = list(tree.walk())
    assert {"walbridge run", "walbridge resync", "walbridge healthcheck"} <= {command.name for command in commands}
    for command in commands:
        raw = run(program, *command.path, "--help").stdout
        in_options = re.split(r"\n\n", raw.split("\nOptions:\n", 1)[1])[0]
        assert len(command.options) == len(re.findall(r"^  -", in_options, re.MULTILINE)), command.name
        for name in re.findall(r"(?<![\w-])--[a-z][\w-]*", in_options):
            assert any(name in option.names or name in option.text for option in command.options), f"{command.name} {name}"


def test_every_command_has_examples_that_parse(tree):
    for command in tree.walk():
        if not command.path or command.commands:
            continue
        assert command.examples, command.name
        known = set(words_of(tree) + words_of(command))
        for example in command.examples:
            flags = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", example.split("|")[0]))
            assert flags <= known, f"{command.name}: {example}"


def test_a_line_that_is_not_understood_is_an_error():
    with pytest.raises(ValueError):
        parse([], "x\nOptions:\n  --broken {what is this\n")


# ---------------------------------------------------------------- the README

def test_readme_names_every_command_and_no_flag_that_is_not_there(tree):
    rows = dict(re.findall(r"^\| `(\w+(?: cat)?)([^`]*)` \|.*$", (REPOSITORY / "README.md").read_text(), re.MULTILINE))
    leaves = {" ".join(command.path): command for command in tree.walk() if command.path and not command.commands}
    assert set(rows) == set(leaves)
    for name, usage in rows.items():
        assert set(re.findall(r"--[a-z][\w-]*", usage)) <= set(words_of(leaves[name])), name


# ---------------------------------------------------------------- the manual

def test_manual_renders_without_warnings(share):
    result = run("man", "--warnings", "-P", "cat", "-l", share / "man/man1/walbridge.1", env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert not result.stderr
    groff = run("groff", "-man", "-Tutf8", "-ww", "-b", "-z", share / "man/man1/walbridge.1")
    assert not groff.stderr


def test_manual_says_everything(tree, manual):
    for command in tree.walk():
        assert f"{command.name} [OPTIONS]" in manual
        for option in command.options:
            if "--help" not in option.names:
                assert ", ".join(option.names) in manual and " ".join(option.text.split()) in manual, f"{command.name} {option.names}"
        for example in command.examples:
            assert " ".join(example.split()) in manual
    for code in range(5):
        assert re.search(rf"EXIT STATUS.* {code} \w", manual)


# ---------------------------------------------------------------- bash

BASH = """
set -u
source "$1"
shift
complete -p walbridge >/dev/null
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
_walbridge
printf '%s\\n' "${COMPREPLY[@]}"
"""


def bash_completes(share, *words, cwd=None):
    script = share / "bash-completion/completions/walbridge"
    result = run("bash", "--norc", "-c", BASH, "bash", script, "walbridge", *words, cwd=cwd)
    assert not result.stderr
    return set(result.stdout.split())


def test_bash(tree, share, tmp_path):
    for command in tree.walk():
        assert set(words_of(command)) <= bash_completes(share, *command.path, ""), command.name
        for option in command.options:
            if option.choices:
                assert bash_completes(share, *command.path, option.names[-1], "") == set(option.choices)
    assert bash_completes(share, "re") == {"resync"}
    assert "--once" in bash_completes(share, "-c", "x.yaml", "run", "--on")
    assert "--once" not in bash_completes(share, "check", "--")
    (tmp_path / "other.yaml").touch()
    assert bash_completes(share, "--config", "oth", cwd=tmp_path) == {"other.yaml"}


# ---------------------------------------------------------------- fish

def fish_completes(share, line):
    script = share / "fish/vendor_completions.d/walbridge.fish"
    text = run("fish", "--no-config", "-c", f"source {script}; complete --do-complete '{line}'").stdout
    return {row.split("\t")[0] for row in text.splitlines()}


def test_fish(tree, share):
    for command in tree.walk():
        subcommands = {sub.path[-1] for sub in command.commands}
        assert subcommands <= fish_completes(share, f"{command.name} "), command.name
        flags = {name for option in command.options for name in option.names if name.startswith("--")}
        assert flags <= fish_completes(share, f"{command.name} --"), command.name
        for option in command.options:
            if option.choices:
                assert set(option.choices) <= fish_completes(share, f"{command.name} {option.names[-1]} ")
    assert "--once" not in fish_completes(share, "walbridge check --")


# ---------------------------------------------------------------- zsh

ZSH = """
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PROMPT= RPROMPT=; unsetopt zle_bracketed_paste; TERM=dumb; fpath=($1 \\$fpath); autoload -Uz compinit; compinit -u -D"
zpty -w shell "zstyle ':completion:*' list-grouped false; LISTMAX=10000; COLUMNS=300; LINES=500"
zpty -w shell "zle-line-init() { print rea''dy }; zle -N zle-line-init; bindkey '^I' list-choices; bindkey '^M' accept-line"
zpty -r -m shell seen '*ready*'
zpty -w -n shell "$2"$'\\t'
zpty -w -n shell $'\\C-u print do\\'\\'ne\\n'
zpty -r -m shell answer '*done*'
print -r -- "$answer"
zpty -d shell
"""


def zsh_completes(share, line):
    """What a shell at a terminal lists after `line` and a tab, typed when its line editor has begun: before, the terminal itself
    would take ^U for an order to forget the line."""
    result = subprocess.run(["zsh", "-f", "-c", ZSH, "zsh", str(share / "zsh/site-functions"), line], capture_output=True, text=True,
                            timeout=60, check=False)
    assert result.returncode == 0 and not result.stderr, result.stderr
    return set(re.findall(r"(?<![\w-])-{0,2}\w[\w-]*", re.sub(r"\x1b\[[\d;?]*[A-Za-z]", " ", result.stdout)))


def test_zsh(tree, share):
    run("zsh", "-n", share / "zsh/site-functions/_walbridge")
    for command in tree.walk():
        if command.commands:
            assert {sub.path[-1] for sub in command.commands} <= zsh_completes(share, f"{command.name} "), command.name
        flags = {name for option in command.options for name in option.names if name.startswith("--")}
        assert flags <= zsh_completes(share, f"{command.name} --"), command.name
    assert "--once" not in zsh_completes(share, "walbridge check --")
