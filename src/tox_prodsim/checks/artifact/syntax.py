"""VER305: the source is understood by the oldest Python that the wheel claims to run on.

A real compile under that Python is the proof, where a ``pythonX.Y`` of it is on PATH or the environment has it. Else a
newer one parses the source with ``ast``, which knows of many but not of all things that an older one did not have.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tox_prodsim.checks.artifact.versions import Python, oldest
from tox_prodsim.checks.artifact.wheel import Wheel, installed_path, module_parts, parents
from tox_prodsim.model.findings import CheckResult, Finding, Level
from tox_prodsim.model.formatting import folded
from tox_prodsim.model.runner import CHILD_SCRIPTS, Runner

CODES = ("VER305",)

_SCRIPT = CHILD_SCRIPTS / "syntax.py"
_LIMIT_S = 120.0
_PARSED_FROM = (3, 7)
"""The oldest version for which the documentation of ``ast.parse`` promises an answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Survey:
    """What a Python said of all modules: ``wrong`` maps a member to a line and a message."""

    compiled: bool
    wrong: Mapping[str, tuple[int | None, str]]
    imports: Mapping[str, Sequence[str]]


def check_syntax(wheel: Wheel, runner: Runner, python: Path) -> CheckResult:
    """Return the modules that the oldest claimed Python does not understand; ``python`` is the environment's."""
    version = oldest(wheel)
    if version is None:
        return _not_checked("neither Requires-Python nor the tags say which Python is the oldest")
    shown = f"{version[0]}.{version[1]}"
    survey = _ask(wheel, version, runner, python)
    if survey is None:
        return _not_checked(f"no Python {shown} was found, and none that could speak for it")
    findings = tuple(_findings(wheel, survey, shown))
    detail = "" if findings else f"compiles on {shown}" if survey.compiled else f"parses as {shown}"
    return CheckResult(detail=detail, codes=CODES, findings=findings)


def _not_checked(reason: str) -> CheckResult:
    return CheckResult(detail="", codes=(), not_checked=(("VER305", reason),))


def _ask(wheel: Wheel, version: Python, runner: Runner, python: Path) -> _Survey | None:
    """Return what the first says that can: a Python of that very version, then any newer one."""
    shown = f"{version[0]}.{version[1]}"
    exact = shutil.which(f"python{shown}")
    parsed = None
    # What no other Python can speak for need not be asked of them.
    for each in (exact, str(python), sys.executable) if version >= _PARSED_FROM else (exact,):
        answer = _answer(wheel, shown, runner, each) if each and parsed is None else None
        if answer is not None and answer.compiled:
            return answer
        parsed = parsed or answer
    return parsed


def _answer(wheel: Wheel, shown: str, runner: Runner, python: str) -> _Survey | None:
    """Return what it says; None when it is an older one, or does not start, as the stand-in of a version manager."""
    ran = runner([python, "-I", str(_SCRIPT), str(wheel.path), shown], timeout_s=_LIMIT_S)
    if ran.returncode != 0:
        return None
    answer = json.loads(ran.stdout.splitlines()[-1])  # what a .pth file prints comes before
    if answer["how"] == "unable":
        return None
    wrong = {member: (line, str(message)) for member, (line, message) in answer["wrong"].items()}
    return _Survey(compiled=answer["how"] == "compiled", wrong=wrong, imports=answer["imports"])


def _findings(wheel: Wheel, survey: _Survey, shown: str) -> Iterator[Finding]:
    """Yield an error for what cannot but be imported, a note for what nobody need import."""
    names = {member: name for member in (*survey.wrong, *survey.imports) if (name := _module(member))}
    reached = _reached(wheel, names, survey.imports)
    needed = [member for member in survey.wrong if names.get(member) in reached]
    others = [member for member in survey.wrong if member in names and member not in needed]
    if needed:
        yield _finding(Level.ERROR, needed, survey, f"is no valid Python {shown}, the oldest that the wheel claims")
    if others:
        yield _finding(Level.NOTE, others, survey, f"is no valid Python {shown}, if it is ever imported there")


def _finding(level: Level, members: Sequence[str], survey: _Survey, message: str) -> Finding:
    line, problem = survey.wrong[members[0]]
    hint = "raise requires-python, or write it so that the oldest Python understands it, and test it there"
    return Finding(
        code="VER305",
        level=level,
        subject=folded(members),
        message=f"{message}: {problem}",
        hint=hint,
        file=members[0],
        line=line,
    )


def _module(member: str) -> str:
    return ".".join(module_parts(PurePosixPath(installed_path(member))))


def _reached(wheel: Wheel, names: Mapping[str, str], imports: Mapping[str, Sequence[str]]) -> set[str]:
    """Return the modules that are imported, whatever the circumstances, by importing what users import."""
    members = {name: member for member, name in names.items()}
    reached: set[str] = set()
    waiting = [*wheel.top_levels, *wheel.console_modules]
    while waiting:
        for name in _with_parents(waiting.pop()):
            if name in members and name not in reached:
                reached.add(name)
                waiting += _targets(name, members[name], imports)
    return reached


def _with_parents(name: str) -> Iterator[str]:
    yield name
    yield from parents(name)


def _targets(name: str, member: str, imports: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the full names of what the module imports."""
    package = name if member.endswith("/__init__.py") else name.rpartition(".")[0]
    for target in imports.get(member, ()):
        level = len(target) - len(target.lstrip("."))
        base = package.split(".")[: len(package.split(".")) - level + 1] if level else []
        yield ".".join([*base, target.lstrip(".")]).strip(".")
