"""The lowest versions that the requirements of a project allow, as far as they can be installed together.

What has no lower bound, and what else is installed there, limits them too: a set that no resolver would choose says
nothing about the project.
Only direct requirements are lowered; their own requirements are resolved to the newest versions (uv's
``lowest-direct``). A requirement without a lower bound stays as it is. A release with a wheel for this Python is
preferred: one that must be built for a Python newer than itself says nothing about the project that requires it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from tox_prodsim.checks.resolution.installers import Installer, Pip, Uv
from tox_prodsim.checks.resolution.results import (
    Conflict,
    Impossible,
    Resolution,
    Resolved,
    Undetermined,
    Unresolved,
    VersionUnavailable,
)
from tox_prodsim.model.dataclass import dataclass, field
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
    not_lowered: tuple[str, ...] = ()
    """The names of those whose lowest version that fits to the others was not found."""


_Versions = Mapping[str, Version]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Request:
    """The requirements of a project, and how they are resolved."""

    bounded: Sequence[Requirement]
    """Those with a lower bound."""
    free: Sequence[Requirement]
    """The others, and what else is to be installed: it is not lowered, but has to fit."""
    runner: Runner
    folder: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class _Lowest:
    """The lowest versions by canonical name, and the keys of those that were not lowered."""

    versions: _Versions
    not_lowered: frozenset[str] = frozenset()


def resolve_lowest(
    installer: Installer,
    requirements: Sequence[str],
    runner: Runner,
    folder: Path,
    *,
    environment: Mapping[str, str] | None = None,
    beside: Sequence[str] = (),
) -> LowestVersions | Unresolved:
    """Return the requirements at their lowest versions, or why there are none; ``folder`` is for temporary files.

    ``environment`` are the values of markers there (None: not known); ``beside`` are the requirements of what else is
    installed there.
    """
    parsed = _applicable([Requirement(text) for text in requirements], environment)
    bounded = [each for each in parsed if _is_bounded(each)]
    unbounded = [each for each in parsed if not _is_bounded(each)]
    names = tuple(dict.fromkeys(each.name for each in unbounded))
    if not bounded:
        return LowestVersions(requirements=tuple(parsed), unbounded=names)
    others = [each for each in _readable(beside) if _key(each) not in set(map(_key, parsed))]
    found = _resolve(installer, _Request(bounded=bounded, free=[*unbounded, *others], runner=runner, folder=folder))
    if others and isinstance(found, Impossible):
        found = _resolve(installer, _Request(bounded=bounded, free=unbounded, runner=runner, folder=folder))
    if not isinstance(found, _Lowest):
        return found
    pins = [_pinned(each, found.versions.get(_key(each))) for each in bounded]
    versions = {each.name: str(found.versions[_key(each)]) for each in bounded if _key(each) in found.versions}
    return LowestVersions(
        requirements=(*pins, *unbounded),
        pinned=tuple(versions.items()),
        unbounded=names,
        not_lowered=tuple(dict.fromkeys(each.name for each in bounded if _key(each) in found.not_lowered)),
    )


def _resolve(installer: Installer, request: _Request) -> _Lowest | Unresolved:
    return _by_uv(installer, request) if isinstance(installer, Uv) else _by_pip(installer, request)


def _readable(lines: Iterable[str]) -> Iterator[Requirement]:
    """Yield those that name a project; a line may also be a path or a URL."""
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.url is None:
            yield requirement


def _applicable(parsed: Sequence[Requirement], environment: Mapping[str, str] | None) -> list[Requirement]:
    """Return the requirements that apply there, one for each name; all of them if the environment is not known."""
    if environment is None:
        return list(parsed)
    merged: dict[str, Requirement] = {}
    for each in parsed:
        if each.marker is None or each.marker.evaluate({**environment, "extra": ""}):
            each.marker = None
            first = merged.setdefault(_key(each) + (each.url or ""), each)
            first.specifier &= each.specifier
            first.extras |= each.extras
    return list(merged.values())


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


def _by_uv(uv: Uv, request: _Request) -> _Lowest | Unresolved:
    requirements, free = list(map(str, request.bounded)), list(map(str, request.free))
    result: Unresolved = Undetermined(reason="uv was not asked")
    for only_wheels in _wheel_preferences(uv, request):
        answer = uv.resolve_lowest(
            requirements, free, request.runner, request.folder, limit_s=_LIMIT_S, only_wheels=only_wheels
        )
        if isinstance(answer, Resolved):
            return _Lowest(
                versions={str(canonicalize_name(each.name)): Version(each.version) for each in answer.distributions}
            )
        result = answer
    return result


def _wheel_preferences(uv: Uv, request: _Request) -> Iterator[Sequence[str]]:
    """Yield of which projects only wheels are taken: of all; of those that have any; of none."""
    yield (":all:",)

    def has_wheel(each: Requirement) -> bool:
        answer = uv.resolve_lowest(
            [str(each)], (), request.runner, request.folder, limit_s=_LIMIT_S / 4, only_wheels=(each.name,)
        )
        return isinstance(answer, Resolved)

    with ThreadPoolExecutor(max_workers=4) as pool:
        known = pool.map(has_wheel, request.bounded)
        yield [each.name for each, has_any in zip(request.bounded, known, strict=True) if has_any]
    yield ()


def _by_pip(pip: Pip, request: _Request) -> _Lowest | Unresolved:
    """Find the lowest versions by trial, because pip takes the highest: conflicts raise the bounds of pins."""
    end_at = time.monotonic() + _LIMIT_S
    candidates = _Candidates(released=_all_released(pip, request))
    result: Resolution = Undetermined(reason="pip was not asked")
    lowest: dict[str, Version] = {}
    for _ in range(_ROUNDS):
        lowest = {_key(each): version for each in request.bounded if (version := candidates.lowest(each)) is not None}
        result = _try(pip, request, lowest, end_at)
        if isinstance(result, Resolved):
            return _Lowest(versions=lowest)
        if not isinstance(result, Impossible | VersionUnavailable) or not candidates.exclude(result.conflicts, lowest):
            break
    return _with_fewer_pins(pip, request, lowest, result, end_at)


def _try(pip: Pip, request: _Request, lowest: _Versions, end_at: float) -> Resolution:
    """Return what pip takes with these pins."""
    pins = [*(_pinned(each, lowest.get(_key(each))) for each in request.bounded), *request.free]
    left_s = max(end_at - time.monotonic(), 1.0)
    return pip.resolve(list(map(str, pins)), request.runner, request.folder, limit_s=left_s)


def _with_fewer_pins(
    pip: Pip, request: _Request, lowest: _Versions, result: Resolution, end_at: float
) -> _Lowest | Unresolved:
    """Leave what is in conflict at what pip chooses: it is not a fault of the project that the search failed."""
    unresolved = Undetermined(reason="") if isinstance(result, Resolved) else result
    conflicts = result.conflicts if isinstance(result, Impossible | VersionUnavailable) else ()
    named = {_key(Requirement(each.requirement)) for each in conflicts}
    named |= {canonicalize_name(each.requirer.partition(" ")[0]) for each in conflicts}
    for loose in (named & lowest.keys(), set(lowest)) if conflicts else ():
        kept = {key: version for key, version in lowest.items() if key not in loose}
        if isinstance(_try(pip, request, kept, end_at), Resolved):
            return _Lowest(versions=kept, not_lowered=frozenset(loose))
    return unresolved


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
