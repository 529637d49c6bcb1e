"""What the formats say alike of a quantity: its value, the baseline, the change and the result."""

from __future__ import annotations

from collections.abc import Mapping

from tox_prodsim.model.events import FootprintCompared
from tox_prodsim.model.footprint import Growth
from tox_prodsim.model.formatting import joined
from tox_prodsim.report import units

COLORS: Mapping[Growth, str] = {Growth.GROWN: "red", Growth.SHRUNK: "green", Growth.SAME: "", Growth.UNKNOWN: "yellow"}


def value(event: FootprintCompared) -> str:
    """Return the value with what reports it, such as ``38.2 MB PSS``."""
    return joined((event.quantity.display(event.value), event.source), " ")


def expected(event: FootprintCompared) -> str:
    """Return the accepted value, empty when there is none."""
    return "" if event.expected is None else event.quantity.display(event.expected)


def change(event: FootprintCompared) -> str:
    """Return the change in per cent, empty when there is nothing that it could be a part of."""
    return units.change(event.value / event.expected) if event.expected else ""


def tolerance(event: FootprintCompared) -> str:
    """Return the tolerance, empty without a baseline."""
    return "" if event.expected is None else f"\N{PLUS-MINUS SIGN}{event.tolerance * 100:.3g} %"


def reason(event: FootprintCompared) -> str:
    """Return why it came to its result, and what has grown."""
    return joined((event.detail, event.cause), "; ")
