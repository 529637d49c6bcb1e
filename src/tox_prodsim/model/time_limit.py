"""A limit that is set late, for programs that are started elsewhere: each of them reads it when it begins."""

from __future__ import annotations

import time
from collections.abc import Callable


class TimeLimit:
    """Seconds until something must be over; without a limit as long as it has no end."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: float | None = None

    def end_in(self, seconds: float) -> None:
        """Set the end, counted from now."""
        self._until = self._clock() + seconds

    def within(self, most_s: float) -> float:
        """Return so many seconds, or what is left if that is less; never 0, which would be no limit."""
        return most_s if self._until is None else max(0.1, min(most_s, self._until - self._clock()))
