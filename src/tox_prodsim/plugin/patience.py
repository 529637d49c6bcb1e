"""Calls back when nothing has happened for some seconds, so that a user knows what a run is waiting for."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Patience:
    """Calls ``run_out`` in a thread of its own when some seconds have passed since ``begin`` and no ``end``."""

    def __init__(self, run_out: Callable[[], None]) -> None:
        self._run_out = run_out
        self._timer: threading.Timer | None = None

    def begin(self, after_s: float) -> None:
        """Begin to count, anew if it does so already."""
        self.end()
        self._timer = threading.Timer(after_s, self._run_out)
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        """Count no longer; a call that has begun may still go on."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
