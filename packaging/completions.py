"""Completions of bash, zsh and fish from the CLI's help."""

FILE_OPTIONS = {"--config", "-c", "--out", "--check"}


def single_quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def inherited(program, command):
    """A command takes the program's options too."""
    own = {name for option in command.options for name in option.names}
    shared = [option for option in program.options if not own & set(option.names) and "--version" not in option.names]
    return command.options + (shared if command is not program else [])


# ---------------------------------------------------------------- bash

def bash(program):
    lines = ["# bash completion of walbridge", "_walbridge() {", "  local cur prev word path= i",
             "  COMPREPLY=()", "  cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}",
             "  for ((i = 1; i < COMP_CWORD; i++)); do", "    word=${COMP_WORDS[i]}", "    case \"$path $word\" in"]
    for command in program.walk():
        if command.path:
            before = "".join(f" {name}" for name in command.path[:-1])
            lines.append(f'      "{before} {command.path[-1]}") path="{before} {command.path[-1]}" ;;')
    lines += ["    esac", "  done", "  case \"$path $prev\" in"]
    for command in program.walk():
        here = "".join(f" {name}" for name in command.path)
        for option in inherited(program, command):
            for name in option.names if option.argument else ():
                if option.choices:
                    reply = f'COMPREPLY=($(compgen -W "{" ".join(option.choices)}" -- "$cur"))'
                elif name in FILE_OPTIONS:
                    reply = 'compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur"))'
                else:
                    reply = ":"
                lines.append(f'    "{here} {name}") {reply}; return ;;')
    lines += ["  esac", "  case $path in"]
    for command in program.walk():
        here = "".join(f" {name}" for name in command.path)
        words = [c.path[-1] for c in command.commands] + [n for o in inherited(program, command) for n in o.names]
        lines.append(f'    "{here}") COMPREPLY=($(compgen -W "{" ".join(words)}" -- "$cur")) ;;')
    return "\n".join([*lines, "  esac", "}", "complete -F _walbridge walbridge"]) + "\n"


# ---------------------------------------------------------------- zsh

def zsh_text(text):
    for special in "\\[]:":
        text = text.replace(special, "\\" + special)
    return text


def zsh_option(option):
    names = f"({' '.join(option.names)})" if len(option.names) > 1 else ""
    argument = ""
    if option.argument:
        values = f"({' '.join(option.choices)})" if option.choices else "_files" if FILE_OPTIONS & set(option.names) else " "
        argument = f":{option.argument.lower()}:{values}"
    for name in option.names:
        yield single_quoted(f"{names}{name}[{zsh_text(option.text)}]{argument}")


def zsh_function(program, command):
    name = "_walbridge" + "".join(f"_{part}" for part in command.path)
    options = [text for option in inherited(program, command) for text in zsh_option(option)]
    if not command.commands:
        rest = [single_quoted(f"*:{name}: ") for name, _ in command.positionals]
        return [f"{name}() {{", "  _arguments \\", " \\\n".join(f"    {text}" for text in options + rest), "}"]
    lines = [f"{name}() {{", "  local line state", "  _arguments -C \\",
             *(f"    {text} \\" for text in options), "    '1: :->command' '*:: :->rest'", "  case $state in",
             "    command) local -a commands; commands=("]
    lines += [f"      {single_quoted(c.path[-1] + ':' + zsh_text(c.text))}" for c in command.commands]
    lines += ["    ); _describe command commands ;;", "    rest) case $line[1] in"]
    lines += [f"      {c.path[-1]}) {name}_{c.path[-1]} ;;" for c in command.commands]
    return [*lines, "    esac ;;", "  esac", "}"]


def zsh(program):
    lines = ["#compdef walbridge", ""]
    for command in program.walk():
        lines += [*zsh_function(program, command), ""]
    return "\n".join([*lines, 'if [[ $funcstack[1] == _walbridge ]]; then _walbridge "$@"; else compdef _walbridge walbridge; fi']) + "\n"


# ---------------------------------------------------------------- fish

def fish_condition(command):
    """True where this command's words are wanted."""
    seen = [f"__fish_seen_subcommand_from {name}" for name in command.path]
    below = " ".join(c.path[-1] for c in command.commands)
    if below:
        seen.append(f"not __fish_seen_subcommand_from {below}")
    return "; and ".join(seen)


def fish(program):
    lines = ["# fish completion of walbridge", "complete -c walbridge -f"]
    for command in program.walk():
        condition = f" -n {single_quoted(fish_condition(command))}" if fish_condition(command) else ""
        for sub in command.commands:
            lines.append(f"complete -c walbridge{condition} -a {sub.path[-1]} -d {single_quoted(sub.text)}")
        everywhere = command is program
        for option in command.options:
            names = "".join(f" -l {name[2:]}" if name.startswith("--") else f" -s {name[1:]}" for name in option.names)
            values = ""
            if option.choices:
                values = f" -x -a {single_quoted(' '.join(option.choices))}"
            elif option.argument:
                values = " -r -F" if FILE_OPTIONS & set(option.names) else " -x"
            if everywhere or "--help" not in option.names:
                lines.append(f"complete -c walbridge{'' if everywhere else condition}{names}{values} -d {single_quoted(option.text)}")
    return "\n".join(lines) + "\n"
