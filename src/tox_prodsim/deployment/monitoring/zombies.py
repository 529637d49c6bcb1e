"""When zombies pile up: children that have ended, and that their parent does not wait for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.supervision import Identity, Zombie

OLD_S = 2.0
"""A younger zombie may still be waited for."""
MANY, SEVERAL, _APART_S = 5, 3, 1.0
"""So many of one parent are a pile; or several that ended at different times, so that they get more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pile:
    """The zombies of one parent, the oldest first."""

    zombies: tuple[Zombie, ...]


def find_piles(zombies: Sequence[Zombie], now: float, reaps_late: Collection[Identity] = ()) -> Iterator[Pile]:
    """Yield the piles; ``reaps_late`` are parents that wait for their children from time to time."""
    by_parent: dict[Identity, list[Zombie]] = defaultdict(list)
    for zombie in sorted(zombies, key=lambda each: each.since):
        if now - zombie.since >= OLD_S:
            by_parent[zombie.parent].append(zombie)
    for parent, group in by_parent.items():
        apart_s = group[-1].since - group[0].since
        if parent not in reaps_late and (len(group) >= MANY or (len(group) >= SEVERAL and apart_s >= _APART_S)):
            yield Pile(zombies=tuple(group))


def may_pile_up(zombies: Sequence[Zombie], now: float) -> bool:
    """Return whether it takes another moment to know: there are several, and some are young."""
    return len(zombies) >= SEVERAL and any(now - each.since < OLD_S for each in zombies)
