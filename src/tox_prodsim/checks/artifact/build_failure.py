"""A build that failed, as findings and evidence: the report if there is no wheel to test."""

from __future__ import annotations

import re
from pathlib import Path

from tox_prodsim.checks.artifact import build_hints
from tox_prodsim.checks.artifact.build_log import (
    NO_BACKEND,
    NOT_STARTED,
    absent_module,
    build_error,
    error_lines,
    is_absent_file,
)
from tox_prodsim.checks.artifact.sdist import Sdist, check_sdist
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.findings import CheckResult, Finding, error
from tox_prodsim.model.regex import lazy_regex

_INCLUDE = {
    "setuptools": "name it in MANIFEST.in (include, recursive-include, graft)",
    "hatchling": "name it in 'include' or 'force-include' of [tool.hatch.build.targets.sdist]",
    "flit_core": "name it in 'include' of [tool.flit.sdist]",
    "poetry": "name it in 'include' of [tool.poetry], for the format sdist",
    "pdm": "name it in 'source-includes' of [tool.pdm.build]",
}
_OF_SDIST = ("BLD102", "SDI201")
_LACKS = lazy_regex(
    r"Could not resolve host|Temporary failure in name resolution|Network is unreachable|Failed to establish a new conn"
    r"|the index cannot be reached|Retrying \(Retry\(|command '[^']+' failed: No such file|unable to execute"
    r"|Microsoft Visual C\+\+ .* is required|Rust toolchain|(?:rustc|cargo|cmake|ninja)\b.{0,40}not (?:found|installed)"
    r"|can't find Rust compiler|Unknown compiler\(s\)|No CMAKE_\w+_COMPILER|no acceptable C compiler",
    re.IGNORECASE,
)
"""What a machine lacks on which a release is verified, but not built."""
_NAME_BACKEND = "have requires of [build-system] name the distribution that provides its build-backend"


@dataclass(frozen=True, kw_only=True, slots=True)
class BackendOutput:
    """What a back end wrote, and its exception, if that is known separately."""

    output: str
    exception: str = ""
    message: str = ""
    log: str = ""
    """The file with all of it, as the user knows it; empty: there is none."""

    def shown(self, error: str) -> str:
        """Return the error, and where the rest of the output is."""
        return f"{error}, see {self.log}" if self.log else error


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildFailure:
    """The report of a build that failed: the checks of the step, and the lines that show the error."""

    checked: CheckResult
    title: str
    lines: tuple[str, ...]


def sdist_failure(backend: BackendOutput, source: Path) -> BuildFailure:
    """Return the report for a source tree that builds no sdist."""
    reason = _error(backend, source)
    absent = reason == NO_BACKEND or (backend.exception == NOT_STARTED and absent_module(reason))
    hint = _NAME_BACKEND if absent else build_hints.without_sdist(reason, source)
    finding = error("BLD101", "sdist", f"does not build: {backend.shown(reason)}", hint)
    return _failure(CheckResult(detail="", codes=("BLD101",), findings=(finding,)), backend, source)


def wheel_failure(sdist: Sdist, backend: BackendOutput, *, tree_builds: bool | None) -> BuildFailure:
    """Return the report for an sdist that builds no wheel; ``tree_builds`` None: there is no source tree to compare."""
    known = CheckResult(detail="", codes=_OF_SDIST, findings=(_no_wheel(sdist, backend, tree_builds=tree_builds),))
    return _failure(CheckResult.of(known, check_sdist(sdist)), backend, Path(sdist.top))


def not_unpacked(sdist: Sdist, reason: str) -> BuildFailure:
    """Return the report for an sdist that tox refuses to unpack for this reason."""
    finding = _unbuildable(sdist, "it cannot be unpacked", "leave the member out, or put the file itself in its place")
    known = CheckResult(detail="", codes=_OF_SDIST, findings=(finding,))
    return BuildFailure(checked=CheckResult.of(known, check_sdist(sdist)), title="tox says", lines=(reason,))


def sdist_of_given(sdist: Sdist, backend: BackendOutput) -> CheckResult:
    """Return the result for an sdist that builds no wheel here, beside a wheel that was given.

    If this machine lacks a compiler or the index, that says nothing about the sdist.
    """
    source = Path(sdist.top)
    reason = _error(backend, source)
    if _LACKS.search(f"{reason}\n{backend.output}"):
        lacking = f"building the sdist needs what is not here: {reason}"
        return CheckResult(detail="", codes=(), not_checked=tuple((code, lacking) for code in (*_OF_SDIST, "BLD107")))
    finding = _no_wheel(sdist, backend, tree_builds=None)
    evidence = (("the build of the sdist says", error_lines(backend.output, source)),)
    return CheckResult(detail="", codes=_OF_SDIST, findings=(finding,), evidence=evidence)


def _no_wheel(sdist: Sdist, backend: BackendOutput, *, tree_builds: bool | None) -> Finding:
    reason = _error(backend, Path(sdist.top))
    incomplete = is_absent_file(reason) if tree_builds is None else tree_builds
    shown = backend.shown(reason)
    hint = _NAME_BACKEND if reason == NO_BACKEND else _hint(sdist, absent_module(reason))
    return _incomplete(sdist, shown, tree_builds=tree_builds) if incomplete else _unbuildable(sdist, shown, hint)


def _error(backend: BackendOutput, source: Path) -> str:
    return build_error(backend.output, source, exception=backend.exception, message=backend.message)


def _incomplete(sdist: Sdist, reason: str, *, tree_builds: bool | None) -> Finding:
    also = "the wheel builds from the source tree, but not from it" if tree_builds else "no wheel builds from it"
    family = next((hint for name, hint in _INCLUDE.items() if sdist.backend.startswith(name)), "")
    hint = f"have the sdist include it: {family}" if family else "have the sdist include what the build reads"
    return error("SDI201", sdist.file_name, f"is incomplete, {also}: {reason}", hint)


def _hint(sdist: Sdist, module: str) -> str:
    """Return what to do about an sdist that builds no wheel; ``module`` is the one that is absent, if that is why."""
    top = module.partition(".")[0]
    if top and top == sdist.backend.partition(".")[0]:
        return _NAME_BACKEND
    if top:
        return f"have the sdist include {top} if it is a file of the project, else have [build-system] requires name it"
    return "unpack it elsewhere and run 'pip wheel .' there, it fails in the same way"


def _unbuildable(sdist: Sdist, reason: str, hint: str) -> Finding:
    return error("BLD102", sdist.file_name, f"builds no wheel: {reason}", hint)


def _failure(checked: CheckResult, backend: BackendOutput, source: Path) -> BuildFailure:
    lines = error_lines(backend.output, source)
    return BuildFailure(checked=checked, title="the build says", lines=lines)
