"""What a run has found so far: the policy is applied to every finding, and what the verdict needs is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import asdict, dataclass

from tox_prodsim.model.events import Event, Evidence, Found, Outcome, RunFinished, Step, StepFinished, StepStarted
from tox_prodsim.model.findings import CheckResult, Counts, Finding, Level, Policy, decide
from tox_prodsim.model.formatting import counted


@dataclass(frozen=True, kw_only=True, slots=True)
class _Commands:
    """The user's commands that tox ran until now."""

    ran: int = 0
    between: int = 0
    """So many of them ran between two steps."""
    took_s: float = 0.0
    """The time of these."""


class RunResults:
    """Counts what is checked and found; ``cancelled`` is whether a user has ended the run.

    ``earlier_s`` is how long the preparations took, which are a part of the run.
    """

    def __init__(self, policy: Policy, *, earlier_s: float = 0.0) -> None:
        self._policy = policy
        self._findings: list[Finding] = []
        self._began = time.monotonic() - earlier_s
        self._lost_contents = 0
        self._commands = _Commands()
        self.codes: set[str] = set()
        self.cancelled = False

    def count_commands(self, ran: int, took_s: float, step: Step | None) -> None:
        """Count the time of tox's commands, of which ``ran`` have run until now; those of a step have its time."""
        new = ran - self._commands.ran
        between = self._commands.between + (new if step is None else 0)
        self._commands = _Commands(
            ran=ran, between=between, took_s=self._commands.took_s + (took_s if new and step is None else 0.0)
        )

    def commands(self) -> Iterator[Event]:
        """Yield the commands that ran between two steps as a step of their own."""
        ran = self._commands
        if ran.between:
            failed = any(finding.code == "RUN605" for finding in self.errors)
            outcome = Outcome.FAILED if failed else Outcome.OK
            detail = f"{counted(ran.between, 'command')} ran"
            yield StepFinished(step=Step.COMMANDS, outcome=outcome, detail=detail, duration_s=ran.took_s)

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

    def finished(self) -> RunFinished:
        """Return the last event."""
        return RunFinished(
            verdict=decide(self._findings, finished=True, cancelled=self.cancelled),
            **asdict(Counts.of(self._findings)),
            checks=len(self.codes),
            duration_s=time.monotonic() - self._began,
        )


def _outcome(result: CheckResult, findings: Iterable[Finding]) -> Outcome:
    if any(finding.level is Level.ERROR for finding in findings):
        return Outcome.FAILED
    return Outcome.OK if result.codes else Outcome.NOT_CHECKED
