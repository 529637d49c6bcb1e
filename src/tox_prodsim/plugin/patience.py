"""Calls back when nothing has happened for some seconds, so that a user knows what a run is waiting for."""

from __future__ import annotations

import threading
from collections.abc import Callable

PATIENCE_S = 10.0


class Patience:
    """Calls ``run_out`` in a thread of its own, once, when ``after_s`` have passed since ``begin`` and no ``end``."""

    def __init__(self, run_out: Callable[[], None], after_s: float = PATIENCE_S) -> None:
        self._run_out = run_out
        self._after_s = after_s
        self._timer: threading.Timer | None = None

    def begin(self) -> None:
        """Begin to count, anew if it does so already."""
        self.end()
        self._timer = threading.Timer(self._after_s, self._run_out)
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        """Count no longer; a call that has begun may still go on."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
