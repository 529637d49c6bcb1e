"""The answers to a set of requirements: ``Resolved | Impossible | VersionUnavailable | Unanswered | Unreachable``."""

from __future__ import annotations

from dataclasses import dataclass

UNREACHABLE = "the index cannot be reached"


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """A distribution that would be installed; ``from_sdist``: who installs it builds it.

    ``yanked`` is the reason for which the release was withdrawn, None when it was not.
    """

    name: str
    version: str
    from_sdist: bool
    yanked: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
    """All of it would be installed; ``unknown_extras`` are distribution, version and extra that it does not have."""

    taken: tuple[Taken, ...]
    unknown_extras: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Conflict:
    """What pip says of requirements that exclude each other: who, in which version, asks for what."""

    requirer: str
    requirement: str

    def __str__(self) -> str:
        return f"{self.requirer} asks for {self.requirement}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Impossible:
    """Nobody can install it: versions exclude each other, or were never released.

    ``ahead``: what is wanted is newer than all that the index has, which a release to come may change.
    """

    reason: str
    conflicts: tuple[Conflict, ...] = ()
    ahead: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionUnavailable:
    """It cannot be installed here; with another Python, on another platform or with a compiler it may be."""

    reason: str
    conflicts: tuple[Conflict, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Unanswered:
    """The installer could not tell."""

    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Unreachable:
    """There is no index that could be asked."""

    reason: str = UNREACHABLE


Refusal = Impossible | VersionUnavailable | Unanswered | Unreachable
Answer = Resolved | Refusal
