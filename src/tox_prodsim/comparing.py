"""The step ``compare``: time imports and start-up, compare with the baseline, keep what could become the next one."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from tox_prodsim import confirming, deployment, explaining, limits, timing
from tox_prodsim.events import (
    Change,
    Compared,
    Event,
    Found,
    Happened,
    Measured,
    Outcome,
    Step,
    StepFinished,
    StepStarted,
    Told,
)
from tox_prodsim.explaining import Named, Recorded
from tox_prodsim.findings import Finding
from tox_prodsim.limits import Took
from tox_prodsim.running import Runner
from tox_prodsim.scenario import Deployment, Timing
from tox_prodsim.timing import baseline, measure, sampling, stats

_ALONE = threading.Lock()
"""Environments of ``tox run-parallel`` are threads of one process: two at once would measure each other."""
_MOST_IMPORTS = 4
_RECORDING = measure.Plan(recording=True)
_GLANCE = measure.Plan(looks=(8,))
"""Nothing is to be decided: enough rounds for a candidate, and no more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shelf:
    """Where baselines are: the stored one (None: there is none), its place, the candidate's, and what is known now.

    ``wheels`` is where the wheels of baselines are kept.
    """

    stored: baseline.Baseline | None
    path: Path
    candidate: Path
    now: baseline.Baseline
    root: Path
    wheels: Path

    def shown(self, path: Path) -> str:
        """Return a path as the user knows it: below the tox root without the root."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)

    def source(self, file: str) -> str:
        """Return where the user has an installed file: below the tox root, when there is one of this name."""
        found = (folder for folder in ("src", ".") if (self.root / folder / file).is_file())
        return next((str(Path(folder, file)) for folder in found), file)

    def having_imported(self, modules: Collection[str], *, descriptors: int | None = None) -> Shelf:
        """Return the shelf that knows which modules were imported, and how many descriptors that left open."""
        held = self.now.contents
        if held is None:
            return self
        held = replace(held, imported=held.modules.intersection(modules), descriptors=descriptors)
        return replace(self, now=replace(self.now, contents=held))

    @property
    def imported_then(self) -> frozenset[str]:
        """Return the modules that imported when the baseline was stored; nothing without one."""
        then = self.stored.contents if self.stored is not None else None
        return then.imported if then is not None else frozenset()

    @property
    def other_cpu(self) -> str:
        """Return the CPU of the baseline and this one, or nothing when they are the same or not known."""
        then = self.stored.machine.get("cpu") if self.stored is not None else None
        now = self.now.machine.get("cpu")
        return f"{then}, here {now}" if then and now and then != now else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Interpreter:
    """The environment's Python, how something is run there, and how a suspicion can be confirmed (None: not at all)."""

    python: Path
    runner: Runner
    means: confirming.Means | None = None


def first_imports(wanted: Timing, modules: Sequence[str], within: Interpreter) -> Mapping[str, timing.Sample]:
    """Return what each timed import takes for the first time, with the bytecode that the installer has left.

    It is empty where an import fails: that is told by those who check it.
    """
    names, _ = _imports(wanted, modules)
    try:
        with _ALONE:
            return sampling.first_imports(names, python=within.python, runner=within.runner)
    except sampling.NotMeasured:
        return {}


def compare(
    wanted: Timing,
    modules: Sequence[str],
    shelf: Shelf,
    place: deployment.Place,
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
    yield StepStarted(step=Step.COMPARE, detail=_origin(wanted, shelf))
    yield from _as_installed(first, start_s)
    names, left_out = _imports(wanted, modules)
    samplers = {
        f"import {name}": sampling.import_sampler(name, python=within.python, runner=within.runner) for name in names
    }
    if deployed is not None and wanted.startup:
        start_once = _starter(deployed, place)
        samplers[measure.START_UP] = sampling.start_sampler(start_once, python=within.python, runner=within.runner)
    with _ALONE:
        recorded = explaining.recorded(names, python=within.python, runner=within.runner)
    series = _Series(wanted, shelf, within, recorded)
    with _ALONE, closing(series):
        for metric, sampler in samplers.items():
            yield from series.one(metric, sampler, start_s if metric == measure.START_UP else None)
    stored = None if wanted.update else shelf.stored
    yield from (Found(finding=finding) for finding in _folded([*series.findings, *_outdated(wanted, shelf)]))
    for broken in limits.broken(wanted.budgets, series.took, recorded, stored, shelf.source):
        yield Found(finding=broken.finding)
        if broken.lines:
            yield Told(step=Step.COMPARE, title=f"{broken.finding.subject}, {broken.finding.code}", lines=broken.lines)
    done = keep(shelf, series.measured, recorded.work if not recorded.missing else None, update=wanted.update)
    detail = done if series.measured else "; ".join(filter(None, ("nothing measured", done)))
    yield StepFinished(
        step=Step.COMPARE,
        outcome=Outcome.OK if series.measured else Outcome.NOT_CHECKED,
        detail=f"{detail}; not timed: {', '.join(left_out)}" if left_out else detail,
        duration_s=time.monotonic() - began,
        not_checked=() if wanted.update else tuple(limits.unchecked(wanted.budgets, recorded, shelf.stored)),
    )


def _origin(wanted: Timing, shelf: Shelf) -> str:
    shown = shelf.shown(shelf.path)
    if wanted.update:
        return f"measuring anew for {shown}"
    if shelf.stored is None:
        return f"no baseline yet ({shown})"
    _, changed = confirming.differences(shelf.stored, shelf.now, "")  # of the packages the installation tells
    more = f"; since then: {', '.join(changed)}" if changed else ""
    return f"with {shown}, version {shelf.stored.built.version} of {shelf.stored.built.created}{more}"


def _as_installed(first: Mapping[str, timing.Sample], start_s: float | None) -> Iterator[Happened]:
    """Yield what the first imports and the first start took, where the installer compiled no bytecode for them."""
    bare = {name: sample for name, sample in first.items() if sample.uncompiled}
    for name, sample in bare.items():
        state = f"import {name} as installed: {sample.uncompiled} modules have no bytecode yet"
        yield Happened(step=Step.COMPARE, at_s=sample.wall_s, what="first", detail=state)
    if bare and start_s is not None:
        yield Happened(step=Step.COMPARE, at_s=start_s, what="first", detail="start-up as installed")


class _Series:
    """Takes the metrics one after the other, and keeps what they came to."""

    def __init__(self, wanted: Timing, shelf: Shelf, within: Interpreter, recorded: Recorded) -> None:
        self.measured: list[Measured] = []
        self.findings: list[Finding] = []
        self.took: dict[str, Took] = {}
        self._wanted = wanted
        self._shelf = shelf
        self._within = within
        self._recorded = recorded
        self._confirmation = confirming.Confirmation(within.means) if within.means is not None else None

    def close(self) -> None:
        """Remove the second environment, if one was made."""
        if self._confirmation is not None:
            self._confirmation.close()

    def one(self, metric: str, sampler: sampling.Sampler, known_s: float | None) -> Iterator[Event]:
        """Yield the measurement of one metric, and how it compares; for a new baseline there is nothing to compare."""
        update, stored = self._wanted.update, self._shelf.stored
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

    def _confirm(self, suspicion: measure.Suspicion) -> tuple[Measured | None, Compared]:
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

    def _pair(self, module: str, base: confirming.Base) -> timing.pairs.Pair:
        """Return the rounds of importing a module from both versions."""
        within = self._within
        return timing.pairs.imports(module, python=within.python, base_python=base.site.python, runner=within.runner)

    def _explained(self, compared: Compared) -> Iterator[Event]:
        """Yield the comparison with its cause, when it is an import that changed, and keep its finding."""
        named: Named | None = None
        if compared.change is Change.SLOWER and compared.metric != measure.START_UP:
            module = compared.metric.removeprefix("import ")
            named = explaining.named(
                compared, self._shelf.stored, module, python=self._within.python, runner=self._within.runner
            )
        if named is not None:
            compared = replace(compared, cause=named.sentence)
            yield Told(step=Step.COMPARE, title=f"{compared.metric}, slower by", lines=named.lines)
        if compared.change is Change.FASTER and compared.metric != measure.START_UP:
            compared = replace(compared, cause=explaining.gained(self._shelf.stored, self._recorded))
        finding = timing.finding_for(
            compared,
            cause=named.cause if named is not None else None,
            other_cpu=self._shelf.other_cpu,
            source=self._shelf.source,
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


def _outdated(wanted: Timing, shelf: Shelf) -> Iterator[Finding]:
    if shelf.stored is None or wanted.update:
        return
    days = baseline.outdated_days(shelf.stored, shelf.now.built.created)
    if days is not None:
        yield timing.outdated(days, shelf.stored.built.created)


def _imports(wanted: Timing, modules: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what to time and what is left out for the sake of time: a list of the user's own is taken whole."""
    if wanted.imports:
        return wanted.imports, ()
    names = tuple(dict.fromkeys(modules))
    return names[:_MOST_IMPORTS], names[_MOST_IMPORTS:]


def _starter(deployed: Deployment, place: deployment.Place) -> Callable[[], float]:
    def start_once() -> float:
        try:
            return deployment.timed_start(deployed, place)
        except RuntimeError as problem:
            raise sampling.NotMeasured(str(problem)) from problem

    return start_once


def keep(shelf: Shelf, measured: Sequence[Measured] = (), work: timing.Work | None = None, *, update: bool) -> str:
    """Write the candidate, and with ``update`` the baseline; return what was done.

    What the release holds is kept although nothing was measured. Raises ProdsimError when it cannot be stored.
    """
    metrics = {each.metric: kept for each in measured if (kept := baseline.metric_from(each)) is not None}
    held = shelf.now.contents
    new = replace(shelf.now, metrics=metrics, work=work, contents=held.folded() if held is not None else None)
    accepted = baseline.merged(shelf.stored, new)
    baseline.save(shelf.candidate, replace(accepted, env=shelf.now.env))
    if not update:
        return "" if shelf.stored is not None else f"candidate written to {shelf.shown(shelf.candidate)}"
    if accepted == shelf.stored:
        return f"baseline unchanged: {shelf.shown(shelf.path)}"
    baseline.save(shelf.path, accepted)
    timing.artefacts.accept(accepted.built.wheel_sha256, shelf.wheels)
    return f"baseline stored: {shelf.shown(shelf.path)}"
