"""Whether the right distribution is installed, with everything that it and the others require."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from tox_prodsim.checks.installed import probe
from tox_prodsim.checks.installed.messages import finding
from tox_prodsim.checks.installed.probe import Distribution, Survey
from tox_prodsim.checks.installed.versions import same_version
from tox_prodsim.model.findings import CheckResult, Finding, Level
from tox_prodsim.model.runner import Runner

_RECREATE = "recreate the environment: tox run -r"


def check_distribution(subject: Distribution, runner: Runner, python: Path) -> CheckResult:
    """Return what is wrong with the set of installed distributions, without importing any of them."""
    survey = probe.survey(subject, runner, python)
    extras = _wanted_extras(subject, survey)
    own = [_dep209(text, problem) for text, problem in _unmet(subject.requires, extras[subject.key], survey)]
    findings = [*_presence(subject, survey), *own, *_conflicts(subject, survey, extras)]
    return CheckResult(
        detail=_detail(subject, survey, met=not findings),
        codes=("DEP202", "DEP203", "DEP209", "IMP500"),
        findings=tuple(findings),
    )


def _detail(subject: Distribution, survey: Survey, *, met: bool) -> str:
    count = f"{len(survey.distributions)} distribution{'' if len(survey.distributions) == 1 else 's'}"
    return f"{subject.name} {subject.version}, {f'requirements of {count} met' if met else f'{count} installed'}"


def _presence(subject: Distribution, survey: Survey) -> Iterator[Finding]:
    installed = survey.distributions.get(subject.key)
    if installed is None:
        yield finding("DEP202", Level.ERROR, subject.name, "is not installed in the environment", _RECREATE)
        return
    if not same_version(installed.version, subject.version):
        message = f"version {installed.version} is installed, not {subject.version} of the wheel under test"
        yield finding("DEP202", Level.ERROR, subject.name, message, _RECREATE)
    if installed.editable:
        message = f"is installed in editable mode, production will not be: {installed.editable}"
        yield finding("IMP500", Level.ERROR, subject.name, message, "remove use_develop or package = editable")


def _conflicts(subject: Distribution, survey: Survey, extras: Mapping[str, set[str]]) -> Iterator[Finding]:
    for key, distribution in survey.distributions.items():
        if key == subject.key:
            continue  # its requirements are DEP209, from the wheel's own METADATA
        for text, problem in _unmet(distribution.requires, extras[key], survey):
            hint = "bound the dependencies so that a fresh install agrees with itself"
            name = f"{distribution.name} {distribution.version}"
            yield finding("DEP203", Level.ERROR, name, f"requires {text}, but {problem}", hint)


def _dep209(text: str, problem: str) -> Finding:
    hint = "METADATA is what users get: let dependencies in pyproject.toml, from which tox installs, say the same"
    return finding("DEP209", Level.ERROR, text, f"is required by the wheel, but {problem}", hint)


def _unmet(requires: Iterable[str], extras: set[str], survey: Survey) -> Iterator[tuple[str, str]]:
    """Yield the requirements that apply in this environment and are not met, with the reason."""
    for text in requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            yield text, "it is no requirement that can be read"
            continue
        if not _applies(requirement, extras, survey):
            continue
        name = str(requirement).partition(";")[0].strip()
        installed = survey.distributions.get(canonicalize_name(requirement.name))
        if installed is None:
            yield name, f"{requirement.name} is not installed"
        elif not _satisfies(installed.version, requirement):
            yield name, f"{installed.name} {installed.version} is installed"


def _applies(requirement: Requirement, extras: set[str], survey: Survey) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({**survey.environment, "extra": extra}) for extra in ("", *extras))


def _satisfies(version: str, requirement: Requirement) -> bool:
    try:
        return requirement.specifier.contains(Version(version), prereleases=True)
    except InvalidVersion:
        return True  # nobody can tell


def _wanted_extras(subject: Distribution, survey: Survey) -> Mapping[str, set[str]]:
    """Return which extras of which distribution are asked for, by the request and by one another."""
    wanted: dict[str, set[str]] = defaultdict(set)
    wanted[subject.key] |= set(subject.extras)
    requires = {key: _readable(distribution.requires) for key, distribution in survey.distributions.items()}
    requires[subject.key] = _readable(subject.requires)
    before = -1
    while before != (before := sum(map(len, wanted.values()))):
        for key, requirements in requires.items():
            for requirement in requirements:
                if requirement.extras and _applies(requirement, wanted[key], survey):
                    wanted[canonicalize_name(requirement.name)] |= requirement.extras
    return wanted


def _readable(requires: Iterable[str]) -> list[Requirement]:
    found = []
    for text in requires:
        try:
            found.append(Requirement(text))
        except InvalidRequirement:
            continue  # reported where it is evaluated
    return found
