"""A suspicion against the stored ratio, confirmed beside the baseline's own artefact with the same dependencies.

Base and candidate are timed in the same rounds, so that neither the machine nor a dependency can be between them: what
is left is the change. The control in the same rounds tells whether the base itself has become slower since then.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from tox_prodsim.building import clone_env, reference_wheel
from tox_prodsim.deployment import LaunchContext
from tox_prodsim.model.errors import CloneError, ConfirmationError, MeasurementError, WheelUnavailableError
from tox_prodsim.model.events import Change, Compared, Measured
from tox_prodsim.run.context import ReferenceInputs
from tox_prodsim.timing import measure, stats
from tox_prodsim.timing import paired as pairs

LEAST_TOLERANCE = 0.05
"""What base and candidate in the same rounds can hold (measurement.md 7.2); a stored ratio needs more."""
_SINGLE = measure.Plan(least_tolerance=LEAST_TOLERANCE)


class Attribution(StrEnum):
    """What a suspicion comes down to, in the words with which the detail of the comparison begins."""

    CHANGE = "your change"
    DEPENDENCY = "a dependency got slower"
    MACHINE = "this machine differs"
    EITHER = "a dependency or this machine"
    CHANCE = "it did not repeat"
    OPEN = measure.Why.INCONCLUSIVE.value


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """The other version, installed: which one it is, and its environment."""

    artefact: reference_wheel.ReferenceWheel
    site: clone_env.Site


class Confirmation:
    """Confirms the suspicions of one run; the second environment is made for the first of them, ``close`` removes it.

    An artefact that cannot be had is asked for once; ``make`` is ``install``.
    """

    def __init__(self, reference: ReferenceInputs, make: Callable[[ReferenceInputs], Base] | None = None) -> None:
        self._reference = reference
        self._make = make or install
        self._base: Base | None = None
        self._trouble = ""

    def confirm(
        self, suspicion: measure.CandidateChange, pair: Callable[[Base], pairs.Pair], *, tolerance: float
    ) -> tuple[Measured, Compared]:
        """Return what the suspicion comes to; without a base, what fresh rounds say. Raises NotMeasured and Cancelled.

        ``pair`` makes the rounds of base and candidate. The tolerance is that of the user, not what was in force. Only
        what looks slower is confirmed beside the base.
        """
        if suspicion.judgement.outcome is Change.FASTER:
            return measure.on_fresh_rounds(suspicion)
        try:
            compared = self._beside(suspicion, self.base(), pair, max(tolerance, LEAST_TOLERANCE))
        except ConfirmationError as problem:
            measured, plain = measure.on_fresh_rounds(suspicion)
            return measured, replace(plain, detail=f"{plain.detail}; not beside the baseline's own wheel: {problem}")
        return measure.measured(suspicion.metric, suspicion.rounds), compared

    def _beside(
        self, suspicion: measure.CandidateChange, base: Base, pair: Callable[[Base], pairs.Pair], tolerance: float
    ) -> Compared:
        drawn = pair(base)
        try:
            rounds, paired = _paired(drawn, tolerance)
        except MeasurementError as problem:
            msg = f"beside {base.artefact.origin}: {problem}"
            raise ConfirmationError(msg) from problem
        then = _beside_control(drawn, pairs.BASE, suspicion.stored, tolerance)
        now = _beside_control(drawn, pairs.CANDIDATE, suspicion.stored, tolerance)
        cause = attribute_cause(paired, None if suspicion.is_open else then, self._reference)
        if cause is Attribution.OPEN and suspicion.judgement.outcome is Change.SAME:
            msg = f"beside {base.artefact.origin} the rounds cannot tell"
            raise ConfirmationError(msg)
        told, series = paired, (measure.series_of(rounds, measure.SIDE_BY_SIDE, tolerance, paired),)
        if cause in {Attribution.DEPENDENCY, Attribution.EITHER}:
            beside = drawn.beside_control(pairs.CANDIDATE)
            told, series = now, (measure.series_of(beside, suspicion.stored, now.tolerance, now),)
        words = (_why(cause, paired, then, self._reference), _beside(base, paired), suspicion.told)
        return Compared(
            metric=suspicion.metric,
            change=_CHANGES[cause],
            value_s=told.value_s,
            expected_s=told.expected_s,
            ratio=told.ratio,
            tolerance=told.tolerance,
            detail="; ".join(words),
            series=(suspicion.series, *series) if _CHANGES[cause] is not Change.UNKNOWN else (suspicion.series,),
        )

    def base(self) -> Base:
        """Return the other version, installed; raises NotConfirmed."""
        if self._trouble:
            raise ConfirmationError(self._trouble)
        if self._base is None:
            try:
                self._base = self._make(self._reference)
            except (WheelUnavailableError, CloneError) as problem:
                self._trouble = str(problem)
                raise ConfirmationError(self._trouble) from problem
        return self._base

    def close(self) -> None:
        """Remove whatever was made; idempotent."""
        self._base = None
        shutil.rmtree(self._reference.folder, ignore_errors=True)


def install(reference: ReferenceInputs, artefact: reference_wheel.ReferenceWheel | None = None) -> Base:
    """Return the wanted version, or the artefact given, in a second environment; raises Unavailable and Unclonable."""
    reference.folder.mkdir(parents=True, exist_ok=True)
    artefact = artefact or reference_wheel.obtain(reference.wanted, reference.sources)
    site = clone_env.clone(
        reference.site,
        reference.folder / "env",
        name=reference.wanted.name,
        wheel=artefact.wheel,
        runner=reference.runner,
        writes_bytecode=reference.writes_bytecode,
    )
    return Base(artefact=artefact, site=site)


def attribute_cause(pair: stats.Judgement, base: stats.Judgement | None, reference: ReferenceInputs) -> Attribution:
    """Return what slower rounds come down to: ``pair`` is the candidate by the base, ``base`` the base by its ratio.

    What did not change cannot be blamed, and where dependencies and the machine both changed neither can. Without
    ``base`` (the first series could not tell) only the change can be: the other causes would rest on one test alone.
    """
    if pair.outcome is Change.SLOWER:
        return Attribution.CHANGE
    if pair.outcome is Change.UNKNOWN:
        return Attribution.OPEN
    if base is None or base.outcome in {Change.SAME, Change.FASTER}:
        return Attribution.CHANCE
    if base.outcome is Change.UNKNOWN:
        return Attribution.OPEN if reference.dists else Attribution.CHANCE
    if reference.dists:
        return Attribution.EITHER if reference.machine else Attribution.DEPENDENCY
    return Attribution.MACHINE


_CHANGES = {
    Attribution.CHANGE: Change.SLOWER,
    Attribution.DEPENDENCY: Change.SLOWER,
    Attribution.MACHINE: Change.SAME,
    Attribution.EITHER: Change.UNKNOWN,
    Attribution.CHANCE: Change.SAME,
    Attribution.OPEN: Change.UNKNOWN,
}
"""A slower dependency makes the product slower; another machine does not."""


def side_by_side(metric: str, pair: pairs.Pair, *, tolerance: float) -> Compared:
    """Return how the candidate compares with the base on demand: slower and faster only when fresh rounds repeat it."""
    return measure.measure(metric, pair, measure.SIDE_BY_SIDE, tolerance=tolerance, plan=_SINGLE)[1]


def launch_context_of(launch_context: LaunchContext, site: clone_env.Site, base: clone_env.Site) -> LaunchContext:
    """Return the place in which the deployment of the base runs: its own scripts and Python, all else the same."""
    ours, theirs = str(site.scripts), str(base.scripts)

    def environ(values: Mapping[str, str]) -> dict[str, str]:
        variables = launch_context.environ(values)
        path = [theirs if folder == ours else folder for folder in variables["PATH"].split(os.pathsep)]
        moved = {name: str(base.prefix) for name, value in variables.items() if value == str(site.prefix)}
        return {**variables, **moved, "PATH": os.pathsep.join(path)}

    def resolve(argv: Sequence[str], key: str) -> list[str]:
        program, *arguments = launch_context.resolve(argv, key)
        inside = Path(program).parent == site.scripts
        return [str(base.scripts / Path(program).name) if inside else program, *arguments]

    return replace(launch_context, environ=environ, resolve=resolve)


def _paired(drawn: pairs.Pair, tolerance: float) -> tuple[stats.Rounds, stats.Judgement]:
    """Return what the rounds side by side say; slower only when fresh ones repeat it.

    Against a stored ratio that this machine does not share everything is suspected, so that the suspicion is no first
    stage: the bound on false alarms (measurement.md 7.2) needs two of these.
    """
    rounds, first = _judged(drawn, tolerance)
    if first.outcome is not Change.SLOWER:
        return rounds, first
    rounds, again = _judged(drawn, tolerance)
    repeated = again.outcome in {Change.SLOWER, Change.UNKNOWN}
    return rounds, again if repeated else replace(again, outcome=Change.SAME)


def _judged(drawn: pairs.Pair, tolerance: float) -> tuple[stats.Rounds, stats.Judgement]:
    stage = measure.one_stage(drawn, measure.SIDE_BY_SIDE, tolerance=tolerance, plan=_SINGLE)
    if stage.judgement is None:
        raise ConfirmationError(stage.detail)
    return stage.rounds, stage.judgement


def _beside_control(drawn: pairs.Pair, name: str, stored: stats.StoredRatio, tolerance: float) -> stats.Judgement:
    rounds = drawn.beside_control(name)
    least = max(tolerance, measure.Plan().least_tolerance)
    return stats.judge(rounds.target_s, rounds.control_s, stored.ratio, tolerance=least, rel_error=stored.rel_error)


def _why(cause: Attribution, pair: stats.Judgement, base: stats.Judgement, reference: ReferenceInputs) -> str:
    """Return the cause with what speaks for it; an inconclusive comparison begins as all of them do."""
    dists, machine = ", ".join(reference.dists), ", ".join(reference.machine)
    itself = f"the baseline's own wheel is {stats.percent(base.ratio - 1)} from what was stored"
    match cause:
        case Attribution.CHANGE:
            also = base.outcome is Change.SLOWER
            return f"{cause}; {itself}, which is not yours ({dists or machine or 'the machine'})" if also else cause
        case Attribution.DEPENDENCY:
            return f"{cause}: {dists}; {itself}, with the dependencies of today"
        case Attribution.MACHINE:
            return f"{cause} ({machine or 'nothing that is recorded changed'}); {itself}"
        case Attribution.EITHER:
            return f"{measure.Why.INCONCLUSIVE}: not your change, but {cause} ({dists}, {machine}); {itself}"
        case Attribution.CHANCE:
            return cause
        case Attribution.OPEN:
            reason = pair.reason if pair.outcome is Change.UNKNOWN else f"not your change, but {itself}: {base.reason}"
            return f"{cause}: {reason}"


def _beside(base: Base, pair: stats.Judgement) -> str:
    figures = f"{stats.percent(pair.ratio - 1)} (p {pair.p:.3f}, {pair.rounds} rounds)"
    return f"beside {base.artefact.origin}, same dependencies: {figures}"
