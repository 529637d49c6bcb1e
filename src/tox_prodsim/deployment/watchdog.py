"""End a deployment that breaks a limit while nobody else looks: silent too long, no sign of life, a flood of output."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tox_prodsim import supervision
from tox_prodsim.deployment import findings
from tox_prodsim.model.findings import Finding
from tox_prodsim.model.scenario import Deployment

_EVERY_S = 0.1


class Watchdog(threading.Thread):
    """Watch one process in a thread of its own, because during the smoke commands tox has the floor.

    ``up_since`` is when it became ready, which the watchdog counts from, None before that.
    ``finding`` says which limit was broken, None while none is, ``broken_at`` when, ``seen`` what ``look`` told then.
    """

    def __init__(
        self,
        name: str,
        process: supervision.Process,
        deployment: Deployment,
        log: Path,
        *,
        notify: supervision.NotifySocket | None,
        look: Callable[[], tuple[str, ...]],
        end: Callable[[supervision.Cause], object],
    ) -> None:
        super().__init__(name="prodsim-sentinel", daemon=True)
        self._name, self._process, self._deployment, self._log = name, process, deployment, log
        self._notify, self._look, self._end = notify, look, end
        self._over = threading.Event()
        self._size_bytes = 0
        self._grew_at = supervision.clock.now()
        self.finding: Finding | None = None
        self.broken_at = 0.0
        self.up_since: float | None = None
        self.seen: tuple[str, ...] = ()

    def run(self) -> None:
        """Look until it is over, and stop what breaks a limit."""
        while not self._over.wait(_EVERY_S) and not self._process.main_exited():
            self._note(self._broken())
            if self.finding is not None:
                self.seen = self._look()
                self._end(supervision.Cause.TIMED_OUT)
                return

    @property
    def silent_s(self) -> float:
        """Return for how long nothing has been printed."""
        return supervision.clock.now() - self._grew_at

    def dismiss(self) -> None:
        """End the watch, before a stop that is meant; waits for one that has begun. Idempotent.

        The size of the log is looked at once more: what has ended may have printed faster than the watch looks.
        """
        if self._over.is_set():
            return
        self._over.set()
        if self.ident is not None:
            self.join()
        if self.finding is None:
            self._note(self._flooded())

    def _note(self, finding: Finding | None) -> None:
        if finding is not None:
            self.finding, self.broken_at = finding, supervision.clock.now()

    def _flooded(self) -> Finding | None:
        with suppress(OSError):  # it may have removed its log
            size_bytes, limit_bytes = self._log.stat().st_size, self._deployment.output_limit_bytes
            if size_bytes != self._size_bytes:
                self._size_bytes, self._grew_at = size_bytes, supervision.clock.now()
            if limit_bytes is not None and size_bytes > limit_bytes:
                return findings.flooded(self._name, self._log.name, limit_bytes)
        return None

    def _broken(self) -> Finding | None:
        if (flooded := self._flooded()) is not None:
            return flooded
        limits, now = self._deployment, supervision.clock.now()
        if limits.idle_timeout_s is not None and now - self._grew_at > limits.idle_timeout_s:
            return findings.fell_silent(self._name, limits.idle_timeout_s)
        if self._notify is not None:
            said, limit_s = self._notify.state, limits.watchdog_timeout_s
            if supervision.watchdog_missed(said, limit_s, now, since=self.up_since):
                return findings.watchdog_missed(self._name, said, limit_s)
        return None
