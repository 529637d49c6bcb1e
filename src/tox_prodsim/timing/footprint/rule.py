"""When a quantity has grown: beyond a share of what was accepted, and beyond a difference that never matters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tox_prodsim.model.events import FootprintCompared
from tox_prodsim.model.footprint import Growth, Quantity, QuantityKind
from tox_prodsim.timing.footprint.weighed import Weighed

LEAST: Mapping[QuantityKind, int] = {
    QuantityKind.WHEEL_SIZE: 10_000,
    QuantityKind.INSTALLED_SIZE: 50_000,
    QuantityKind.MODULES: 5,
}
"""A smaller difference never counts, whatever share it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tolerances:
    """Fractions by which a quantity may exceed what was accepted."""

    size: float = 0.1
    """Of sizes and of what is counted."""

    def of(self, _quantity: Quantity) -> float:
        """Return that of a quantity."""
        return self.size


def agrees(quantity: Quantity, now: Weighed, then: Weighed, tolerances: Tolerances) -> bool:
    """Return whether the difference is within the tolerance, or one that never matters."""
    difference = abs(now.value - then.value)
    return difference <= tolerances.of(quantity) * then.value or difference < LEAST[quantity.kind]


def compare_quantity(
    quantity: Quantity, now: Weighed, then: Weighed | None, tolerances: Tolerances
) -> FootprintCompared:
    """Return how a value compares with the accepted one; None: there is none."""
    growth = Growth.UNKNOWN
    if then is not None:
        agreed = agrees(quantity, now, then, tolerances)
        growth = Growth.SAME if agreed else Growth.GROWN if now.value > then.value else Growth.SHRUNK
    return FootprintCompared(
        quantity=quantity,
        growth=growth,
        value=now.value,
        expected=then.value if then is not None else None,
        tolerance=tolerances.of(quantity),
        detail="" if then is not None else "no baseline",
        history=then.history if then is not None else (),
    )
