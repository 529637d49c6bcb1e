"""The clock of all deadlines: it stands still while tox is suspended (SIGTSTP)."""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """Seconds of a monotonic clock, less those for which this one was halted; may be read from any thread."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._state: tuple[float | None, float] = (None, 0.0)  # one value: a reader never sees half of a change

    def now(self) -> float:
        """Return the time that it shows."""
        halted_at, halted_s = self._state
        return (self._monotonic() if halted_at is None else halted_at) - halted_s

    def time_at(self, moment: float) -> float:
        """Return what it showed at a moment of the monotonic clock since when it was not halted."""
        return moment - self._state[1]

    def halt(self) -> None:
        """Let it stand still; idempotent."""
        halted_at, halted_s = self._state
        if halted_at is None:
            self._state = (self._monotonic(), halted_s)

    def resume(self) -> None:
        """Let it go on from where it stands; idempotent."""
        halted_at, halted_s = self._state
        if halted_at is not None:
            self._state = (None, halted_s + self._monotonic() - halted_at)


CLOCK = Clock()
now = CLOCK.now
