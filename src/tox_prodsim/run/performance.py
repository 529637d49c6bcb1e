"""The step ``compare``: time imports and start-up, compare with the baseline, keep what could become the next one."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace

from tox_prodsim import deployment, timing
from tox_prodsim.checks import installed
from tox_prodsim.model.activity import Activity, Announce
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import MeasurementError
from tox_prodsim.model.events import (
    Change,
    Compared,
    Event,
    Evidence,
    Found,
    Measured,
    Outcome,
    Progress,
    Step,
    StepFinished,
    StepStarted,
    UnknownReason,
)
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.formatting import joined
from tox_prodsim.model.metrics import START_UP, Metric
from tox_prodsim.model.scenario import Scenario, Timing
from tox_prodsim.run import candidate, first_rounds
from tox_prodsim.run.confirmation import BaseInstall, Confirmation
from tox_prodsim.run.context import BaselineFiles, RunContext
from tox_prodsim.run.deployment_starts import DeploymentStarts
from tox_prodsim.run.first_rounds import FirstResult, MetricPlans
from tox_prodsim.run.footprint import Quantities
from tox_prodsim.run.step_time import StepTime
from tox_prodsim.timing import (
    baseline,
    budgets,
    comparability,
    explanation,
    footprint,
    measure,
    paired,
    sampling,
    stats,
)
from tox_prodsim.timing.budgets import MetricDuration
from tox_prodsim.timing.explanation import CauseSummary, ImportRecordings

_ALONE = threading.Lock()
"""Environments of ``tox run-parallel`` are threads of one process: two at once would measure each other."""
_MOST_IMPORTS = 4
_FOR_RECORDINGS = 0.5
"""Of the time of the step: exact recordings end then, so that times are taken too."""
_COMPILES = "the first one may have compiled bytecode"
_ALL_BUT_THE_END = 0.9
"""Of the time of the step, for rounds of a baseline: nothing is suspected, so nothing has to be confirmed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FirstImports:
    """What each timed import takes for the first time, as installed."""

    samples: Mapping[str, timing.Sample]
    """By the name that is imported."""
    took_s: float
    """How long it took to find out."""


NO_FIRST_IMPORTS = FirstImports(samples={}, took_s=0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownTimes:
    """What is known of the times when the step begins."""

    first: FirstImports
    """The first imports as installed, whose time counts for the step."""
    start_s: float | None = None
    """What a start takes: one that takes too long is not repeated; None: none was made."""
    starts: DeploymentStarts | None = None
    """The starts of the deployment that count; None: the start-up is not timed."""


def deployment_starts(context: RunContext, first: FirstImports) -> DeploymentStarts:
    """Return what keeps the starts of the deployment as samples of its start-up."""
    uncompiled = any(sample.uncompiled for sample in first.samples.values())
    control = sampling.control_sampler(python=context.python, runner=context.execute)
    return DeploymentStarts(control, first=_COMPILES if uncompiled or not first.samples else "")


def first_imports(config: Timing, context: RunContext) -> FirstImports:
    """Return what each timed import takes for the first time, with the bytecode that the installer has left.

    It is empty where an import fails: that is reported by the checks of imports.
    """
    began, (names, _) = time.monotonic(), _imports(config, context)
    try:
        with _ALONE:
            samples = sampling.first_imports(names, python=context.python, runner=context.execute)
    except MeasurementError:
        samples = {}
    return FirstImports(samples=samples, took_s=time.monotonic() - began)


def compare(
    scenario: Scenario, context: RunContext, known: KnownTimes, *, refused: str | None = None
) -> Iterator[Event]:
    """Yield what was measured, and what it means; raises ProdsimError when the accepted baseline cannot be stored.

    ``refused`` is why nothing of this run can become a baseline; None: it can.
    """
    first, start_s = known.first, known.start_s
    began, config = time.monotonic() - first.took_s, scenario.timing
    peaks = footprint.PeakRunner(context.execute)
    context = replace(context, execute=peaks)
    yield StepStarted(step=Step.COMPARE, detail=_origin(config, context.baselines))
    yield from _as_installed(first.samples, start_s)
    names, left_out = _imports(config, context)
    if scenario.deployments and scenario.deployment is None and config.startup:
        left_out += ("start-up (of several services)",)
    timer = _start_timer(scenario, context)
    with _alone(context.announce) as waited_s:
        allowed = _step_time(config, began + waited_s)
        recorder = allowed.limited(context.execute, _FOR_RECORDINGS)
        recordings = explanation.record_imports(names, python=context.python, runner=recorder)
        if tree := explanation.import_tree(recordings, context.baselines.stored):
            yield tree
        comparisons = _Comparisons(config, context, recordings, timer, allowed)
        with closing(comparisons):
            yield from comparisons.compare(names, known)
    yield from comparisons.findings()
    yield from comparisons.broken_budgets()
    context = replace(context, execute=allowed.limited(peaks))
    uncompiled = any(each.uncompiled for each in first.samples.values())
    quantities = Quantities(
        config=config, context=context, recordings=recordings, measured=peaks.weighed, uncompiled=uncompiled
    )
    yield from quantities.compare()
    yield comparisons.finished(left_out, began, refused, quantities)


def _start_timer(scenario: Scenario, context: RunContext) -> deployment.StartTimer | None:
    """Return what times the start-up; None: it is not timed."""
    if scenario.deployment is None or not scenario.timing.startup:
        return None
    return deployment.StartTimer(scenario.deployment, context.launch_context)


@contextmanager
def _alone(announce: Announce) -> Iterator[float]:
    """Wait until no other environment takes times; yields how long that took, which no limit counts."""
    began = time.monotonic()
    if not _ALONE.acquire(blocking=False):
        announce(Activity(text="waits until another environment has taken its times"))
        _ALONE.acquire()
    try:
        yield time.monotonic() - began
    finally:
        _ALONE.release()


def _step_time(config: Timing, began: float) -> StepTime:
    """Return the time of the step."""
    if config.updates_times:
        return StepTime(total_s=config.timeout_s, began=began, looks=_ALL_BUT_THE_END, least=_ALL_BUT_THE_END)
    return StepTime(total_s=config.timeout_s, began=began)


def _origin(config: Timing, baselines: BaselineFiles) -> str:
    path = baselines.display(baselines.path)
    if config.updates_times:
        return joined((f"measuring anew for {path}", baselines.advice), "; ")
    if baselines.stored is None:
        return f"no baseline yet ({path})"
    # Other distributions are reported by the step ``install``.
    machine = baseline.environment_changes(baselines.stored, baselines.now).machine
    changes = f"; since then: {', '.join(machine)}" if machine else ""
    built = baselines.stored.built
    return joined(
        (f"with {path}, version {built.version} of {built.created}, scaled to this machine{changes}", baselines.advice),
        "; ",
    )


def _as_installed(first: Mapping[str, timing.Sample], start_s: float | None) -> Iterator[Progress]:
    """Yield what the first imports and the first start took, where the installer compiled no bytecode for them."""
    uncompiled = {name: sample for name, sample in first.items() if sample.uncompiled}
    for name, sample in uncompiled.items():
        state = f"import {name} as installed: {sample.uncompiled} modules have no bytecode yet"
        yield Progress(step=Step.COMPARE, at_s=sample.wall_s, name="first", detail=state)
    if uncompiled and start_s is not None:
        yield Progress(step=Step.COMPARE, at_s=start_s, name="first", detail="start-up as installed")


class _Comparisons:
    """Takes the metrics one after the other, and keeps what they came to."""

    def __init__(
        self,
        config: Timing,
        context: RunContext,
        recordings: ImportRecordings,
        timer: deployment.StartTimer | None,
        allowed: StepTime,
    ) -> None:
        self._config = config
        self._context = context
        self._time = allowed
        self._baselines = context.baselines
        self._interpreter = interpreter = context.interpreter
        self._announce = context.announce
        self._recordings = recordings
        self._timer = timer
        self._confirmation: Confirmation | None = None
        if interpreter.reference is not None:
            reference = replace(interpreter.reference, runner=allowed.limited(interpreter.reference.runner))
            self._confirmation = Confirmation(reference, announce=context.announce)
        self._measured: list[Measured] = []
        self._findings: list[Finding] = []
        self._durations: dict[Metric, MetricDuration] = {}
        self._not_stored: list[str] = []
        self._starts: DeploymentStarts | None = None

    def close(self) -> None:
        """Remove the second environment, if one was made."""
        if self._confirmation is not None:
            self._confirmation.close()

    def compare(self, names: Sequence[str], known: KnownTimes) -> Iterator[Event]:
        """Yield the measurements and how they compare; what must be confirmed comes last."""
        waiting: list[FirstResult] = []
        for first in self._first_results(names, known):
            if first.needs_confirmation:
                waiting.append(first)
            else:
                yield from self._settle(first, waiting=0)
        for at, first in enumerate(waiting):
            yield from self._say_open(first)
            yield from self._settle(first, waiting=len(waiting) - at - 1)

    def _first_results(self, names: Sequence[str], known: KnownTimes) -> Iterator[FirstResult]:
        """Yield what the first series of each metric came to: imports in the same rounds, then the start-up."""
        python, runner = self._context.python, self._time.limited(self._context.execute)
        plans = MetricPlans(
            stored=None if self._config.updates_times else self._baselines.stored,
            recording=self._config.updates_times,
            absent=_absent(self._baselines.stored),
            tolerance=self._config.tolerance,
            time=self._time,
        )
        self._starts = known.starts
        made = known.starts.rounds if known.starts is not None else stats.NO_ROUNDS
        start_s = min((known.start_s or 0.0, *made.target_s)) if known.start_s is not None else None
        need_s = first_rounds.starts_need_s(plans, known.start_s or 0.0, made)
        later_s = need_s if self._timer is not None else 0.0
        imports = sampling.SharedImports(names, python=python, runner=runner)
        yield from first_rounds.of_imports(names, plans, known.first.samples, imports, self._announce, later_s=later_s)
        if self._timer is not None:
            sampler = sampling.start_sampler(self._timer.start, python=python, runner=runner)
            yield first_rounds.of_starts(sampler, plans, start_s, made, self._announce)

    def _say_open(self, first: FirstResult) -> Iterator[Event]:
        """Yield that something is not decided after the time in which most is, and what is done now."""
        judgement = first.result.judgement if first.result is not None else None
        if judgement is None or self._time.looks_s > 0:
            return
        state = f"not decided: {stats.percent(judgement.ratio - 1)} in {judgement.rounds} rounds"
        detail = f"{first.metric} {state}; it is confirmed, for at most {self._time.left_s:.0f} s"
        yield Progress(step=Step.COMPARE, at_s=self._time.passed_s, name="open", detail=detail)

    def _settle(self, first: FirstResult, *, waiting: int) -> Iterator[Event]:
        """Yield the measurement of one metric, and how it compares; for a new baseline there is nothing to compare."""
        update, metric = self._config.updates_times, first.metric
        turn = self._time.turn(waiting, parts=1 if metric.is_start_up or self._confirmation is None else 3)
        measured, compared = first.settled(turn, self._confirm, self._announce)
        if metric.is_start_up and self._timer is not None and self._timer.failure is not None:
            title, lines = self._timer.evidence
            yield Found(finding=self._timer.failure)
            yield Evidence(step=Step.COMPARE, title=title, lines=lines)
            return
        compared = replace(comparability.with_limits(compared), history=self._history(metric))
        self._keep(measured, compared)
        if measured is not None:
            yield measured
        if not update or compared.reason in {UnknownReason.NOT_COMPARED, UnknownReason.NOT_MEASURED}:
            yield from self._explained(compared)

    def _history(self, metric: Metric) -> tuple[float, ...]:
        """Return the ratios to the same control that were accepted, oldest first."""
        stored = self._baselines.stored
        if stored is None or metric not in stored.metrics or stored.control != sampling.CONTROL:
            return ()
        return stored.metrics[metric].history

    def _keep(self, measured: Measured | None, compared: Compared) -> None:
        """Keep what was measured, and its time for the budgets: one that is known without any round counts, too."""
        if measured is not None:
            self._measured.append(measured)
        if compared.reason in {UnknownReason.NOT_COMPARED, UnknownReason.NOT_MEASURED}:
            self._not_stored.append(f"{compared.metric} ({compared.detail})")
        if compared.value_s > 0:
            fastest_s = stats.fastest_quarter(measured.samples_s) if measured is not None else compared.value_s
            rounds = measured.rounds if measured is not None else 1
            self._durations[compared.metric] = MetricDuration(seconds=fastest_s, rounds=rounds)

    def _confirm(self, suspected: measure.CandidateChange) -> tuple[Measured | None, Compared]:
        """Return what a candidate change comes to: this is the one place where it is confirmed, for every metric.

        A start-up is not timed beside the old wheel: what got slower may be a script of ``deploy_files``, or the
        command, and both versions would share that.
        """
        if self._confirmation is None or suspected.metric.is_start_up:
            return measure.on_fresh_rounds(suspected)
        sampler_for = functools.partial(self._paired_sampler, suspected.metric.module)
        return self._confirmation.confirm(suspected, sampler_for, tolerance=self._config.tolerance)

    def _paired_sampler(self, module: str, base: BaseInstall) -> paired.PairedSampler:
        """Return a sampler of importing a module from both versions."""
        python, runner = self._interpreter.python, self._time.limited(self._interpreter.runner)
        return paired.import_sampler(module, python=python, base_python=base.site.python, runner=runner)

    def _explained(self, compared: Compared) -> Iterator[Event]:
        """Yield the comparison with its cause, when it is an import that changed, and keep its finding."""
        summary = self._summarize_cause(compared)
        if summary is not None:
            compared = replace(compared, cause=summary.sentence)
            yield Evidence(step=Step.COMPARE, title=f"{compared.metric}, slower by", lines=summary.lines)
        if compared.change is Change.FASTER and not compared.metric.is_start_up:
            compared = replace(compared, cause=explanation.summarize_gain(self._baselines.stored, self._recordings))
        finding = timing.finding_for(
            compared,
            cause=summary.cause if summary is not None else None,
            other_cpu=self._baselines.other_cpu,
            source=self._baselines.source,
        )
        if self._contradicts(compared):
            finding = timing.contradicted(compared)
        self._findings += [finding] if finding is not None else []
        yield compared

    def _contradicts(self, compared: Compared) -> bool:
        """Return whether an import fails here that worked in the step of imports; being late is not a failure."""
        held, metric = self._baselines.now.contents, compared.metric
        failed = compared.reason is UnknownReason.NOT_MEASURED and sampling.LATE not in compared.detail
        return failed and held is not None and not metric.is_start_up and metric.module in held.imported

    def _summarize_cause(self, compared: Compared) -> CauseSummary | None:
        """Return the causes of a slower import; None for everything else."""
        if compared.change is not Change.SLOWER or compared.metric.is_start_up:
            return None
        self._announce(Activity(text=f"{compared.metric}: looking for the cause"))
        python, runner = self._interpreter.python, self._interpreter.runner
        runner = self._time.limited(runner)
        return explanation.summarize_cause(compared, self._baselines.stored, python=python, runner=runner)

    def _weighed(self, finding: Finding) -> Iterator[Finding]:
        """Yield the finding; an import that nobody named and that fails is a note, and nothing if it always did."""
        is_import = finding.subject != str(START_UP)
        if finding.code != "PRF706" or self._config.imports or not is_import:
            yield finding
        elif (stored := self._baselines.stored) is None:
            yield replace(finding, level=Level.NOTE)
        elif any(finding.subject == str(metric) for metric in stored.metrics):
            yield finding

    @property
    def _start_failed(self) -> bool:
        return self._timer is not None and self._timer.failure is not None

    def findings(self) -> Iterator[Event]:
        """Yield what the comparisons and the age of the baseline mean for the run."""
        weighed = (each for finding in self._findings for each in self._weighed(finding))
        found = [*weighed, *_outdated(self._config, self._baselines)]
        if self._start_failed:  # nothing of this run can become a baseline
            found = [finding for finding in found if finding.level is not Level.NOTE]
        if self._confirmation is not None and self._confirmation.refused:
            found.append(timing.release_refused(self._confirmation.refused))
        yield from (Found(finding=finding) for finding in folded(found, self._baselines.stored))

    def broken_budgets(self) -> Iterator[Event]:
        """Yield the budgets that were not kept, with the evidence."""
        stored = None if self._config.updates_times else self._baselines.stored
        for broken in budgets.broken_budgets(
            self._config.budgets, self._durations, self._recordings, stored, self._baselines.source
        ):
            yield Found(finding=broken.finding)
            if broken.lines:
                title = f"{broken.finding.subject}, {broken.finding.code}"
                yield Evidence(step=Step.COMPARE, title=title, lines=broken.lines)

    def finished(
        self, left_out: Sequence[str], began: float, refused: str | None, quantities: Quantities
    ) -> StepFinished:
        """Store what is to be stored, and return the end of the step."""
        config = self._config
        facts = (
            "" if self._measured else "nothing measured",
            str(self._starts or ""),
            *self._stored(refused, quantities),
            f"not timed: {', '.join(left_out)}" if left_out else "",
        )
        unchecked = () if config.updates_times else (*self._unchecked_budgets(), *quantities.unchecked())
        return StepFinished(
            step=Step.COMPARE,
            outcome=self._outcome(),
            detail=joined(facts, "; "),
            duration_s=time.monotonic() - began,
            not_checked=unchecked,
            impossible=unchecked,
        )

    def _outcome(self) -> Outcome:
        if self._start_failed:
            return Outcome.FAILED
        return Outcome.OK if self._measured else Outcome.NOT_CHECKED

    def _unchecked_budgets(self) -> Iterator[str]:
        return budgets.unchecked_budgets(self._config.budgets, self._recordings, self._baselines.stored)

    def _stored(self, refused: str | None, quantities: Quantities) -> Iterator[str]:
        """Store what is to be stored, and yield what was done."""
        if self._start_failed:
            refused = "baseline not stored: RUN641 must be mended first" if self._config.update is not None else ""
        if refused is not None:
            yield refused
            return
        yield candidate.keep(
            self._baselines,
            self._measured,
            self._recordings.complete_work,
            update=self._config.update,
            weighed=quantities.now,
        )
        if self._config.updates_times:
            yield from self._omissions()

    def _omissions(self) -> Iterator[str]:
        """Yield what could not be stored, each with the reason."""
        if self._not_stored:
            yield f"not stored: {', '.join(self._not_stored)}"
        if missing := self._recordings.missing:
            yield f"work of the imports not stored: {', '.join(missing)} could not be recorded"


def folded(findings: Sequence[Finding], stored: baseline.Baseline | None) -> Iterator[Finding]:
    """Yield the findings, those of metrics without a baseline as one."""
    absent = _absent(stored)
    missing = [finding for finding in findings if finding.code == "PRF705" and absent in finding.message]
    yield from (finding for finding in findings if finding not in missing)
    if missing:
        subjects = ", ".join(finding.subject for finding in missing)
        none = f"none yet for {subjects}" if stored is None else f"that of {stored.built.version} has no {subjects}"
        message = f"{none}; accept this run with --prodsim-update-baseline"
        yield replace(missing[0], subject="baseline", message=message)


def _outdated(config: Timing, baselines: BaselineFiles) -> Iterator[Finding]:
    if baselines.stored is None or config.updates_times:
        return
    days = baseline.outdated_days(baselines.stored, baselines.now.built.created)
    if days is not None:
        yield timing.outdated(days, baselines.stored.built.created)


def _imports(config: Timing, context: RunContext) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what to time and what is left out for the sake of time: a list of the user's own is taken whole."""
    if config.imports:
        return config.imports, ()
    names = tuple(dict.fromkeys((*installed.main_names(context.subject), *context.wheel.console_modules)))
    return names[:_MOST_IMPORTS], names[_MOST_IMPORTS:]


def _absent(stored: baseline.Baseline | None) -> str:
    """Return which baseline is missing, as what follows ``no baseline``."""
    if stored is None:
        return "for this Python and platform"
    return f"with this time: the one of version {stored.built.version} lacks it"
