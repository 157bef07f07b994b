"""The files of the repository as the structure tests see them."""

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
CODE_FOLDERS = ("config", "pipeline", "mapping", "source-pg", "sink-libsql", "cli", "tests", "bench")
TEXT_SUFFIXES = {"", ".cc", ".h", ".py", ".md", ".txt", ".json", ".jsonl", ".yaml", ".yml", ".sql", ".ini", ".scenario", ".sh",
                 ".cmake", ".service", ".js", ".mjs", ".toml", ".golden"}


IGNORED = {".git", "build", ".walbridge-dev", "__pycache__", ".cache", "node_modules"}


def _listed():
    """Tracked files and new ones that are not ignored; without git, as in a source archive, all but what is built."""
    listing = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT,
                             check=False, capture_output=True, text=True)
    if listing.returncode == 0:
        return sorted({ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()})
    return sorted(p for p in ROOT.rglob("*") if p.is_file() and not IGNORED & set(p.relative_to(ROOT).parts))


FILES = _listed()
CODE = [f for f in FILES if f.suffix in (".cc", ".h") and f.relative_to(ROOT).parts[0] in CODE_FOLDERS]
TEXT = [f for f in FILES if f.suffix in TEXT_SUFFIXES and f.name != "LICENSE"]


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def module_of(name):
    """"pipeline/api" or the first folder."""
    parts = name.split("/")
    return "pipeline/api" if parts[:2] == ["pipeline", "api"] else parts[0]


_TOKEN = re.compile(r'R"(\w*)\((?:.|\n)*?\)\1"|//[^\n]*|/\*(?:.|\n)*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'')


def code_only(text):
    """The C++ text with comments and literals blanked; line numbers stay."""
    def blank(match):
        token = match[0]
        if token[0] == "'" and match.start() and text[match.start() - 1].isalnum():
            return token  # a digit separator
        return '""' + "\n" * token.count("\n") if token[0] in "R\"" else "\n" * token.count("\n")
    return _TOKEN.sub(blank, text)


def includes(text):
    """(line number, name, is_system) of every #include."""
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match[2], match[1] == "<"
