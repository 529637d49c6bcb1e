"""End a deployment that exceeds a limit while it runs: idle for too long, no sign of life, too much output."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tox_prodsim import supervision
from tox_prodsim.deployment import findings
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.findings import Finding
from tox_prodsim.model.scenario import Deployment

_EVERY_S = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class ExceededLimit:
    """A limit that the deployment exceeded: what is reported, when, and what it was doing then."""

    finding: Finding
    at_s: float
    diagnosis: tuple[str, ...] = ()


class LogGrowth:
    """The size of a log, and since when it has not grown."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.size_bytes = 0
        self._grew_at = supervision.clock.now()

    @property
    def idle_s(self) -> float:
        """Return for how long nothing has been printed."""
        return supervision.clock.now() - self._grew_at

    def update(self) -> None:
        """Read the size of the log; it stays what it was when the program has removed its log."""
        with suppress(OSError):
            size_bytes = self.log.stat().st_size
            if size_bytes != self.size_bytes:
                self.size_bytes, self._grew_at = size_bytes, supervision.clock.now()


class Watchdog(threading.Thread):
    """Check the limits of one process in a thread of its own, because tox runs the smoke commands meanwhile.

    ``exceeded`` is the limit that was exceeded, None while none is; ``ready_at`` is when the deployment became ready,
    which the watchdog interval counts from, None before that; ``growth`` is that of the log.
    """

    def __init__(
        self,
        name: str,
        process: supervision.Process,
        deployment: Deployment,
        log: Path,
        *,
        notify: supervision.NotifySocket | None,
        diagnose: Callable[[], tuple[str, ...]],
        end: Callable[[supervision.Cause], object],
    ) -> None:
        super().__init__(name="prodsim-watchdog", daemon=True)
        self._name, self._process, self._deployment = name, process, deployment
        self._notify, self._diagnose, self._end = notify, diagnose, end
        self._dismissed = threading.Event()
        self.growth = LogGrowth(log)
        self.exceeded: ExceededLimit | None = None
        self.ready_at: float | None = None

    def run(self) -> None:
        """Check until it is dismissed, and stop what exceeds a limit."""
        while not self._dismissed.wait(_EVERY_S) and not self._process.main_exited():
            finding = self._check()
            if finding is not None:
                self.exceeded = ExceededLimit(finding=finding, at_s=supervision.clock.now())
                self.exceeded = replace(self.exceeded, diagnosis=self._diagnose())  # which takes a while
                self._end(supervision.Cause.TIMED_OUT)
                return

    def dismiss(self) -> None:
        """End the checks before an intended stop; waits for a stop that has begun. Idempotent.

        The size of the log is checked once more: a program that has ended may have printed since the last check.
        """
        if self._dismissed.is_set():
            return
        self._dismissed.set()
        if self.ident is not None:
            self.join()
        finding = self._check_output() if self.exceeded is None else None
        if finding is not None:
            self.exceeded = ExceededLimit(finding=finding, at_s=supervision.clock.now())

    def _check_output(self) -> Finding | None:
        self.growth.update()
        limit_bytes = self._deployment.output_limit_bytes
        if limit_bytes is None or self.growth.size_bytes <= limit_bytes:
            return None
        return findings.output_limit_exceeded(self._name, self.growth.log.name, limit_bytes)

    def _check(self) -> Finding | None:
        limits, too_much_output = self._deployment, self._check_output()
        if too_much_output is not None:
            return too_much_output
        if limits.idle_timeout_s is not None and self.growth.idle_s > limits.idle_timeout_s:
            return findings.idle_timeout_exceeded(self._name, limits.idle_timeout_s)
        if self._notify is None:
            return None
        state, limit_s = self._notify.state, limits.watchdog_timeout_s
        if supervision.watchdog_missed(state, limit_s, supervision.clock.now(), since=self.ready_at):
            return findings.watchdog_timeout_exceeded(self._name, state, limit_s)
        return None
