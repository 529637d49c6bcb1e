"""Whether the right distribution is installed, with everything that it and the others require."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from tox_prodsim.checks.installed.inventory import Distribution, Inventory
from tox_prodsim.checks.installed.messages import finding
from tox_prodsim.checks.installed.probe import take_inventory
from tox_prodsim.checks.installed.versions import same_version
from tox_prodsim.model.findings import CheckResult, Finding, Level
from tox_prodsim.model.formatting import plural
from tox_prodsim.model.runner import Runner

_RECREATE = "recreate the environment: tox run -r"


def check_distribution(
    distribution: Distribution, runner: Runner, python: Path, *, taken: Callable[[], Inventory] | None = None
) -> CheckResult:
    """Return what is wrong with the installed distributions, without importing any of them.

    ``taken`` returns what is installed; None: the environment is asked.
    """
    inventory = taken() if taken is not None else take_inventory(distribution, runner, python)
    extras = _requested_extras(distribution, inventory)
    own = [
        _unmet_finding(text, problem)
        for text, problem in _unmet(distribution.requires, extras[distribution.key], inventory)
    ]
    findings = [
        *_presence(distribution, inventory),
        *_wrong_python(distribution, inventory),
        *own,
        *_conflicts(distribution, inventory, extras),
    ]
    return CheckResult(
        detail=_detail(distribution, inventory, met=not findings),
        codes=("DEP202", "DEP203", "DEP209", "DEP210", "IMP500"),
        findings=tuple(findings),
    )


def _detail(distribution: Distribution, inventory: Inventory, *, met: bool) -> str:
    number = len(inventory.distributions)
    count = f"{number} {plural('distribution', number)}"
    return (
        f"{distribution.name} {distribution.version}, {f'requirements of {count} met' if met else f'{count} installed'}"
    )


def _presence(distribution: Distribution, inventory: Inventory) -> Iterator[Finding]:
    installed = inventory.distributions.get(distribution.key)
    if installed is None:
        yield finding("DEP202", Level.ERROR, distribution.name, "is not installed in the environment", _RECREATE)
        return
    if not same_version(installed.version, distribution.version):
        message = f"version {installed.version} is installed, not {distribution.version} of the wheel under test"
        yield finding("DEP202", Level.ERROR, distribution.name, message, _RECREATE)
    if installed.editable:
        message = f"is installed in editable mode, production will not be: {installed.editable}"
        yield finding("IMP500", Level.ERROR, distribution.name, message, "remove use_develop or package = editable")


def _wrong_python(distribution: Distribution, inventory: Inventory) -> Iterator[Finding]:
    """Yield that Requires-Python excludes this Python: uv installs a file all the same, and pip refuses it."""
    here = inventory.environment.get("python_full_version", "")
    try:
        allowed = SpecifierSet(distribution.requires_python).contains(Version(here).base_version, prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return  # reported as WHL108, or not known
    if not allowed:
        message = f"cannot be installed with this Python by pip: {here} is not in {distribution.requires_python}"
        hint = "run it in an environment whose Python requires-python allows, or correct requires-python"
        yield finding("DEP210", Level.ERROR, distribution.name, message, hint)


def _conflicts(distribution: Distribution, inventory: Inventory, extras: Mapping[str, set[str]]) -> Iterator[Finding]:
    for key, other in inventory.distributions.items():
        if key == distribution.key:
            continue  # its requirements are DEP209, from the wheel's own METADATA
        for text, problem in _unmet(other.requires, extras[key], inventory):
            hint = "bound the dependencies so that a fresh install agrees with itself"
            name = f"{other.name} {other.version}"
            yield finding("DEP203", Level.ERROR, name, f"requires {text}, but {problem}", hint)


def _unmet_finding(text: str, problem: str) -> Finding:
    hint = "METADATA is what users get: let dependencies in pyproject.toml, from which tox installs, say the same"
    return finding("DEP209", Level.ERROR, text, f"is required by the wheel, but {problem}", hint)


def _unmet(requires: Iterable[str], extras: set[str], inventory: Inventory) -> Iterator[tuple[str, str]]:
    """Yield the requirements that apply in this environment and are not met, with the reason."""
    for text in requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            yield text, "it is not a requirement that can be read"
            continue
        if not _applies(requirement, extras, inventory):
            continue
        name = str(requirement).partition(";")[0].strip()
        installed = inventory.distributions.get(canonicalize_name(requirement.name))
        if installed is None:
            yield name, f"{requirement.name} is not installed"
        elif not _satisfies(installed.version, requirement):
            yield name, f"{installed.name} {installed.version} is installed"


def _applies(requirement: Requirement, extras: set[str], inventory: Inventory) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({**inventory.environment, "extra": extra}) for extra in ("", *extras))


def _satisfies(version: str, requirement: Requirement) -> bool:
    try:
        return requirement.specifier.contains(Version(version), prereleases=True)
    except InvalidVersion:
        return True  # not known


def _requested_extras(distribution: Distribution, inventory: Inventory) -> Mapping[str, set[str]]:
    """Return the requested extras of each distribution: by the user, and by requirements."""
    requested: dict[str, set[str]] = defaultdict(set)
    requested[distribution.key] |= set(distribution.extras)
    requires = {key: _parsed(other.requires) for key, other in inventory.distributions.items()}
    requires[distribution.key] = _parsed(distribution.requires)
    before = -1
    while before != (before := sum(map(len, requested.values()))):
        for key, requirements in requires.items():
            for requirement in requirements:
                if requirement.extras and _applies(requirement, requested[key], inventory):
                    requested[canonicalize_name(requirement.name)] |= requirement.extras
    return requested


def _parsed(requires: Iterable[str]) -> list[Requirement]:
    found = []
    for text in requires:
        try:
            found.append(Requirement(text))
        except InvalidRequirement:
            continue  # reported where it is evaluated
    return found
