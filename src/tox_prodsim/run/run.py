"""The order of things: check the wheel, what is installed, the deployment, the times; then the verdict.

``run`` is a generator of events. tox runs the user's commands, so the generator is suspended where they belong: it
yields ``Paused`` and is resumed with the ``CommandsOutcome`` when tox has come to that point.
Closing the generator, whenever and for whatever reason, ends what it started.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import replace

from tox_prodsim import deployment
from tox_prodsim.checks import installed
from tox_prodsim.model.errors import Cancelled
from tox_prodsim.model.events import Event, Evidence, Found, Outcome, RunStarted, Step, StepFinished
from tox_prodsim.model.findings import CheckResult, Policy
from tox_prodsim.model.formatting import joined
from tox_prodsim.model.scenario import LOWEST, Scenario
from tox_prodsim.run import checks, performance, simulation
from tox_prodsim.run.context import CommandsOutcome, Paused, RunContext, ToxPhase
from tox_prodsim.run.results import RunResults
from tox_prodsim.timing import Sample

Run = Generator[Event | Paused, CommandsOutcome, None]
_Pause = Generator[Event | Paused, CommandsOutcome, CommandsOutcome]


def run(scenario: Scenario, context: RunContext) -> Run:
    """Yield what happens, from RunStarted to RunFinished; see the module for how it is suspended and closed."""
    results = RunResults(scenario.policy)
    yield context.started
    try:
        context = replace(context, baselines=(yield from checks.check(scenario, context, results)))
        first = _first_imports(scenario, context, results)
        with context.place.hook_installed():
            stage = yield from _deployment(scenario, context, results)
        yield from _simulations(scenario, context, results)
        yield from _times(scenario, context, results, stage.start_s if stage is not None else None, first)
        with context.place.hook_installed():
            yield from _pause(context, results, _telling(context, stage, until=ToxPhase.END))
        yield from results.judge(checks.blamed(context, results))
    except Cancelled:
        results.cancelled = True
    yield results.finished()


def without_wheel(started: RunStarted, checked: CheckResult, told: Evidence) -> Iterator[Event]:
    """Yield the events of a run that has no wheel to test; no policy makes one of it."""
    results = RunResults(Policy())
    yield started
    yield from results.step(Step.SDIST, lambda: checked)
    yield told
    yield results.finished()


def _pause(context: RunContext, results: RunResults, waiting: Paused, *, step: Step | None = None) -> _Pause:
    """Suspend the run; return what was heard meanwhile, or raise Cancelled when that is what happened.

    ``step`` is the one that goes on meanwhile, None: it is the time between two.
    """
    heard = yield waiting
    if context.place.cancel.is_set:
        raise Cancelled
    yield from (Evidence(step=step, title=title, lines=lines) for title, lines in heard.evidence)
    results.codes |= {"RUN605"} if heard.commands_ran else set()
    yield from results.judge(Found(finding=finding) for finding in heard.findings)
    return heard


def _telling(
    context: RunContext, stage: deployment.DeploymentRun | None, *, until: ToxPhase, go_ahead: bool = True
) -> Paused:
    """Return the wait during which the commands are told where the deployment is or was, and their scratch folder."""
    if stage is None:
        scratch = str(context.place.scratch)
        return Paused(until=until, values={"scratch": scratch}, variables={"PRODSIM_SCRATCH": scratch})
    return Paused(until=until, go_ahead=go_ahead, values=stage.values, variables=stage.variables)


def _deployment(
    scenario: Scenario, context: RunContext, results: RunResults
) -> Generator[Event | Paused, CommandsOutcome, deployment.DeploymentRun | None]:
    """Suspend for ``commands_pre``, deploy, suspend for ``commands`` while a service is up, stop.

    Returns the stage, closed, or None when there is nothing to deploy.
    """
    if scenario.deployment is None:
        yield from _pause(context, results, _telling(context, None, until=ToxPhase.COMMANDS))
        yield _not_checked(Step.DEPLOY, "no 'deploy' is configured")
        yield from _pause(context, results, _telling(context, None, until=ToxPhase.COMMANDS_POST))
        return None
    results.codes |= deployment.checks(scenario.deployment)
    timed = scenario.timing.startup and not scenario.policy.drops("PRF")
    with closing(deployment.DeploymentRun(scenario.deployment, context.place)) as stage:
        heard = yield from _pause(context, results, _telling(context, stage, until=ToxPhase.COMMANDS))
        if heard.pre_failed:
            yield _not_checked(Step.DEPLOY, "commands_pre failed, so nothing was started")
        else:
            if timed or scenario.simulate:
                deployment.keep_snapshot(context.place)
            yield from results.judge(stage.up())
        waiting = _telling(context, stage, until=ToxPhase.COMMANDS_POST, go_ahead=stage.went_up)
        yield from _pause(context, results, waiting, step=None if heard.pre_failed else Step.DEPLOY)
        if not heard.pre_failed:
            yield from results.judge(stage.down(commands_ran=scenario.has_commands))
        return stage


def _simulations(scenario: Scenario, context: RunContext, results: RunResults) -> Iterator[Event]:
    """Play it all again under each condition that was asked for, when nothing has failed without one."""
    if not scenario.simulate:
        return
    reason = (
        "the run has failed already" if results.failed else "SIM is ignored" if scenario.policy.drops("SIM") else ""
    )
    if reason:
        yield _not_checked(Step.SIMULATE, reason)
        return
    cast = simulation.SimulationContext(
        subject=context.subject,
        runner=context.execute,
        python=context.python,
        scripts_dir=context.scripts_dir,
        place=context.place,
        deployed=scenario.deployment,
    )
    yield from results.step(Step.SIMULATE, lambda: simulation.check_simulations(scenario.simulate, cast))


def _untimed(scenario: Scenario, results: RunResults) -> str:
    """Return why no times are taken, or nothing."""
    if results.failed:
        return "the run has failed already"
    if scenario.resolution == LOWEST:
        return f"resolution is {LOWEST}, which nobody installs for its speed"
    return "PRF is ignored" if scenario.policy.drops("PRF") else ""


def _timed(context: RunContext) -> tuple[str, ...]:
    """Return the modules whose import is timed when the user named none."""
    return (*installed.main_names(context.subject), *context.wheel.console_modules)


def _first_imports(scenario: Scenario, context: RunContext, results: RunResults) -> Mapping[str, Sample]:
    """Return the first imports as installed; nothing where no times are taken."""
    if _untimed(scenario, results):
        return {}
    return performance.first_imports(scenario.timing, _timed(context), context.within)


def _times(
    scenario: Scenario, context: RunContext, results: RunResults, start_s: float | None, first: Mapping[str, Sample]
) -> Iterator[Event]:
    """Measure and compare, when nothing has failed: the times of a broken release say nothing."""
    if reason := _untimed(scenario, results):
        kept = performance.keep(context.baselines, update=scenario.timing.update) if results.sound else ""
        yield _not_checked(Step.COMPARE, joined((reason, kept), "; "))
        return
    events = performance.compare(
        scenario.timing,
        _timed(context),
        context.baselines,
        context.place,
        within=context.within,
        deployed=scenario.deployment,
        start_s=start_s,
        first=first,
    )
    yield from results.judge(events)


def _not_checked(step: Step, reason: str) -> StepFinished:
    return StepFinished(step=step, outcome=Outcome.NOT_CHECKED, detail=reason, duration_s=0.0)
