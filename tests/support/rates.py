"""What playing the corpus came to: how many good releases were accused, and how many broken ones were found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

GOOD, BROKEN = "test_a_good_release_is_not_accused", "test_a_broken_release_is_caught"
"""The tests that play a release."""
FOUND = "found"
"""The property by which such a test hands over whether something that counts was said of its release."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A release of the corpus; ``found`` is whether something that counts was said of it, None where no run ended."""

    release: str
    good: bool
    found: bool | None
    right: bool


def judged(node: str, properties: Iterable[tuple[str, object]], *, passed: bool) -> Judged | None:
    """Return what a test with the name of ``node`` found out, None of one that plays no release."""
    name, _, release = node.rpartition("::")[2].removesuffix("]").partition("[")
    if name not in (GOOD, BROKEN):
        return None
    found = dict(properties).get(FOUND)
    return Judged(release=release, good=name == GOOD, found=None if found is None else bool(found), right=passed)


def rates(played: Sequence[Judged]) -> list[str]:
    """Return the lines of both rates, each with the names of what was judged wrongly."""
    return [
        _rate("good: accused", [each for each in played if each.good]),
        _rate("broken: found", [each for each in played if not each.good]),
    ]


def _rate(title: str, played: list[Judged]) -> str:
    ended = [each for each in played if each.found is not None]
    parts = [f"{title} {sum(bool(each.found) for each in ended)} of {len(ended)}"]
    for word, names in (
        ("judged wrongly", [each.release for each in ended if not each.right]),
        ("not judged", [each.release for each in played if each.found is None]),
    ):
        if names:
            parts.append(f"{word}: {', '.join(sorted(names))}")
    return "; ".join(parts)
