"""The step ``compare``: time imports and start-up, compare with the baseline, keep what could become the next one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tox_prodsim import baseline, deployment, measure
from tox_prodsim.artifact import Wheel
from tox_prodsim.events import Event, Found, Measured, Outcome, Step, StepFinished, StepStarted
from tox_prodsim.scenario import Deployment, Timing

_ALONE = threading.Lock()
"""Environments of ``tox run-parallel`` are threads of one process: two at once would measure each other."""
_MOST_IMPORTS = 4
_RECORDING = measure.Plan(looks=(16,))


@dataclass(frozen=True, kw_only=True, slots=True)
class Shelf:
    """Where baselines are: the stored one (None: there is none), its place, the candidate's, and what is known now."""

    stored: baseline.Baseline | None
    path: Path
    candidate: Path
    now: baseline.Baseline


def compare(
    timing: Timing,
    wheel: Wheel,
    shelf: Shelf,
    place: deployment.Place,
    *,
    runner: measure.Runner,
    python: Path,
    deployed: Deployment | None,
) -> Iterator[Event]:
    """Yield what was measured, and what it means; raises ProdsimError when the accepted baseline cannot be stored."""
    began = time.monotonic()
    yield StepStarted(step=Step.COMPARE, detail=str(shelf.path))
    names, left_out = _imports(timing, wheel)
    samplers = {f"import {name}": measure.import_sampler(name, python=python, runner=runner) for name in names}
    if deployed is not None and timing.startup:
        start_once = _starter(deployed, place)
        samplers[measure.START_UP] = measure.start_sampler(start_once, python=python, runner=runner)
    measured: list[Measured] = []
    with _ALONE:
        for metric, sampler in samplers.items():
            yield from _one(metric, sampler, timing, shelf, measured)
    detail = _keep(shelf, measured, update=timing.update)
    more = f"; not timed: {', '.join(left_out)}" if left_out else ""
    yield StepFinished(
        step=Step.COMPARE,
        outcome=Outcome.OK if measured else Outcome.NOT_CHECKED,
        detail=(detail if measured else "nothing could be measured") + more,
        duration_s=time.monotonic() - began,
    )


def _one(
    metric: str, sampler: measure.Sampler, timing: Timing, shelf: Shelf, measured: list[Measured]
) -> Iterator[Event]:
    stored = shelf.stored.stored(metric) if shelf.stored is not None else None
    plan = _RECORDING if timing.update else None
    result, compared = measure.measure(
        metric, sampler, None if timing.update else stored, tolerance=timing.tolerance, plan=plan
    )
    if result is not None:
        measured.append(result)
        yield result
    if timing.update and result is not None:
        return
    yield compared
    finding = measure.finding_for(compared)
    if finding is not None:
        yield Found(finding=finding)


def _imports(timing: Timing, wheel: Wheel) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what to time and what is left out for the sake of time: a list of the user's own is taken whole."""
    if timing.imports:
        return timing.imports, ()
    names = tuple(dict.fromkeys([*wheel.top_levels, *wheel.console_modules]))
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
        return "" if shelf.stored is not None else f"candidate written to {shelf.candidate}"
    accepted = baseline.merged(shelf.stored, new)
    if accepted == shelf.stored:
        return f"baseline unchanged: {shelf.path}"
    baseline.save(shelf.path, accepted)
    return f"baseline stored: {shelf.path}"
