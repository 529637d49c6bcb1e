"""The lowest versions that the requirements of a project allow, as far as they can be installed together.

Only direct requirements are lowered, what these require is taken in its newest version (uv's ``lowest-direct``). A
requirement without a lower bound stays as it is. A release that has a wheel for this Python is preferred: one that
must be built for a Python that came after it tells nothing of the project that requires it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from tox_prodsim.checks.resolution.answers import (
    Conflict,
    Impossible,
    Refusal,
    Resolved,
    Unanswered,
    VersionUnavailable,
)
from tox_prodsim.checks.resolution.installers import Installer, Pip, Uv
from tox_prodsim.model.runner import Runner

_LIMIT_S = 120.0
_ROUNDS = 10
"""So many times a bound is raised because another requirement excludes it."""
_LOWER = frozenset({">=", ">", "~=", "==", "==="})


@dataclass(frozen=True, kw_only=True, slots=True)
class Lowest:
    """What to install: ``requirements`` with their pins; ``pinned`` are names and versions, ``free`` have no bound."""

    requirements: tuple[Requirement, ...]
    pinned: tuple[tuple[str, str], ...] = ()
    free: tuple[str, ...] = ()


def lowest(installer: Installer, requirements: Sequence[str], runner: Runner, folder: Path) -> Lowest | Refusal:
    """Return the requirements at their lowest, or why there is no such set; ``folder`` is for files in between."""
    wanted = [Requirement(text) for text in requirements]
    bounded = [each for each in wanted if _is_bounded(each)]
    free = [each for each in wanted if not _is_bounded(each)]
    names = tuple(dict.fromkeys(each.name for each in free))
    if not bounded:
        return Lowest(requirements=tuple(wanted), free=names)
    match installer:
        case Uv():
            found = _by_uv(installer, bounded, free, runner, folder)
        case Pip():
            found = _by_pip(installer, bounded, free, runner, folder)
    if not isinstance(found, Mapping):
        return found
    pins = [_pinned(each, found.get(_key(each))) for each in bounded]
    shown = {each.name: str(version) for each in bounded if (version := found.get(_key(each))) is not None}
    return Lowest(requirements=(*pins, *free), pinned=tuple(shown.items()), free=names)


_Found = Mapping[str, Version] | Refusal


def _is_bounded(requirement: Requirement) -> bool:
    return not requirement.url and any(each.operator in _LOWER for each in requirement.specifier)


def _key(requirement: Requirement) -> str:
    return canonicalize_name(requirement.name)


def _pinned(requirement: Requirement, version: Version | None) -> Requirement:
    """Return the requirement with one version only; one whose marker keeps it away from here has none."""
    if version is None:
        return requirement
    pinned = Requirement(str(requirement))
    pinned.specifier = SpecifierSet(f"=={version}")
    return pinned


def _by_uv(uv: Uv, bounded: Sequence[Requirement], free: Sequence[Requirement], runner: Runner, folder: Path) -> _Found:
    bounds = [f"{each.name}{each.specifier}" for each in free if each.specifier]
    refused: Refusal = Unanswered(reason="uv was not asked")
    for only_wheels in (True, False):
        answer = uv.lowest(list(map(str, bounded)), bounds, runner, folder, limit_s=_LIMIT_S, only_wheels=only_wheels)
        if isinstance(answer, Resolved):
            return {canonicalize_name(each.name): Version(each.version) for each in answer.taken}
        refused = answer
    return refused


def _by_pip(
    pip: Pip, bounded: Sequence[Requirement], free: Sequence[Requirement], runner: Runner, folder: Path
) -> _Found:
    """Lower by hand what pip can only raise; where pins exclude each other, the one that is too low goes up."""
    give_up_at = time.monotonic() + _LIMIT_S
    with ThreadPoolExecutor(max_workers=4) as pool:
        released = dict(
            zip(map(_key, bounded), pool.map(lambda each: _released(pip, each, runner), bounded), strict=True)
        )
    also: dict[str, SpecifierSet] = {}
    refused: Refusal = Unanswered(reason="pip was not asked")
    for _ in range(_ROUNDS):
        found = {_key(each): version for each in bounded if (version := _least(each, released, also)) is not None}
        wanted = [*(_pinned(each, found.get(_key(each))) for each in bounded), *free]
        answer = pip.resolve(list(map(str, wanted)), runner, folder, limit_s=max(give_up_at - time.monotonic(), 1.0))
        if isinstance(answer, Resolved):
            return found
        refused = answer
        if not isinstance(answer, Impossible | VersionUnavailable) or not _raised(
            answer.conflicts, found, released, also
        ):
            break
    return refused


def _released(pip: Pip, requirement: Requirement, runner: Runner) -> list[Version]:
    """Return the releases that the requirement allows, in order: those with wheels, or all when none has any."""
    for only_wheels in (True, False):
        known = pip.versions(requirement.name, runner, limit_s=_LIMIT_S / 4, only_wheels=only_wheels)
        if allowed := sorted(requirement.specifier.filter(map(Version, known))):
            return allowed
    return []


def _least(
    requirement: Requirement, released: Mapping[str, list[Version]], also: Mapping[str, SpecifierSet]
) -> Version | None:
    bound = also.get(_key(requirement), SpecifierSet())
    allowed = (version for version in released[_key(requirement)] if bound.contains(version, prereleases=True))
    return next((version for version in allowed if requirement.specifier.contains(version, prereleases=True)), None)


def _raised(
    conflicts: Sequence[Conflict],
    found: Mapping[str, Version],
    released: Mapping[str, list[Version]],
    also: dict[str, SpecifierSet],
) -> bool:
    """Note in ``also`` what keeps pins from being together, and return whether that is anything new."""
    before = dict(also)
    for conflict in conflicts:
        asked = Requirement(conflict.requirement)
        name, requirer = _key(asked), canonicalize_name(conflict.requirer.partition(" ")[0])
        if name not in found or asked.specifier.contains(found[name], prereleases=True):
            continue
        bound = also.get(name, SpecifierSet()) & asked.specifier
        if any(bound.contains(version, prereleases=True) for version in released[name]):
            also[name] = bound
        elif requirer in found:
            also[requirer] = also.get(requirer, SpecifierSet()) & SpecifierSet(f"!={found[requirer]}")
    return also != before
