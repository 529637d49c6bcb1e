"""VER305: the sources are valid for the oldest Python on which the wheel claims to run.

That Python compiles them, if a ``pythonX.Y`` is on PATH or it is that of the environment. Otherwise a newer one parses
them with ``ast``, which finds many but not all of the features that are missing in the older one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from tox_prodsim.checks.artifact.versions import Python, oldest
from tox_prodsim.checks.artifact.wheel import Wheel, installed_path, module_parts, parents
from tox_prodsim.model.answers import Each, Row, Shape, checked, marked, new_nonce, record
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import AnswerError
from tox_prodsim.model.findings import CheckResult, Finding, Level, NothingToCheck
from tox_prodsim.model.formatting import listed
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.model.runner import CHILD_SCRIPTS, Runner

CODES = ("VER305",)

_SCRIPT = CHILD_SCRIPTS / "syntax.py"
_LIMIT_S = 120.0
_NEWER = lazy_regex(r"(?:^|_)(?:py|python|cp)?_?3_?\d+$", re.IGNORECASE)
_PARSED_FROM = (3, 7)
"""The oldest version that ``ast.parse`` supports as ``feature_version``."""
_ANSWER: Mapping[str, Shape] = {
    "how": str,
    "wrong": Each(Row(((None, int), str))),
    "imports": Each([str]),
    "unread": Each(str),
}
_UNREAD_SHOWN = 3
_MOST_BYTES = 120_000
"""One argument may have 128 KiB on Linux; of more names than that all are read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _SyntaxReport:
    """What one Python found in the sources."""

    compiled: bool
    """Whether it compiled them; otherwise it parsed them as an older version."""
    wrong: Mapping[str, tuple[int | None, str]]
    """The members with a syntax error: line and message."""
    imports: Mapping[str, Sequence[str]]
    """What each member imports unconditionally."""
    unread: Mapping[str, str]
    """The members that were passed over, each with the reason."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What the environment's Python knows of the sources, which it has compiled as it imported them."""

    version: Python
    left: Callable[[Python], Sequence[str] | None]
    """Returns the sources of which that says nothing about an oldest Python; None: it is not known."""


def check_syntax(
    wheel: Wheel,
    runner: Runner,
    python: Path,
    *,
    is_needed: Callable[[str], bool] = lambda _: False,
    tried: Tried | None = None,
) -> CheckResult:
    """Return the modules that are not valid for the oldest claimed Python; ``python`` is that of the environment.

    ``is_needed`` tells of a module whether it imports elsewhere, and without a condition. What was ``tried`` is not
    compiled once more.
    """
    version = oldest(wheel)
    if version is None:
        return _not_checked(NothingToCheck("neither Requires-Python nor the tags say which Python is the oldest"))
    shown = f"{version[0]}.{version[1]}"
    report = _report(wheel, version, runner, python, tried)
    if isinstance(report, str):
        return _not_checked(report)
    findings = tuple(_findings(wheel, report, shown, is_needed))
    detail = (
        "" if findings else f"compiles on Python {shown}" if report.compiled else f"syntax valid for Python {shown}"
    )
    unread = [f"{member} {reason}" for member, reason in report.unread.items()]
    not_checked = (("VER305", listed(unread, _UNREAD_SHOWN)),) if unread else ()
    return CheckResult(detail=detail, codes=CODES, findings=findings, not_checked=not_checked)


def _not_checked(reason: str) -> CheckResult:
    return CheckResult(detail="", codes=(), not_checked=(("VER305", reason),))


def _report(wheel: Wheel, version: Python, runner: Runner, python: Path, tried: Tried | None) -> _SyntaxReport | str:
    """Return the report of the first Python that compiles or parses the sources; else why there is none."""
    shown = f"{version[0]}.{version[1]}"
    exact = _exact(shown) if tried is None or tried.version != version else None
    only: Sequence[str] | None = None
    if tried is not None and exact is None and tried.version >= version >= _PARSED_FROM:
        only = tried.left(version)
        if only is not None and not only:
            return _SyntaxReport(compiled=tried.version == version, wrong={}, imports={}, unread={})
    reasons = []
    for each in (exact, str(python), sys.executable) if version >= _PARSED_FROM else (exact,):
        report = _report_of(wheel, shown, runner, each, only) if each else ""
        if not isinstance(report, str):
            return report
        reasons.append(report)
    return next(filter(None, reasons), f"no Python {shown} was found, and no newer one that can check it")


def _exact(shown: str) -> str | None:
    """Return the Python of that version on PATH; None: there is none that would run."""
    found = shutil.which(f"python{shown}")
    return None if found is None or _is_idle_shim(Path(found), shown) else found


def _is_idle_shim(program: Path, shown: str) -> bool:
    """Return whether it is the shim of pyenv for a Python that no file activates: it would take long to say so."""
    root = program.parent.parent
    if program.parent.name != "shims" or not (root / "versions").is_dir():
        return False
    files = [*(folder / ".python-version" for folder in (Path.cwd(), *Path.cwd().parents)), root / "version"]
    texts = [os.environ.get("PYENV_VERSION", "").replace(":", " ")]
    for file in files:
        with suppress(OSError, UnicodeDecodeError):
            texts.append(file.read_text())
    return not re.search(rf"(?<!\S)(?:python-)?{re.escape(shown)}(?!\d)", "\n".join(texts))


def _report_of(
    wheel: Wheel, shown: str, runner: Runner, python: str, only: Sequence[str] | None
) -> _SyntaxReport | str:
    """Return the report of one Python, or why there is none; nothing of an older one or a shim of a version manager."""
    nonce = new_nonce()
    asked = json.dumps(only) if only is not None else ""
    names = [asked] if 0 < len(asked) < _MOST_BYTES else []
    completed = runner([python, "-I", "-B", str(_SCRIPT), str(wheel.path), shown, nonce, *names], timeout_s=_LIMIT_S)
    if completed.timed_out:
        return f"{Path(python).name} took longer than {_LIMIT_S:g} s to read the modules"
    if completed.returncode is None or completed.returncode < 0:
        return f"{Path(python).name} was ended by a signal while it read the modules"
    if completed.returncode != 0:
        return ""
    try:
        (line,) = marked(completed.stdout, nonce)
        answer = checked(record(line), _ANSWER)
    except (AnswerError, ValueError):  # none, or two
        return ""
    if answer["how"] == "unable":
        return ""
    wrong = {member: (at, message) for member, (at, message) in answer["wrong"].items()}
    compiled, imports, unread = answer["how"] == "compiled", answer["imports"], answer["unread"]
    return _SyntaxReport(compiled=compiled, wrong=wrong, imports=imports, unread=unread)


def _findings(wheel: Wheel, report: _SyntaxReport, shown: str, is_needed: Callable[[str], bool]) -> Iterator[Finding]:
    """Yield an error for modules that every user imports or that import elsewhere, a note for the others."""
    names = {member: name for member in (*report.wrong, *report.imports) if (name := _module(member))}
    reached = _reached(wheel, names, report.imports)
    wrong = [member for member in report.wrong if member in names]
    needed = [member for member in wrong if names[member] in reached]
    elsewhere = [each for each in wrong if each not in needed and not _for_newer(each) and is_needed(names[each])]
    others = [member for member in wrong if member not in {*needed, *elsewhere}]
    if needed:
        yield _finding(
            Level.ERROR, needed, report, f"is not valid Python {shown} syntax, the oldest version that the wheel claims"
        )
    if elsewhere:
        oldest = f"is not valid Python {shown} syntax, the oldest version that the wheel claims"
        message = f"imports in newer Pythons, but {oldest}"
        yield _finding(Level.ERROR, elsewhere, report, message)
    if others:
        yield _finding(Level.NOTE, others, report, f"is not valid Python {shown} syntax")


def _for_newer(member: str) -> bool:
    """Return whether the name of the module says for which Python it is, such as ``_py312``."""
    return _NEWER.search(PurePosixPath(member).stem) is not None


def _finding(level: Level, members: Sequence[str], report: _SyntaxReport, message: str) -> Finding:
    line, problem = report.wrong[members[0]]
    hint = "raise requires-python, or write it so that the oldest Python understands it, and test it there"
    return Finding(
        code="VER305",
        level=level,
        subject=listed(members),
        message=f"{message}: {problem}",
        hint=hint,
        file=members[0],
        line=line,
    )


def _module(member: str) -> str:
    return ".".join(module_parts(installed_path(member)))


def _reached(wheel: Wheel, names: Mapping[str, str], imports: Mapping[str, Sequence[str]]) -> set[str]:
    """Return the modules that are always imported with the top-levels and the modules of commands."""
    members = {name: member for member, name in names.items()}
    reached: set[str] = set()
    pending = [*wheel.top_levels, *wheel.console_modules]
    while pending:
        for name in _with_parents(pending.pop()):
            if name in members and name not in reached:
                reached.add(name)
                pending += _targets(name, members[name], imports)
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
