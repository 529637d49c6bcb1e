"""IMP510 to IMP512: what the ``.pth`` files and ``sitecustomize`` of the wheel do as Python starts.

Every Python of the environment runs them, whether it uses the distribution or not.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path, PurePath

from tox_prodsim.checks.installed.inventory import Distribution
from tox_prodsim.checks.installed.messages import hint_for_raised
from tox_prodsim.checks.installed.outcomes import Raised, ending
from tox_prodsim.model.findings import CheckResult, Finding, error, note, warning
from tox_prodsim.model.formatting import listed
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.model.runner import CHILD_SCRIPTS, Completed, Runner, output_of

CODES = ("IMP510", "IMP511", "IMP512")

_SCRIPT = CHILD_SCRIPTS / "start.py"
_LIMIT_S = 60.0
_ROUNDS = 5
_SLOWER = 1.5
"""How many times as long a start may take as the same without the files."""
_FAILED = lazy_regex(
    r"^Error (?:processing line (?P<line>\d+) of (?P<path>.+?)|in (?P<module>sitecustomize|usercustomize);.*):"
    r"(?P<text>(?:\n|[ \t]+.*\n|[A-Za-z_][\w.]*(?:: .*)?\n)*?)(?=Remainder of file ignored|Error |\Z)",
    re.MULTILINE,
)
_EXCEPTION = lazy_regex(r"^ {0,2}(?P<type>[A-Za-z_][\w.]*): (?P<message>.*)$", re.MULTILINE)
_NO_MODULE = lazy_regex(r"No module named '(?P<module>[\w.]+)'")
_OUTPUT_SHOWN = 100

_Start = Callable[[Sequence[str]], Completed]
"""Starts Python without the files of these names."""


def check_start(distribution: Distribution, runner: Runner, python: Path) -> CheckResult:
    """Return what fails, prints or takes long when Python starts; nothing if the wheel has no part in that."""
    if not distribution.start_files:
        return CheckResult(detail="", codes=())
    completed = runner([str(python), "-c", "pass"], timeout_s=_LIMIT_S)
    findings = tuple(dict.fromkeys(_failures(distribution, completed)))
    if not findings:
        with tempfile.TemporaryDirectory(prefix="prodsim-start-") as cache:
            start = partial(_start, runner, python, cache)
            without = start(distribution.start_files)
            findings = (*_prints(distribution, completed, without), *_slowness(distribution, start))
    return CheckResult(detail="", codes=CODES, findings=findings)


def _start(runner: Runner, python: Path, cache: str, left_out: Sequence[str]) -> Completed:
    return runner([str(python), "-I", "-S", str(_SCRIPT), cache, *left_out], timeout_s=_LIMIT_S)


def _failures(distribution: Distribution, completed: Completed) -> Iterator[Finding]:
    """Yield the files of the wheel that ``site`` could not run to their end."""
    if completed.returncode != 0:
        how = f"does not start within {_LIMIT_S:g} s" if completed.timed_out else ending(completed.returncode)
        message = f"with it in the environment, Python {how} before it runs anything"
        yield error("IMP510", listed(distribution.start_files), message, "see it with: python -c pass")
    for found in _FAILED.finditer(output_of(completed)):
        names = [PurePath(found["path"]).name] if found["path"] else _customizing(found["module"])
        for name in {*names} & {*distribution.start_files}:
            yield _failure(distribution, name, found["line"], found["text"])


def _customizing(module: str) -> list[str]:
    """Return the files that sitecustomize or usercustomize can be."""
    return [f"{module}.py", f"{module}/__init__.py"]


def _failure(distribution: Distribution, name: str, line: str | None, text: str) -> Finding:
    raised = [*_EXCEPTION.finditer(text)]
    kind, said = (raised[-1]["type"], raised[-1]["message"]) if raised else ("", "")
    missing = _NO_MODULE.search(said)
    outcome = Raised(
        type=kind, message=said, missing=missing["module"] if missing else "", filename="", file=name, line=None
    )
    what = f"fails whenever Python starts{f', at line {line}' if line else ''}: {kind}: {said}"
    message = what + (", and the rest of it is ignored" if line else "")
    return error("IMP510", name, message, hint_for_raised(distribution, outcome) or "see it with: python -c pass")


def _prints(distribution: Distribution, completed: Completed, without: Completed) -> Iterator[Finding]:
    """Yield what is printed at every start with the files, but not without them."""
    said, otherwise = ({line for line in output_of(each).splitlines() if line.strip()} for each in (completed, without))
    more = [line for line in output_of(completed).splitlines() if line in said - otherwise]
    if more:
        message = f"prints {more[0].strip()[:_OUTPUT_SHOWN]!r} whenever Python starts"
        hint = "print nothing there: other programs read what Python prints"
        yield warning("IMP511", listed(distribution.start_files), message, hint)


def _slowness(distribution: Distribution, start: _Start) -> Iterator[Finding]:
    """Yield that Python starts much slower; with and without the files take turns, and the fastest of each counts."""
    start(())  # writes the bytecode
    rounds = [(_seconds(start(())), _seconds(start(distribution.start_files))) for _ in range(_ROUNDS)]
    with_s, without_s = (min(each) for each in zip(*rounds, strict=True))
    if 0 < without_s * _SLOWER < with_s < float("inf"):
        more = f"{with_s / without_s:.1f} times the CPU time, {(with_s - without_s) * 1000:.0f} ms more"
        message = f"with it every start of Python takes {more}, even if the program does not use it"
        hint = "import nothing large there; see what it imports with: python -X importtime -c pass"
        yield note("IMP512", listed(distribution.start_files), message, hint)


def _seconds(completed: Completed) -> float:
    """Return the CPU time of the start; infinity if it is not known."""
    lines = completed.stdout.splitlines()
    return float(lines[-1]) if completed.returncode == 0 and lines else float("inf")
