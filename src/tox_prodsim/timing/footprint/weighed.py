"""One quantity of a release, as it was measured, or accepted."""

from __future__ import annotations

from collections.abc import Mapping

from tox_prodsim.model.dataclass import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Weighed:
    """One quantity, as it was measured, or accepted."""

    value: int
    """Bytes, or a number."""
    history: tuple[int, ...] = ()
    """The accepted values, newest last; empty for what was only measured."""
    parts: Mapping[str, int] = field(default_factory=dict)
    """What it is compared by besides its value, or what it consists of; empty: nothing."""
    samples: int = 1
    """How often it was measured."""
    source: str = ""
    """What reports it, such as PSS; empty: it is exact, or there is only one way."""
