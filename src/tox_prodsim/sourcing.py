"""The step of the sdist: the file, what became of it in the wheel, and what the source tree builds.

A wheel that was given alone has nothing of this, and says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tox_prodsim import artifact, tree
from tox_prodsim.findings import Checked, Finding, Level


@dataclass(frozen=True, kw_only=True, slots=True)
class TreeWheel:
    """The wheel that the source tree builds, how long that took, and what an old build/ in the tree holds."""

    path: Path
    took_s: float
    stale: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """Where the wheel under test comes from; without an sdist ``reason`` says why there is none.

    ``from_tree`` waits for the wheel of the source tree, ``again`` builds that of the sdist once more, ``written`` is
    what the build has written into the tree and whether git tracks it; all of them raise tree.Unavailable.
    """

    sdist: artifact.Sdist | None
    reason: str
    codes: tuple[str, ...]
    from_tree: Callable[[], TreeWheel]
    again: Callable[[], Path]
    written: Callable[[], tuple[tuple[str, bool], ...]]


def _unavailable() -> TreeWheel:
    msg = "there is no source tree"
    raise tree.Unavailable(msg)


def nothing(reason: str) -> Provenance:
    """Return the provenance of a wheel of which nothing else is known."""
    return Provenance(sdist=None, reason=reason, codes=(), from_tree=_unavailable, again=Path, written=tuple)


UNKNOWN = nothing("there is no sdist beside the wheel")


def check(provenance: Provenance, wheel: artifact.Wheel) -> Checked:
    """Return what is wrong with the sdist, or between it, the source tree and the wheel."""
    sdist = provenance.sdist
    if sdist is None:
        return Checked(detail=provenance.reason, codes=())
    return Checked.of(
        artifact.check_sdist(sdist),
        Checked(detail="", codes=provenance.codes),
        artifact.check_shipped(sdist, wheel),
        _written(provenance),
        _equal(provenance, wheel),
    )


def _equal(provenance: Provenance, wheel: artifact.Wheel) -> Checked:
    try:
        other = provenance.from_tree()
        equal = artifact.check_equal(
            wheel.path, other.path, stale=lambda name: name in other.stale, again=provenance.again
        )
    except tree.Unavailable as problem:
        return Checked(detail="builds the wheel under test", codes=(), not_checked=(("BLD104", str(problem)),))
    took = f" (in {other.took_s:.1f} s, beside the rest)" if equal.detail else ""
    return replace(equal, detail=equal.detail + took)


def _written(provenance: Provenance) -> Checked:
    """Return what the build has left in the source tree, and git would commit."""
    try:
        paths = provenance.written()
    except tree.Unavailable as problem:
        return Checked(detail="", codes=(), not_checked=(("BLD103", str(problem)),))
    return Checked(detail="", codes=("BLD103",), findings=tuple(_trace(*each) for each in paths))


def _trace(path: str, tracked: bool) -> Finding:  # noqa: FBT001 - a pair of what was written
    message = (
        "is tracked by git, and the build changed it" if tracked else "was written by the build, git does not ignore it"
    )
    hint = "have the build write it below build/, or put it on .gitignore"
    return Finding(code="BLD103", level=Level.WARNING, subject=path, message=message, hint=hint)
