"""The step ``compare``: time imports and start-up, compare with the baseline, keep what could become the next one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tox_prodsim import deployment
from tox_prodsim.events import Compared, Event, Found, Measured, Outcome, Step, StepFinished, StepStarted
from tox_prodsim.findings import Finding
from tox_prodsim.running import Runner
from tox_prodsim.scenario import Deployment, Timing
from tox_prodsim.timing import baseline, measure

_ALONE = threading.Lock()
"""Environments of ``tox run-parallel`` are threads of one process: two at once would measure each other."""
_MOST_IMPORTS = 4
_RECORDING = measure.Plan(recording=True)
_GLANCE = measure.Plan(looks=(8,))
"""Nothing is to be decided: enough rounds for a candidate, and no more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shelf:
    """Where baselines are: the stored one (None: there is none), its place, the candidate's, and what is known now."""

    stored: baseline.Baseline | None
    path: Path
    candidate: Path
    now: baseline.Baseline
    root: Path

    def shown(self, path: Path) -> str:
        """Return a path as the user knows it: below the tox root without the root."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)


def compare(
    timing: Timing,
    modules: Sequence[str],
    shelf: Shelf,
    place: deployment.Place,
    *,
    runner: Runner,
    python: Path,
    deployed: Deployment | None,
    start_s: float | None,
) -> Iterator[Event]:
    """Yield what was measured, and what it means; raises ProdsimError when the accepted baseline cannot be stored.

    ``modules`` are those whose import is timed when the user named none; ``start_s`` is what a start is already known
    to take: one that takes too long is not repeated.
    """
    began = time.monotonic()
    yield StepStarted(step=Step.COMPARE, detail=_origin(timing, shelf))
    names, left_out = _imports(timing, modules)
    samplers = {f"import {name}": measure.import_sampler(name, python=python, runner=runner) for name in names}
    if deployed is not None and timing.startup:
        start_once = _starter(deployed, place)
        samplers[measure.START_UP] = measure.start_sampler(start_once, python=python, runner=runner)
    measured: list[Measured] = []
    findings: list[Finding] = []
    with _ALONE:
        for metric, sampler in samplers.items():
            known_s = start_s if metric == measure.START_UP else None
            for event in _one(metric, sampler, timing, shelf.stored, known_s):
                if isinstance(event, Measured):
                    measured.append(event)
                elif isinstance(event, Compared):
                    findings += filter(None, [measure.finding_for(event)])
                yield event
    yield from (Found(finding=finding) for finding in _folded(findings))
    detail = _keep(shelf, measured, update=timing.update) if measured else "nothing could be measured"
    yield StepFinished(
        step=Step.COMPARE,
        outcome=Outcome.OK if measured else Outcome.NOT_CHECKED,
        detail=f"{detail}; not timed: {', '.join(left_out)}" if left_out else detail,
        duration_s=time.monotonic() - began,
    )


def _origin(timing: Timing, shelf: Shelf) -> str:
    shown = shelf.shown(shelf.path)
    if timing.update:
        return f"measuring anew for {shown}"
    if shelf.stored is None:
        return f"no baseline yet ({shown})"
    changed = baseline.differences(shelf.stored, shelf.now)
    more = f"; since then: {', '.join(changed)}" if changed else ""
    return f"with {shown}, version {shelf.stored.built.version} of {shelf.stored.built.created}{more}"


def _one(
    metric: str, sampler: measure.Sampler, timing: Timing, stored: baseline.Baseline | None, known_s: float | None
) -> Iterator[Measured | Compared]:
    """Yield the measurement of one metric, and how it compares; for a new baseline there is nothing to compare with."""
    then = stored.stored(metric) if stored is not None and not timing.update else None
    plan = _RECORDING if timing.update else _GLANCE if then is None else None
    result, compared = measure.measure(metric, sampler, then, tolerance=timing.tolerance, plan=plan, known_s=known_s)
    if result is not None:
        yield result
    if result is None or not timing.update:
        yield compared


def _folded(findings: list[Finding]) -> Iterator[Finding]:
    """Yield the findings, those of metrics without a baseline as one."""
    missing = [finding for finding in findings if finding.code == "PRF705"]
    yield from (finding for finding in findings if finding.code != "PRF705")
    if missing:
        subjects = ", ".join(finding.subject for finding in missing)
        message = f"none yet for {subjects}; accept this run with --prodsim-update-baseline"
        yield replace(missing[0], subject="baseline", message=message)


def _imports(timing: Timing, modules: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what to time and what is left out for the sake of time: a list of the user's own is taken whole."""
    if timing.imports:
        return timing.imports, ()
    names = tuple(dict.fromkeys(modules))
    return names[:_MOST_IMPORTS], names[_MOST_IMPORTS:]


def _starter(deployed: Deployment, place: deployment.Place) -> Callable[[], float]:
    def start_once() -> float:
        try:
            return deployment.timed_start(deployed, place)
        except RuntimeError as problem:
            raise measure.NotMeasured(str(problem)) from problem

    return start_once


def _keep(shelf: Shelf, measured: list[Measured], *, update: bool) -> str:
    """Write the candidate, and with ``update`` the baseline; return what was done."""
    metrics = {each.metric: kept for each in measured if (kept := baseline.metric_from(each)) is not None}
    new = replace(shelf.now, metrics=metrics)
    baseline.save(shelf.candidate, baseline.merged(shelf.stored, new))
    if not update:
        return "" if shelf.stored is not None else f"candidate written to {shelf.shown(shelf.candidate)}"
    accepted = baseline.merged(shelf.stored, new)
    if accepted == shelf.stored:
        return f"baseline unchanged: {shelf.shown(shelf.path)}"
    baseline.save(shelf.path, accepted)
    return f"baseline stored: {shelf.shown(shelf.path)}"
