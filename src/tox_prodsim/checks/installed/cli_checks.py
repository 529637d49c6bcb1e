"""What the commands say of themselves: ``--help``, once more where only ASCII can be printed, and ``--version``.

A command is never run without arguments, because it might act, and ``--version`` is asked for only when the help has
it. The first ``--help`` of each is asked for alone, so that what is left in the folders is known to be its own.
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
from tox_prodsim.model.runner import NO_VARIABLES, Completed, Runner

RECREATE = "recreate the environment: tox run -r"

_ENCODING = re.compile(r"Unicode(En|De)codeError|\bASCII\b", re.IGNORECASE)
_TRACEBACK = "Traceback (most recent call last)"
_EXTRA = re.compile(r"\[([\w.-]+)\]")
_USAGE = re.compile(r"^usage\b", re.IGNORECASE | re.MULTILINE)
_VERSION = r"v?(?P<version>\d+(?:\.\d+)+[\w.+!-]*)"
_AT_ONCE = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """How a command is asked: where it is, how long it may take, and the folders in which it should leave nothing."""

    subject: Distribution
    runner: Runner
    scripts_dir: Path
    limit_s: float
    folders: tuple[Path, ...] = ()

    def script(self, point: EntryPoint) -> Path:
        """Return the file that the installer wrote."""
        return script_of(self.scripts_dir, point)

    def ask(self, point: EntryPoint, option: str, variables: Mapping[str, str] = NO_VARIABLES) -> Completed:
        """Return how the command answers; raises OSError when it does not start."""
        return self.runner([str(self.script(point)), option], timeout_s=self.limit_s, variables=variables)


def script_of(scripts_dir: Path, point: EntryPoint) -> Path:
    """Return the file that an installer writes for a command."""
    windows = scripts_dir / f"{point.name}.exe"
    return windows if windows.exists() else scripts_dir / point.name


def ask_for_help(asking: Asking, points: Sequence[EntryPoint]) -> list[Finding]:
    """Return what is wrong with the answers of these commands."""
    found: list[Finding] = []
    answering: list[tuple[EntryPoint, str]] = []
    for point in points:
        before = _listed(asking.folders)
        try:
            ran = asking.ask(point, "--help")
        except OSError as problem:
            found.append(finding("ENT510", Level.ERROR, str(point), f"does not start: {problem}", RECREATE))
            continue
        found += _left(point, before, _listed(asking.folders))
        if ran.returncode == 0 and not ran.timed_out:
            answering.append((point, _text(ran)))
        else:
            found.append(_no_help(asking, point, ran))
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="prodsim-asking") as pool:
        more = [pool.submit(_help_in_ascii, asking, point) for point, _ in answering]
        more += [pool.submit(_version, asking, point) for point, text in answering if "--version" in text]
    return [*found, *(each for future in more if (each := future.result()) is not None)]


def _text(ran: Completed) -> str:
    return (ran.stdout + b"\n" + ran.stderr).decode("utf-8", "replace").strip()


def _no_help(asking: Asking, point: EntryPoint, ran: Completed) -> Finding:
    how = f"does not end within {asking.limit_s:g} s" if ran.timed_out else ending(ran.returncode)
    text = _text(ran)
    alive = not ran.timed_out and (ran.returncode or 0) > 0 and _speaks(asking.subject, text)
    hint = f"its last words: {_last_words(text)}" if text else f"run {point.name} --help by hand"
    return finding("ENT512", Level.NOTE if alive else Level.WARNING, str(point), f"--help {how}", hint)


def _last_words(text: str) -> str:
    return text.splitlines()[-1].strip()[:200]


def _speaks(subject: Distribution, text: str) -> bool:
    """Return whether a command that failed told its usage, or which extra of its package it needs."""
    wanted = any(extra in _EXTRA.findall(text) for extra in subject.known_extras)
    return _TRACEBACK not in text and (wanted or bool(_USAGE.search(text)))


def _help_in_ascii(asking: Asking, point: EntryPoint) -> Finding | None:
    """Return the finding for a command whose help cannot be printed everywhere."""
    ran = asking.ask(point, "--help", CONDITIONS["c_locale"].variables)
    text = _text(ran)
    if ran.returncode == 0 or ran.timed_out or not _ENCODING.search(text):
        return None
    message = f"--help {ending(ran.returncode)} where only ASCII can be printed: {_last_words(text)}"
    hint = f"write the help in ASCII; see it with: LC_ALL=C PYTHONUTF8=0 {point.name} --help"
    on_purpose = _TRACEBACK not in text
    return finding("ENT513", Level.NOTE if on_purpose else Level.WARNING, str(point), message, hint)


def _version(asking: Asking, point: EntryPoint) -> Finding | None:
    """Return the finding for a command that gives another version than METADATA."""
    subject = asking.subject
    ran = asking.ask(point, "--version")
    told = told_version(subject, point, _text(ran)) if ran.returncode == 0 and not ran.timed_out else ""
    if not told or same_version(told, subject.version) or not contradicts(told, subject.version):
        return None
    message = f"--version says {told}, but METADATA says {subject.version}"
    hint = "keep the version in one place, for example importlib.metadata.version() or the build's dynamic version"
    return finding("VER306", Level.WARNING, str(point), message, hint)


def told_version(subject: Distribution, point: EntryPoint, text: str) -> str:
    """Return the version of the distribution that the text tells; nothing when it may be that of something else.

    It must stand behind the name of the distribution, or alone where the command has that name.
    """
    name = subject.key.replace("-", "[-_. ]")
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


def _listed(folders: Sequence[Path]) -> set[Path]:
    return {
        Path(where, name) for folder in folders for where, inner, files in os.walk(folder) for name in (*inner, *files)
    }


def _left(point: EntryPoint, before: set[Path], after: set[Path]) -> Iterator[Finding]:
    """Yield a finding for files that were not there; a new folder stands for all that is in it."""
    new = after - before
    tops = sorted(path for path in new if path.parent not in new)
    if tops:
        more = f" and {len(tops) - 3} more" if len(tops) > 3 else ""
        message = f"--help leaves {', '.join(map(_shown, tops[:3]))}{more}"
        hint = "make files and folders when they are needed, not before the arguments are read"
        yield finding("ENT514", Level.NOTE, str(point), message, hint)


def _shown(path: Path) -> str:
    return f"{path.name} in {path.parent}"
