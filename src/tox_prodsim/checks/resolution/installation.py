"""DEP210: an installation that failed, in the decisive words of the installer."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator

from tox_prodsim.checks.resolution.results import (
    Impossible,
    IndexUnreachable,
    Resolution,
    Resolved,
    Undetermined,
    VersionUnavailable,
)
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.findings import CheckResult, Finding, error
from tox_prodsim.model.formatting import last_error, last_line
from tox_prodsim.model.regex import lazy_regex

CODE = "DEP210"

_LINES_SHOWN = 12
_COLOURS = lazy_regex(r"\x1b\[[0-9;]*m")
_NOISE = lazy_regex(
    r"^(?:Looking in |WARNING: |Using Python |Resolved \d|Processing |Collecting |Obtaining |\[notice\]"
    r"|(?:Using cached|Downloading) |Installing collected |Prepared \d|Requirement already )"
)
_FRAME = " \t\u00d7\u2570\u2500\u25b6\u2502\u251c"
"""Blanks, and the characters with which uv draws trees of causes."""
_UV_CAUSE = lazy_regex(r"^(?:cause: (?:Because )?|caused by: |Because )", re.IGNORECASE)
_CONCLUSION = lazy_regex(r",? we can conclude that .*")
_SUMMARIES = ("ERROR: ", "error: Failed", "error: metadata-generation")
_POINTER = lazy_regex(r"~*\^~*")
"""What shows the place of an error in the line before it."""
_UNRESOLVED = lazy_regex(r"ResolutionImpossible|No matching distribution found|No solution found")
_BUILD_FAILED = lazy_regex(
    r"^(?:ERROR: |error: )?(?:.* )?Failed (?:to build|building wheel for) ['`]?(?P<what>[^'`, ]+)", re.MULTILINE
)
_BUILD_ERROR = lazy_regex(
    r"(?:[\w.]*(?:Error|Exception|NotFound): .+|(?:.*[ :])?(?:fatal )?error: (?!subprocess-exited).+)"
)
_VERSIONS = lazy_regex(r" \(from versions: .*\)")
_TEMPORARY = lazy_regex(r"/\S*/\.tmp\w+/")
_EMPTY_WORDS = lazy_regex(r"ResolutionImpossible|No matching distribution found for")
"""Last lines of pip whose cause is in the line before."""
_WRONG_TAG = lazy_regex(r"is not a supported wheel on this platform|no wheels with a matching|not compatible with the")
_WRONG_PYTHON = lazy_regex(r"requires a different Python|requires Python|Requires-Python")
_UNREACHABLE = lazy_regex(r"Retrying \(Retry\(|Failed to fetch|could not be queried|Could not connect")


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedInstallation:
    """An installer that failed."""

    subject: str
    """What was to be installed."""
    file: str
    """Its path, to be typed."""
    output: str
    """All that it wrote; nothing when it was not even started."""
    log: str
    """The file that has the output."""
    of_requirements: bool = False
    """Whether it failed at what the wheel requires, and not at the wheel."""


def check_installation(failed: FailedInstallation, resolve: Callable[[], Resolution]) -> CheckResult:
    """Return why nothing is installed; ``resolve`` asks the installer about the requirements."""
    asks = failed.of_requirements and _UNRESOLVED.search(failed.output)
    answer = resolve() if asks else Undetermined(reason="")
    reason = decisive_line(failed.output)
    if isinstance(answer, IndexUnreachable) or (failed.of_requirements and _UNREACHABLE.search(failed.output)):
        unreached = IndexUnreachable().reason
        return CheckResult(detail=f"not installed: {unreached}", codes=(), not_checked=((CODE, unreached),))
    lines = tuple(_last_lines(failed.output))
    evidence = ((f"what the installer says, all of it is in {failed.log}", lines),) if len(lines) > 1 else ()
    found = _of_requirements(failed, answer, reason) if failed.of_requirements else _of_wheel(failed, reason)
    return CheckResult(detail="not installed", codes=(CODE,), findings=(found,), evidence=evidence)


def _of_requirements(failed: FailedInstallation, answer: Resolution, reason: str) -> Finding:
    subject, hint = failed.subject, f"correct its requirements; try it with: pip install --dry-run '{failed.file}'"
    match answer:
        case Impossible(reason=known, unreleased=True):
            return error(CODE, subject, f"cannot be installed: {known}", "release that first, or correct the bound")
        case Impossible(reason=known):
            return error(CODE, subject, f"cannot be installed: {known}", hint)
        case VersionUnavailable(reason=known):
            hint = "test it with another Python, or limit the requirement to where it can be installed with a marker"
            return error(CODE, subject, f"cannot be installed here: {known}", hint)
        case Resolved() | Undetermined() | IndexUnreachable():
            return error(CODE, subject, f"cannot be installed with what it requires: {reason}", hint)


def _of_wheel(failed: FailedInstallation, reason: str) -> Finding:
    message = f"cannot be installed: {reason}"
    hint = f"correct that and build it again; try it with: pip install --no-deps '{failed.file}'"
    if _WRONG_TAG.search(failed.output):
        hint = "run it in an environment whose Python is named by the file, such as py312-prodsim, or correct the tag"
        message = f"cannot be installed with this Python: {reason}"
    elif _WRONG_PYTHON.search(reason):
        hint = "run it in an environment whose Python requires-python allows, or correct requires-python"
        message = f"cannot be installed with this Python: {reason}"
    return error(CODE, failed.subject, message, hint)


def decisive_line(output: str) -> str:
    """Return the line of an installer's output that says why it failed; of uv's causes the last one."""
    lines = [line.strip(_FRAME) for line in _COLOURS.sub("", output).splitlines() if line.strip(_FRAME)]
    if failed := _BUILD_FAILED.search("\n".join(lines)):
        errors = [line for line in lines if _BUILD_ERROR.fullmatch(line) and not line.startswith(_SUMMARIES)]
        return f"{failed['what']} does not build" + (f": {errors[-1]}" if errors else "")
    causes = [at for at, line in enumerate(lines) if _UV_CAUSE.match(line)]
    if causes:
        return _TEMPORARY.sub("", _CONCLUSION.sub("", _sentence(lines[causes[-1] :])))
    if len(lines) > 1 and _POINTER.fullmatch(lines[-1]):
        return ": ".join(lines[-3:-1])
    decisive = [line for line in lines if not _EMPTY_WORDS.search(line)] or lines
    line = _VERSIONS.sub("", last_error("\n".join(decisive)).removeprefix("ERROR: ").rstrip("."))
    return (last_line(output) if line == "Exception:" else line) or "no reason is given"


def _sentence(lines: list[str]) -> str:
    """Return the first line without its label, with the lines that continue it."""
    more = itertools.takewhile(lambda line: line.startswith(("And because", "we can", "and ")), lines[1:])
    return " ".join([_UV_CAUSE.sub("", lines[0]), *more])


def _last_lines(output: str) -> Iterator[str]:
    """Yield the last lines, without those about what went well."""
    lines = [line.rstrip() for line in _COLOURS.sub("", output).splitlines() if line.strip()]
    yield from [line for line in lines if not _NOISE.match(line)][-_LINES_SHOWN:]
