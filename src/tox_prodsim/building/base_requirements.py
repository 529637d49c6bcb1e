"""What another wheel of the project requires and the environment under test does not have, at the recorded versions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from tox_prodsim.building.clone_env import Site, bounded
from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.model.errors import CloneError, ProdsimError
from tox_prodsim.model.installed_metadata import named_distributions
from tox_prodsim.model.runner import BoundedCall, Runner, unbounded

_LIMIT_S = 60.0
_PYTHON = (
    "import json, os, platform, sys; full = platform.python_version(); v = sys.implementation.version; "
    "print(json.dumps(dict(python_version='.'.join(full.split('.')[:2]), python_full_version=full, "
    "implementation_name=sys.implementation.name, implementation_version='%d.%d.%d' % v[:3], "
    "platform_python_implementation=platform.python_implementation())))"
)
"""Prints what markers can ask of a Python; all the rest is that of the machine."""

Install = Callable[[Path, Sequence[str], Sequence[str]], None]
"""Installs requirements for a Python, within constraints; raises ProdsimError."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RequirementSource:
    """How the requirements of another wheel are installed."""

    install: Install
    extras: tuple[str, ...] = ()
    """Those with which the environment under test is installed."""
    recorded: Mapping[str, str] = field(default_factory=dict)
    """The versions that were installed with that wheel, by canonical name."""


def install(
    source: RequirementSource, requires: Sequence[str], site: Site, runner: Runner, *, call: BoundedCall = unbounded
) -> tuple[str, ...]:
    """Install the lines of Requires-Dist that the environment ``site`` does not meet; return it as ``name version``.

    What is installed is read by ``call``. Raises CloneError, which names the requirements, when they cannot be
    installed.
    """
    environment = _environment(site.python, runner)
    before = bounded(call, _installed, site)
    missing = [Requirement(each) for each in bounded(call, _unmet, requires, source.extras, before, environment)]
    if missing:
        _install(source, missing, before, site.python)
    now = bounded(call, _installed, site)
    return tuple(f"{name} {now[name]}" for name in sorted(now) if now[name] != before.get(name))


def _unmet(
    requires: Iterable[str], extras: Iterable[str], installed: Mapping[str, str], environment: Mapping[str, str]
) -> list[str]:
    return [str(each) for each in unmet(requires, extras, installed, environment)]


def unmet(
    requires: Iterable[str], extras: Iterable[str], installed: Mapping[str, str], environment: Mapping[str, str]
) -> Iterator[Requirement]:
    """Yield the requirements that hold for these extras and that environment, and that nothing installed meets."""
    environments = [{**environment, "extra": extra} for extra in ("", *extras)]
    for text in requires:
        requirement = _parsed(text)
        marker = requirement.marker if requirement is not None else None
        if requirement is None or (marker and not any(marker.evaluate(each) for each in environments)):
            continue
        version = installed.get(canonicalize_name(requirement.name))
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            yield requirement


def pinned(requirement: Requirement, recorded: Mapping[str, str]) -> str:
    """Return a requirement at the recorded version, or as it is where that does not fit or is not known."""
    version = recorded.get(canonicalize_name(requirement.name))
    if version is None or requirement.url or not requirement.specifier.contains(version, prereleases=True):
        return _plain(requirement)
    return f"{_name(requirement)}=={version}"


def _install(
    source: RequirementSource, missing: Sequence[Requirement], installed: Mapping[str, str], python: Path
) -> None:
    """Install at the recorded versions, else at any: one that the index no longer has is better than none."""
    constraints = [f"{name}=={version}" for name, version in source.recorded.items() if name not in installed]
    wanted = [pinned(each, source.recorded) for each in missing]
    try:
        source.install(python, wanted, constraints)
    except ProdsimError as problem:
        plain = [_plain(each) for each in missing]
        if plain == wanted and not constraints:
            raise _refusal(wanted, problem) from problem
        try:
            source.install(python, plain, [])
        except ProdsimError as again:
            raise _refusal(plain, again) from again


def _refusal(requirements: Sequence[str], problem: ProdsimError) -> CloneError:
    return CloneError(f"its requirement {', '.join(requirements)} cannot be installed: {problem.message}")


def _plain(requirement: Requirement) -> str:
    where = f" @ {requirement.url}" if requirement.url else str(requirement.specifier)
    return f"{_name(requirement)}{where}"


def _name(requirement: Requirement) -> str:
    return f"{requirement.name}[{','.join(sorted(requirement.extras))}]" if requirement.extras else requirement.name


def _parsed(text: str) -> Requirement | None:
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


def _installed(site: Site) -> dict[str, str]:
    return {canonicalize_name(name): version for name, version, _ in named_distributions(site.site_packages)}


def _environment(python: Path, runner: Runner) -> Mapping[str, str]:
    """Return what markers can ask of a Python on this machine; raises CloneError."""
    completed = runner([str(python), "-I", "-c", _PYTHON], timeout_s=_LIMIT_S)
    try:
        return {**{name: str(value) for name, value in default_environment().items()}, **json.loads(completed.stdout)}
    except ValueError as problem:
        msg = "the Python of the second environment does not run"
        raise CloneError(msg) from problem
