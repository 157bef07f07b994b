"""walbridge(1) from the CLI's help, in roff."""

import re

FILES = [
    ("walbridge.yaml", "the configuration, unless --config names another"),
    ("/etc/walbridge/NAME.yaml", "the configuration of the service walbridge@NAME"),
    ("/etc/walbridge/secrets/", "one file per secret, for root only; the service gets them as credentials"),
    ("/var/lib/walbridge/NAME/", "where the service walbridge@NAME works and keeps its local caches"),
]
EXIT_STATUS = re.compile(r"Exit codes?: (.*)")


def roff(text):
    """Text as roff shows it unchanged."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "\\[u2026]")
    return "\\&" + text if text[:1] in (".", "'") else text


def option_lines(options):
    for option in options:
        names = ", ".join(f"\\fB{roff(name)}\\fR" for name in option.names)
        argument = f" \\fI{roff('|'.join(option.choices) or option.argument)}\\fR" if option.argument else ""
        default = f" (default: {roff(option.default)})" if option.default else ""
        yield from (".TP", names + argument, roff(option.text) + default)


def synopsis(command):
    positionals = "".join(f" [\\fI{roff(name)}\\fR ...]" for name, _ in command.positionals)
    return f"\\fB{roff(command.name)}\\fR [\\fIOPTIONS\\fR]{positionals}" + (" \\fICOMMAND\\fR" if command.commands else "")


def own_options(command):
    return [option for option in command.options if "--help" not in option.names]


def command_lines(command):
    yield from (f'.SS "{roff(" ".join(command.path))}"', synopsis(command), ".PP", roff(command.text[:1].upper() + command.text[1:]) + ".")
    for name, text in command.positionals:
        yield from (".TP", f"\\fI{roff(name)}\\fR", roff(text))
    yield from option_lines(own_options(command))
    for note in command.notes:
        if not note.startswith("Exit codes:"):
            yield from (".PP", roff(note))
    if command.examples:
        yield from (".PP", ".nf", ".RS", *(roff(line) for line in command.examples), ".RE", ".fi")


def exit_status(program):
    """"0 done, 1 found something, …" as a list."""
    text = next(match[1] for note in program.notes if (match := EXIT_STATUS.match(note)))
    for part in re.split(r", (?=\d )", text.rstrip(".")):
        code, meaning = part.split(" ", 1)
        yield from (".TP", f"\\fB{code}\\fR", roff(meaning))


def man_page(program, version):
    lines = [f'.TH WALBRIDGE 1 "" "walbridge {roff(version)}" "User Commands"', ".SH NAME",
             "walbridge \\- " + roff(program.text.removeprefix("walbridge ").rstrip(".")), ".SH SYNOPSIS", synopsis(program),
             ".SH OPTIONS", *option_lines(program.options), ".SH COMMANDS"]
    for command in program.walk():
        if command is not program:
            lines += command_lines(command)
    lines += [".SH EXIT STATUS", *exit_status(program), ".SH FILES"]
    for path, text in FILES:
        lines += [".TP", f"\\fI{roff(path)}\\fR", roff(text)]
    lines += [".SH SEE ALSO", ".BR psql (1),", ".BR sqlite3 (1),", ".BR systemd.exec (5)", ".PP",
              roff("The documentation, with every key of the configuration, lies in /usr/share/doc/walbridge/.")]
    return "\n".join(lines) + "\n"
