"""The order of things: check the wheel, what is installed, the deployment, the times; then the verdict.

``run`` is a generator of events. tox runs the user's commands, so the generator is suspended where they belong: it
yields ``Paused`` and is resumed with the ``CommandsOutcome`` when tox has come to that point.
Closing the generator, whenever and for whatever reason, ends what it started.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial

from tox_prodsim import deployment
from tox_prodsim.model.errors import Cancelled
from tox_prodsim.model.events import Event, Evidence, Found, Outcome, RunStarted, Step, StepFinished, StepStarted
from tox_prodsim.model.findings import CheckResult, Policy
from tox_prodsim.model.formatting import joined
from tox_prodsim.model.scenario import LOWEST, Scenario
from tox_prodsim.run import candidate, checks, performance, simulation
from tox_prodsim.run.context import CommandsOutcome, FileContext, Paused, Preparation, RunContext, ToxPhase
from tox_prodsim.run.deployment_starts import DeploymentStarts
from tox_prodsim.run.known import Known
from tox_prodsim.run.performance import NO_FIRST_IMPORTS, FirstImports, KnownTimes
from tox_prodsim.run.results import RunResults

_OBSERVED = {
    "warnings, tasks and exceptions": {"RUN623", "RUN626"},
    "what an interpreter finds at its exit": {"RUN623", "RUN626"},
    "files left": {"RUN622"},
    "shared memory": {"RUN625"},
}
"""What a deployment may have left that cannot be observed everywhere, with the codes that need it."""
Run = Generator[Event | Paused, CommandsOutcome, None]
_Suspension = Generator[Event | Paused, CommandsOutcome, CommandsOutcome]


def run(scenario: Scenario, context: RunContext) -> Run:
    """Yield what happens, from RunStarted to RunFinished; see the module for how it is suspended and closed."""
    earlier_s = sum(each.duration_s for each in context.prepared)
    results = RunResults(scenario.policy, _known(scenario, context), context.wheel.version, earlier_s=earlier_s)
    yield context.started
    yield from _prepared(context.prepared, results)
    try:
        context = replace(context, baselines=(yield from checks.run_checks(scenario, context, results)))
        first = _first_imports(scenario, context, results)
        starts = _starts(scenario, context, results, first)
        with context.launch_context.hook_installed():
            deployed = yield from _deployment(scenario, context, results, starts)
        yield from _simulations(scenario, context, results)
        start_s = deployed.start_s if deployed is not None else None
        known = KnownTimes(first=first, start_s=start_s, starts=starts)
        yield from _performance(scenario, context, results, known)
        with context.launch_context.hook_installed():
            yield from _suspend(context, results, _pause(context, deployed, until=ToxPhase.END))
        yield from results.commands()
        yield from results.apply_policy(checks.lowest_failed(context, results))
    except Cancelled:
        results.cancelled = True
    yield results.finished()


def _known(scenario: Scenario, context: RunContext) -> Known:
    """Return what the baseline knows of the release; nothing when it is to be replaced."""
    stored = context.baselines.stored
    return Known.of(stored.contents if stored is not None and not scenario.timing.updates_contents else None)


def without_wheel(
    started: RunStarted, checked: CheckResult, evidence: Evidence | None = None, *, step: Step = Step.SDIST
) -> Iterator[Event]:
    """Yield the events of a run that has no wheel to test; no policy makes a wheel of it."""
    results = RunResults(Policy())
    yield started
    yield from results.run_step(step, lambda: checked)
    yield from () if evidence is None else (evidence,)
    yield results.finished()


def without_installation(scenario: Scenario, context: FileContext) -> Iterator[Event]:
    """Yield the events of a run whose wheel could not be installed; no policy makes it pass."""
    results = RunResults(scenario.policy)
    yield context.started
    try:
        yield from checks.check_files(scenario, context, results)
        yield from (_not_checked(step, "the wheel is not installed") for step in (Step.IMPORT, Step.SCRIPTS))
    except Cancelled:
        results.cancelled = True
    yield results.finished(complete=False)


def _prepared(preparations: Iterable[Preparation], results: RunResults) -> Iterator[Event]:
    """Yield the steps that were made before the run, one after the other."""
    began_s = 0.0
    for each in preparations:
        yield StepStarted(step=each.step, began_s=began_s)
        began_s += each.duration_s
        results.codes.update(each.codes)
        yield from results.apply_policy(Found(finding=finding) for finding in each.findings)
        yield from (Evidence(step=each.step, title=title, lines=lines) for title, lines in each.evidence)
        yield StepFinished(step=each.step, outcome=Outcome.OK, detail=each.detail, duration_s=each.duration_s)


def _suspend(
    context: RunContext,
    results: RunResults,
    pause: Paused,
    *,
    step: Step | None = None,
    meanwhile: Iterable[Event] = (),
) -> _Suspension:
    """Suspend the run; return what tox's commands came to, or raise Cancelled when the run was cancelled meanwhile.

    ``step`` is the one that goes on meanwhile, None: it is the time between two. ``meanwhile`` yields what happened in
    it, which may be why a command has failed.
    """
    began_s = time.monotonic()
    outcome = yield pause
    results.count_commands(outcome.commands_ran, time.monotonic() - began_s, step)
    if context.launch_context.cancel.is_set:
        raise Cancelled
    yield from results.apply_policy(meanwhile)
    yield from (Evidence(step=step, title=title, lines=lines) for title, lines in outcome.evidence)
    results.codes |= {"RUN605"} if outcome.commands_ran else set()
    yield from results.apply_policy(Found(finding=finding) for finding in outcome.findings)
    return outcome


def _pause(
    context: RunContext, deployed: deployment.ServicesRun | None, *, until: ToxPhase, go_ahead: bool = True
) -> Paused:
    """Return the pause in which the commands have the address of the deployment, and their scratch folder."""
    if deployed is None:
        scratch = str(context.launch_context.scratch)
        return Paused(until=until, values={"scratch": scratch}, variables={"PRODSIM_SCRATCH": scratch})
    return Paused(until=until, go_ahead=go_ahead, values=deployed.values, variables=deployed.variables)


def _deployment(
    scenario: Scenario, context: RunContext, results: RunResults, starts: DeploymentStarts | None
) -> Generator[Event | Paused, CommandsOutcome, deployment.ServicesRun | None]:
    """Suspend for ``commands_pre``, deploy, suspend for ``commands`` while a service is up, stop.

    Returns the deployment, stopped, or None when there is none.
    """
    if not scenario.deployments:
        yield from _suspend(context, results, _pause(context, None, until=ToxPhase.COMMANDS))
        yield _not_checked(Step.DEPLOY, "no 'deploy' is configured")
        yield from _suspend(context, results, _pause(context, None, until=ToxPhase.COMMANDS_POST))
        return None
    results.codes |= _deployment_codes(scenario)
    launch_context = context.launch_context if starts is None else replace(context.launch_context, starts=starts)
    with closing(deployment.ServicesRun(scenario.deployments, launch_context)) as deployed:
        yield from _deploy(scenario, context, results, deployed)
        return deployed


def _deploy(
    scenario: Scenario, context: RunContext, results: RunResults, deployed: deployment.ServicesRun
) -> Generator[Event | Paused, CommandsOutcome, None]:
    """Start the deployment behind ``commands_pre``, and stop it behind ``commands``."""
    outcome = yield from _suspend(context, results, _pause(context, deployed, until=ToxPhase.COMMANDS))
    if outcome.pre_failed:
        yield _not_checked(Step.DEPLOY, "commands_pre failed, so nothing was started")
        yield from _suspend(context, results, _pause_for_commands(context, deployed))
        return
    if scenario.simulate or (scenario.timing.startup and not scenario.policy.drops("PRF")):
        deployment.copy_scratch(context.launch_context)
    yield from results.apply_policy(deployed.start())
    pause, meanwhile = _pause_for_commands(context, deployed), deployed.find_deaths()
    began_s = time.monotonic()
    after = yield from _suspend(context, results, pause, step=Step.DEPLOY, meanwhile=meanwhile)
    yield from deployed.commands_ended(after.commands_ran - outcome.commands_ran, time.monotonic() - began_s)
    codes = _deployment_codes(scenario)
    stopped = deployed.stop(commands_ran=scenario.has_commands)
    yield from results.apply_policy(_with_codes(event, codes) for event in stopped)


def _with_codes(event: Event, codes: frozenset[str]) -> Event:
    """Return the end of the deployment with the codes that were checked; one that failed did not come to all."""
    if not isinstance(event, StepFinished) or event.outcome is Outcome.FAILED:
        return event
    missed = {code for text in event.not_checked for what in _OBSERVED if what in text for code in _OBSERVED[what]}
    return replace(event, checked=tuple(sorted(codes - missed)))


def _deployment_codes(scenario: Scenario) -> frozenset[str]:
    return frozenset().union(*map(deployment.checked_codes, scenario.deployments))


def _pause_for_commands(context: RunContext, deployed: deployment.ServicesRun) -> Paused:
    paused = _pause(context, deployed, until=ToxPhase.COMMANDS_POST, go_ahead=deployed.ready_for_commands)
    return replace(paused, logs=deployed.logs)


def _simulations(scenario: Scenario, context: RunContext, results: RunResults) -> Iterator[Event]:
    """Run the simulations that are configured, when nothing has failed without one."""
    if not scenario.simulate:
        return
    if reason := _reason_not_simulated(scenario, results):
        yield _not_checked(Step.SIMULATE, reason)
        return
    simulated = simulation.SimulationContext(
        subject=context.subject,
        runner=context.execute,
        python=context.python,
        scripts_dir=context.scripts_dir,
        launch_context=context.launch_context,
        deployed=scenario.deployments,
    )
    check = partial(simulation.check_simulations, scenario.simulate, simulated)
    yield from results.run_step(Step.SIMULATE, check)


def _reason_not_simulated(scenario: Scenario, results: RunResults) -> str:
    """Return why no simulation is run, or nothing."""
    if results.failed:
        return "the run has failed already"
    return "SIM is ignored" if scenario.policy.drops("SIM") else ""


def _reason_not_timed(scenario: Scenario, results: RunResults) -> str:
    """Return why no times are taken, or nothing."""
    if not results.times_are_meaningful:
        return "the run has failed already"
    if scenario.resolution == LOWEST:
        return f"times are not taken with lowest versions (resolution = {LOWEST})"
    return "PRF is ignored" if scenario.policy.drops("PRF") else ""


def _first_imports(scenario: Scenario, context: RunContext, results: RunResults) -> FirstImports:
    """Return the first imports as installed; nothing where no times are taken."""
    if _reason_not_timed(scenario, results):
        return NO_FIRST_IMPORTS
    return performance.first_imports(scenario.timing, context)


def _starts(
    scenario: Scenario, context: RunContext, results: RunResults, first: FirstImports
) -> DeploymentStarts | None:
    """Return what keeps the starts of the deployment as samples; None: the start-up is not timed."""
    if scenario.deployment is None or not scenario.timing.startup or _reason_not_timed(scenario, results):
        return None
    return performance.deployment_starts(context, first)


def _performance(scenario: Scenario, context: RunContext, results: RunResults, known: KnownTimes) -> Iterator[Event]:
    """Measure and compare, unless something has failed that makes the times those of a broken release."""
    refused = _reason_not_accepted(scenario, results)
    if reason := _reason_not_timed(scenario, results):
        update = scenario.timing.update
        kept = candidate.keep(context.baselines, update=update) if refused is None else refused
        yield _not_checked(Step.COMPARE, joined((reason, kept), "; "))
        return
    compared = performance.compare(scenario, context, known, refused=refused)
    yield from results.apply_policy(compared)


def _reason_not_accepted(scenario: Scenario, results: RunResults) -> str | None:
    """Return why nothing of this run can become a baseline, empty when that was not asked for; None: it can."""
    if results.acceptable:
        return None
    codes = ", ".join(sorted({finding.code for finding in results.errors}))
    return f"baseline not stored: {codes} must be mended first" if scenario.timing.update is not None else ""


def _not_checked(step: Step, reason: str) -> StepFinished:
    return StepFinished(step=step, outcome=Outcome.NOT_CHECKED, detail=reason, duration_s=0.0)
