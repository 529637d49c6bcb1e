"""ENT512: what it means that a command failed when it was asked for help.

An exception that is a fault of the code fails for every user: an error. A command that says what it lacks is a note.
"""

from __future__ import annotations

import re

from tox_prodsim.checks.installed.commands import CommandKind, CommandRunner, InstalledCommand
from tox_prodsim.checks.installed.inventory import Distribution
from tox_prodsim.checks.installed.messages import hint_for_raised
from tox_prodsim.checks.installed.outcomes import Raised, ending, is_below
from tox_prodsim.checks.installed.own_words import MISTAKES, TRACEBACK, own_words, raised_line
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.formatting import last_line
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.model.runner import Completed, output_of

_CODE = "ENT512"
USAGE = lazy_regex(r"^\W*usage\b", re.IGNORECASE | re.MULTILINE)
_NO_MODULE = lazy_regex(r"No module named '(?P<module>[\w.]+)'")
_NEVER_AWAITED = lazy_regex(r"coroutine '(?P<name>[\w.<>]+)' was never awaited")
_PLACE = lazy_regex(r'File "[^"]*[/\\]site-packages[/\\](?P<file>[^"]+)", line (?P<line>\d+)')
_OF_THE_SYSTEM = frozenset(
    {"_bz2", "_ctypes", "_curses", "_lzma", "_sqlite3", "_tkinter", "curses", "dbm", "readline", "tkinter", "turtle"}
)
"""Modules of the standard library that some builds of Python do not have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Judgement:
    """How grave a failure is, and what is said of it."""

    level: Level
    message: str
    hint: str


def never_awaited(command: InstalledCommand, completed: Completed) -> Finding | None:
    """Return the finding for a command that made a coroutine and did nothing else."""
    found = _NEVER_AWAITED.search(output_of(completed))
    if found is None or (completed.returncode == 0 and completed.stdout.strip()):
        return None
    message = f"--help does nothing: the coroutine {found['name']} is never awaited"
    hint = f"run it with asyncio: asyncio.run({found['name']}())"
    return Finding(code=_CODE, level=Level.ERROR, subject=command.subject, message=message, hint=hint)


def no_help(commands: CommandRunner, command: InstalledCommand, completed: Completed) -> Finding | None:
    """Return the finding for a command that printed no help; None: it may rightly have none."""
    text = output_of(completed).strip()
    judgement = _judgement(commands, command, completed, text)
    if judgement is None or (command.kind is CommandKind.WINDOW and judgement.level is not Level.ERROR):
        return None
    file, line = _place(commands.distribution, text)
    return Finding(
        code=_CODE,
        level=judgement.level,
        subject=command.subject,
        message=judgement.message,
        hint=judgement.hint,
        file=file,
        line=line,
    )


def _judgement(
    commands: CommandRunner, command: InstalledCommand, completed: Completed, text: str
) -> _Judgement | None:
    if completed.timed_out:
        message = f"--help does not end within {commands.limit_of(command):g} s"
        return _Judgement(level=_level(command), message=message, hint=_last_words(command, text))
    if words := own_words(commands.distribution, text):
        message = f"--help {ending(completed.returncode)}, because of what it lacks: {words.quote}"
        return _Judgement(level=Level.NOTE, message=message, hint=words.hint)
    kind, said = raised_line(text)
    if kind in {"ImportError", "ModuleNotFoundError"}:
        return _failed_import(commands.distribution, command, kind, said)
    if kind in MISTAKES and "NoneType" not in said:  # None is mostly a setting that production would have
        return _Judgement(level=Level.ERROR, message=f"--help ends in {kind}: {said}", hint=_see(command))
    level = _level(command) if kind == "IndexError" else _exit_level(command, completed, text)
    if level is Level.NOTE and command.kind is not CommandKind.CONSOLE:
        return None
    return _Judgement(level=level, message=f"--help {ending(completed.returncode)}", hint=_last_words(command, text))


def _exit_level(command: InstalledCommand, completed: Completed, text: str) -> Level:
    """Return the level of a command that exited: a note if it did so on purpose, and printed its usage."""
    if TRACEBACK in text or (completed.returncode or 0) <= 0:
        return Level.WARNING
    return Level.NOTE if USAGE.search(text) else _level(command)


def _level(command: InstalledCommand) -> Level:
    """Return the level of what fails without a traceback: only a console script is sure to be meant to have help."""
    return Level.WARNING if command.kind is CommandKind.CONSOLE else Level.NOTE


def _failed_import(distribution: Distribution, command: InstalledCommand, kind: str, said: str) -> _Judgement:
    """Judge an import that failed; it is an error unless something that is installed by choice would bring the name."""
    found = _NO_MODULE.search(said)
    missing = found["module"] if found else ""
    raised = Raised(type=kind, message=said, missing=missing, filename="", file="", line=None)
    hint, level = hint_for_raised(distribution, raised) or _see(command), Level.ERROR
    if any(is_below(missing, name) for name in _OF_THE_SYSTEM):
        level, hint = Level.NOTE, f"this Python was built without {missing}, so that the command was not checked"
    elif missing and distribution.user_extras_with(missing):
        level = Level.NOTE if command.kind is CommandKind.MODULE else Level.WARNING
    elif distribution.lacks_foreign(missing) and command.kind is CommandKind.MODULE:
        level = Level.WARNING
    return _Judgement(level=level, message=f"--help ends in {kind}: {said}", hint=hint)


def _place(distribution: Distribution, text: str) -> tuple[str, int | None]:
    """Return the innermost line of the distribution in a traceback, else that of another one."""
    _, found, after = text.rpartition(TRACEBACK)
    if not found:
        return "", None
    places = [(match["file"].replace("\\", "/"), int(match["line"])) for match in _PLACE.finditer(after)]
    tops = {name.partition(".")[0] for name in distribution.top_levels}
    own = [place for place in places if place[0].partition("/")[0].removesuffix(".py") in tops]
    chosen = own or places
    return chosen[-1] if chosen else ("", None)


def _see(command: InstalledCommand) -> str:
    return f"every user meets it; see the whole traceback with: {command.typed} --help"


def _last_words(command: InstalledCommand, text: str) -> str:
    return f"its last line: {last_line(text)}" if text else f"run {command.typed} --help by hand"
