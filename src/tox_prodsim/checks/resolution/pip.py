"""What pip writes, understood: its report (a JSON format of its own), its log, and its messages."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator

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

from tox_prodsim.checks.resolution.answers import (
    Answer,
    Conflict,
    Impossible,
    Resolved,
    Taken,
    Unanswered,
    Unreachable,
    VersionUnavailable,
)

_STAMP = re.compile(r"^\d{4}-\d\d-\d\dT[\d:,]+ ", re.MULTILINE)
_YANKED = re.compile(
    r"yanked version: '(?P<name>[^']+)' candidate \(version (?P<version>\S+) at .*"
    r"\n\s*Reason for being yanked: (?P<reason>.*)"
)
_UNKNOWN_EXTRA = re.compile(r"WARNING: (?P<name>\S+) (?P<version>\S+) does not provide the extra '(?P<extra>[^']+)'")
_NO_VERSION = re.compile(
    r"ERROR: Could not find a version that satisfies the requirement (?P<wanted>.+?) \(from versions: (?P<known>.*)\)"
)
_FROM = re.compile(r" \(from [^()]*\)$")
_CONFLICT = re.compile(r"^\s+(?P<requirer>\S.*?) depends on (?P<wanted>.+)$", re.MULTILINE)
_REQUESTED = re.compile(r"^\s+The user requested (?P<wanted>.+)$", re.MULTILINE)
_FETCHED = re.compile(r"^\s*Could not fetch URL (?P<url>\S+): (?P<why>.*)$", re.MULTILINE)
_SKIPPED = re.compile(
    r"Skipping link: (?:none of the wheel's tags|.*Requires-Python|.*[Rr]equires a different Python).*?(?P<url>\S+://\S+)"
)
_FOUND = re.compile(r"Found link (?P<url>\S+://\S+)")
_IMPOSSIBLE = "ResolutionImpossible"


def resolved(report: str, stderr: str) -> Answer:
    """Return what is in an installation report, and what pip warns of."""
    reasons = {
        (canonicalize_name(found["name"]), found["version"]): found["reason"] for found in _YANKED.finditer(stderr)
    }
    items = [item for item in json.loads(report)["install"] if not item.get("is_direct")]
    taken = tuple(
        Taken(
            name=(meta := item["metadata"])["name"],
            version=meta["version"],
            from_sdist=not item["download_info"]["url"].endswith(".whl"),
            yanked=reasons.get((canonicalize_name(meta["name"]), meta["version"]), "") if item["is_yanked"] else None,
        )
        for item in items
    )
    extras = (found.groups() for found in _UNKNOWN_EXTRA.finditer(stderr))
    return Resolved(taken=taken, unknown_extras=tuple(dict.fromkeys((name, ver, extra) for name, ver, extra in extras)))


def refused(log: str, stderr: str) -> Answer:
    """Return why there is no resolution."""
    told = _STAMP.sub("", log)
    if any(not found["why"].startswith("404") for found in _FETCHED.finditer(told)):
        return Unreachable()
    if missing := _NO_VERSION.search(told):
        return _no_version(missing["wanted"], missing["known"], told)
    if _IMPOSSIBLE in told:
        return _conflict(told)
    errors = [line.removeprefix("ERROR: ") for line in stderr.splitlines() if line.startswith("ERROR: ")]
    reason = errors[-1] if errors else "no reason is given"
    return VersionUnavailable(reason=reason) if "build" in reason else Unanswered(reason=f"pip: {reason}")


def versions(text: str) -> tuple[str, ...]:
    """Return the versions that ``pip index versions --json`` names."""
    try:
        return tuple(json.loads(text)["versions"])
    except (ValueError, KeyError, TypeError):
        return ()


def _no_version(wanted: str, known: str, told: str) -> Answer:
    """Return whether nobody or only this Python lacks what is wanted: pip does not tell, its log does."""
    try:
        requirement = Requirement(_FROM.sub("", wanted))
    except InvalidRequirement:
        return Unanswered(reason=f"pip: nothing satisfies {wanted}")
    name, shown = canonicalize_name(requirement.name), f"{requirement.name}{requirement.specifier}"
    if any(requirement.specifier.contains(version, prereleases=True) for version in _only_elsewhere(name, told)):
        return VersionUnavailable(reason=f"{shown} is not there for this Python on this platform")
    if known != "none":
        ahead = _is_ahead(requirement.specifier, _found(name, told))
        return Impossible(reason=f"no release of {requirement.name} satisfies {shown}", ahead=ahead)
    absent = [found for found in _FETCHED.finditer(told) if f"/{name}/" in f"{found['url']}/"]
    return Impossible(reason=f"the index has no {requirement.name}") if absent else Unreachable()


def _is_ahead(specifier: SpecifierSet, known: set[Version]) -> bool:
    """Return whether a version is asked for that is newer than all known ones."""
    bounds = {each.version.removesuffix(".*") for each in specifier if each.operator in {">=", ">", "==", "~="}}
    return bool(known) and any(Version(bound) > max(known) for bound in bounds)


def _conflict(told: str) -> Answer:
    """Return the requirements that exclude each other, unless a release for another Python could satisfy them."""
    conflicts = tuple(dict.fromkeys(_conflicts(told)))
    reason = "; ".join(map(str, conflicts)) or "versions exclude each other"
    asked: dict[str, SpecifierSet] = defaultdict(SpecifierSet)
    for conflict in conflicts:
        requirement = Requirement(conflict.requirement)
        asked[canonicalize_name(requirement.name)] &= requirement.specifier
        asked[canonicalize_name(re.split(r"[\[ ]", conflict.requirer)[0])] &= SpecifierSet()
    for name, specifier in asked.items():
        if any(specifier.contains(version, prereleases=True) for version in _only_elsewhere(name, told)):
            return VersionUnavailable(reason=reason, conflicts=conflicts)
    ahead = any(_is_ahead(specifier, _found(name, told)) for name, specifier in asked.items())
    return Impossible(reason=reason, conflicts=conflicts, ahead=ahead)


def _conflicts(told: str) -> Iterator[Conflict]:
    part = told.rpartition("The conflict is caused by:")[2].partition("To fix this")[0]
    for found in _CONFLICT.finditer(part):
        if requirement := _readable(found["wanted"]):
            yield Conflict(requirer=re.sub(r"\[.*\]", "", found["requirer"]), requirement=requirement)
    for found in _REQUESTED.finditer(part):
        if requirement := _readable(found["wanted"]):
            yield Conflict(requirer="the request", requirement=requirement)


def _readable(text: str) -> str:
    """Return the name and versions of a requirement, nothing when it is none; its marker has done its work."""
    try:
        requirement = Requirement(_FROM.sub("", text))
    except InvalidRequirement:
        return ""
    return f"{requirement.name}{requirement.specifier}"


def _only_elsewhere(name: str, told: str) -> set[Version]:
    """Return the releases of a project all of whose files are for another Python or platform."""
    skipped = {version for found in _SKIPPED.finditer(told) if (version := _version_in(found["url"], name))}
    return skipped - _found(name, told)


def _found(name: str, told: str) -> set[Version]:
    """Return the releases of a project of which there is a file for this Python."""
    return {version for found in _FOUND.finditer(told) if (version := _version_in(found["url"], name))}


def _version_in(url: str, name: str) -> Version | None:
    file = url.partition("#")[0].rpartition("/")[2]
    try:
        found, version = parse_wheel_filename(file)[:2] if file.endswith(".whl") else parse_sdist_filename(file)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None
    return version if found == name else None
