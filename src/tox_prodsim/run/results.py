"""What a run has found so far: the policy is applied to every finding, and what the verdict needs is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator

from tox_prodsim.model.events import Event, Evidence, Found, Outcome, RunFinished, Step, StepFinished, StepStarted
from tox_prodsim.model.findings import CheckResult, Finding, Level, Policy, decide


class RunResults:
    """Counts what is checked and found; ``cancelled`` is whether a user has ended the run."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._findings: list[Finding] = []
        self._began = time.monotonic()
        self._forgotten = 0
        self.codes: set[str] = set()
        self.cancelled = False

    @property
    def errors(self) -> list[Finding]:
        """Return the errors that were found so far."""
        return [finding for finding in self._findings if finding.level is Level.ERROR]

    @property
    def failed(self) -> bool:
        """Return whether an error was found so far."""
        return bool(self.errors)

    @property
    def sound(self) -> bool:
        """Return whether nothing is wrong but what the release has lost: a user may want to accept that."""
        return len(self.errors) == self._forgotten

    def step(self, step: Step, check: Callable[[], CheckResult]) -> Generator[Event, None, CheckResult]:
        """Play one step that is a group of checks, and return what it came to."""
        began, errors = time.monotonic(), len(self.errors)
        yield StepStarted(step=step)
        checked = check()
        self.codes.update(checked.codes)
        counted = [finding for each in checked.findings if (finding := self._policy.apply(each)) is not None]
        yield from self.judge(Found(finding=finding) for finding in self._new(counted))
        yield from (Evidence(step=step, title=title, lines=lines) for title, lines in checked.evidence)
        self._forgotten += len(self.errors) - errors if step is Step.CONTENTS else 0
        bad = any(finding.level is Level.ERROR for finding in counted)
        yield StepFinished(
            step=step,
            outcome=Outcome.FAILED if bad else Outcome.OK if checked.codes else Outcome.NOT_CHECKED,
            detail=checked.detail,
            not_checked=tuple(f"{code}: {reason}" for code, reason in checked.not_checked),
            duration_s=time.monotonic() - began,
        )
        return checked

    def judge(self, events: Iterable[Event]) -> Iterator[Event]:
        """Pass events on, findings as the policy wants them."""
        for event in events:
            if not isinstance(event, Found):
                yield event
            elif (finding := self._policy.apply(event.finding)) is not None:
                self._findings.append(finding)
                yield Found(finding=finding)

    def _new(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return those that no step before has found: the file and its installation say a thing once.

        What is graver than what was found before is told as well.
        """
        known = {(each.code, each.subject, level) for each in self._findings for level in each.level.and_milder}
        return [each for each in findings if (each.code, each.subject, each.level) not in known]

    def finished(self) -> RunFinished:
        """Return the last event."""
        levels = [finding.level for finding in self._findings]
        return RunFinished(
            verdict=decide(self._findings, finished=True, cancelled=self.cancelled),
            errors=levels.count(Level.ERROR),
            warnings=levels.count(Level.WARNING),
            notes=levels.count(Level.NOTE),
            checks=len(self.codes),
            duration_s=time.monotonic() - self._began,
        )
