"""When a quantity has grown: beyond a share of what was accepted, and beyond a difference that never matters."""

from __future__ import annotations

from collections.abc import Mapping

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.events import FootprintCompared
from tox_prodsim.model.footprint import MEMORY, Growth, Quantity, QuantityKind
from tox_prodsim.timing.footprint.weighed import Weighed

LEAST: Mapping[QuantityKind, int] = {
    QuantityKind.WHEEL_SIZE: 10_000,
    QuantityKind.INSTALLED_SIZE: 50_000,
    QuantityKind.MODULES: 5,
    QuantityKind.IMPORT_MEMORY: 256 * 1024,
    QuantityKind.READY_MEMORY: 256 * 1024,
    QuantityKind.READY_THREADS: 3,
    QuantityKind.READY_DESCRIPTORS: 5,
}
"""A smaller difference never counts, whatever share it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tolerances:
    """Fractions by which a quantity may exceed what was accepted."""

    size: float = 0.1
    """Of sizes and of what is counted."""
    memory: float = 0.05

    def of(self, quantity: Quantity) -> float:
        """Return that of a quantity."""
        return self.memory if quantity.kind in MEMORY else self.size


def agrees(quantity: Quantity, now: Weighed, then: Weighed, tolerances: Tolerances) -> bool:
    """Return whether the difference is within the tolerance, or one that never matters."""
    difference = abs(now.value - expected(now, then))
    return difference <= tolerances.of(quantity) * then.value or difference < LEAST[quantity.kind]


def expected(now: Weighed, then: Weighed) -> int:
    """Return what the accepted value amounts to here.

    The memory of an import includes that of the interpreter, which is another one on another machine. Of the memory of
    a deployment, other programs share what is mapped from files: a difference counts only as far as more is mapped.
    """
    if "base" in now.parts and "base" in then.parts:
        return then.value + now.parts["base"] - then.parts["base"]
    if {"own", "mapped"} <= now.parts.keys() & then.parts.keys():
        own = now.parts["own"] - then.parts["own"]
        files = (now.value - now.parts["own"]) - (then.value - then.parts["own"])
        mapped = now.parts["mapped"] - then.parts["mapped"]
        shared = min(files, mapped) if files > 0 and mapped > 0 else min(0, max(files, mapped))
        return now.value - own - shared
    return then.value


def compare_quantity(
    quantity: Quantity, now: Weighed, then: Weighed | None, tolerances: Tolerances
) -> FootprintCompared:
    """Return how a value compares with the accepted one; None: there is none."""
    growth, accepted = Growth.UNKNOWN, None
    detail = "no baseline" if then is None else ""
    if then is not None and then.source != now.source:
        detail, then = f"no baseline that fits: it was measured as {then.source}, here it is {now.source}", None
    if then is not None:
        accepted, agreed = expected(now, then), agrees(quantity, now, then, tolerances)
        growth = Growth.SAME if agreed else Growth.GROWN if now.value > accepted else Growth.SHRUNK
    return FootprintCompared(
        quantity=quantity,
        growth=growth,
        value=now.value,
        expected=accepted,
        tolerance=tolerances.of(quantity),
        detail=detail,
        source=now.source,
        samples=now.samples,
        history=then.history if then is not None else (),
    )
