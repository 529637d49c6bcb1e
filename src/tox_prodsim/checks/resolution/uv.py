"""What uv prints, understood: a pylock.toml (PEP 751), which names the files that fit this Python, and its messages."""

from __future__ import annotations

import re
import tomllib

from tox_prodsim.checks.resolution.answers import (
    Answer,
    Impossible,
    Resolved,
    Taken,
    Unanswered,
    Unreachable,
    VersionUnavailable,
)

_YANKED = re.compile(
    r"^warning: `(?P<name>[^=`]+)==(?P<version>[^`]+)` is yanked(?: \(reason: \"(?P<reason>.*)\"\))?", re.MULTILINE
)
_UNKNOWN_EXTRA = re.compile(
    r"The package `(?P<name>[^=`]+)==(?P<version>[^`]+)` does not have an extra named `(?P<extra>[^`]+)`"
)
_UNREACHABLE = re.compile(r"Failed to fetch|network was disabled|could not be queried|Network connectivity is disabled")
_HERE_ONLY = re.compile(
    r"current Python version|requested Python|Requires-Python|no wheels with a matching|no usable wheels"
    r"|building from source is disabled|yanked|pre-release|excluded|Failed to (?:build|download|resolve|read)",
    re.IGNORECASE,
)
"""What uv names when it is this machine, this Python or a setting of the user that leaves no choice."""
_AHEAD = re.compile(r"only [\w.-]+<=\S+ (?:is|are) available")
_UNSOLVED = "No solution found"
_UNBUILT = re.compile(r"Failed to (?:download and )?build `(?P<what>[^`]+)`")
_CONCLUSION = re.compile(r"(?: and you require [^,]+)?,? we can conclude that .*")


def resolved(lock: str, told: str) -> Answer:
    """Return what is in a pylock.toml, and what uv warns of."""
    try:
        packages = tomllib.loads(lock).get("packages", [])
    except tomllib.TOMLDecodeError:
        return Unanswered(reason="what uv printed is no pylock.toml")
    yanked = {(found["name"], found["version"]): found["reason"] or "" for found in _YANKED.finditer(told)}
    taken = tuple(
        Taken(
            name=package["name"],
            version=package["version"],
            from_sdist="sdist" in package and not package.get("wheels"),
            yanked=yanked.get((package["name"], package["version"])),
        )
        for package in packages
        if "version" in package and "archive" not in package
    )
    extras = (found.groups() for found in _UNKNOWN_EXTRA.finditer(told))
    return Resolved(taken=taken, unknown_extras=tuple(dict.fromkeys((name, ver, extra) for name, ver, extra in extras)))


def refused(told: str) -> Answer:
    """Return why there is no resolution."""
    if _UNREACHABLE.search(told):
        return Unreachable()
    reason = _reason(told)
    if _HERE_ONLY.search(told):
        return VersionUnavailable(reason=reason)
    return (
        Impossible(reason=reason, ahead=bool(_AHEAD.search(reason)))
        if _UNSOLVED in told
        else Unanswered(reason=f"uv: {reason}")
    )


def _reason(told: str) -> str:
    """Return the first causes that uv gives, without what follows from them; of a build the last words do."""
    told = told.partition("\n\nhint:")[0]
    if unbuilt := _UNBUILT.search(told):
        return f"{unbuilt['what']} does not build: {told.splitlines()[-1].strip().removeprefix('cause: ')}"
    _, found, causes = told.partition("cause: ")
    text = " ".join((causes if found else told.partition("error: ")[2]).split())
    return _CONCLUSION.sub("", text).removeprefix("Because ") or "no reason is given"
