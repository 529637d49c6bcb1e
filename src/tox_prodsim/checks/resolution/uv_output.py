"""Parse the output of uv: a pylock.toml (PEP 751), which names the files for this Python, and its messages."""

from __future__ import annotations

import re
import tomllib

from tox_prodsim.checks.resolution.results import (
    NO_ANSWER,
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

_YANKED = lazy_regex(
    r"^warning: `(?P<name>[^=`]+)==(?P<version>[^`]+)` is yanked(?: \(reason: \"(?P<reason>.*)\"\))?", re.MULTILINE
)
_UNKNOWN_EXTRA = lazy_regex(
    r"The package `(?P<name>[^=`]+)==(?P<version>[^`]+)` does not have an extra named `(?P<extra>[^`]+)`"
)
_UNREACHABLE = lazy_regex(r"Failed to fetch|network was disabled|could not be queried|Network connectivity is disabled")
_HERE_ONLY = lazy_regex(
    r"current Python version|requested Python|Requires-Python|no wheels with a matching|no usable wheels"
    r"|building from source is disabled|yanked|pre-release|excluded|Failed to (?:build|download|resolve|read)",
    re.IGNORECASE,
)
"""Texts that show that the cause is this machine, this Python or a setting of the user."""
_UNRELEASED = lazy_regex(r"only [\w.-]+<=\S+ (?:is|are) available")
_UNSOLVED = "No solution found"
_BUILD_FAILED = lazy_regex(r"Failed to (?:download and )?build `(?P<what>[^`]+)`")
_CONCLUSION = lazy_regex(r"(?: and you require [^,]+)?,? we can conclude that .*")


def parse_lock(lock: str, stderr: str) -> Resolution:
    """Return the distributions in a pylock.toml, and the extras that uv warns of."""
    yanked = {(found["name"], found["version"]): found["reason"] or "" for found in _YANKED.finditer(stderr)}
    try:
        packages = tomllib.loads(lock).get("packages", [])
        distributions = [
            ResolvedDistribution(
                name=text_of(package["name"]),
                version=text_of(package["version"]),
                from_sdist="sdist" in package and not package.get("wheels"),
                yanked=yanked.get((package["name"], package["version"])),
            )
            for package in packages
            if "version" in package and "archive" not in package
        ]
    except NO_ANSWER:
        return Undetermined(reason="what uv printed is not a pylock.toml")
    return resolved(distributions, _UNKNOWN_EXTRA.finditer(stderr))


def parse_error(stderr: str) -> Resolution:
    """Return why there is no resolution."""
    if _UNREACHABLE.search(stderr):
        return IndexUnreachable()
    reason = _reason(stderr)
    if _HERE_ONLY.search(stderr):
        return VersionUnavailable(reason=reason)
    if _UNSOLVED in stderr:
        return Impossible(reason=reason, unreleased=bool(_UNRELEASED.search(reason)))
    return Undetermined(reason=f"uv: {reason}")


def _reason(stderr: str) -> str:
    """Return the first causes that uv prints, without the conclusions; for a build its last line."""
    stderr = stderr.partition("\n\nhint:")[0]
    if failed := _BUILD_FAILED.search(stderr):
        return f"{failed['what']} does not build: {stderr.splitlines()[-1].strip().removeprefix('cause: ')}"
    _, found, causes = stderr.partition("cause: ")
    text = " ".join((causes if found else stderr.partition("error: ")[2]).split())
    return _CONCLUSION.sub("", text).removeprefix("Because ") or "no reason is given"
