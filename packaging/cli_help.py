"""The command line as walbridge's own --help tells it: the one source of manual and completions."""

import dataclasses
import re
import subprocess

SECTION = re.compile(r"(Options|Positionals|Subcommands|Examples):$")
ENTRY = re.compile(r"  (\S.*?)(?:\s{2,}(.*))?$")
OPTION = re.compile(r"(?P<names>-{1,2}[\w-]+(?:,-{1,2}[\w-]+)*)(?:\{\w+\})?"
                    r"(?: (?P<type>[A-Z]+)(?::(?P<more>\{[^}]*\}|[^=]+))?(?:=(?P<default>\S+))?(?P<rest>.*))?$")


@dataclasses.dataclass
class Option:
    names: list
    argument: str = ""     # TEXT, INT, …; empty: a flag
    choices: list = dataclasses.field(default_factory=list)
    default: str = ""
    text: str = ""


@dataclasses.dataclass
class Command:
    path: list             # ["kafka", "cat"]; empty: walbridge itself
    text: str = ""
    options: list = dataclasses.field(default_factory=list)
    positionals: list = dataclasses.field(default_factory=list)  # (name, text)
    examples: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)
    commands: list = dataclasses.field(default_factory=list)

    @property
    def name(self):
        return " ".join(["walbridge", *self.path])

    def walk(self):
        yield self
        for command in self.commands:
            yield from command.walk()


def parse_option(head, text):
    match = OPTION.match(head)
    if not match:
        raise ValueError(f"not understood in --help: {head!r}")
    more = match["more"] or ""
    choices = more.strip("{}").split(",") if more.startswith("{") else []
    return Option(match["names"].split(","), match["type"] or "", choices, match["default"] or "", text)


def parse(path, help_text):
    """The command, and the names of its subcommands."""
    lines = help_text.splitlines()
    command, section, names, entries = Command(path, lines[0].strip()), "", [], []
    for line in lines[1:]:
        header = SECTION.match(line)
        if header:
            section = header[1]
        elif line.startswith("Usage:") or not line.strip():
            continue
        elif not line.startswith(" "):
            section = ""
            command.notes.append(line.strip())
        elif section == "Examples":
            command.examples.append(line.strip())
        elif line.startswith("      "):  # the text of an entry whose head filled the column
            kind, head, text = entries[-1]
            entries[-1] = (kind, head, f"{text} {line.strip()}".strip())
        else:
            head, text = ENTRY.match(line).groups()
            entries.append((section, head, text or ""))
    for kind, head, text in entries:
        if kind == "Options":
            command.options.append(parse_option(head, text))
        elif kind == "Positionals":
            command.positionals.append((head.split()[0], text))
        else:
            names.append(head)
    return command, names


def ask(binary, path):
    """What `walbridge PATH --help` prints, whatever the binary is called."""
    result = subprocess.run(["walbridge", *path, "--help"], executable=str(binary), capture_output=True, text=True, timeout=60,
                            check=True)
    return result.stdout


def read(binary, path=()):
    """The whole tree of commands."""
    command, names = parse(list(path), ask(binary, list(path)))
    command.commands = [read(binary, [*path, name]) for name in names]
    return command
