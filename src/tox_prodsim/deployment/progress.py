"""The events of one deployment: its progress, its findings, and the evidence of a failure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tox_prodsim import supervision
from tox_prodsim.deployment import findings, output
from tox_prodsim.model.events import Event, Evidence, Found, Progress, Step
from tox_prodsim.model.findings import Finding, Level

_NEAR = 0.8
"""From this share of a limit on, the next slow machine is a failure: RUN630."""
TAIL_LINES = 12
_DIGITS = re.compile(r"\d+")
"""What differs between two diagnoses of the same hang: pids, CPU shares, sizes."""


class DeploymentProgress:
    """Make the events of one deployment; ``began_at`` is its start, ``failed`` says whether an error was reported."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self._log = log
        self._log_shown = False
        self._diagnosis: tuple[str, ...] = ()
        self.began_at = supervision.clock.now()
        self.failed = False

    @property
    def elapsed_s(self) -> float:
        """Return the seconds since the start."""
        return supervision.clock.now() - self.began_at

    def event(self, name: str, detail: str, limit_s: float | None = None, used_s: float | None = None) -> Progress:
        """Return what happens now."""
        at_s = self.elapsed_s
        return Progress(step=Step.DEPLOY, at_s=at_s, name=name, detail=detail, limit_s=limit_s, used_s=used_s)

    def report(self, found: Iterable[Finding]) -> Iterator[Event]:
        """Yield the findings; an error is a failure."""
        for finding in found:
            self.failed |= finding.level is Level.ERROR
            yield Found(finding=finding)

    def near_limit(self, key: str, took_s: float, limit_s: float) -> Iterator[Event]:
        """Yield RUN630 when most of a limit was used."""
        if took_s >= _NEAR * limit_s:
            yield Found(finding=findings.near_limit(self.name, key, took_s, limit_s))

    def timeout(self, message: str, at_s: float, diagnose: Callable[[], tuple[str, ...]]) -> Iterator[Event]:
        """Yield the timeout, then where the deployment hangs: a diagnosis takes a while."""
        yield Progress(step=Step.DEPLOY, at_s=at_s, name="TIMEOUT", detail=message)
        self._diagnosis = diagnose()
        if self._diagnosis:
            yield Evidence(step=Step.DEPLOY, title="what it was doing", lines=self._diagnosis)

    def killed(self, finding: Finding, diagnosis: tuple[str, ...]) -> Iterator[Event]:
        """Yield RUN607, and where the deployment hung when it did not stop."""
        if diagnosis:
            is_same = _without_digits(diagnosis) == _without_digits(self._diagnosis)
            lines = ("the same as above",) if is_same else diagnosis
            yield Evidence(step=Step.DEPLOY, title="why it did not stop", lines=lines)
        yield from self.report([finding])

    def log_end(self) -> Iterator[Event]:
        """Show the end of the log, once: at the moment of the failure, not after the messages of a stop."""
        lines = tuple(output.tail(self._log, TAIL_LINES))
        if lines and not self._log_shown:
            self._log_shown = True
            yield Evidence(step=Step.DEPLOY, title=f"end of {self._log.name}", lines=lines)


def _without_digits(lines: tuple[str, ...]) -> str:
    return _DIGITS.sub("", "\n".join(lines))
