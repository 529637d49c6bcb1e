"""What the installed commands print: ``--help``, the same where only ASCII can be printed, and ``--version``.

A command is never run without arguments, because it might act, and ``--version`` is used only if the help mentions it.
The first ``--help`` of each command runs alone, so that new files in the folders are known to be its own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from packaging.version import InvalidVersion, Version

from tox_prodsim.checks.installed.commands import CommandKind, CommandRunner, InstalledCommand
from tox_prodsim.checks.installed.help_failures import USAGE, never_awaited, no_help
from tox_prodsim.checks.installed.inventory import Distribution
from tox_prodsim.checks.installed.messages import finding
from tox_prodsim.checks.installed.outcomes import ending
from tox_prodsim.checks.installed.own_words import TRACEBACK
from tox_prodsim.checks.installed.versions import contradicts, same_version
from tox_prodsim.model.conditions import CONDITIONS
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.formatting import last_line, listed
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.model.runner import output_of, succeeded

RECREATE = "recreate the environment: tox run -r"

_ENCODING = lazy_regex(r"Unicode(En|De)codeError|\bASCII\b", re.IGNORECASE)
_VERSION = r"v?(?P<version>\d+(?:\.\d+)+[\w.+!-]*)"
_PARALLEL = 2
_PATHS_SHOWN = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class HelpAnswers:
    """What came of asking commands for help."""

    findings: tuple[Finding, ...]
    answered: frozenset[str]
    """The subjects of the commands that printed it."""


def check_options(commands: CommandRunner, asked: Sequence[InstalledCommand]) -> HelpAnswers:
    """Return which of these commands print help, and what is wrong with their output."""
    found: list[Finding] = []
    helps: list[tuple[InstalledCommand, str]] = []
    for command in asked:
        text, findings = _help(commands, command)
        found += findings
        helps += [] if text is None or command.kind is CommandKind.WINDOW else [(command, text)]
    with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="prodsim-commands") as pool:
        more = [pool.submit(_help_in_ascii, commands, command) for command, text in helps if _is_help(command, text)]
        more += [pool.submit(_version, commands, command) for command, text in helps if "--version" in text]
    found += [each for future in more if (each := future.result()) is not None]
    return HelpAnswers(findings=tuple(found), answered=frozenset(_answered(helps)))


def _answered(helps: Sequence[tuple[InstalledCommand, str]]) -> Iterator[str]:
    """Yield the subjects of the commands that answered; a module that does nothing when it is run did not."""
    return (command.subject for command, text in helps if text or command.kind is not CommandKind.MODULE)


def _is_help(command: InstalledCommand, text: str) -> bool:
    """Return whether the text is that of a command which knows --help: a ``__main__`` may be a demonstration."""
    return command.kind is CommandKind.CONSOLE or bool(USAGE.search(text))


def _help(commands: CommandRunner, command: InstalledCommand) -> tuple[str | None, list[Finding]]:
    """Return the help of a command (None: it printed none), and what is wrong with how it ended and what it left."""
    before = _files_below(commands.folders)
    try:
        completed = commands.run(command, "--help")
    except OSError as problem:
        return None, [finding("ENT510", Level.ERROR, command.subject, f"does not start: {problem}", RECREATE)]
    windows = command.kind is CommandKind.WINDOW  # it may take no options, and begin its work
    left = [] if windows else [*_new_files(command, before, _files_below(commands.folders))]
    if found := never_awaited(command, completed):
        return None, [*left, found]
    if succeeded(completed):
        return output_of(completed).strip(), left
    failure = no_help(commands, command, completed)
    return None, [*left, *([failure] if failure else [])]


def _help_in_ascii(commands: CommandRunner, command: InstalledCommand) -> Finding | None:
    """Return the finding for a command whose help cannot be printed everywhere."""
    completed = commands.run(command, "--help", CONDITIONS["c_locale"].variables)
    text = output_of(completed).strip()
    if completed.returncode == 0 or completed.timed_out or not _ENCODING.search(text):
        return None
    message = f"--help {ending(completed.returncode)} where only ASCII can be printed: {last_line(text)}"
    hint = f"write the help in ASCII; see it with: LC_ALL=C PYTHONUTF8=0 {command.typed} --help"
    on_purpose = TRACEBACK not in text
    return finding("ENT513", Level.NOTE if on_purpose else Level.WARNING, command.subject, message, hint)


def _version(commands: CommandRunner, command: InstalledCommand) -> Finding | None:
    """Return the finding for a command that prints another version than METADATA has."""
    expected = commands.distribution.version
    completed = commands.run(command, "--version")
    printed = (
        printed_version(commands.distribution, command, output_of(completed).strip()) if succeeded(completed) else ""
    )
    if not printed or same_version(printed, expected) or not contradicts(printed, expected):
        return None
    message = f"--version says {printed}, but METADATA says {expected}"
    hint = "keep the version in one place, for example importlib.metadata.version() or the build's dynamic version"
    return finding("VER306", Level.WARNING, command.subject, message, hint)


def printed_version(distribution: Distribution, command: InstalledCommand, text: str) -> str:
    """Return the version of the distribution in the text; nothing when it may be that of something else.

    It must stand behind the name of the distribution, or alone if the command has that name.
    """
    name = distribution.key.replace("-", "[-_. ]")
    labelled = re.finditer(rf"\b{name}[\s,:=]+(?:version[\s:=]*)?{_VERSION}", text, re.IGNORECASE)
    found = {match["version"] for match in labelled}
    alone = re.fullmatch(_VERSION, text)
    if alone and re.fullmatch(name, command.name, re.IGNORECASE):
        found.add(alone["version"])
    versions = {each for text in found if _is_version(each := text.rstrip(".,;-"))}
    return versions.pop() if len(versions) == 1 else ""


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _files_below(folders: Sequence[Path]) -> set[Path]:
    return {
        Path(where, name) for folder in folders for where, inner, files in os.walk(folder) for name in (*inner, *files)
    }


def _new_files(command: InstalledCommand, before: set[Path], after: set[Path]) -> Iterator[Finding]:
    """Yield a finding for files that were not there before; a new folder stands for everything in it."""
    new = after - before
    tops = sorted(path for path in new if path.parent not in new)
    if tops:
        message = f"--help leaves {listed([*map(_display, tops)], _PATHS_SHOWN)}"
        hint = "make files and folders when they are needed, not before the arguments are read"
        yield finding("ENT514", Level.NOTE, command.subject, message, hint)


def _display(path: Path) -> str:
    return f"{path.name} in {path.parent}"
