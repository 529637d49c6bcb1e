"""Parse the output of pip: its installation report (JSON), its log, and its messages."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from tox_prodsim.checks.resolution.results import (
    NO_ANSWER,
    Conflict,
    Impossible,
    IndexUnreachable,
    Resolution,
    ResolvedDistribution,
    Undetermined,
    VersionUnavailable,
    resolved,
    text_of,
)
from tox_prodsim.model.regex import lazy_regex

_STAMP = lazy_regex(r"^\d{4}-\d\d-\d\dT[\d:,]+ ", re.MULTILINE)
_YANKED = lazy_regex(
    r"yanked version: '(?P<name>[^']+)' candidate \(version (?P<version>\S+) at .*"
    r"\n\s*Reason for being yanked: (?P<reason>.*)"
)
_UNKNOWN_EXTRA = lazy_regex(r"WARNING: (?P<name>\S+) (?P<version>\S+) does not provide the extra '(?P<extra>[^']+)'")
_NO_VERSION = lazy_regex(
    r"ERROR: Could not find a version that satisfies the requirement (?P<required>.+?) \(from versions: (?P<known>.*)\)"
)
_FROM = lazy_regex(r" \(from [^()]*\)$")
_CONFLICT = lazy_regex(r"^\s+(?P<requirer>\S.*?) depends on (?P<required>.+)$", re.MULTILINE)
_REQUESTED = lazy_regex(r"^\s+The user requested (?P<required>.+)$", re.MULTILINE)
_FETCHED = lazy_regex(r"^\s*Could not fetch URL (?P<url>\S+): (?P<why>.*)$", re.MULTILINE)
_SKIPPED = lazy_regex(
    r"Skipping link: (?:none of the wheel's tags|.*Requires-Python|.*[Rr]equires a different Python).*?(?P<url>\S+://\S+)"
)
_FOUND = lazy_regex(r"Found link (?P<url>\S+://\S+)")
_IMPOSSIBLE = "ResolutionImpossible"


def parse_report(report: str, stderr: str) -> Resolution:
    """Return the distributions in an installation report, and the extras that pip warns of."""
    reasons: dict[tuple[str, str], str] = {
        (canonicalize_name(found["name"]), found["version"]): found["reason"] for found in _YANKED.finditer(stderr)
    }
    try:
        items = [item for item in json.loads(report)["install"] if not item.get("is_direct")]
        distributions = [_distribution(item, reasons) for item in items]
    except NO_ANSWER:
        return Undetermined(reason="what pip wrote is not an installation report")
    return resolved(distributions, _UNKNOWN_EXTRA.finditer(stderr))


def _distribution(item: Mapping[str, Any], reasons: Mapping[tuple[str, str], str]) -> ResolvedDistribution:
    name, version = item["metadata"]["name"], text_of(item["metadata"]["version"])
    yanked = reasons.get((canonicalize_name(name), version), "") if item["is_yanked"] else None
    from_sdist = not item["download_info"]["url"].endswith(".whl")
    return ResolvedDistribution(name=name, version=version, from_sdist=from_sdist, yanked=yanked)


def parse_log(log: str, stderr: str) -> Resolution:
    """Return why there is no resolution."""
    text = _STAMP.sub("", log)
    if any(not found["why"].startswith("404") for found in _FETCHED.finditer(text)):
        return IndexUnreachable()
    if missing := _NO_VERSION.search(text):
        return _no_version(missing["required"], missing["known"], text)
    if _IMPOSSIBLE in text:
        return _conflict(text)
    errors = [line.removeprefix("ERROR: ") for line in stderr.splitlines() if line.startswith("ERROR: ")]
    reason = errors[-1] if errors else "no reason is given"
    return VersionUnavailable(reason=reason) if "build" in reason else Undetermined(reason=f"pip: {reason}")


def parse_versions(text: str) -> tuple[str, ...]:
    """Return the versions in the output of ``pip index versions --json``."""
    try:
        return tuple(map(text_of, json.loads(text)["versions"]))
    except NO_ANSWER:
        return ()


def _no_version(required: str, known: str, log: str) -> Resolution:
    """Return whether the release is absent for all Pythons or for this one: pip does not say it, but its log does."""
    try:
        requirement = Requirement(_FROM.sub("", required))
    except InvalidRequirement:
        return Undetermined(reason=f"pip: nothing satisfies {required}")
    name, shown = canonicalize_name(requirement.name), f"{requirement.name}{requirement.specifier}"
    if any(requirement.specifier.contains(version, prereleases=True) for version in _only_elsewhere(name, log)):
        return VersionUnavailable(reason=f"{shown} is not there for this Python on this platform")
    if known != "none":
        unreleased = _is_unreleased(requirement.specifier, _available(name, log))
        return Impossible(reason=f"no release of {requirement.name} satisfies {shown}", unreleased=unreleased)
    absent = [found for found in _FETCHED.finditer(log) if f"/{name}/" in f"{found['url']}/"]
    return Impossible(reason=f"the index has no {requirement.name}") if absent else IndexUnreachable()


def _is_unreleased(specifier: SpecifierSet, known: set[Version]) -> bool:
    """Return whether it requires a version that is newer than all known ones."""
    bounds = {each.version.removesuffix(".*") for each in specifier if each.operator in {">=", ">", "==", "~="}}
    return bool(known) and any(Version(bound) > max(known) for bound in bounds)


def _conflict(log: str) -> Resolution:
    """Return the requirements that exclude each other, unless a release for another Python could satisfy them."""
    conflicts = tuple(dict.fromkeys(_conflicts(log)))
    reason = "; ".join(map(str, conflicts)) or "versions exclude each other"
    required: dict[str, SpecifierSet] = defaultdict(SpecifierSet)
    for conflict in conflicts:
        requirement = Requirement(conflict.requirement)
        required[canonicalize_name(requirement.name)] &= requirement.specifier
        required[canonicalize_name(re.split(r"[\[ ]", conflict.requirer)[0])] &= SpecifierSet()
    for name, specifier in required.items():
        if any(specifier.contains(version, prereleases=True) for version in _only_elsewhere(name, log)):
            return VersionUnavailable(reason=reason, conflicts=conflicts)
    unreleased = any(_is_unreleased(specifier, _available(name, log)) for name, specifier in required.items())
    return Impossible(reason=reason, conflicts=conflicts, unreleased=unreleased)


def _conflicts(log: str) -> Iterator[Conflict]:
    part = log.rpartition("The conflict is caused by:")[2].partition("To fix this")[0]
    for found in _CONFLICT.finditer(part):
        if requirement := _normalized(found["required"]):
            yield Conflict(requirer=re.sub(r"\[.*\]", "", found["requirer"]), requirement=requirement)
    for found in _REQUESTED.finditer(part):
        if requirement := _normalized(found["required"]):
            yield Conflict(requirer="the request", requirement=requirement)


def _normalized(text: str) -> str:
    """Return the name and versions of a requirement without its marker; nothing when it is not valid."""
    try:
        requirement = Requirement(_FROM.sub("", text).replace(" and ", ","))
    except InvalidRequirement:
        return ""
    return f"{requirement.name}{requirement.specifier}"


def _only_elsewhere(name: str, log: str) -> set[Version]:
    """Return the releases of a project all of whose files are for another Python or platform."""
    skipped = {version for found in _SKIPPED.finditer(log) if (version := _version_in(found["url"], name))}
    return skipped - _available(name, log)


def _available(name: str, log: str) -> set[Version]:
    """Return the releases of a project of which there is a file for this Python."""
    return {version for found in _FOUND.finditer(log) if (version := _version_in(found["url"], name))}


def _version_in(url: str, name: str) -> Version | None:
    file = url.partition("#")[0].rpartition("/")[2]
    try:
        found, version = parse_wheel_filename(file)[:2] if file.endswith(".whl") else parse_sdist_filename(file)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None
    return version if found == name else None
