"""A monotonic clock that can be halted."""

from __future__ import annotations

import time


class Stopwatch:
    """Seconds of CLOCK_MONOTONIC, less those for which it was halted."""

    def __init__(self) -> None:
        self._halted_at: float | None = None
        self._halted_s = 0.0

    def now(self) -> float:
        """Return its time."""
        return (time.monotonic() if self._halted_at is None else self._halted_at) - self._halted_s

    @property
    def is_halted(self) -> bool:
        """Return whether it stands still."""
        return self._halted_at is not None

    def halt(self) -> None:
        """Halt it; idempotent."""
        if self._halted_at is None:
            self._halted_at = time.monotonic()

    def resume(self) -> None:
        """Continue from where it stands; idempotent."""
        if self._halted_at is not None:
            self._halted_s += time.monotonic() - self._halted_at
            self._halted_at = None
