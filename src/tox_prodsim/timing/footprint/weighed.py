"""One quantity of a release, as it was measured, or accepted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Weighed:
    """One quantity, as it was measured, or accepted."""

    value: int
    """Bytes, or a number."""
    history: tuple[int, ...] = ()
    """The accepted values, newest last; empty for what was only measured."""
