"""The results of a resolution: ``Resolved | Impossible | VersionUnavailable | Undetermined | IndexUnreachable``."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tox_prodsim.model.dataclass import dataclass

UNREACHABLE = "the index cannot be reached"


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedDistribution:
    """A distribution that would be installed."""

    name: str
    version: str
    from_sdist: bool
    """Whether it is built on installation."""
    yanked: str | None
    """Why the release was yanked; None: it was not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
    """All requirements can be installed; ``unknown_extras`` are distribution, version and the extra that it lacks."""

    distributions: tuple[ResolvedDistribution, ...]
    unknown_extras: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Conflict:
    """One of the requirements that exclude each other, and the distribution with its version that has it."""

    requirer: str
    requirement: str

    def __str__(self) -> str:
        return f"{self.requirer} asks for {self.requirement}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Impossible:
    """It cannot be installed anywhere: versions exclude each other, or were never released."""

    reason: str
    conflicts: tuple[Conflict, ...] = ()
    unreleased: bool = False
    """Whether the requirements need a newer version than any on the index."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionUnavailable:
    """It cannot be installed here; it may be with another Python, on another platform or with a compiler."""

    reason: str
    conflicts: tuple[Conflict, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Undetermined:
    """The installer gave no usable result."""

    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexUnreachable:
    """The index cannot be reached."""

    reason: str = UNREACHABLE


Unresolved = Impossible | VersionUnavailable | Undetermined | IndexUnreachable
Resolution = Resolved | Unresolved


NO_ANSWER = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What reading the output of an installer raises when it is not what it should be."""


def text_of(value: object) -> str:
    """Return a value that must be a text; raises TypeError."""
    if not isinstance(value, str):
        msg = f"{value!r} is not text"
        raise TypeError(msg)
    return value


def resolved(distributions: Iterable[ResolvedDistribution], extras: Iterable[re.Match[str]]) -> Resolved:
    """Return the result; ``extras`` are matches with the groups ``name``, ``version`` and ``extra``."""
    unknown = dict.fromkeys((found["name"], found["version"], found["extra"]) for found in extras)
    return Resolved(distributions=tuple(distributions), unknown_extras=tuple(unknown))
