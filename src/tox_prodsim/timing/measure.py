"""Times imports and starts beside a control, and compares them with a stored ratio.

A sampler gives fresh interleaved rounds on demand; ``measure`` asks for as many as the rule of ``stats`` needs, within
a cap, and has a change confirmed before it is a verdict. Every series that was judged is kept with the comparison,
so that the verdict can be replayed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from tox_prodsim.model.activity import Announce, unannounced
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import MeasurementError
from tox_prodsim.model.events import Change, Compared, Measured, Series, UnknownReason
from tox_prodsim.model.formatting import joined
from tox_prodsim.model.metrics import Metric
from tox_prodsim.timing import stats
from tox_prodsim.timing.sampling import CONTROL, Sampler
from tox_prodsim.timing.series import (
    CappedSampler,
    Plan,
    RoundAnnouncer,
    SeriesResult,
    format_seconds,
    judge,
    take,
    too_slow,
)
from tox_prodsim.timing.stats import NO_ROUNDS, Judgement, Rounds, StoredRatio, percent

__all__ = [
    "SIDE_BY_SIDE",
    "CandidateChange",
    "Confirm",
    "Plan",
    "format_seconds",
    "judge",
    "measure",
    "measured",
    "on_fresh_rounds",
    "replayed",
    "series_of",
    "settle",
    "take_series",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class CandidateChange:
    """A first series that says slower or faster and has to be confirmed, or one that only looks slower."""

    metric: Metric
    rounds: Rounds
    """Those of the first series."""
    judgement: Judgement
    stored: StoredRatio
    """The baseline."""
    tolerance: float
    """0.1 is 10 %."""
    sampler: CappedSampler
    """Takes the rounds of the confirmation."""
    longer: str = ""
    """How much longer the first series would need, as text; empty: its time did not end it."""

    @property
    def series(self) -> Series:
        """Return the series as it was judged."""
        return series_of(self.rounds, self.stored, self.tolerance, self.judgement)

    @property
    def summary(self) -> str:
        """Return for example ``first +12 % in 8 rounds``."""
        return f"first {percent(self.judgement.ratio - 1)} in {self.judgement.rounds} rounds"

    @property
    def is_open(self) -> bool:
        """Return whether the first series only looks slower."""
        return self.judgement.outcome in {Change.UNKNOWN, Change.SAME}


_ACCEPT = "--prodsim-update-baseline"
SIDE_BY_SIDE = StoredRatio(ratio=1.0, rel_error=0.0, control=CONTROL, clock="")
"""What two versions are judged against that take the places of target and control: it holds by any clock."""
Confirm = Callable[[CandidateChange], tuple[Measured | None, Compared]]
"""Returns what a candidate change comes to; raises MeasurementError."""


def on_fresh_rounds(suspected: CandidateChange) -> tuple[Measured, Compared]:
    """Return what fresh rounds with the control say: only the same outcome again is a change.

    A series that only looks slower took all the time it needed, and more of the same would not tell either.
    """
    if suspected.is_open:
        first = SeriesResult(rounds=suspected.rounds, judgement=suspected.judgement, longer=suspected.longer)
        compared = _compared(suspected.metric, first, suspected.stored, suspected.tolerance)
        return measured(suspected.metric, first.rounds), compared
    if suspected.stored.is_weak:
        return measured(suspected.metric, suspected.rounds), _too_few_stored(suspected)
    again = take(suspected.sampler, suspected.stored, suspected.tolerance, NO_ROUNDS)
    rounds = again.rounds if again.judgement is not None else suspected.rounds
    return measured(suspected.metric, rounds), _confirmed(suspected, again)


def measure(
    metric: Metric,
    sampler: Sampler,
    stored: StoredRatio | None,
    *,
    tolerance: float,
    plan: Plan | None = None,
    clock: Callable[[], float] = time.monotonic,
    known_s: float | None = None,
    confirm: Confirm = on_fresh_rounds,
    announce: Announce = unannounced,
) -> tuple[Measured | None, Compared]:
    """Return what was measured (None: nothing, the comparison says why) and how it compares.

    ``known_s`` is what one sample is already known to take: when too few of them fit the cap, none is started.
    """
    plan = plan or Plan()
    tolerance = max(tolerance, plan.least_tolerance)
    if known_s is not None and known_s * plan.least > plan.cap_s:
        return None, not_started(metric, known_s, plan, tolerance)
    try:
        capped = CappedSampler(sampler, plan, clock, RoundAnnouncer(str(metric), announce))
        return settle(metric, take(capped, stored, tolerance), capped, stored, tolerance, confirm=confirm)
    except MeasurementError as problem:
        return None, not_measured(metric, problem, tolerance, known_s or 0.0)


def settle(
    metric: Metric,
    first: SeriesResult,
    sampler: CappedSampler,
    stored: StoredRatio | None,
    tolerance: float,
    *,
    confirm: Confirm = on_fresh_rounds,
) -> tuple[Measured | None, Compared]:
    """Return what the first series came to, confirmed where it has to be; raises MeasurementError.

    The tolerance is the one in force; ``sampler`` takes the rounds of the confirmation.
    """
    judgement = first.judgement
    if stored is None or judgement is None or not needs_confirmation(judgement):
        return measured(metric, first.rounds), _compared(metric, first, stored, tolerance)
    return confirm(
        CandidateChange(
            metric=metric,
            rounds=first.rounds,
            judgement=judgement,
            stored=stored,
            tolerance=tolerance,
            sampler=sampler,
            longer=first.longer,
        )
    )


def not_started(metric: Metric, known_s: float, plan: Plan, tolerance: float) -> Compared:
    """Return the comparison of what is known to take too long."""
    detail = f"{too_slow(known_s, plan.cap_s, plan.least)}; {plan.longer(plan.least * known_s - plan.cap_s)}"
    return _not_compared(metric, UnknownReason.NOT_COMPARED, detail, tolerance, known_s)


def not_measured(metric: Metric, problem: MeasurementError, tolerance: float, known_s: float = 0.0) -> Compared:
    """Return the comparison of what failed while it was measured."""
    detail = f"{UnknownReason.NOT_MEASURED}: {problem}"
    return _not_compared(metric, UnknownReason.NOT_MEASURED, detail, tolerance, known_s)


def needs_confirmation(judgement: Judgement) -> bool:
    """Return whether there is something to confirm: a change, or what looks slower by half of the tolerance.

    "The same" is only what excludes twice the tolerance, so that one +10 % in four of a stored ratio is called that.
    """
    return judgement.outcome in {Change.SLOWER, Change.FASTER} or judgement.ratio - 1 > judgement.tolerance / 2


def take_series(
    sampler: Sampler,
    stored: StoredRatio,
    *,
    tolerance: float,
    plan: Plan,
    announce: Announce = unannounced,
) -> SeriesResult:
    """Return what one series comes to, with a warm-up and nothing repeated; raises MeasurementError."""
    return take(CappedSampler(sampler, plan, time.monotonic, RoundAnnouncer("", announce)), stored, tolerance)


def replayed(series: Sequence[Series]) -> Change:
    """Return what the rule says of the series of a saved report: the same as then, on every machine."""
    outcomes = [
        stats.judge(
            each.samples_s,
            each.control_samples_s,
            each.expected_ratio,
            tolerance=each.tolerance,
            rel_error=each.rel_error,
        ).outcome
        for each in series
    ]
    return _settled(*outcomes)


def _settled(first: Change, again: Change | None = None) -> Change:
    """Return the change that one or two series come to: what did not repeat is none, whatever came in its place.

    A first series that only looked slower is settled by the second, which has been repeated on its own.
    """
    if again is None:
        return first if first is Change.SAME else Change.UNKNOWN
    if first in {Change.UNKNOWN, Change.SAME}:
        return Change.SAME if again is Change.FASTER else again
    return again if again in {first, Change.UNKNOWN} else Change.SAME


def measured(metric: Metric, rounds: Rounds) -> Measured:
    """Return what these rounds came to."""
    return Measured(
        metric=metric,
        value_s=stats.power_mean(rounds.target_s),
        control_s=stats.power_mean(rounds.control_s),
        ratio=stats.ratio(rounds.target_s, rounds.control_s),
        rounds=len(rounds),
        samples_s=rounds.target_s,
        control_samples_s=rounds.control_s,
        clock=rounds.clock,
        control=CONTROL,
    )


def _compared(metric: Metric, result: SeriesResult, stored: StoredRatio | None, tolerance: float) -> Compared:
    """Return the comparison that one series came to, which is not a change, or not an answer."""
    rounds, judgement = result.rounds, result.judgement
    if judgement is None or stored is None:
        value_s = stats.power_mean(rounds.target_s)
        return _not_compared(metric, result.reason, result.detail + _uncompiled(rounds), tolerance, value_s)
    series = (series_of(rounds, stored, tolerance, judgement),)
    return _from_series(metric, judgement, _unchanged(judgement, rounds, result.longer), rounds, series)


def _confirmed(suspected: CandidateChange, again: SeriesResult) -> Compared:
    """Return the comparison that fresh rounds came to after a change was suspected."""
    judgement, metric = again.judgement, suspected.metric
    if judgement is None:
        first = replace(suspected.judgement, outcome=Change.UNKNOWN)
        detail = f"{UnknownReason.INCONCLUSIVE}: {suspected.summary}, not repeated: {again.detail}"
        return _from_series(metric, first, detail, suspected.rounds, (suspected.series,))
    series = (suspected.series, series_of(again.rounds, suspected.stored, suspected.tolerance, judgement))
    match _settled(suspected.judgement.outcome, judgement.outcome):
        case Change.UNKNOWN:
            detail = f"{_unchanged(judgement, again.rounds, again.longer)}; {suspected.summary}"
        case Change.SAME:
            detail = f"{suspected.summary}, which did not repeat in {judgement.rounds} fresh ones"
        case _:
            detail = f"{suspected.summary}, again in {judgement.rounds} fresh ones"
    return _from_series(metric, judgement, detail, again.rounds, series)


def _too_few_stored(suspected: CandidateChange) -> Compared:
    """Return that a baseline of so few rounds is too uncertain for a change."""
    few = f"the baseline is of {suspected.stored.rounds} rounds, too few for that: accept a run with {_ACCEPT}"
    judgement = replace(suspected.judgement, outcome=Change.UNKNOWN)
    detail = f"{UnknownReason.INCONCLUSIVE}: {suspected.summary}; {few}"
    return _from_series(suspected.metric, judgement, detail, suspected.rounds, (suspected.series,))


def _unchanged(judgement: Judgement, rounds: Rounds, longer: str) -> str:
    """Return what one series says that is not a change, with how much longer it would need."""
    if judgement.outcome is Change.UNKNOWN:
        return joined((f"{UnknownReason.INCONCLUSIVE}: {judgement.reason}", _noise(rounds), longer), "; ")
    return f"{percent(2 * judgement.tolerance)} is excluded (p {judgement.p:.3f}, {len(rounds)} rounds)"


def series_of(rounds: Rounds, stored: StoredRatio, tolerance: float, judgement: Judgement) -> Series:
    """Return the rounds with how they were judged, for a replay."""
    return Series(
        samples_s=rounds.target_s,
        control_samples_s=rounds.control_s,
        expected_ratio=stored.ratio,
        rel_error=stored.rel_error,
        tolerance=tolerance,
        change=judgement.outcome,
        p=judgement.p,
    )


def _from_series(
    metric: Metric, judgement: Judgement, detail: str, rounds: Rounds, series: tuple[Series, ...]
) -> Compared:
    """Return the comparison that the series came to; the judgement is that of the last one."""
    change = _settled(*(each.change for each in series))
    return Compared(
        metric=metric,
        change=change,
        value_s=judgement.value_s,
        expected_s=judgement.expected_s,
        ratio=judgement.ratio,
        tolerance=judgement.tolerance,
        detail=detail + _uncompiled(rounds),
        series=series,
        reason=UnknownReason.INCONCLUSIVE if change is Change.UNKNOWN else None,
    )


def _not_compared(
    metric: Metric, reason: UnknownReason | None, detail: str, tolerance: float, value_s: float
) -> Compared:
    """Return the comparison that could not be made."""
    return Compared(
        metric=metric,
        change=Change.UNKNOWN,
        value_s=value_s,
        expected_s=None,
        ratio=None,
        tolerance=tolerance,
        detail=detail,
        reason=reason,
    )


def _noise(rounds: Rounds) -> str:
    """Return what made the rounds hard to read: on a quiet machine both medians are within a few % of the fastest."""
    own, control = (f"{100 * stats.spread(samples):.0f} %" for samples in (rounds.target_s, rounds.control_s))
    waited = f"{100 * rounds.queued:.0f} % of the time was waiting for a CPU"
    return f"{len(rounds)} rounds spread by {own}, the control by {control}, {waited}"


def _uncompiled(rounds: Rounds) -> str:
    return f"; {rounds.uncompiled} modules have no bytecode, their folder may be read-only" if rounds.uncompiled else ""
