"""The step ``compare``: time imports and start-up, compare with the baseline, keep what could become the next one."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

from tox_prodsim import deployment, timing
from tox_prodsim.building import reference_wheel
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
)
from tox_prodsim.model.findings import Finding
from tox_prodsim.model.formatting import joined
from tox_prodsim.model.scenario import Deployment, Timing
from tox_prodsim.run import confirmation
from tox_prodsim.run.context import BaselineFiles, Interpreter
from tox_prodsim.timing import baseline, budgets, explanation, measure, sampling, stats
from tox_prodsim.timing.budgets import Took
from tox_prodsim.timing.explanation import Named, Recorded

_ALONE = threading.Lock()
"""Environments of ``tox run-parallel`` are threads of one process: two at once would measure each other."""
_MOST_IMPORTS = 4
_RECORDING = measure.Plan(recording=True)
_GLANCE = measure.Plan(looks=(8,))
"""Nothing is to be decided: enough rounds for a candidate, and no more."""


def first_imports(wanted: Timing, modules: Sequence[str], within: Interpreter) -> Mapping[str, timing.Sample]:
    """Return what each timed import takes for the first time, with the bytecode that the installer has left.

    It is empty where an import fails: that is told by those who check it.
    """
    names, _ = _imports(wanted, modules)
    try:
        with _ALONE:
            return sampling.first_imports(names, python=within.python, runner=within.runner)
    except MeasurementError:
        return {}


def compare(
    wanted: Timing,
    modules: Sequence[str],
    baselines: BaselineFiles,
    place: deployment.LaunchContext,
    *,
    within: Interpreter,
    deployed: Deployment | None,
    start_s: float | None,
    first: Mapping[str, timing.Sample],
) -> Iterator[Event]:
    """Yield what was measured, and what it means; raises ProdsimError when the accepted baseline cannot be stored.

    ``modules`` are those whose import is timed when the user named none; ``start_s`` is what a start is already known
    to take: one that takes too long is not repeated. ``first`` are the first imports as installed.
    """
    began = time.monotonic()
    yield StepStarted(step=Step.COMPARE, detail=_origin(wanted, baselines))
    yield from _as_installed(first, start_s)
    names, left_out = _imports(wanted, modules)
    samplers = {
        f"import {name}": sampling.import_sampler(name, python=within.python, runner=within.runner) for name in names
    }
    if deployed is not None and wanted.startup:
        start_once = _starter(deployed, place)
        samplers[measure.START_UP] = sampling.start_sampler(start_once, python=within.python, runner=within.runner)
    with _ALONE:
        recorded = explanation.recorded(names, python=within.python, runner=within.runner)
    series = _Series(wanted, baselines, within, recorded)
    with _ALONE, closing(series):
        for metric, sampler in samplers.items():
            yield from series.one(metric, sampler, start_s if metric == measure.START_UP else None)
    stored = None if wanted.update else baselines.stored
    yield from (Found(finding=finding) for finding in _folded([*series.findings, *_outdated(wanted, baselines)]))
    for broken in budgets.broken(wanted.budgets, series.took, recorded, stored, baselines.source):
        yield Found(finding=broken.finding)
        if broken.lines:
            yield Evidence(
                step=Step.COMPARE, title=f"{broken.finding.subject}, {broken.finding.code}", lines=broken.lines
            )
    done = keep(baselines, series.measured, recorded.work if not recorded.missing else None, update=wanted.update)
    detail = done if series.measured else joined(("nothing measured", done), "; ")
    yield StepFinished(
        step=Step.COMPARE,
        outcome=Outcome.OK if series.measured else Outcome.NOT_CHECKED,
        detail=f"{detail}; not timed: {', '.join(left_out)}" if left_out else detail,
        duration_s=time.monotonic() - began,
        not_checked=() if wanted.update else tuple(budgets.unchecked(wanted.budgets, recorded, baselines.stored)),
    )


def _origin(wanted: Timing, baselines: BaselineFiles) -> str:
    shown = baselines.shown(baselines.path)
    if wanted.update:
        return f"measuring anew for {shown}"
    if baselines.stored is None:
        return f"no baseline yet ({shown})"
    _, changed = baseline.changes_since(baselines.stored, baselines.now, "")  # of the packages the installation tells
    more = f"; since then: {', '.join(changed)}" if changed else ""
    return f"with {shown}, version {baselines.stored.built.version} of {baselines.stored.built.created}{more}"


def _as_installed(first: Mapping[str, timing.Sample], start_s: float | None) -> Iterator[Progress]:
    """Yield what the first imports and the first start took, where the installer compiled no bytecode for them."""
    bare = {name: sample for name, sample in first.items() if sample.uncompiled}
    for name, sample in bare.items():
        state = f"import {name} as installed: {sample.uncompiled} modules have no bytecode yet"
        yield Progress(step=Step.COMPARE, at_s=sample.wall_s, name="first", detail=state)
    if bare and start_s is not None:
        yield Progress(step=Step.COMPARE, at_s=start_s, name="first", detail="start-up as installed")


class _Series:
    """Takes the metrics one after the other, and keeps what they came to."""

    def __init__(self, wanted: Timing, baselines: BaselineFiles, within: Interpreter, recorded: Recorded) -> None:
        self.measured: list[Measured] = []
        self.findings: list[Finding] = []
        self.took: dict[str, Took] = {}
        self._wanted = wanted
        self._baselines = baselines
        self._within = within
        self._recorded = recorded
        self._confirmation = confirmation.Confirmation(within.reference) if within.reference is not None else None

    def close(self) -> None:
        """Remove the second environment, if one was made."""
        if self._confirmation is not None:
            self._confirmation.close()

    def one(self, metric: str, sampler: sampling.Sampler, known_s: float | None) -> Iterator[Event]:
        """Yield the measurement of one metric, and how it compares; for a new baseline there is nothing to compare."""
        update, stored = self._wanted.update, self._baselines.stored
        then = stored.stored(metric) if stored is not None and not update else None
        result, compared = measure.measure(
            metric,
            sampler,
            then,
            tolerance=self._wanted.tolerance,
            plan=_RECORDING if update else _GLANCE if then is None else None,
            known_s=known_s,
            confirm=self._confirm,
        )
        if result is not None:
            self.measured.append(result)
            yield result
        if compared.value_s > 0:
            fastest_s = stats.fastest_quarter(result.samples_s) if result is not None else compared.value_s
            self.took[metric] = Took(seconds=fastest_s, rounds=result.rounds if result is not None else 1)
        if result is None or not update:
            yield from self._explained(compared)

    def _confirm(self, suspicion: measure.CandidateChange) -> tuple[Measured | None, Compared]:
        """Return what a suspicion comes to: this is the one place where it is confirmed, for every metric.

        A start-up is not timed beside the old wheel: what got slower may be a script of ``deploy_files``, or the
        command, and both versions would share that.
        """
        if self._confirmation is None or suspicion.metric == measure.START_UP:
            return measure.on_fresh_rounds(suspicion)
        module = suspicion.metric.removeprefix("import ")
        return self._confirmation.confirm(
            suspicion, functools.partial(self._pair, module), tolerance=self._wanted.tolerance
        )

    def _pair(self, module: str, base: confirmation.Base) -> timing.paired.Pair:
        """Return the rounds of importing a module from both versions."""
        within = self._within
        return timing.paired.imports(module, python=within.python, base_python=base.site.python, runner=within.runner)

    def _explained(self, compared: Compared) -> Iterator[Event]:
        """Yield the comparison with its cause, when it is an import that changed, and keep its finding."""
        named: Named | None = None
        if compared.change is Change.SLOWER and compared.metric != measure.START_UP:
            module = compared.metric.removeprefix("import ")
            named = explanation.named(
                compared, self._baselines.stored, module, python=self._within.python, runner=self._within.runner
            )
        if named is not None:
            compared = replace(compared, cause=named.sentence)
            yield Evidence(step=Step.COMPARE, title=f"{compared.metric}, slower by", lines=named.lines)
        if compared.change is Change.FASTER and compared.metric != measure.START_UP:
            compared = replace(compared, cause=explanation.gained(self._baselines.stored, self._recorded))
        finding = timing.finding_for(
            compared,
            cause=named.cause if named is not None else None,
            other_cpu=self._baselines.other_cpu,
            source=self._baselines.source,
        )
        self.findings += [finding] if finding is not None else []
        yield compared


def _folded(findings: list[Finding]) -> Iterator[Finding]:
    """Yield the findings, those of metrics without a baseline as one."""
    missing = [finding for finding in findings if finding.code == "PRF705"]
    yield from (finding for finding in findings if finding.code != "PRF705")
    if missing:
        subjects = ", ".join(finding.subject for finding in missing)
        message = f"none yet for {subjects}; accept this run with --prodsim-update-baseline"
        yield replace(missing[0], subject="baseline", message=message)


def _outdated(wanted: Timing, baselines: BaselineFiles) -> Iterator[Finding]:
    if baselines.stored is None or wanted.update:
        return
    days = baseline.outdated_days(baselines.stored, baselines.now.built.created)
    if days is not None:
        yield timing.outdated(days, baselines.stored.built.created)


def _imports(wanted: Timing, modules: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what to time and what is left out for the sake of time: a list of the user's own is taken whole."""
    if wanted.imports:
        return wanted.imports, ()
    names = tuple(dict.fromkeys(modules))
    return names[:_MOST_IMPORTS], names[_MOST_IMPORTS:]


def _starter(deployed: Deployment, place: deployment.LaunchContext) -> Callable[[], float]:
    def start_once() -> float:
        try:
            return deployment.timed_start(deployed, place)
        except RuntimeError as problem:
            raise MeasurementError(str(problem)) from problem

    return start_once


def keep(
    baselines: BaselineFiles, measured: Sequence[Measured] = (), work: timing.Work | None = None, *, update: bool
) -> str:
    """Write the candidate, and with ``update`` the baseline; return what was done.

    What the release holds is kept although nothing was measured. Raises ProdsimError when it cannot be stored.
    """
    metrics = {each.metric: kept for each in measured if (kept := baseline.metric_from(each)) is not None}
    held = baselines.now.contents
    new = replace(baselines.now, metrics=metrics, work=work, contents=held.folded() if held is not None else None)
    accepted = baseline.merged(baselines.stored, new)
    baseline.save(baselines.candidate, replace(accepted, env=baselines.now.env))
    if not update:
        return "" if baselines.stored is not None else f"candidate written to {baselines.shown(baselines.candidate)}"
    if accepted == baselines.stored:
        return f"baseline unchanged: {baselines.shown(baselines.path)}"
    baseline.save(baselines.path, accepted)
    reference_wheel.accept(accepted.built.wheel_sha256, baselines.wheels)
    return f"baseline stored: {baselines.shown(baselines.path)}"
