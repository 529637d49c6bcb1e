"""The order of things: check the wheel, what is installed, the deployment, the times; then the verdict.

``run`` is a generator of events. tox runs the user's commands, so the generator is suspended where they belong: it
yields ``Waiting`` and is resumed, with what was ``Heard`` of the commands meanwhile, when tox has come to that point.
Closing the generator, whenever and for whatever reason, ends what it started.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from enum import IntEnum

from tox_prodsim import checking, comparing, deployment, installed, simulating
from tox_prodsim.checking import Bench
from tox_prodsim.errors import Cancelled
from tox_prodsim.events import Event, Found, Outcome, RunStarted, Step, StepFinished, Told
from tox_prodsim.findings import Checked, Finding, Policy
from tox_prodsim.scenario import LOWEST, Scenario
from tox_prodsim.tally import Tally
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


Run = Generator[Event | Waiting, Heard, None]
_Pause = Generator[Event | Waiting, Heard, Heard]


def run(scenario: Scenario, bench: Bench) -> Run:
    """Yield what happens, from RunStarted to RunFinished; see the module for how it is suspended and closed."""
    tally = Tally(scenario.policy)
    yield bench.started
    try:
        bench = replace(bench, shelf=(yield from checking.check(scenario, bench, tally)))
        first = _first_imports(scenario, bench, tally)
        with bench.place.hooked():
            stage = yield from _deployment(scenario, bench, tally)
        yield from _simulations(scenario, bench, tally)
        yield from _times(scenario, bench, tally, stage.start_s if stage is not None else None, first)
        with bench.place.hooked():
            yield from _pause(bench, tally, _telling(bench, stage, until=Point.END))
        yield from tally.judge(checking.blamed(bench, tally))
    except Cancelled:
        tally.cancelled = True
    yield tally.finished()


def without_wheel(started: RunStarted, checked: Checked, told: Told) -> Iterator[Event]:
    """Yield the events of a run that has no wheel to test; no policy makes one of it."""
    tally = Tally(Policy())
    yield started
    yield from tally.step(Step.SDIST, lambda: checked)
    yield told
    yield tally.finished()


def _pause(bench: Bench, tally: Tally, waiting: Waiting, *, step: Step | None = None) -> _Pause:
    """Suspend the run; return what was heard meanwhile, or raise Cancelled when that is what happened.

    ``step`` is the one that goes on meanwhile, None: it is the time between two.
    """
    heard = yield waiting
    if bench.place.cancel.is_set:
        raise Cancelled
    yield from (Told(step=step, title=title, lines=lines) for title, lines in heard.told)
    tally.codes |= {"RUN605"} if heard.commands_ran else set()
    yield from tally.judge(Found(finding=finding) for finding in heard.findings)
    return heard


def _telling(bench: Bench, stage: deployment.Stage | None, *, until: Point, go_ahead: bool = True) -> Waiting:
    """Return the wait during which the commands are told where the deployment is or was, and their scratch folder."""
    if stage is None:
        scratch = str(bench.place.scratch)
        return Waiting(until=until, values={"scratch": scratch}, variables={"PRODSIM_SCRATCH": scratch})
    return Waiting(until=until, go_ahead=go_ahead, values=stage.values, variables=stage.variables)


def _deployment(
    scenario: Scenario, bench: Bench, tally: Tally
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
            if timed or scenario.simulate:
                deployment.keep_snapshot(bench.place)
            yield from tally.judge(stage.up())
        waiting = _telling(bench, stage, until=Point.COMMANDS_POST, go_ahead=stage.went_up)
        yield from _pause(bench, tally, waiting, step=None if heard.pre_failed else Step.DEPLOY)
        if not heard.pre_failed:
            yield from tally.judge(stage.down(commands_ran=scenario.has_commands))
        return stage


def _simulations(scenario: Scenario, bench: Bench, tally: Tally) -> Iterator[Event]:
    """Play it all again under each condition that was asked for, when nothing has failed without one."""
    if not scenario.simulate:
        return
    reason = "the run has failed already" if tally.failed else "SIM is ignored" if scenario.policy.drops("SIM") else ""
    if reason:
        yield _not_checked(Step.SIMULATE, reason)
        return
    cast = simulating.Cast(
        subject=bench.subject,
        runner=bench.execute,
        python=bench.python,
        scripts_dir=bench.scripts_dir,
        place=bench.place,
        deployed=scenario.deployment,
    )
    yield from tally.step(Step.SIMULATE, lambda: simulating.check_simulations(scenario.simulate, cast))


def _untimed(scenario: Scenario, tally: Tally) -> str:
    """Return why no times are taken, or nothing."""
    if tally.failed:
        return "the run has failed already"
    if scenario.resolution == LOWEST:
        return f"resolution is {LOWEST}, which nobody installs for its speed"
    return "PRF is ignored" if scenario.policy.drops("PRF") else ""


def _timed(bench: Bench) -> tuple[str, ...]:
    """Return the modules whose import is timed when the user named none."""
    return (*installed.main_names(bench.subject), *bench.wheel.console_modules)


def _first_imports(scenario: Scenario, bench: Bench, tally: Tally) -> Mapping[str, Sample]:
    """Return the first imports as installed; nothing where no times are taken."""
    if _untimed(scenario, tally):
        return {}
    return comparing.first_imports(scenario.timing, _timed(bench), bench.within)


def _times(
    scenario: Scenario, bench: Bench, tally: Tally, start_s: float | None, first: Mapping[str, Sample]
) -> Iterator[Event]:
    """Measure and compare, when nothing has failed: the times of a broken release say nothing."""
    if reason := _untimed(scenario, tally):
        kept = comparing.keep(bench.shelf, update=scenario.timing.update) if tally.sound else ""
        yield _not_checked(Step.COMPARE, "; ".join(filter(None, (reason, kept))))
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


def _not_checked(step: Step, reason: str) -> StepFinished:
    return StepFinished(step=step, outcome=Outcome.NOT_CHECKED, detail=reason, duration_s=0.0)
