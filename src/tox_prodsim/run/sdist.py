"""The step of the sdist: the file, what became of it in the wheel, and what the source tree builds.

For a wheel that was given alone nothing of this is checked, and the step says so.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

from tox_prodsim.checks import artifact
from tox_prodsim.checks.artifact import build_failure
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import (
    BuildError,
    LimitExceededError,
    NoTreeError,
    ProdsimError,
    TreeUnavailableError,
)
from tox_prodsim.model.findings import CheckResult, Finding, NothingToCheck, warning
from tox_prodsim.model.runner import BoundedCall


@dataclass(frozen=True, kw_only=True, slots=True)
class TreeBuild:
    """What building the source tree came to."""

    wheel: artifact.TreeWheel
    written: tuple[tuple[str, bool], ...] | str
    """The files that the build left there, and whether git tracks them; a text is the reason why that is not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GivenBuild:
    """How the sdist of a wheel that was given is built here, to compare."""

    first: Callable[[], Path]
    """Waits for its wheel; raises BuildError, ProdsimError and OSError."""
    again: Callable[[], Path]
    """Builds it once more; raises the same."""
    log: str
    """The file with all that the build wrote, as the user knows it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """Where the wheel under test comes from."""

    sdist: artifact.Sdist | None
    reason: str
    """Why there is no sdist."""
    codes: tuple[str, ...]
    """Those of which the wheel itself is the proof."""
    build_tree: Callable[[], TreeBuild]
    """Waits for the build of the source tree; raises TreeUnavailableError."""
    rebuild: Callable[[], Path]
    """Builds the wheel of the sdist once more; raises TreeUnavailableError."""
    tracked: Callable[[], frozenset[str]] = frozenset
    """Asks git for the files that it tracks in the source tree; nothing where there is none."""
    given: GivenBuild | None = None
    """None: the wheel under test was built here, or its sdist is not built."""
    unreadable: CheckResult | None = None
    """Why the sdist of the release cannot be read; None: it can, or there is none."""


def _unavailable() -> TreeBuild:
    msg = "there is no source tree"
    raise NoTreeError(msg)


def unknown_provenance(reason: str) -> Provenance:
    """Return the provenance of a wheel of which nothing else is known."""
    return Provenance(sdist=None, reason=reason, codes=(), build_tree=_unavailable, rebuild=Path)


UNKNOWN = unknown_provenance("there is no sdist beside the wheel")


def check(provenance: Provenance, wheel: artifact.Wheel, call: BoundedCall) -> CheckResult:
    """Return what is wrong with the sdist, or between it, the source tree and the wheel."""
    sdist = provenance.sdist
    if sdist is None:
        return provenance.unreadable or CheckResult(detail=provenance.reason, codes=())
    check_files = functools.partial(_check_files, sdist, wheel, provenance.tracked())
    return CheckResult.of(
        artifact.checked_bounded(call, check_files, sdist.path),
        CheckResult(detail="", codes=provenance.codes),
        _check_given(provenance.given, sdist, wheel, call)
        if provenance.given
        else _check_tree(provenance, sdist, wheel, call),
    )


def _check_given(build: GivenBuild, sdist: artifact.Sdist, wheel: artifact.Wheel, call: BoundedCall) -> CheckResult:
    """Build the sdist, and compare its wheel with the given one."""
    try:
        built = build.first()
        room = call.with_room(max(wheel.largest_bytes, built.stat().st_size))
        compared = artifact.check_given(sdist, wheel, built, rebuild=build.again, call=room)
    except BuildError as problem:
        return build_failure.sdist_of_given(sdist, build_failure.BackendOutput(output=problem.output, log=build.log))
    except (ProdsimError, LimitExceededError, TreeUnavailableError, OSError) as problem:
        return CheckResult(detail="", codes=(), not_checked=(("BLD107", f"the sdist builds no wheel here: {problem}"),))
    return CheckResult.of(CheckResult(detail="", codes=("BLD102", "SDI201")), compared)


def _check_files(sdist: artifact.Sdist, wheel: artifact.Wheel, tracked: frozenset[str]) -> CheckResult:
    """Return what is wrong with the sdist, and between it and the wheel."""
    return CheckResult.of(
        artifact.check_sdist(sdist),
        artifact.check_sdist_vs_wheel(sdist, wheel, tracked),
        artifact.check_package_data(sdist, wheel, tracked),
    )


def check_references(
    provenance: Provenance, wheel: artifact.Wheel, call: BoundedCall, facts: Callable[[], artifact.PackedFacts]
) -> CheckResult:
    """Return the files that the code reads and that are not there, without those that were lost on the way."""
    check_files = functools.partial(_check_references, provenance.sdist, wheel, provenance.tracked())
    return artifact.checked_bounded(call, check_files, wheel.path, facts)


def _check_references(
    sdist: artifact.Sdist | None, wheel: artifact.Wheel, tracked: frozenset[str], facts: artifact.PackedFacts
) -> CheckResult:
    known = artifact.lost_data(sdist, wheel, tracked) if sdist is not None else frozenset[str]()
    return artifact.check_references(wheel, known, facts)


def _check_tree(provenance: Provenance, sdist: artifact.Sdist, wheel: artifact.Wheel, call: BoundedCall) -> CheckResult:
    """Compare with what the source tree builds, where there is one and it builds."""
    try:
        built = provenance.build_tree()
    except TreeUnavailableError as problem:
        reason = NothingToCheck(problem) if isinstance(problem, NoTreeError) else str(problem)
        reasons = tuple((code, reason) for code in ("BLD103", "BLD104"))
        detail = "builds the wheel under test" if provenance.codes else ""
        return CheckResult(detail=detail, codes=(), not_checked=reasons)
    return CheckResult.of(_equal(provenance, sdist, wheel, built.wheel, call), _written(built.written))


def _equal(
    provenance: Provenance,
    sdist: artifact.Sdist,
    wheel: artifact.Wheel,
    from_tree: artifact.TreeWheel,
    call: BoundedCall,
) -> CheckResult:
    try:
        room = call.with_room(wheel.largest_bytes)
        return artifact.check_equal(sdist, wheel.path, from_tree, rebuild=provenance.rebuild, call=room)
    except (TreeUnavailableError, LimitExceededError) as problem:
        return CheckResult(detail="", codes=(), not_checked=(("BLD104", str(problem)),))


def _written(files: tuple[tuple[str, bool], ...] | str) -> CheckResult:
    """Return what the build leaves in the source tree, and git would commit."""
    if isinstance(files, str):
        return CheckResult(detail="", codes=(), not_checked=(("BLD103", files),))
    findings = tuple(_to_finding(path, tracked=tracked) for path, tracked in files)
    return CheckResult(detail="", codes=("BLD103",), findings=findings)


def _to_finding(path: str, *, tracked: bool) -> Finding:
    message = (
        "is tracked by git, and the build changed it" if tracked else "was written by the build, git does not ignore it"
    )
    hint = "have the build write it below build/, or put it on .gitignore"
    return warning("BLD103", path, message, hint)
