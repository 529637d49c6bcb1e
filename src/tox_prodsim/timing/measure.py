"""Times imports and starts beside a control, and compares them with a stored ratio.

A sampler gives fresh interleaved rounds on demand; ``measure`` asks for as many as the rule of ``stats`` needs, within
a cap, and has a change confirmed before it is a verdict. Every series that was judged is kept with the comparison,
so that the verdict can be replayed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from tox_prodsim.model.activity import Activity, Announce, unannounced
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import MeasurementError
from tox_prodsim.model.events import Change, Compared, Measured, Series, UnknownReason
from tox_prodsim.model.formatting import joined
from tox_prodsim.model.metrics import Metric
from tox_prodsim.timing import stats
from tox_prodsim.timing.sampling import CONTROL, Sampler
from tox_prodsim.timing.stats import NO_ROUNDS, Judgement, Rounds, StoredRatio, percent

_RECORD_ROUNDS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """When to look at the rounds, and when to stop."""

    looks: tuple[int, ...] = (8, 12, 16, 24, 40, 64)
    """Totals of rounds after which the rule is applied."""
    cap_s: float = 20.0
    """The limit of one series; there may be two."""
    recording: bool = False
    """Take rounds until the ratio is good to store, or to the last look."""
    absent: str = "for this Python and platform"
    """Of what there is no baseline when nothing is stored."""
    least_tolerance: float = 0.07
    """What a stored ratio can hold: at 7 % the replays between sessions had no false alarm (measurement.md 2.3)."""


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
    sampler: _CappedSampler
    """Takes the rounds of the confirmation."""

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


SIDE_BY_SIDE = StoredRatio(ratio=1.0, rel_error=0.0, control=CONTROL, clock="")
"""What two versions are judged against that take the places of target and control: it holds by any clock."""
Confirm = Callable[[CandidateChange], tuple[Measured | None, Compared]]
"""Returns what a candidate change comes to; raises MeasurementError."""


def on_fresh_rounds(suspected: CandidateChange) -> tuple[Measured, Compared]:
    """Return what fresh rounds with the control say: only the same outcome again is a change.

    A series that only looks slower took all the time it needed, and more of the same would not tell either.
    """
    if suspected.is_open:
        first = SeriesResult(rounds=suspected.rounds, judgement=suspected.judgement)
        compared = _compared(suspected.metric, first, suspected.stored, suspected.tolerance)
        return measured(suspected.metric, first.rounds), compared
    again = _take_series(suspected.sampler, suspected.stored, suspected.tolerance, first=False)
    return measured(suspected.metric, again.rounds), _confirmed(suspected, again)


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
    if known_s is not None and known_s * stats.MIN_ROUNDS > plan.cap_s:
        return None, _not_compared(metric, UnknownReason.NOT_COMPARED, _too_slow(known_s, plan), tolerance, known_s)
    try:
        told = _Rounds(str(metric), announce)
        return _measure(metric, _CappedSampler(sampler, plan, clock, told), stored, tolerance, confirm)
    except MeasurementError as problem:
        return None, _not_compared(
            metric, UnknownReason.NOT_MEASURED, f"{UnknownReason.NOT_MEASURED}: {problem}", tolerance, known_s or 0.0
        )


def _measure(
    metric: Metric, sampler: _CappedSampler, stored: StoredRatio | None, tolerance: float, confirm: Confirm
) -> tuple[Measured | None, Compared]:
    """Return what the first series came to, confirmed where it has to be."""
    first = _take_series(sampler, stored, tolerance, first=True)
    judgement = first.judgement
    if stored is None or judgement is None or not _needs_confirmation(judgement):
        return measured(metric, first.rounds), _compared(metric, first, stored, tolerance)
    return confirm(
        CandidateChange(
            metric=metric,
            rounds=first.rounds,
            judgement=judgement,
            stored=stored,
            tolerance=tolerance,
            sampler=sampler,
        )
    )


def _needs_confirmation(judgement: Judgement) -> bool:
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
    capped = _CappedSampler(sampler, plan, time.monotonic, _Rounds("", announce))
    return _take_series(capped, stored, tolerance, first=True)


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


class _Rounds:
    """Announces the rounds of one metric."""

    def __init__(self, name: str, announce: Announce) -> None:
        self._name, self._announce = name, announce
        self._goes_on = False

    def warm_up(self) -> None:
        self._say("warm-up", None)

    def series(self) -> None:
        """Begin a series: its time counts from here."""
        self._goes_on = False

    def round(self, number: int, plan: Plan) -> None:
        """Announce the round that begins; the seconds are those of the series."""
        self._say(f"round {number} of at most {plan.looks[-1]}", plan.cap_s)
        self._goes_on = True

    def _say(self, text: str, limit_s: float | None) -> None:
        self._announce(Activity(text=joined((self._name, text), ": "), limit_s=limit_s, goes_on=self._goes_on))


class _CappedSampler:
    """Asks a sampler for rounds as long as they fit the cap of a series; ``round_s`` is what one of the last took."""

    def __init__(self, sampler: Sampler, plan: Plan, clock: Callable[[], float], told: _Rounds) -> None:
        self.plan = plan
        self._told = told
        self.round_s = 0.0
        self._sampler = sampler
        self._clock = clock
        self._deadline = 0.0

    def warm_up(self) -> Rounds:
        """Discard one round and begin; a slow one may have compiled bytecode: then return one more."""
        self._told.warm_up()
        self._take(1)
        self.begin()
        return self._take(1) if self.round_s * stats.MIN_ROUNDS > self.plan.cap_s else NO_ROUNDS

    def begin(self) -> Rounds:
        """Begin a series: its time counts from here."""
        self._deadline = self._clock() + self.plan.cap_s
        self._told.series()
        return NO_ROUNDS

    def extend(self, rounds: Rounds, look: int) -> Rounds:
        """Return the rounds and as many more, up to ``look``, as the time left is enough for."""
        while len(rounds) < look:
            affordable = int((self._deadline - self._clock()) / self.round_s)
            # A few at a time: the estimate of what a round takes may come from a warm-up that compiled.
            count = min(look - len(rounds), stats.MIN_ROUNDS, max(affordable, 0 if len(rounds) else 1))
            if count < 1:
                break
            self._told.round(len(rounds) + 1, self.plan)
            rounds += self._take(count)
        return rounds

    def _take(self, count: int) -> Rounds:
        begun = self._clock()
        rounds = self._sampler(count)
        self.round_s = max((self._clock() - begun) / count, 1e-9)
        if len(rounds) != count:
            msg = f"the sampler gave {len(rounds)} rounds, asked for {count}"
            raise ValueError(msg)
        return rounds


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesResult:
    """What one series came to."""

    rounds: Rounds
    judgement: Judgement | None
    """None: there was nothing to decide."""
    reason: UnknownReason | None = None
    """Why there was nothing to decide."""
    detail: str = ""
    """The same as text."""


def _take_series(sampler: _CappedSampler, stored: StoredRatio | None, tolerance: float, *, first: bool) -> SeriesResult:
    """Take rounds from look to look until the rule decides or the cap is reached."""
    rounds = sampler.warm_up() if first else sampler.begin()
    judgement, missing = None, ""
    for look in sampler.plan.looks:
        rounds = sampler.extend(rounds, look)
        missing = _incomparable(stored, rounds.clock, sampler.plan.absent)
        if stored and not missing:
            judgement = judge(rounds, stored, tolerance)
        if len(rounds) < look or _enough(rounds, judgement, sampler.plan):
            break
    if len(rounds) < stats.MIN_ROUNDS:
        detail = _too_slow(sampler.round_s, sampler.plan)
        return SeriesResult(rounds=rounds, judgement=None, reason=UnknownReason.NOT_COMPARED, detail=detail)
    reason = UnknownReason.NO_BASELINE if missing else None
    return SeriesResult(rounds=rounds, judgement=judgement, reason=reason, detail=missing)


def judge(rounds: Rounds, stored: StoredRatio, tolerance: float) -> Judgement:
    """Return what these rounds say against a stored ratio."""
    samples = (rounds.target_s, rounds.control_s)
    return stats.judge(*samples, stored.ratio, tolerance=tolerance, rel_error=stored.rel_error)


def _enough(rounds: Rounds, judgement: Judgement | None, plan: Plan) -> bool:
    """Return whether to stop: decided, or when recording, as exact as can matter.

    That is as exact as the ratio repeats between sessions (1.5 %), or to a quarter of the difference that counts.
    """
    if not plan.recording:
        return len(rounds) >= _RECORD_ROUNDS if judgement is None else judgement.decided
    if len(rounds) < _RECORD_ROUNDS:
        return False
    error = stats.relative_error(rounds.target_s, rounds.control_s)
    return error <= stats.SESSION_ERROR or error * stats.power_mean(rounds.target_s) <= stats.FLOOR_S / 4


def _incomparable(stored: StoredRatio | None, clock: str, absent: str) -> str:
    """Return why there is nothing to compare with, or nothing."""
    missing = UnknownReason.NO_BASELINE
    if stored is None:
        return f"{missing} {absent}"
    if stored.control != CONTROL:
        return f"{missing} that fits: it was measured beside the control {stored.control}, now it is {CONTROL}"
    if stored.clock not in {"", clock}:
        return f"{missing} that fits: it was measured by {stored.clock}, here it is {clock}"
    return ""


def _too_slow(round_s: float, plan: Plan) -> str:
    limit = f"{stats.MIN_ROUNDS} would take more than the cap of {plan.cap_s:g} s"
    return f"{UnknownReason.NOT_COMPARED}: one round takes {format_seconds(round_s)}, {limit}"


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
    return _from_series(metric, judgement, _unchanged(judgement, rounds), rounds, series)


def _confirmed(suspected: CandidateChange, again: SeriesResult) -> Compared:
    """Return the comparison that fresh rounds came to after a change was suspected."""
    judgement, metric = again.judgement, suspected.metric
    if judgement is None:
        plain = _compared(metric, again, suspected.stored, suspected.tolerance)
        return replace(plain, detail=f"{plain.detail}; {suspected.summary}", series=(suspected.series,))
    series = (suspected.series, series_of(again.rounds, suspected.stored, suspected.tolerance, judgement))
    match _settled(suspected.judgement.outcome, judgement.outcome):
        case Change.UNKNOWN:
            detail = f"{_unchanged(judgement, again.rounds)}; {suspected.summary}"
        case Change.SAME:
            detail = f"{suspected.summary}, which did not repeat in {judgement.rounds} fresh ones"
        case _:
            detail = f"{suspected.summary}, again in {judgement.rounds} fresh ones"
    return _from_series(metric, judgement, detail, again.rounds, series)


def _unchanged(judgement: Judgement, rounds: Rounds) -> str:
    """Return what one series says that is not a change."""
    if judgement.outcome is Change.UNKNOWN:
        return f"{UnknownReason.INCONCLUSIVE}: {judgement.reason}; {_noise(rounds)}"
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


def format_seconds(seconds: float) -> str:
    """Return a time in three digits, such as ``148 ms``."""
    if seconds >= 1:
        return f"{seconds:.3g} s"
    return f"{1000 * seconds:.3g} ms"
