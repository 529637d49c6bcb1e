"""What a run has found so far: the policy is applied to every finding, and what the verdict needs is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import asdict, replace

from tox_prodsim.model import causes
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.events import Event, Evidence, Found, Outcome, RunFinished, Step, StepFinished, StepStarted
from tox_prodsim.model.findings import CheckResult, Finding, Level, NothingToCheck, Policy, decide
from tox_prodsim.model.formatting import counted, joined
from tox_prodsim.run.known import NOTHING, STEPS, Known, described, notes_of

_HARMLESS_TO_TIMES = (
    *("AUD", "BLD", "SDI", "WHL", "VER"),
    *("DEP201", "DEP204", "DEP205", "DEP206", "DEP207", "ENT515", "IMP504"),
    *("EXT401", "EXT402", "EXT403", "EXT404", "EXT41", "EXT42"),
)
"""Codes of what concerns the files, other installations, and the loss of one part of several."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Commands:
    """The user's commands that tox ran until now."""

    ran: int = 0
    between: int = 0
    """So many of them ran between two steps."""
    took_s: float = 0.0
    """The time of these."""
    began_s: float | None = None
    """When the first of these began, from the start of the run."""


class RunResults:
    """Counts what is checked and found; ``cancelled`` is whether a user has ended the run.

    ``known`` is what the baseline knows of the release, and ``version`` the one under test. ``earlier_s`` is how long
    the preparations took, which are a part of the run.
    """

    def __init__(self, policy: Policy, known: Known = NOTHING, version: str = "", *, earlier_s: float = 0.0) -> None:
        self._policy = policy
        self._known = known
        self._version = version
        self._notes: set[str] = set()
        self._findings: list[Finding] = []
        self._began = time.monotonic() - earlier_s
        self._lost_contents = 0
        self._commands = _Commands()
        self.codes: set[str] = set()
        self.cancelled = False

    def count_commands(self, ran: int, took_s: float, step: Step | None) -> None:
        """Count the time of tox's commands, of which ``ran`` have run until now; those of a step have its time."""
        before, new = self._commands, ran - self._commands.ran
        if step is not None or not new:
            self._commands = replace(before, ran=ran)
            return
        began_s = self._now_s() - took_s if before.began_s is None else before.began_s
        self._commands = _Commands(
            ran=ran, between=before.between + new, took_s=before.took_s + took_s, began_s=began_s
        )

    def commands(self) -> Iterator[Event]:
        """Yield the commands that ran between two steps as a step of their own."""
        ran = self._commands
        if ran.between:
            failed = any(finding.code == "RUN605" for finding in self.errors)
            outcome = Outcome.FAILED if failed else Outcome.OK
            detail = f"{counted(ran.between, 'command')} ran"
            yield StepStarted(step=Step.COMMANDS, began_s=ran.began_s)
            yield StepFinished(
                step=Step.COMMANDS, outcome=outcome, detail=detail, duration_s=ran.took_s, checked=("RUN605",)
            )

    @property
    def errors(self) -> list[Finding]:
        """Return the errors that were found so far."""
        return [finding for finding in self._findings if finding.level is Level.ERROR]

    @property
    def failed(self) -> bool:
        """Return whether an error was found so far."""
        return bool(self.errors)

    @property
    def times_are_meaningful(self) -> bool:
        """Return whether no error was found that makes an import or the start-up another than that of a sound release.

        What is wrong with a file, and what the release has lost, does not.
        """
        return all(finding.code.startswith(_HARMLESS_TO_TIMES) for finding in self.errors)

    @property
    def acceptable(self) -> bool:
        """Return whether nothing is wrong but what the release has lost: a user may want to accept that."""
        return len(self.errors) == self._lost_contents

    @property
    def known(self) -> Known:
        """Return what the baseline knows of the release."""
        return self._known

    @property
    def notes(self) -> frozenset[str]:
        """Return what a baseline remembers of the findings so far."""
        return frozenset(self._notes)

    def run_step(self, step: Step, check: Callable[[], CheckResult]) -> Generator[Event, None, CheckResult]:
        """Run one step that is a group of checks, and return what it came to."""
        began, errors = time.monotonic(), len(self.errors)
        yield self.stamped(StepStarted(step=step))
        result = check()
        self.codes.update(result.codes)
        counted = [finding for each in result.findings if (finding := self._policy.apply(each)) is not None]
        known = self._remember(counted) if step in STEPS else []
        unreported = self._unreported(each for each in counted if each not in known)
        yield from self.apply_policy(Found(finding=finding) for finding in unreported)
        yield from (Evidence(step=step, title=title, lines=lines) for title, lines in result.evidence)
        self._lost_contents += len(self.errors) - errors if step is Step.CONTENTS else 0
        yield StepFinished(
            step=step,
            outcome=_outcome(result, counted),
            detail=self._detail(result, known),
            known=(*result.known, *(described(each, self._version) for each in known)),
            not_checked=_described(result.not_checked),
            impossible=_described(pair for pair in result.not_checked if not isinstance(pair[1], NothingToCheck)),
            checked=tuple(sorted(set(result.codes))),
            duration_s=time.monotonic() - began,
        )
        return result

    def _remember(self, findings: Sequence[Finding]) -> list[Finding]:
        """Keep what a baseline remembers of these findings, and return those that it knows."""
        self._notes |= notes_of(findings, self._version)
        return [each for each in findings if self._known.has(each, self._version)]

    def _detail(self, result: CheckResult, known: Sequence[Finding]) -> str:
        number = len(result.known) + len(known)
        return joined((result.detail, f"{number} known since {self._known.version}" if number else ""), "; ")

    def apply_policy(self, events: Iterable[Event]) -> Iterator[Event]:
        """Pass events on, findings as the policy counts them, and keep these findings."""
        for event in events:
            if not isinstance(event, Found):
                yield self.stamped(event) if isinstance(event, StepStarted) else event
            elif (finding := self._policy.apply(event.finding)) is not None:
                self._findings.append(finding)
                yield Found(finding=finding)

    def stamped(self, event: StepStarted) -> StepStarted:
        """Return the start of a step with its time; one that has its own keeps it."""
        return event if event.began_s is not None else replace(event, began_s=self._now_s())

    def _now_s(self) -> float:
        return time.monotonic() - self._began

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
            **asdict(causes.counted(self._findings)),
            checks=len(self.codes),
            duration_s=time.monotonic() - self._began,
        )


def _described(not_checked: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(f"{code}: {reason}" for code, reason in not_checked)


def _outcome(result: CheckResult, findings: Iterable[Finding]) -> Outcome:
    if any(finding.level is Level.ERROR for finding in findings):
        return Outcome.FAILED
    return Outcome.OK if result.codes else Outcome.NOT_CHECKED
