"""The first series of each metric of a run: all imports in the same rounds, then the start-up, within the time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from tox_prodsim.model.activity import Announce
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import MeasurementError
from tox_prodsim.model.events import Compared, Measured
from tox_prodsim.model.metrics import START_UP, Metric
from tox_prodsim.run.step_time import StepTime, share
from tox_prodsim.timing import baseline, measure, sampling, series, stats
from tox_prodsim.timing.series import CappedSampler, Plan, RoundAnnouncer, SeriesResult
from tox_prodsim.timing.stats import Rounds, StoredRatio
from tox_prodsim.timing.together import Candidate, FirstSeries, SeriesLimits

_CONTROL_S = 0.3
"""What the control takes with its interpreter, on a machine that is not quiet."""
_STOP_S = 0.3
_UNCOMPILED = 4
"""So many times longer an import takes without bytecode (measurement.md 2.5)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FirstResult:
    """What the first series of a metric came to: a result, or why there is none."""

    metric: Metric
    stored: StoredRatio | None
    plan: Plan
    tolerance: float
    """The one in force."""
    sample: sampling.Sampler
    round_s: float = 0.0
    result: SeriesResult | None = None
    unknown: Compared | None = None
    """The comparison when there is no result."""

    @property
    def needs_confirmation(self) -> bool:
        """Return whether there is something to confirm."""
        judgement = self.result.judgement if self.result is not None else None
        return judgement is not None and measure.needs_confirmation(judgement)

    def settled(
        self, left_s: Callable[[], float], confirm: measure.Confirm, announce: Announce
    ) -> tuple[Measured | None, Compared]:
        """Return what it comes to, confirmed where it has to be; ``left_s`` is the time of a confirmation."""
        if self.result is None:
            return None, self._unknown
        plan = replace(self.plan, left_s=left_s)
        told = RoundAnnouncer(str(self.metric), announce)
        sampler = CappedSampler(self.sample, plan, StepTime.now, told, self.round_s)
        try:
            return measure.settle(self.metric, self.result, sampler, self.stored, self.tolerance, confirm=confirm)
        except MeasurementError as problem:
            return None, measure.not_measured(self.metric, problem, self.tolerance)

    @property
    def _unknown(self) -> Compared:
        if self.unknown is None:
            msg = f"{self.metric} has neither a result nor a reason"
            raise ValueError(msg)
        return self.unknown


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricPlans:
    """How each metric is measured: against what is stored, or for a baseline."""

    stored: baseline.Baseline | None
    """None: there is none, or it is to be replaced."""
    recording: bool
    absent: str
    """Of what there is no baseline, when a metric has none."""
    tolerance: float
    time: StepTime

    def stored_ratio(self, metric: Metric) -> StoredRatio | None:
        """Return the ratio to compare with."""
        return self.stored.stored(metric) if self.stored is not None else None

    def plan(self, stored: StoredRatio | None) -> Plan:
        """Return when to look at the rounds of a metric."""
        kind = series.RECORDING if self.recording else series.CANDIDATE if stored is None else Plan()
        return replace(kind, cap_s=self.time.total_s, absent=self.absent, longer=self.time.longer)

    def candidate(self, metric: Metric) -> Candidate:
        """Return one import, of which nothing is known yet."""
        stored = self.stored_ratio(metric)
        plan = self.plan(stored)
        return Candidate(metric=metric, stored=stored, plan=plan, tolerance=max(self.tolerance, plan.least_tolerance))


def of_imports(
    names: Sequence[str],
    plans: MetricPlans,
    known: Mapping[str, stats.Sample],
    imports: sampling.SharedImports,
    announce: Announce,
    *,
    later_s: float,
) -> list[FirstResult]:
    """Return what the imports came to in the same rounds; ``known`` are their first times.

    ``later_s`` is what the start-up needs of the time after them.
    """
    candidates = [plans.candidate(Metric.of_import(name)) for name in names]
    own_s = sum(map(_sample_s, known.values())) + _CONTROL_S
    need_s = own_s * max((_needed(each.plan) for each in candidates), default=0)
    limits = SeriesLimits(
        least_s=share(need_s, later_s, plans.time.least_s), looks_s=share(need_s, later_s, plans.time.looks_s)
    )
    FirstSeries(candidates, imports, limits, announce).run()
    return [_of_candidate(each, imports) for each in candidates]


def _sample_s(first: stats.Sample) -> float:
    """Return about what a sample takes with its interpreter, from the first time of the import."""
    return 0.1 + first.wall_s / (_UNCOMPILED if first.uncompiled else 1)


def _of_candidate(each: Candidate, imports: sampling.SharedImports) -> FirstResult:
    failed = measure.not_measured(each.metric, each.failure, each.tolerance) if each.failure is not None else None
    return FirstResult(
        metric=each.metric,
        stored=each.stored,
        plan=each.plan,
        tolerance=each.tolerance,
        sample=imports.sampler(each.module),
        round_s=each.cost_s,
        result=each.result,
        unknown=failed,
    )


def starts_need_s(plans: MetricPlans, start_s: float, made: Rounds) -> float:
    """Return about what the starts take that must still be made, from what one start took."""
    plan = plans.plan(plans.stored_ratio(START_UP))
    return max(0, _needed(plan) - len(made)) * _start_round_s(start_s)


def _needed(plan: Plan) -> int:
    """Return how many rounds there should be at least."""
    return series.RECORD_ROUNDS if plan.recording else plan.least


def _start_round_s(start_s: float) -> float:
    return start_s + _STOP_S + _CONTROL_S


def of_starts(
    sample: sampling.Sampler, plans: MetricPlans, start_s: float | None, made: Rounds, announce: Announce
) -> FirstResult:
    """Return what the start-up came to: rounds of starts that were made are counted before new ones are made.

    ``start_s`` is what a start took; None: there was none, so the first of the new ones is not counted.
    """
    stored = plans.stored_ratio(START_UP)
    plan = plans.plan(stored)
    round_s = _start_round_s(start_s) if start_s is not None else 0.0
    cap_s = plans.time.series_s(round_s * max(0, plan.least - len(made)))
    plan = replace(plan, cap_s=cap_s)
    tolerance = max(plans.tolerance, plan.least_tolerance)
    first = FirstResult(metric=START_UP, stored=stored, plan=plan, tolerance=tolerance, sample=sample, round_s=round_s)
    if start_s is not None and round_s * (plan.least - len(made)) > cap_s:
        return replace(first, unknown=measure.not_started(START_UP, start_s, plan, tolerance))
    capped = CappedSampler(sample, plan, StepTime.now, RoundAnnouncer(str(START_UP), announce), round_s)
    try:
        result = series.take(capped, stored, tolerance, None if start_s is None else made)
    except MeasurementError as problem:
        return replace(first, unknown=measure.not_measured(START_UP, problem, tolerance, start_s or 0.0))
    return replace(first, result=result, round_s=capped.round_s)
