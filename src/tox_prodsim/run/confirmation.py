"""A change against the stored ratio, confirmed with the baseline's own artefact and the same dependencies.

Base and candidate are timed in the same rounds, so that neither the machine nor a dependency can be between them: what
is left is the change. The control in the same rounds shows whether the base itself has become slower since then.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import partial
from pathlib import Path

from tox_prodsim.building import base_requirements, clone_env, reference_wheel
from tox_prodsim.checks import artifact
from tox_prodsim.deployment import LaunchContext
from tox_prodsim.model.activity import Activity, Announce, unannounced
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import (
    CloneError,
    ConfirmationError,
    MeasurementError,
    ProdsimError,
    ReleaseRefusedError,
    WheelUnavailableError,
)
from tox_prodsim.model.events import Change, Compared, Measured, Series, UnknownReason
from tox_prodsim.model.formatting import listed
from tox_prodsim.model.metrics import Metric
from tox_prodsim.model.runner import BoundedCall
from tox_prodsim.run.context import ReferenceInputs
from tox_prodsim.timing import measure, stats
from tox_prodsim.timing.baseline import EnvironmentChanges
from tox_prodsim.timing.measure import SIDE_BY_SIDE, CandidateChange
from tox_prodsim.timing.paired import BASE, CANDIDATE, PairedSampler

_MOST_OWN = 4
"""So many of the requirements that only the base has are named."""
LEAST_TOLERANCE = 0.05
"""What base and candidate in the same rounds can hold (measurement.md 7.2); a stored ratio needs more."""
_SIDE_BY_SIDE_PLAN = measure.Plan(least_tolerance=LEAST_TOLERANCE)


class Attribution(StrEnum):
    """What a candidate change comes down to; the detail of the comparison begins with this text."""

    CHANGE = "your change"
    DEPENDENCY = "a dependency got slower"
    MACHINE = "this machine differs"
    EITHER = "a dependency or this machine"
    CHANCE = "it did not repeat"
    OPEN = UnknownReason.INCONCLUSIVE.value


@dataclass(frozen=True, kw_only=True, slots=True)
class BaseInstall:
    """The other version, installed: which one it is, and its environment."""

    artefact: reference_wheel.ReferenceWheel
    site: clone_env.Site
    own: tuple[str, ...] = ()
    """What it requires and the environment under test does not have, as ``name version``."""


SamplerFor = Callable[[BaseInstall], PairedSampler]
"""Returns what times base and candidate in the same rounds."""


class Confirmation:
    """Confirms the changes of one run; the second environment is made for the first of them, ``close`` removes it.

    An artefact that cannot be had is looked for once.
    """

    def __init__(
        self,
        reference: ReferenceInputs,
        install: Callable[[ReferenceInputs], BaseInstall] | None = None,
        *,
        announce: Announce = unannounced,
    ) -> None:
        self._announce = announce
        self._reference = reference
        self._install = install or install_base
        self._base: BaseInstall | None = None
        self._failure = reference.off
        self.refused = ""
        """Why the release of the index was neither installed nor run; empty: it was not refused."""

    def confirm(
        self, suspected: CandidateChange, sampler_for: SamplerFor, *, tolerance: float
    ) -> tuple[Measured, Compared]:
        """Return what the change comes to; without a base, what fresh rounds say.

        The tolerance is that of the user, not what was in force. Only what looks slower is confirmed beside the base.
        Raises MeasurementError and Cancelled.
        """
        if suspected.judgement.outcome is Change.FASTER:
            return measure.on_fresh_rounds(suspected)
        try:
            base = self.base(suspected.sampler.plan.left_s())
            announce = partial(self._announce_round, str(suspected.metric))
            side = _SideBySide(max(tolerance, LEAST_TOLERANCE), _plan_within(suspected.sampler.plan), announce)
            rounds = _take_rounds(sampler_for(base), base, suspected.stored, side)
            compared = _compared(suspected, base, rounds, self._reference)
        except ConfirmationError as problem:
            measured, plain = measure.on_fresh_rounds(suspected)
            return measured, replace(plain, detail=f"{plain.detail}; not beside the baseline's own wheel: {problem}")
        return measure.measured(suspected.metric, suspected.rounds), compared

    def _announce_round(self, name: str, activity: Activity) -> None:
        self._announce(replace(activity, text=f"{name} beside the baseline's own wheel: {activity.text}"))

    def base(self, within_s: float = math.inf) -> BaseInstall:
        """Return the other version, installed within this time; raises ConfirmationError."""
        if self._failure:
            raise ConfirmationError(self._failure)
        if self._base is None:
            limit_s = None if math.isinf(within_s) else within_s
            self._announce(Activity(text="installing the wheel of the baseline beside it", limit_s=limit_s))
            self._reference.limit.end_in(within_s)
            try:
                self._base = self._install(self._reference)
            except (WheelUnavailableError, CloneError) as problem:
                self._failure = str(problem)
                self.refused = self._failure if isinstance(problem, ReleaseRefusedError) else ""
                raise ConfirmationError(self._failure) from problem
        return self._base

    def close(self) -> None:
        """Remove whatever was made; idempotent."""
        self._base = None
        shutil.rmtree(self._reference.folder, ignore_errors=True)


def install_base(reference: ReferenceInputs, artefact: reference_wheel.ReferenceWheel | None = None) -> BaseInstall:
    """Return the version of the spec, or the artefact given, in a second environment.

    Raises WheelUnavailableError and CloneError.
    """
    reference.folder.mkdir(parents=True, exist_ok=True)
    artefact = artefact or reference_wheel.obtain(reference.spec, reference.sources)
    wheel = _read(artefact.wheel, reference.call)
    site = clone_env.clone(
        reference.site,
        reference.folder / "env",
        name=reference.spec.name,
        wheel=clone_env.OtherWheel(path=wheel.path, commands=wheel.scripts),
        runner=reference.runner,
        call=reference.call,
        writes_bytecode=reference.writes_bytecode,
    )
    own: tuple[str, ...] = ()
    if reference.requirements is not None:
        own = base_requirements.install(
            reference.requirements, wheel.requires, site, reference.runner, call=reference.call
        )
    return BaseInstall(artefact=artefact, site=site, own=own)


def _read(path: Path, call: BoundedCall) -> artifact.Wheel:
    """Return what the other wheel says of itself, within the limits of the wheel under test; raises CloneError."""
    try:
        return artifact.read_bounded(call, artifact.open_wheel, path)
    except ProdsimError as problem:
        raise CloneError(problem.message) from problem


@dataclass(frozen=True, kw_only=True, slots=True)
class _PairedRounds:
    """Rounds of base, candidate and control, and what they say."""

    series: Series
    """The rounds of candidate and base that decided."""
    pair: stats.Judgement
    """The candidate against the base."""
    base: stats.Judgement
    """The base against its stored ratio."""
    candidate: stats.Judgement
    """The candidate against the stored ratio."""
    candidate_series: Series


@dataclass(frozen=True, slots=True)
class _SideBySide:
    """How rounds of both versions are taken."""

    tolerance: float
    plan: measure.Plan
    announce: Announce


def _plan_within(plan: measure.Plan) -> measure.Plan:
    """Return the plan of rounds side by side, in the time of another plan."""
    return replace(_SIDE_BY_SIDE_PLAN, left_s=plan.left_s, longer=plan.longer)


def _take_rounds(
    sampler: PairedSampler, base: BaseInstall, stored: stats.StoredRatio, side: _SideBySide
) -> _PairedRounds:
    """Return what rounds of both versions say; raises ConfirmationError when the base does not work."""
    tolerance = side.tolerance
    try:
        rounds, pair = _repeated(sampler, side)
    except MeasurementError as problem:
        msg = f"beside {base.artefact.origin}: {problem}"
        raise ConfirmationError(msg) from problem
    least = max(tolerance, measure.Plan().least_tolerance)
    candidate_rounds = sampler.against_control(CANDIDATE)
    candidate = measure.judge(candidate_rounds, stored, least)
    return _PairedRounds(
        series=measure.series_of(rounds, SIDE_BY_SIDE, tolerance, pair),
        pair=pair,
        base=measure.judge(sampler.against_control(BASE), stored, least),
        candidate=candidate,
        candidate_series=measure.series_of(candidate_rounds, stored, candidate.tolerance, candidate),
    )


def _compared(
    suspected: CandidateChange, base: BaseInstall, rounds: _PairedRounds, reference: ReferenceInputs
) -> Compared:
    """Return the comparison that rounds of both versions come to; raises ConfirmationError when they cannot decide."""
    attribution = attribute_cause(
        rounds.pair, None if suspected.is_open or suspected.stored.is_weak else rounds.base, reference.changes
    )
    if attribution is Attribution.OPEN and suspected.judgement.outcome is Change.SAME:
        msg = f"beside {base.artefact.origin} the rounds are inconclusive"
        raise ConfirmationError(msg)
    decided, series = rounds.pair, rounds.series
    if attribution in {Attribution.DEPENDENCY, Attribution.EITHER}:
        decided, series = rounds.candidate, rounds.candidate_series
    change = _CHANGES[attribution]
    reason = _reason(attribution, rounds, reference.changes, own=base.own)
    details = (reason, _figures(base, rounds.pair), suspected.summary)
    return Compared(
        metric=suspected.metric,
        change=change,
        value_s=decided.value_s,
        expected_s=decided.expected_s,
        ratio=decided.ratio,
        tolerance=decided.tolerance,
        detail="; ".join(details),
        series=(suspected.series,) if change is Change.UNKNOWN else (suspected.series, series),
        reason=UnknownReason.INCONCLUSIVE if change is Change.UNKNOWN else None,
    )


def attribute_cause(pair: stats.Judgement, base: stats.Judgement | None, changes: EnvironmentChanges) -> Attribution:
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
        return Attribution.OPEN if changes.dists else Attribution.CHANCE
    if changes.dists:
        return Attribution.EITHER if changes.machine else Attribution.DEPENDENCY
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


def side_by_side(
    metric: Metric, sampler: PairedSampler, *, tolerance: float, announce: Announce = unannounced
) -> Compared:
    """Return how the candidate compares with the base on demand: slower and faster only when fresh rounds repeat it."""
    plan = _SIDE_BY_SIDE_PLAN
    return measure.measure(metric, sampler, SIDE_BY_SIDE, tolerance=tolerance, plan=plan, announce=announce)[1]


def launch_context_of(launch_context: LaunchContext, site: clone_env.Site, base: clone_env.Site) -> LaunchContext:
    """Return how the deployment of the base is started: with its own scripts and Python, all else the same."""
    own_scripts, base_scripts = str(site.scripts), str(base.scripts)

    def environ(values: Mapping[str, str]) -> dict[str, str]:
        variables = launch_context.environ(values)
        path = [base_scripts if folder == own_scripts else folder for folder in variables["PATH"].split(os.pathsep)]
        moved = {name: str(base.prefix) for name, value in variables.items() if value == str(site.prefix)}
        return {**variables, **moved, "PATH": os.pathsep.join(path)}

    def resolve(argv: Sequence[str], key: str) -> list[str]:
        program, *arguments = launch_context.resolve(argv, key)
        inside = Path(program).parent == site.scripts
        return [str(base.scripts / Path(program).name) if inside else program, *arguments]

    return replace(launch_context, environ=environ, resolve=resolve)


def _repeated(sampler: PairedSampler, side: _SideBySide) -> tuple[stats.Rounds, stats.Judgement]:
    """Return what the rounds side by side say; slower only when fresh ones repeat it.

    Against a stored ratio that this machine does not share everything looks slower, so that the first series is not the
    first stage of a test: the bound on false alarms (measurement.md 7.2) needs two of these.
    """
    rounds, first = _side_by_side_series(sampler, side)
    if first.outcome is not Change.SLOWER:
        return rounds, first
    rounds, again = _side_by_side_series(sampler, side)
    repeated = again.outcome in {Change.SLOWER, Change.UNKNOWN}
    return rounds, again if repeated else replace(again, outcome=Change.SAME)


def _side_by_side_series(sampler: PairedSampler, side: _SideBySide) -> tuple[stats.Rounds, stats.Judgement]:
    result = measure.take_series(
        sampler, SIDE_BY_SIDE, tolerance=side.tolerance, plan=side.plan, announce=side.announce
    )
    if result.judgement is None:
        raise ConfirmationError(result.detail)
    return result.rounds, result.judgement


def _reason(attribution: Attribution, rounds: _PairedRounds, changes: EnvironmentChanges, *, own: Sequence[str]) -> str:
    """Return the attribution with what speaks for it; an inconclusive comparison begins as all of them do."""
    pair, base = rounds.pair, rounds.base
    dists, machine = ", ".join(changes.dists), ", ".join(changes.machine)
    itself = f"the baseline's own wheel is {stats.percent(base.ratio - 1)} from what was stored"
    match attribution:
        case Attribution.CHANGE:
            foreign = f"; {itself}, which is not yours ({dists or machine or 'the machine'})"
            required = f", with other requirements than then ({dists or listed(own, _MOST_OWN)})" if own else ""
            return attribution + required + (foreign if base.outcome is Change.SLOWER else "")
        case Attribution.DEPENDENCY:
            return f"{attribution}: {dists}; {itself}, with the dependencies of today"
        case Attribution.MACHINE:
            return f"{attribution} ({machine or 'nothing that is recorded changed'}); {itself}"
        case Attribution.EITHER:
            return f"{Attribution.OPEN}: not your change, but {attribution} ({dists}, {machine}); {itself}"
        case Attribution.CHANCE:
            return attribution
        case Attribution.OPEN:
            reason = pair.reason if pair.outcome is Change.UNKNOWN else f"not your change, but {itself}: {base.reason}"
            return f"{attribution}: {reason}"


def _figures(base: BaseInstall, pair: stats.Judgement) -> str:
    figures = f"{stats.percent(pair.ratio - 1)} (p {pair.p:.3f}, {pair.rounds} rounds)"
    dependencies = f"with its own {listed(base.own, _MOST_OWN)}" if base.own else "same dependencies"
    return f"beside {base.artefact.origin}, {dependencies}: {figures}"
