"""A monotonic clock that can be halted."""

from __future__ import annotations

import time


class Stopwatch:
    """Seconds of CLOCK_MONOTONIC, less those for which it was halted."""

    def __init__(self) -> None:
        self._halted_at: float | None = None
        self._lost_s = 0.0

    def now(self) -> float:
        """Return the time that it shows."""
        return (time.monotonic() if self._halted_at is None else self._halted_at) - self._lost_s

    @property
    def is_halted(self) -> bool:
        """Return whether it stands still."""
        return self._halted_at is not None

    def halt(self) -> None:
        """Let it stand still; idempotent."""
        if self._halted_at is None:
            self._halted_at = time.monotonic()

    def go_on(self) -> None:
        """Let it go on from where it stands; idempotent."""
        if self._halted_at is not None:
            self._lost_s += time.monotonic() - self._halted_at
            self._halted_at = None
