"""What a run has found so far: the policy is applied to every finding, and what the verdict needs is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import asdict

from tox_prodsim.model.events import Event, Evidence, Found, Outcome, RunFinished, Step, StepFinished, StepStarted
from tox_prodsim.model.findings import CheckResult, Counts, Finding, Level, Policy, decide


class RunResults:
    """Counts what is checked and found; ``cancelled`` is whether a user has ended the run."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._findings: list[Finding] = []
        self._began = time.monotonic()
        self._lost_contents = 0
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
    def acceptable(self) -> bool:
        """Return whether nothing is wrong but what the release has lost: a user may want to accept that."""
        return len(self.errors) == self._lost_contents

    def run_step(self, step: Step, check: Callable[[], CheckResult]) -> Generator[Event, None, CheckResult]:
        """Run one step that is a group of checks, and return what it came to."""
        began, errors = time.monotonic(), len(self.errors)
        yield StepStarted(step=step)
        result = check()
        self.codes.update(result.codes)
        counted = [finding for each in result.findings if (finding := self._policy.apply(each)) is not None]
        yield from self.apply_policy(Found(finding=finding) for finding in self._unreported(counted))
        yield from (Evidence(step=step, title=title, lines=lines) for title, lines in result.evidence)
        self._lost_contents += len(self.errors) - errors if step is Step.CONTENTS else 0
        yield StepFinished(
            step=step,
            outcome=_outcome(result, counted),
            detail=result.detail,
            not_checked=tuple(f"{code}: {reason}" for code, reason in result.not_checked),
            duration_s=time.monotonic() - began,
        )
        return result

    def apply_policy(self, events: Iterable[Event]) -> Iterator[Event]:
        """Pass events on, findings as the policy counts them, and keep these findings."""
        for event in events:
            if not isinstance(event, Found):
                yield event
            elif (finding := self._policy.apply(event.finding)) is not None:
                self._findings.append(finding)
                yield Found(finding=finding)

    def _unreported(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return those that no step before has found: the file and its installation report a problem once.

        A finding is reported again when its level is higher than before.
        """
        known = {(each.code, each.subject, level) for each in self._findings for level in each.level.and_milder}
        return [each for each in findings if (each.code, each.subject, each.level) not in known]

    def finished(self, *, complete: bool = True) -> RunFinished:
        """Return the last event; a run that is not ``complete`` never passes."""
        return RunFinished(
            verdict=decide(self._findings, finished=complete, cancelled=self.cancelled),
            **asdict(Counts.of(self._findings)),
            checks=len(self.codes),
            duration_s=time.monotonic() - self._began,
        )


def _outcome(result: CheckResult, findings: Iterable[Finding]) -> Outcome:
    if any(finding.level is Level.ERROR for finding in findings):
        return Outcome.FAILED
    return Outcome.OK if result.codes else Outcome.NOT_CHECKED
