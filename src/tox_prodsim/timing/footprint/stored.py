"""What was measured of a release besides time, and what a baseline remembers of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.model.footprint import INSTALLED_SIZE, WHEEL_SIZE, Quantity
from tox_prodsim.timing.footprint.rule import Tolerances, agrees
from tox_prodsim.timing.footprint.weighed import Weighed

HISTORY = 8
"""So many accepted values are kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Footprint:
    """All quantities of one release, and the files that make its sizes."""

    quantities: Mapping[Quantity, Weighed] = field(default_factory=dict)
    wheel_files: Mapping[str, int] = field(default_factory=dict)
    """The largest members of the wheel, each with what it takes in the archive."""
    distributions: Mapping[str, int] = field(default_factory=dict)
    """What is installed, as ``name==version``, each with its size."""
    files: Mapping[str, int] = field(default_factory=dict)
    """The largest files that are installed."""

    def with_quantities(self, quantities: Mapping[Quantity, Weighed]) -> Footprint:
        """Return the same with more quantities."""
        return replace(self, quantities={**self.quantities, **quantities})


NO_FOOTPRINT = Footprint()


def merge_footprint(old: Footprint | None, new: Footprint | None) -> Footprint | None:
    """Return what to store when ``new`` is accepted over ``old``.

    A quantity that does not differ by more than what is the same keeps its old value, and so do the files of a size;
    what was not measured this time is kept.
    """
    if old is None or new is None:
        first = new or old
        return first and replace(first, quantities={each: _begun(found) for each, found in first.quantities.items()})
    quantities = {**old.quantities, **{each: _merged(old, each, found) for each, found in new.quantities.items()}}
    wheel = new if quantities.get(WHEEL_SIZE) != old.quantities.get(WHEEL_SIZE) else old
    installed = new if quantities.get(INSTALLED_SIZE) != old.quantities.get(INSTALLED_SIZE) else old
    return Footprint(
        quantities=quantities,
        wheel_files=wheel.wheel_files,
        distributions=installed.distributions,
        files=installed.files,
    )


def _begun(found: Weighed) -> Weighed:
    return found if found.history else replace(found, history=(found.value,), samples=1)


def _merged(old: Footprint, quantity: Quantity, found: Weighed) -> Weighed:
    then = old.quantities.get(quantity)
    if then is None:
        return _begun(found)
    if agrees(quantity, found, then, Tolerances()):
        return then
    return replace(found, history=(*then.history, found.value)[-HISTORY:], samples=1)
