"""The order of things: check the wheel, what is installed, the deployment, the times; then the verdict.

``run`` is a generator of events. tox runs the user's commands, so the generator is suspended where they belong: it
yields ``Waiting`` and is resumed, with what was ``Heard`` of the commands meanwhile, when tox has come to that point.
Closing the generator, whenever and for whatever reason, ends what it started.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from tox_prodsim import artifact, comparing, confirming, deployment, installed
from tox_prodsim.errors import Cancelled
from tox_prodsim.events import (
    Event,
    Found,
    Outcome,
    RunFinished,
    RunStarted,
    Step,
    StepFinished,
    StepStarted,
    Told,
)
from tox_prodsim.findings import Checked, Finding, Level, Policy, decide
from tox_prodsim.running import Runner
from tox_prodsim.scenario import Scenario
from tox_prodsim.timing import Sample


class Point(IntEnum):
    """Where tox stands: about to run ``commands``, about to run ``commands_post``, or done with all of them."""

    COMMANDS = 1
    COMMANDS_POST = 2
    END = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """The run goes on when tox has come to ``until``; ``go_ahead`` False means that ``commands`` would be in vain."""

    until: Point
    go_ahead: bool = True
    variables: Mapping[str, str] | None = None
    values: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What tox's commands came to since the run was suspended; ``told`` are titles and lines of evidence."""

    findings: tuple[Finding, ...] = ()
    told: tuple[tuple[str, tuple[str, ...]], ...] = ()
    pre_failed: bool = False
    commands_ran: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Bench:
    """What a run works with: the wheel, the environment it is installed in, folders, and how a command is run there.

    ``private`` are the folders that ``execute`` gives a command as HOME and TMPDIR, and to run in.
    """

    started: RunStarted
    wheel: artifact.Wheel
    subject: installed.Subject
    python: Path
    scripts_dir: Path
    place: deployment.Place
    shelf: comparing.Shelf
    execute: Runner
    means: confirming.Means | None = None
    private: tuple[Path, ...] = ()

    @property
    def within(self) -> comparing.Interpreter:
        """Return the environment's Python, and how something is run there."""
        return comparing.Interpreter(python=self.python, runner=self.execute, means=self.means)


Run = Generator[Event | Waiting, Heard, None]
_Pause = Generator[Event | Waiting, Heard, Heard]


def run(scenario: Scenario, bench: Bench) -> Run:
    """Yield what happens, from RunStarted to RunFinished; see the module for how it is suspended and closed."""
    tally = _Tally(scenario.policy)
    yield bench.started
    try:
        with _ahead() as ahead:
            yield from _checks(bench, tally, ahead)
        first = _first_imports(scenario, bench, tally)
        with bench.place.hooked():
            stage = yield from _deployment(scenario, bench, tally)
        yield from _times(scenario, bench, tally, stage.start_s if stage is not None else None, first)
        with bench.place.hooked():
            yield from _pause(bench, tally, _telling(bench, stage, until=Point.END))
    except Cancelled:
        tally.cancelled = True
    yield tally.finished()


def _pause(bench: Bench, tally: _Tally, waiting: Waiting, *, step: Step | None = None) -> _Pause:
    """Suspend the run; return what was heard meanwhile, or raise Cancelled when that is what happened.

    ``step`` is the one that goes on meanwhile, None: it is the time between two.
    """
    heard = yield waiting
    if bench.place.cancel.is_set:
        raise Cancelled
    yield from (Told(step=step, title=title, lines=lines) for title, lines in heard.told)
    yield from tally.hear(heard)
    return heard


def _telling(bench: Bench, stage: deployment.Stage | None, *, until: Point, go_ahead: bool = True) -> Waiting:
    """Return the wait during which the commands are told where the deployment is or was, and their scratch folder."""
    if stage is None:
        scratch = str(bench.place.scratch)
        return Waiting(until=until, values={"scratch": scratch}, variables={"PRODSIM_SCRATCH": scratch})
    return Waiting(until=until, go_ahead=go_ahead, values=stage.values, variables=stage.variables)


@contextmanager
def _ahead() -> Iterator[Executor]:
    """Give threads for what takes long and is needed later, such as a build; none is left when times are taken."""
    pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="prodsim-ahead")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _checks(bench: Bench, tally: _Tally, ahead: Executor) -> Iterator[Event]:  # noqa: ARG001 - checks come that need it
    """Check the file, then what the installer made of it."""
    python, execute, subject = bench.python, bench.execute, bench.subject
    yield from tally.step(Step.WHEEL, lambda: artifact.check_wheel(bench.wheel))
    yield from tally.step(Step.INSTALL, lambda: installed.check_distribution(subject, execute, python))
    yield from tally.step(Step.IMPORT, lambda: _imports(bench))
    yield from tally.step(
        Step.SCRIPTS,
        lambda: installed.check_scripts(subject, execute, python, bench.scripts_dir, folders=bench.private),
    )


def _imports(bench: Bench) -> Checked:
    """Import the top-levels, then all other modules, and hold what they import against the requirements."""
    python, execute, subject = bench.python, bench.execute, bench.subject
    tops = installed.check_imports(subject, execute, python)
    others = installed.check_modules(subject, execute, python, imported=tops.modules)
    undeclared = installed.check_undeclared(subject, execute, python, bench.wheel.path, imported=others.modules)
    return Checked.of(tops.checked, others.checked, undeclared)


def _deployment(
    scenario: Scenario, bench: Bench, tally: _Tally
) -> Generator[Event | Waiting, Heard, deployment.Stage | None]:
    """Suspend for ``commands_pre``, deploy, suspend for ``commands`` while a service is up, stop.

    Returns the stage, closed, or None when there is nothing to deploy.
    """
    if scenario.deployment is None:
        yield from _pause(bench, tally, _telling(bench, None, until=Point.COMMANDS))
        yield _not_checked(Step.DEPLOY, "no 'deploy' is configured")
        yield from _pause(bench, tally, _telling(bench, None, until=Point.COMMANDS_POST))
        return None
    tally.codes |= deployment.checks(scenario.deployment)
    timed = scenario.timing.startup and not scenario.policy.drops("PRF")
    with closing(deployment.Stage(scenario.deployment, bench.place)) as stage:
        heard = yield from _pause(bench, tally, _telling(bench, stage, until=Point.COMMANDS))
        if heard.pre_failed:
            yield _not_checked(Step.DEPLOY, "commands_pre failed, so nothing was started")
        else:
            if timed:
                deployment.keep_snapshot(bench.place)
            yield from tally.judge(stage.up())
        waiting = _telling(bench, stage, until=Point.COMMANDS_POST, go_ahead=stage.went_up)
        yield from _pause(bench, tally, waiting, step=None if heard.pre_failed else Step.DEPLOY)
        if not heard.pre_failed:
            yield from tally.judge(stage.down(commands_ran=scenario.has_commands))
        return stage


def _timed(bench: Bench) -> tuple[str, ...]:
    """Return the modules whose import is timed when the user named none."""
    return (*installed.main_names(bench.subject), *bench.wheel.console_modules)


def _first_imports(scenario: Scenario, bench: Bench, tally: _Tally) -> Mapping[str, Sample]:
    """Return the first imports as installed; nothing where no times are taken."""
    if tally.failed or scenario.policy.drops("PRF"):
        return {}
    return comparing.first_imports(scenario.timing, _timed(bench), bench.within)


def _times(
    scenario: Scenario, bench: Bench, tally: _Tally, start_s: float | None, first: Mapping[str, Sample]
) -> Iterator[Event]:
    """Measure and compare, when nothing has failed: the times of a broken release say nothing."""
    reason = "the run has failed already" if tally.failed else "PRF is ignored" if scenario.policy.drops("PRF") else ""
    if reason:
        yield _not_checked(Step.COMPARE, reason)
        return
    events = comparing.compare(
        scenario.timing,
        _timed(bench),
        bench.shelf,
        bench.place,
        within=bench.within,
        deployed=scenario.deployment,
        start_s=start_s,
        first=first,
    )
    yield from tally.judge(events)


class _Tally:
    """Apply the policy to every finding, and keep what the verdict needs."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._findings: list[Finding] = []
        self._began = time.monotonic()
        self.codes: set[str] = set()
        self.cancelled = False

    @property
    def failed(self) -> bool:
        """Return whether an error was found so far."""
        return any(finding.level is Level.ERROR for finding in self._findings)

    def step(self, step: Step, check: Callable[[], Checked]) -> Iterator[Event]:
        """Play one step that is a group of checks."""
        began = time.monotonic()
        yield StepStarted(step=step)
        checked = check()
        self.codes.update(checked.codes)
        counted = [finding for each in checked.findings if (finding := self._policy.apply(each)) is not None]
        yield from self.judge(Found(finding=finding) for finding in self._new(checked.findings))
        bad = any(finding.level is Level.ERROR for finding in counted)
        yield StepFinished(
            step=step,
            outcome=Outcome.FAILED if bad else Outcome.OK if checked.codes else Outcome.NOT_CHECKED,
            detail=checked.detail,
            not_checked=tuple(f"{code}: {reason}" for code, reason in checked.not_checked),
            duration_s=time.monotonic() - began,
        )

    def judge(self, events: Iterable[Event]) -> Iterator[Event]:
        """Pass events on, findings as the policy wants them."""
        for event in events:
            if not isinstance(event, Found):
                yield event
            elif (finding := self._policy.apply(event.finding)) is not None:
                self._findings.append(finding)
                yield Found(finding=finding)

    def _new(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return those that no step before has found: the file and its installation say a thing once."""
        known = {(finding.code, finding.subject) for finding in self._findings}
        return [finding for finding in findings if (finding.code, finding.subject) not in known]

    def hear(self, heard: Heard) -> Iterator[Event]:
        """Take over what was found while tox ran its commands."""
        if heard.commands_ran:
            self.codes.add("RUN605")
        return self.judge(Found(finding=finding) for finding in heard.findings)

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


def _not_checked(step: Step, reason: str) -> StepFinished:
    return StepFinished(step=step, outcome=Outcome.NOT_CHECKED, detail=reason, duration_s=0.0)
