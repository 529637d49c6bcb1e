"""The events of one deployment: its progress, its findings, and the evidence of a failure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tox_prodsim import supervision
from tox_prodsim.deployment import findings, log_end
from tox_prodsim.model.events import Event, Evidence, Found, Progress, Step
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.regex import lazy_regex

_NEAR = 0.8
"""From this share of a limit on, the next slow machine is a failure: RUN630."""
_DIGITS = lazy_regex(r"\d+")
"""What differs between two diagnoses of the same hang: pids, CPU shares, sizes."""


class DeploymentProgress:
    """Make the events of one deployment; ``began_at`` is its start, ``failed`` says whether an error was reported.

    ``service`` is its name among several, empty when it is the only one; ``step_began_at`` is then the start of the
    step, None when the step begins with the deployment.
    """

    def __init__(self, name: str, log: Path, service: str = "", own_code: Sequence[Path] = ()) -> None:
        self.name, self.service = name, service
        self._log, self._own_code = log, own_code
        self._log_shown = False
        self._diagnosis: tuple[str, ...] = ()
        self.began_at = supervision.clock.now()
        self.step_began_at: float | None = None
        self.failed = False

    @property
    def elapsed_s(self) -> float:
        """Return the seconds since the start."""
        return supervision.clock.now() - self.began_at

    def event(
        self,
        name: str,
        detail: str,
        limit_s: float | None = None,
        used_s: float | None = None,
        *,
        at: float | None = None,
    ) -> Progress:
        """Return what happens now, or happened at that reading of the clock."""
        if self.step_began_at is not None and limit_s is not None and used_s is None:
            used_s = self.elapsed_s
        return Progress(
            step=Step.DEPLOY,
            at_s=self._in_step(supervision.clock.now() if at is None else at),
            name=name,
            detail=detail,
            limit_s=limit_s,
            used_s=used_s,
            service=self.service,
        )

    def evidence(self, title: str, lines: tuple[str, ...]) -> Evidence:
        """Return lines that support what was found."""
        return Evidence(step=Step.DEPLOY, title=title, lines=lines, service=self.service)

    def _in_step(self, now: float) -> float:
        return now - (self.began_at if self.step_began_at is None else self.step_began_at)

    def report(self, found: Iterable[Finding]) -> Iterator[Event]:
        """Yield the findings; an error is a failure."""
        for finding in found:
            self.failed |= finding.level is Level.ERROR
            yield Found(finding=replace(finding, service=self.service))

    def near_limit(self, key: str, took_s: float, limit_s: float) -> Iterator[Event]:
        """Yield RUN630 when most of a limit was used."""
        if took_s >= _NEAR * limit_s:
            yield from self.report([findings.near_limit(self.name, key, took_s, limit_s)])

    def timeout(self, message: str, at_s: float, diagnose: Callable[[], tuple[str, ...]]) -> Iterator[Event]:
        """Yield the timeout, then where the deployment hangs: a diagnosis takes a while."""
        at_s = self._in_step(self.began_at + at_s)
        yield Progress(step=Step.DEPLOY, at_s=at_s, name="TIMEOUT", detail=message, service=self.service)
        self._diagnosis = diagnose()
        if self._diagnosis:
            yield self.evidence(f"what {self.service or 'it'} was doing", self._diagnosis)

    def killed(self, finding: Finding, diagnosis: tuple[str, ...]) -> Iterator[Event]:
        """Yield RUN607, and where the deployment hung when it did not stop."""
        if diagnosis:
            is_same = _without_digits(diagnosis) == _without_digits(self._diagnosis)
            lines = ("the same as above",) if is_same else diagnosis
            yield self.evidence(f"why {self.service or 'it'} did not stop", lines)
        yield from self.report([finding])

    def log_end(self) -> Iterator[Event]:
        """Show the end of the log from its last traceback on, once: of the failure, without the messages of a stop."""
        lines = log_end.excerpt(self._log, self._own_code)
        if lines and not self._log_shown:
            self._log_shown = True
            yield self.evidence(f"end of {self._log.name}", lines)


def _without_digits(lines: tuple[str, ...]) -> str:
    return _DIGITS.sub("", "\n".join(lines))
