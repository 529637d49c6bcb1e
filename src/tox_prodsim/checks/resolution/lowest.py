"""The lowest versions that the requirements of a project allow, as far as they can be installed together.

Only direct requirements are lowered; their own requirements are resolved to the newest versions (uv's
``lowest-direct``). A requirement without a lower bound stays as it is. A release with a wheel for this Python is
preferred: one that must be built for a Python newer than itself says nothing about the project that requires it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from tox_prodsim.checks.resolution.installers import Installer, Pip, Uv
from tox_prodsim.checks.resolution.results import (
    Conflict,
    Impossible,
    Resolved,
    Undetermined,
    Unresolved,
    VersionUnavailable,
)
from tox_prodsim.model.runner import Runner

_LIMIT_S = 120.0
_ROUNDS = 10
"""This many times bounds are raised because of a conflict."""
_LOWER = frozenset({">=", ">", "~=", "==", "==="})


@dataclass(frozen=True, kw_only=True, slots=True)
class LowestVersions:
    """The requirements to install, with their pins."""

    requirements: tuple[Requirement, ...]
    pinned: tuple[tuple[str, str], ...] = ()
    """The names and versions of the pins."""
    unbounded: tuple[str, ...] = ()
    """The names of the requirements without a lower bound."""


_Versions = Mapping[str, Version]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Request:
    """The requirements of a project, and how they are resolved."""

    bounded: Sequence[Requirement]
    """Those with a lower bound."""
    unbounded: Sequence[Requirement]
    """The others."""
    runner: Runner
    folder: Path


def resolve_lowest(
    installer: Installer, requirements: Sequence[str], runner: Runner, folder: Path
) -> LowestVersions | Unresolved:
    """Return the requirements at their lowest versions, or why there are none; ``folder`` is for temporary files."""
    parsed = [Requirement(text) for text in requirements]
    bounded = [each for each in parsed if _is_bounded(each)]
    unbounded = [each for each in parsed if not _is_bounded(each)]
    names = tuple(dict.fromkeys(each.name for each in unbounded))
    if not bounded:
        return LowestVersions(requirements=tuple(parsed), unbounded=names)
    request = _Request(bounded=bounded, unbounded=unbounded, runner=runner, folder=folder)
    found = _by_uv(installer, request) if isinstance(installer, Uv) else _by_pip(installer, request)
    if not isinstance(found, Mapping):
        return found
    pins = [_pinned(each, found.get(_key(each))) for each in bounded]
    versions = {each.name: str(version) for each in bounded if (version := found.get(_key(each))) is not None}
    return LowestVersions(requirements=(*pins, *unbounded), pinned=tuple(versions.items()), unbounded=names)


def _is_bounded(requirement: Requirement) -> bool:
    return not requirement.url and any(each.operator in _LOWER for each in requirement.specifier)


def _key(requirement: Requirement) -> str:
    return canonicalize_name(requirement.name)


def _pinned(requirement: Requirement, version: Version | None) -> Requirement:
    """Return the requirement for one version only, unchanged without a version: its marker excludes it here."""
    if version is None:
        return requirement
    pinned = Requirement(str(requirement))
    pinned.specifier = SpecifierSet(f"=={version}")
    return pinned


def _by_uv(uv: Uv, request: _Request) -> _Versions | Unresolved:
    bounds = [f"{each.name}{each.specifier}" for each in request.unbounded if each.specifier]
    requirements = list(map(str, request.bounded))
    result: Unresolved = Undetermined(reason="uv was not asked")
    for only_wheels in (True, False):
        answer = uv.resolve_lowest(
            requirements, bounds, request.runner, request.folder, limit_s=_LIMIT_S, only_wheels=only_wheels
        )
        if isinstance(answer, Resolved):
            return {canonicalize_name(each.name): Version(each.version) for each in answer.distributions}
        result = answer
    return result


def _by_pip(pip: Pip, request: _Request) -> _Versions | Unresolved:
    """Find the lowest versions by trial, because pip takes the highest: conflicts raise the bounds of pins."""
    end_at = time.monotonic() + _LIMIT_S
    candidates = _Candidates(released=_all_released(pip, request))
    result: Unresolved = Undetermined(reason="pip was not asked")
    for _ in range(_ROUNDS):
        lowest = {_key(each): version for each in request.bounded if (version := candidates.lowest(each)) is not None}
        pins = [*(_pinned(each, lowest.get(_key(each))) for each in request.bounded), *request.unbounded]
        left_s = max(end_at - time.monotonic(), 1.0)
        answer = pip.resolve(list(map(str, pins)), request.runner, request.folder, limit_s=left_s)
        if isinstance(answer, Resolved):
            return lowest
        result = answer
        if not isinstance(answer, Impossible | VersionUnavailable) or not candidates.exclude(answer.conflicts, lowest):
            break
    return result


def _all_released(pip: Pip, request: _Request) -> Mapping[str, list[Version]]:
    with ThreadPoolExecutor(max_workers=4) as pool:
        released = pool.map(lambda each: _released(pip, each, request.runner), request.bounded)
        return dict(zip(map(_key, request.bounded), released, strict=True))


def _released(pip: Pip, requirement: Requirement, runner: Runner) -> list[Version]:
    """Return the releases that the requirement allows, in order: those with wheels, or all if none has a wheel."""
    for only_wheels in (True, False):
        known = pip.versions(requirement.name, runner, limit_s=_LIMIT_S / 4, only_wheels=only_wheels)
        if allowed := sorted(requirement.specifier.filter(map(Version, known))):
            return allowed
    return []


@dataclass(frozen=True, kw_only=True, slots=True)
class _Candidates:
    """The versions that may be pinned."""

    released: Mapping[str, list[Version]]
    """The releases of each project in order."""
    bounds: dict[str, SpecifierSet] = field(default_factory=dict)
    """What conflicts have added to the requirements."""

    def lowest(self, requirement: Requirement) -> Version | None:
        """Return the lowest version that the requirement and the bounds allow."""
        bound = self._bound(_key(requirement)) & requirement.specifier
        return next((each for each in self.released[_key(requirement)] if bound.contains(each, prereleases=True)), None)

    def exclude(self, conflicts: Sequence[Conflict], pinned: _Versions) -> bool:
        """Add what keeps the pins from being installed together to the bounds; return whether that changed them."""
        before = dict(self.bounds)
        for conflict in conflicts:
            required = Requirement(conflict.requirement)
            name, requirer = _key(required), canonicalize_name(conflict.requirer.partition(" ")[0])
            if name not in pinned or required.specifier.contains(pinned[name], prereleases=True):
                continue
            bound = self._bound(name) & required.specifier
            if any(bound.contains(version, prereleases=True) for version in self.released[name]):
                self.bounds[name] = bound
            elif requirer in pinned:
                self.bounds[requirer] = self._bound(requirer) & SpecifierSet(f"!={pinned[requirer]}")
        return self.bounds != before

    def _bound(self, name: str) -> SpecifierSet:
        return self.bounds.get(name, SpecifierSet())
