"""The step of the sdist: the file, what became of it in the wheel, and what the source tree builds.

A wheel that was given alone has nothing of this, and says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tox_prodsim.checks import artifact
from tox_prodsim.model.errors import TreeUnavailableError
from tox_prodsim.model.findings import CheckResult, Finding, warning


@dataclass(frozen=True, kw_only=True, slots=True)
class FromTree:
    """What building the source tree came to; ``written`` is what it wrote there and whether git tracks it.

    A text in its place is the reason why that is not known.
    """

    wheel: artifact.TreeWheel
    written: tuple[tuple[str, bool], ...] | str


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """Where the wheel under test comes from; without an sdist ``reason`` says why there is none.

    ``from_tree`` waits for the build of the source tree, ``again`` builds the wheel of the sdist once more; both raise
    tree.Unavailable. ``codes`` are those of which the wheel itself is the proof.
    """

    sdist: artifact.Sdist | None
    reason: str
    codes: tuple[str, ...]
    from_tree: Callable[[], FromTree]
    again: Callable[[], Path]


def _unavailable() -> FromTree:
    msg = "there is no source tree"
    raise TreeUnavailableError(msg)


def nothing(reason: str) -> Provenance:
    """Return the provenance of a wheel of which nothing else is known."""
    return Provenance(sdist=None, reason=reason, codes=(), from_tree=_unavailable, again=Path)


UNKNOWN = nothing("there is no sdist beside the wheel")


def check(provenance: Provenance, wheel: artifact.Wheel) -> CheckResult:
    """Return what is wrong with the sdist, or between it, the source tree and the wheel."""
    sdist = provenance.sdist
    if sdist is None:
        return CheckResult(detail=provenance.reason, codes=())
    return CheckResult.of(
        artifact.check_sdist(sdist),
        CheckResult(detail="", codes=provenance.codes),
        artifact.check_sdist_vs_wheel(sdist, wheel),
        _beside_tree(provenance, sdist, wheel),
    )


def _beside_tree(provenance: Provenance, sdist: artifact.Sdist, wheel: artifact.Wheel) -> CheckResult:
    """Return what the source tree tells, where there is one and it builds."""
    try:
        built = provenance.from_tree()
    except TreeUnavailableError as problem:
        reasons = tuple((code, str(problem)) for code in ("BLD103", "BLD104"))
        return CheckResult(detail="builds the wheel under test", codes=(), not_checked=reasons)
    return CheckResult.of(_equal(provenance, sdist, wheel, built.wheel), _traces(built.written))


def _equal(
    provenance: Provenance, sdist: artifact.Sdist, wheel: artifact.Wheel, from_tree: artifact.TreeWheel
) -> CheckResult:
    try:
        return artifact.check_equal(sdist, wheel.path, from_tree, rebuild=provenance.again)
    except TreeUnavailableError as problem:
        return CheckResult(detail="", codes=(), not_checked=(("BLD104", str(problem)),))


def _traces(written: tuple[tuple[str, bool], ...] | str) -> CheckResult:
    """Return what the build leaves in the source tree, and git would commit."""
    if isinstance(written, str):
        return CheckResult(detail="", codes=(), not_checked=(("BLD103", written),))
    return CheckResult(detail="", codes=("BLD103",), findings=tuple(_trace(*each) for each in written))


def _trace(path: str, tracked: bool) -> Finding:  # noqa: FBT001 - a pair of what was written
    message = (
        "is tracked by git, and the build changed it" if tracked else "was written by the build, git does not ignore it"
    )
    hint = "have the build write it below build/, or put it on .gitignore"
    return warning("BLD103", path, message, hint)
