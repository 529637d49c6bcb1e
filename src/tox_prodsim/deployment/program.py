"""The program that a command line runs: findings name that, and not the interpreter or the wrapper in front of it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from itertools import dropwhile

from tox_prodsim.model.regex import lazy_regex

_PYTHON = lazy_regex(r"(?:python|pypy)w?[\d.]*t?(?:-dbg)?")
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "fish"})
_ASSIGNMENT = lazy_regex(r"[A-Za-z_]\w*\+?=.*", re.DOTALL)
_SUBSTITUTION = lazy_regex(r"\$\([^()]*\)|\$\(\([^()]*\)\)|`[^`]*`")
_BUILTINS = frozenset(
    {".", ":", "[", "cd", "command", "echo", "eval", "exit", "export", "false", "kill", "printf", "pwd", "read", "set"}
    | {"shift", "sleep", "source", "test", "trap", "true", "ulimit", "umask", "unset", "wait"}
)
"""Commands that prepare or end a script: another command in it is what the script is for."""
_KEYWORDS = frozenset(["if", "then", "else", "elif", "fi", "while", "until", "do", "done", "esac", "{", "}", "!"])
_LOOPS = frozenset(["for", "case", "select", "function"])

_PYTHON_VALUES = frozenset({"W", "X", "Q", "-check-hash-based-pycs"})
_SHELL_VALUES = frozenset({"o", "O", "-rcfile", "-init-file"})
_WRAPPERS: Mapping[str, tuple[str, int]] = {
    "busybox": ("", 0),
    "catchsegv": ("", 0),
    "ddtrace-run": ("", 0),
    "doas": ("C u", 0),
    "dumb-init": ("r -rewrite", 0),
    "env": ("u C -unset -chdir", 0),
    "exec": ("a", 0),
    "gosu": ("", 1),
    "ionice": ("c n -class -classdata", 0),
    "nice": ("n -adjustment", 0),
    "nohup": ("", 0),
    "opentelemetry-instrument": ("-traces_exporter -metrics_exporter -logs_exporter -service_name", 0),
    "setpriv": ("-reuid -regid -groups", 0),
    "setsid": ("", 0),
    "stdbuf": ("i o e -input -output -error", 0),
    "su-exec": ("", 1),
    "sudo": ("u g C D h p R r t T U", 0),
    "time": ("f o", 0),
    "timeout": ("s k -signal -kill-after", 1),
    "tini": ("p e", 0),
    "unbuffer": ("", 0),
    "uvx": ("p -python -with -from", 0),
    "xvfb-run": ("e f n p s w", 0),
}
"""Programs that run the command behind them: their options with a value, and how many words are before the command."""
_RUNNERS: Mapping[str, tuple[str, str]] = {
    "coverage": ("run", "-rcfile -source -omit -include -data-file -concurrency -context"),
    "hatch": ("run", "e -env p -project"),
    "newrelic-admin": ("run-program", ""),
    "pdm": ("run", "p -project"),
    "pipenv": ("run", ""),
    "pipx": ("run", "-spec -python"),
    "poetry": ("run", "P C -project -directory"),
    "uv": ("run", "p -python -with -with-requirements -extra -group -env-file -project -directory -package"),
}
"""Programs that run the command behind a word: the word, and their options with a value."""
_DEPTH = 8
"""Wrappers in wrappers that are looked through."""


def program_of(argv: Sequence[str]) -> str:
    """Return the name of what a command line runs: a script, the module behind ``-m`` or a program, without folders.

    Python's code behind ``-c`` has no name, so that is ``python -c``. Of a shell's it is the program that runs last.
    """
    return _program(list(argv), _DEPTH) or _base(argv[0])


def _program(argv: list[str], depth: int) -> str:
    """Return the name of the program; empty when the command line names none."""
    argv = list(dropwhile(_ASSIGNMENT.fullmatch, argv))
    if not argv or depth == 0:
        return ""
    name, rest = _base(argv[0]), argv[1:]
    if _PYTHON.fullmatch(name):
        return _of_python(name, rest, depth)
    for names, look_through in _KINDS:
        if name in names:
            return look_through(name, rest, depth)
    return name


def _base(word: str) -> str:
    """Return a name without its folder, and without the ending that Windows wants."""
    name = re.split(r"[/\\]", word.rstrip("/\\"))[-1]
    return name.removesuffix(".exe") or word


def _of_python(name: str, rest: list[str], depth: int, values: Collection[str] = _PYTHON_VALUES) -> str:
    """Return the module, the script, or the name of the interpreter that has neither."""
    options, rest = _split_options(rest, values, last="mc")
    option, value = options[-1] if options else ("", "")
    if option in {"m", "-module"}:
        value = value or next(iter(rest), "")
        return _of_runner(value, rest, depth) if value in _RUNNERS else value.removesuffix(".__main__") or name
    if option == "c":
        return f"{name} -c"
    if not rest or rest[0] == "-":
        return name
    script = _base(rest[0])
    if script in _RUNNERS or script in _WRAPPERS:  # a console script, behind the interpreter of its first line
        return _program([script, *rest[1:]], depth - 1) or script
    folder = _base(rest[0].removesuffix(script)) if script == "__main__.py" else ""
    return folder or script


def _of_shell(name: str, rest: list[str], depth: int) -> str:
    """Return the script, or the program that the code behind ``-c`` runs."""
    options, rest = _split_options(rest, _SHELL_VALUES)
    if any(option == "c" for option, _ in options):
        return (_of_code(rest[0], rest[2:], depth) if rest else "") or f"{name} -c"
    return _base(rest[0]) if rest else name


def _of_switch(name: str, rest: list[str], depth: int) -> str:
    """Return what ``su -c`` runs as another user."""
    return (_of_code(rest[rest.index("-c") + 1], [], depth) if "-c" in rest[:-1] else "") or name


def _of_runner(name: str, rest: list[str], depth: int) -> str:
    word, values = _RUNNERS[name]
    if word not in rest:
        return name
    return _of_python("", rest[rest.index(word) + 1 :], depth - 1, values.split()) or name


def _of_wrapper(name: str, rest: list[str], depth: int) -> str:
    if name == "env" and rest[:1] and (split := re.fullmatch(r"-S(.*)|--split-string=(.*)", rest[0], re.DOTALL)):
        text = split[1] or split[2] or next(iter(rest[1:]), "")
        return _program([*text.split(), *rest[1 if split[1] or split[2] else 2 :]], depth - 1) or name
    values, words = _WRAPPERS[name]
    _, rest = _split_options(rest, values.split())
    return _program(rest[words:], depth - 1) or name


def _split_options(
    words: list[str], values: Collection[str], last: str = ""
) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the options in front, each with its value, and the words behind them.

    ``values`` are the options that take a value, long ones with their second dash. One of ``last`` ends the options,
    with the rest of its word or the next word as its value.
    """
    found: list[tuple[str, str]] = []
    while words and len(words[0]) > 1 and words[0][0] in "-+":
        word, *words = words
        if word == "--":
            break
        if word.startswith("--"):
            name, _, value = word[1:].partition("=")
            if name in values and not value:
                value, words = "".join(words[:1]), words[1:]
            found.append((name, value))
            if name == "-module":
                break
            continue
        for at, letter in enumerate(word[1:], 2):
            takes = letter in values or letter in last
            value = word[at:] if takes else ""
            if takes and not value:
                value, words = "".join(words[:1]), words[1:]
            found.append((letter, value))
            if letter in last:
                return found, words
            if takes:
                break
    return found, words


def _of_code(code: str, arguments: list[str], depth: int) -> str:
    """Return the program that the code of a shell runs last, or with ``exec``; of a pipe the first one."""
    found = ""
    for words in _commands(code):
        replaces, command = words[0] == "exec", words[words[0] == "exec" :]
        command = arguments if command[:1] in (["$@"], ["$*"]) else command
        if not command or _base(command[0]) in _BUILTINS or "$" in command[0]:
            continue
        found = _program(command, depth - 1) or found
        if replaces:
            break
    return found


def _commands(code: str) -> Iterator[list[str]]:
    """Yield the words of each command, without redirections, keywords and variables; of a pipe the first command."""
    command: list[str] = []
    piped = False
    words = [*_words(code), ";"]
    for at, word in enumerate(words):
        if set(word) <= set("();|&"):
            if not piped and (cleaned := _cleaned(command)):
                yield cleaned
            piped, command = word in {"|", "|&"}, []
        elif not _is_redirection(words, at):
            command.append(word)


def _is_redirection(words: list[str], at: int) -> bool:
    """Return whether a word is the sign of a redirection, its number or its file."""
    word, before, after = words[at], words[at - 1] if at else "", words[at + 1] if at + 1 < len(words) else ""
    signs = [each for each in (word, before, after if word.isdigit() else "") if each]
    return any(set(each) <= set("<>&") and set(each) & set("<>") for each in signs)


def _cleaned(command: list[str]) -> list[str]:
    command = list(dropwhile(lambda word: word in _KEYWORDS or _ASSIGNMENT.fullmatch(word), command))
    return [] if command[:1] and command[0] in _LOOPS else command


def _words(code: str) -> list[str]:
    """Return the words and the operators of shell code; nothing when a quote is not closed."""
    for _ in range(3):
        code = _SUBSTITUTION.sub("$_", code)
    lexer = shlex.shlex(code.replace("\\\n", " ").replace("\n", "\n;"), posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    try:
        return list(lexer)
    except ValueError:
        return []


_KINDS: tuple[tuple[Container[str], Callable[[str, list[str], int], str]], ...] = (
    (_SHELLS, _of_shell),
    ({"su", "runuser"}, _of_switch),
    (_RUNNERS, _of_runner),
    (_WRAPPERS, _of_wrapper),
)
