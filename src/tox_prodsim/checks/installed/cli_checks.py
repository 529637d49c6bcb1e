"""What the installed commands print: ``--help``, the same where only ASCII can be printed, and ``--version``.

A command is never run without arguments, because it might act, and ``--version`` is used only if the help mentions it.
The first ``--help`` of each command runs alone, so that new files in the folders are known to be its own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from packaging.version import InvalidVersion, Version

from tox_prodsim.checks.installed.messages import finding
from tox_prodsim.checks.installed.probe import Distribution, ending
from tox_prodsim.checks.installed.versions import contradicts, same_version
from tox_prodsim.model.conditions import CONDITIONS
from tox_prodsim.model.entry_points import EntryPoint
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.formatting import last_line, listed
from tox_prodsim.model.runner import NO_VARIABLES, Completed, Runner, output_of, succeeded

RECREATE = "recreate the environment: tox run -r"

_ENCODING = re.compile(r"Unicode(En|De)codeError|\bASCII\b", re.IGNORECASE)
_TRACEBACK = "Traceback (most recent call last)"
_EXTRA = re.compile(r"\[([\w.-]+)\]")
_USAGE = re.compile(r"^usage\b", re.IGNORECASE | re.MULTILINE)
_VERSION = r"v?(?P<version>\d+(?:\.\d+)+[\w.+!-]*)"
_PARALLEL = 2
_PATHS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class CommandRunner:
    """Runs the commands of a distribution with one option each."""

    distribution: Distribution
    runner: Runner
    scripts_dir: Path
    limit_s: float
    """The limit for one run."""
    folders: tuple[Path, ...] = ()
    """The folders in which ``--help`` should leave nothing."""

    def script(self, point: EntryPoint) -> Path:
        """Return the file that the installer wrote."""
        return script_of(self.scripts_dir, point)

    def run(self, point: EntryPoint, option: str, variables: Mapping[str, str] = NO_VARIABLES) -> Completed:
        """Return how the command ended; raises OSError when it does not start."""
        return self.runner([str(self.script(point)), option], timeout_s=self.limit_s, variables=variables)


def script_of(scripts_dir: Path, point: EntryPoint) -> Path:
    """Return the file that an installer writes for a command."""
    windows = scripts_dir / f"{point.name}.exe"
    return windows if windows.exists() else scripts_dir / point.name


def check_options(commands: CommandRunner, points: Sequence[EntryPoint]) -> list[Finding]:
    """Return what is wrong with the output of these commands."""
    found: list[Finding] = []
    helps: list[tuple[EntryPoint, str]] = []
    for point in points:
        text, findings = _help(commands, point)
        found += findings
        helps += [] if text is None else [(point, text)]
    with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="prodsim-commands") as pool:
        more = [pool.submit(_help_in_ascii, commands, point) for point, _ in helps]
        more += [pool.submit(_version, commands, point) for point, text in helps if "--version" in text]
    return [*found, *(each for future in more if (each := future.result()) is not None)]


def _help(commands: CommandRunner, point: EntryPoint) -> tuple[str | None, list[Finding]]:
    """Return the help of a command (None: it printed none), and what is wrong with how it ended and what it left."""
    before = _files_below(commands.folders)
    try:
        completed = commands.run(point, "--help")
    except OSError as problem:
        return None, [finding("ENT510", Level.ERROR, str(point), f"does not start: {problem}", RECREATE)]
    left = [*_new_files(point, before, _files_below(commands.folders))]
    if succeeded(completed):
        return output_of(completed).strip(), left
    return None, [*left, _no_help(commands, point, completed)]


def _no_help(commands: CommandRunner, point: EntryPoint, completed: Completed) -> Finding:
    timed_out = completed.timed_out
    how = f"does not end within {commands.limit_s:g} s" if timed_out else ending(completed.returncode)
    text = output_of(completed).strip()
    works = not timed_out and (completed.returncode or 0) > 0 and _explains_failure(commands.distribution, text)
    hint = f"its last words: {last_line(text)}" if text else f"run {point.name} --help by hand"
    return finding("ENT512", Level.NOTE if works else Level.WARNING, str(point), f"--help {how}", hint)


def _explains_failure(distribution: Distribution, text: str) -> bool:
    """Return whether a command that failed printed its usage, or which extra of its package it needs."""
    names_extra = any(extra in _EXTRA.findall(text) for extra in distribution.known_extras)
    return _TRACEBACK not in text and (names_extra or bool(_USAGE.search(text)))


def _help_in_ascii(commands: CommandRunner, point: EntryPoint) -> Finding | None:
    """Return the finding for a command whose help cannot be printed everywhere."""
    completed = commands.run(point, "--help", CONDITIONS["c_locale"].variables)
    text = output_of(completed).strip()
    if completed.returncode == 0 or completed.timed_out or not _ENCODING.search(text):
        return None
    message = f"--help {ending(completed.returncode)} where only ASCII can be printed: {last_line(text)}"
    hint = f"write the help in ASCII; see it with: LC_ALL=C PYTHONUTF8=0 {point.name} --help"
    on_purpose = _TRACEBACK not in text
    return finding("ENT513", Level.NOTE if on_purpose else Level.WARNING, str(point), message, hint)


def _version(commands: CommandRunner, point: EntryPoint) -> Finding | None:
    """Return the finding for a command that prints another version than METADATA has."""
    expected = commands.distribution.version
    completed = commands.run(point, "--version")
    printed = (
        printed_version(commands.distribution, point, output_of(completed).strip()) if succeeded(completed) else ""
    )
    if not printed or same_version(printed, expected) or not contradicts(printed, expected):
        return None
    message = f"--version says {printed}, but METADATA says {expected}"
    hint = "keep the version in one place, for example importlib.metadata.version() or the build's dynamic version"
    return finding("VER306", Level.WARNING, str(point), message, hint)


def printed_version(distribution: Distribution, point: EntryPoint, text: str) -> str:
    """Return the version of the distribution in the text; nothing when it may be that of something else.

    It must stand behind the name of the distribution, or alone if the command has that name.
    """
    name = distribution.key.replace("-", "[-_. ]")
    labelled = re.finditer(rf"\b{name}[\s,:=]+(?:version[\s:=]*)?{_VERSION}", text, re.IGNORECASE)
    found = {match["version"] for match in labelled}
    alone = re.fullmatch(_VERSION, text)
    if alone and re.fullmatch(name, point.name, re.IGNORECASE):
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


def _new_files(point: EntryPoint, before: set[Path], after: set[Path]) -> Iterator[Finding]:
    """Yield a finding for files that were not there before; a new folder stands for everything in it."""
    new = after - before
    tops = sorted(path for path in new if path.parent not in new)
    if tops:
        message = f"--help leaves {listed([*map(_display, tops)], _PATHS_SHOWN)}"
        hint = "make files and folders when they are needed, not before the arguments are read"
        yield finding("ENT514", Level.NOTE, str(point), message, hint)


def _display(path: Path) -> str:
    return f"{path.name} in {path.parent}"
