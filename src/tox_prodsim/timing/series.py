"""Rounds of one metric within a time: taken from look to look until the rule of ``stats`` decides, or it is over."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable

from tox_prodsim.model.activity import Activity, Announce
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import MeasurementError
from tox_prodsim.model.events import UnknownReason
from tox_prodsim.model.formatting import joined
from tox_prodsim.timing import stats
from tox_prodsim.timing.sampling import CONTROL, LATE, Sampler
from tox_prodsim.timing.stats import NO_ROUNDS, Judgement, Rounds, StoredRatio

RECORD_ROUNDS = 16
_LEAST_MORE_S = 1.0


def unlimited() -> float:
    """Return what is left where nothing but the cap of a series limits it."""
    return math.inf


def needs_more(more_s: float) -> str:
    """Return how much longer would be needed, as text."""
    return f"about {more_s:.0f} s more are needed"


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
    left_s: Callable[[], float] = unlimited
    """Returns the seconds that are left for a series that begins now."""
    longer: Callable[[float], str] = needs_more
    """Returns, of how many seconds more are needed, what to do about it."""

    @property
    def least(self) -> int:
        """Return how many rounds there must be: less cannot be compared, nor be a candidate."""
        return min(self.looks[0], stats.MIN_ROUNDS)


CANDIDATE = Plan(looks=(stats.LEAST_STORED,))
"""Nothing is to be decided: enough rounds for a candidate, and no more."""
RECORDING = Plan(recording=True)


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
    longer: str = ""
    """How much longer would be needed, as text; empty: the time did not end it."""


class RoundAnnouncer:
    """Announces the rounds of one metric, or of several in the same rounds."""

    def __init__(self, name: str, announce: Announce) -> None:
        self._name, self._announce = name, announce
        self._goes_on = False

    def warm_up(self) -> None:
        """Announce the round that is not counted."""
        self._say("warm-up", None)

    def series(self) -> None:
        """Begin a series: its time counts from here."""
        self._goes_on = False

    def round(self, number: int, last: int, limit_s: float) -> None:
        """Announce the round that begins; the seconds are those of the series."""
        self._say(f"round {number} of at most {last}", max(1.0, round(limit_s)))
        self._goes_on = True

    def _say(self, text: str, limit_s: float | None) -> None:
        self._announce(Activity(text=joined((self._name, text), ": "), limit_s=limit_s, goes_on=self._goes_on))


class CappedSampler:
    """Asks a sampler for rounds as long as they fit the cap of a series; ``round_s`` is what one of the last took."""

    def __init__(
        self, sampler: Sampler, plan: Plan, clock: Callable[[], float], told: RoundAnnouncer, round_s: float = 0.0
    ) -> None:
        """Take about what a round takes; 0: that is not known."""
        self.plan = plan
        self._told = told
        self.round_s = round_s
        self._sampler = sampler
        self._clock = clock
        self._is_estimate = True
        self.cap_s = plan.cap_s
        self._deadline = 0.0

    def warm_up(self) -> Rounds:
        """Discard one round and begin; a slow one may have compiled bytecode: then return one more."""
        self._told.warm_up()
        self._take(1)
        self.begin()
        return self._take(1) if self.round_s * self.plan.least > self.cap_s else NO_ROUNDS

    def begin(self) -> None:
        """Begin a series: its time counts from here."""
        self.cap_s = max(0.0, min(self.plan.cap_s, self.plan.left_s()))
        self._deadline = self._clock() + self.cap_s
        self._told.series()

    def extend(self, rounds: Rounds, look: int) -> Rounds:
        """Return the rounds and as many more, up to ``look``, as the time left is enough for."""
        while len(rounds) < look:
            left_s = self._deadline - self._clock()
            affordable = int(left_s / self.round_s) if self.round_s else 1
            # A few at a time: the estimate of what a round takes may come from a warm-up that compiled.
            most = 1 if self._is_estimate else stats.MIN_ROUNDS
            count = min(look - len(rounds), most, max(affordable, 0 if len(rounds) or left_s <= 0 else 1))
            if count < 1:
                break
            self._told.round(len(rounds) + 1, self.plan.looks[-1], self.cap_s)
            rounds += self._take(count)
        return rounds

    def _take(self, count: int) -> Rounds:
        begun = self._clock()
        rounds = self._sampler(count)
        self._is_estimate = False
        self.round_s = max((self._clock() - begun) / count, 1e-9)
        if len(rounds) != count:
            msg = f"the sampler gave {len(rounds)} rounds, asked for {count}"
            raise ValueError(msg)
        return rounds


def take(
    sampler: CappedSampler, stored: StoredRatio | None, tolerance: float, earlier: Rounds | None = None
) -> SeriesResult:
    """Take rounds from look to look until the rule decides or the cap is reached.

    ``earlier`` are rounds of before that count, none included; None: nothing is warm yet, so one round is discarded.
    """
    if earlier is None:
        rounds = sampler.warm_up()
    else:
        sampler.begin()
        rounds = earlier
    plan, judgement, look = sampler.plan, None, 0
    for look in plan.looks:
        try:
            rounds = sampler.extend(rounds, look)
        except MeasurementError as problem:
            if LATE not in str(problem) or len(rounds) < plan.least:
                raise
        judgement = compare(rounds, stored, tolerance, plan)
        if len(rounds) < look or is_enough(rounds, judgement, plan):
            break
    time_s = Cost(round_s=sampler.round_s, cap_s=sampler.cap_s, over=len(rounds) < look)
    return result_of(rounds, judgement, stored, plan, time_s)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What a series takes: a round, the time that there was, and whether it ended the series."""

    round_s: float
    cap_s: float
    over: bool


def result_of(
    rounds: Rounds, judgement: Judgement | None, stored: StoredRatio | None, plan: Plan, cost: Cost
) -> SeriesResult:
    """Return what the rounds of a series come to, with how much longer it would need."""
    if len(rounds) < plan.least:
        more_s = max((plan.least - len(rounds)) * cost.round_s, _LEAST_MORE_S)
        detail = f"{too_slow(cost.round_s, cost.cap_s, plan.least)}; {plan.longer(more_s)}"
        return SeriesResult(rounds=rounds, judgement=None, reason=UnknownReason.NOT_COMPARED, detail=detail)
    if judgement is None:
        missing = incomparable(stored, rounds.clock, plan.absent)
        return SeriesResult(rounds=rounds, judgement=None, reason=UnknownReason.NO_BASELINE, detail=missing)
    longer = "" if judgement.decided or not cost.over else plan.longer(_more_s(judgement, plan, cost.round_s))
    return SeriesResult(rounds=rounds, judgement=judgement, longer=longer)


def compare(rounds: Rounds, stored: StoredRatio | None, tolerance: float, plan: Plan) -> Judgement | None:
    """Return what the rounds say against what is stored; None: there is nothing that they can be compared with."""
    if stored is None or not rounds or incomparable(stored, rounds.clock, plan.absent):
        return None
    return judge(rounds, stored, tolerance)


def judge(rounds: Rounds, stored: StoredRatio, tolerance: float) -> Judgement:
    """Return what these rounds say against a stored ratio."""
    samples = (rounds.target_s, rounds.control_s)
    return stats.judge(*samples, stored.ratio, tolerance=tolerance, rel_error=stored.rel_error)


def is_enough(rounds: Rounds, judgement: Judgement | None, plan: Plan) -> bool:
    """Return whether to stop: decided, or when recording, as exact as can matter.

    That is as exact as the ratio repeats between sessions (1.5 %), or to a quarter of the difference that counts.
    """
    if not plan.recording:
        return len(rounds) >= RECORD_ROUNDS if judgement is None else judgement.decided
    if len(rounds) < RECORD_ROUNDS:
        return False
    error = stats.relative_error(rounds.target_s, rounds.control_s)
    return error <= stats.SESSION_ERROR or error * stats.power_mean(rounds.target_s) <= stats.FLOOR_S / 4


def incomparable(stored: StoredRatio | None, clock: str, absent: str) -> str:
    """Return why there is nothing to compare with, or nothing."""
    missing = UnknownReason.NO_BASELINE
    if stored is None:
        return f"{missing} {absent}"
    if stored.control != CONTROL:
        return f"{missing} that fits: it was measured beside the control {stored.control}, now it is {CONTROL}"
    if stored.clock not in {"", clock}:
        return f"{missing} that fits: it was measured by {stored.clock}, here it is {clock}"
    return ""


def too_slow(round_s: float, cap_s: float, least: int = stats.MIN_ROUNDS) -> str:
    """Return that the rounds that must be do not fit into the time."""
    limit = f"{least} would take more than the {format_seconds(cap_s)} left"
    return f"{UnknownReason.NOT_COMPARED}: one round takes {format_seconds(round_s)}, {limit}"


def format_seconds(seconds: float) -> str:
    """Return a time in three digits, such as ``148 ms``."""
    if seconds >= 1:
        return f"{seconds:.3g} s"
    return f"{1000 * seconds:.3g} ms"


def _more_s(judgement: Judgement, plan: Plan, round_s: float) -> float:
    """Return in how many seconds a series may decide if it goes on as it began: p falls with the root of the rounds."""
    normal, last = statistics.NormalDist(), plan.looks[-1]
    z = normal.inv_cdf(1 - min(max(judgement.p, 1e-6), 0.999))
    factor = (normal.inv_cdf(1 - stats.SUSPECT_P) / z) ** 2 if z > 0 else math.inf
    rounds = min(last, max(judgement.rounds * factor, judgement.rounds + 1))
    return max((rounds - judgement.rounds) * round_s, _LEAST_MORE_S)
