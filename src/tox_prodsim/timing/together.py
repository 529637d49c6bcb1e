"""The first series of several imports, in the same rounds: one control serves all, and what is decided drops out.

So the time is divided over the imports by what each of them needs. Those that do not fit, the most expensive ones, are
left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from tox_prodsim.model.activity import Announce
from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.model.errors import MeasurementError, SampleError
from tox_prodsim.model.formatting import listed
from tox_prodsim.model.metrics import Metric
from tox_prodsim.timing import stats
from tox_prodsim.timing.sampling import SAMPLE_TIMEOUT_S, SharedImports
from tox_prodsim.timing.series import Cost, Plan, RoundAnnouncer, SeriesResult, compare, is_enough, result_of
from tox_prodsim.timing.stats import NO_ROUNDS, Judgement, Rounds, StoredRatio

_START_S = 0.06
"""What an interpreter takes beside the import; it divides a round over its jobs."""
_MOST_NAMES = 3


@dataclass(kw_only=True, slots=True, eq=False)
class Candidate:
    """One import: what is stored of it, when it is looked at, and what it came to so far."""

    metric: Metric
    stored: StoredRatio | None
    plan: Plan
    tolerance: float
    """The one in force."""
    rounds: Rounds = field(default=NO_ROUNDS)
    judgement: Judgement | None = None
    failure: MeasurementError | None = None
    """Why it could not be timed; None: it could."""
    result: SeriesResult | None = None
    """None: it is not decided yet."""
    cost_s: float = 0.0
    """Of a sample."""

    @property
    def module(self) -> str:
        """Return the module that is imported."""
        return self.metric.module


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesLimits:
    """The seconds that a first series may take."""

    least_s: float
    """Until there are the rounds without which nothing can be said."""
    looks_s: float
    """Until no more rounds are taken for what is not decided by then."""


class FirstSeries:
    """Takes rounds of all candidates until each is decided, or the time is over."""

    def __init__(
        self,
        candidates: Sequence[Candidate],
        imports: SharedImports,
        limits: SeriesLimits,
        announce: Announce,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open = list(candidates)
        self._imports = imports
        self._limits = limits
        self._clock = clock
        self._began_at = clock()
        names = listed([each.module for each in candidates], _MOST_NAMES)
        self._told = RoundAnnouncer(f"import {names}", announce)
        self._taken = 0
        self._control_s = 0.0

    def run(self) -> None:
        """Set ``result`` or ``failure`` of each candidate."""
        if not self._open:
            return
        self._told.warm_up()
        self._take(1)
        self._drop_what_does_not_fit()
        self._told.series()
        while self._open:
            look = min(look for each in self._open for look in each.plan.looks if look > self._taken)
            in_time = self._extend(look)
            for each in tuple(self._open):
                each.judgement = compare(each.rounds, each.stored, each.tolerance, each.plan)
                if not in_time or (look in each.plan.looks and self._is_over(each)):
                    self._close(each, over=not in_time)

    def _is_over(self, each: Candidate) -> bool:
        return self._taken >= each.plan.looks[-1] or is_enough(each.rounds, each.judgement, each.plan)

    def _drop_what_does_not_fit(self) -> None:
        """Close those of which there cannot be enough rounds, the most expensive ones first."""
        for each in sorted(self._open, key=lambda candidate: candidate.cost_s, reverse=True):
            rounds_s = max(candidate.plan.least for candidate in self._open) * self._round_s
            if rounds_s <= self._limits.least_s - (self._clock() - self._began_at):
                return
            self._close(each, over=True)

    @property
    def _round_s(self) -> float:
        return self._control_s + sum(each.cost_s for each in self._open)

    def _extend(self, look: int) -> bool:
        """Take rounds up to a look; returns whether there was time for all of them."""
        least = max(each.plan.least for each in self._open)
        limit_s = self._limits.least_s if look <= least else self._limits.looks_s
        while self._open and self._taken < look:
            left_s = limit_s - (self._clock() - self._began_at)
            count = min(look - self._taken, stats.MIN_ROUNDS, int(left_s / self._round_s))
            if count < 1:
                return False
            self._told.round(self._taken + 1, max(each.plan.looks[-1] for each in self._open), limit_s)
            self._take(count)
        return True

    def _take(self, count: int) -> None:
        """Take so many rounds of all that are open; what fails is closed, and the others are taken again."""
        begun = self._clock()
        while self._open:
            modules = [each.module for each in self._open]
            try:
                taken = self._imports.take(modules, count, self._sample_limit_s())
            except MeasurementError as problem:
                self._fail(problem)
                begun = self._clock()
                continue
            for each in self._open:
                each.rounds += taken[each.module]
            warm_ups = 0 if self._taken else 1  # of each job, before the first round
            self._taken += count
            self._note_costs(taken, (self._clock() - begun) / (count + warm_ups))
            return

    def _sample_limit_s(self) -> float:
        """Return how long a sample may take: one that takes half of the time cannot be compared."""
        return max(1.0, min(SAMPLE_TIMEOUT_S, self._limits.least_s / 2))

    def _fail(self, problem: MeasurementError) -> None:
        """Close the one that failed, or all when that is not known."""
        failed = [each for each in self._open if isinstance(problem, SampleError) and each.module == problem.job]
        for each in failed or tuple(self._open):
            each.failure = problem
            self._open.remove(each)

    def _note_costs(self, taken: dict[str, Rounds], round_s: float) -> None:
        """Divide what a round took over its samples."""
        weights = {each.module: _START_S + _mean(taken[each.module].target_s) for each in self._open}
        control = _START_S + _mean(next(iter(taken.values())).control_s)
        second = round_s / (control + sum(weights.values()))
        self._control_s = control * second
        for each in self._open:
            each.cost_s = weights[each.module] * second

    def _close(self, each: Candidate, *, over: bool) -> None:
        """Set the result; what more it would need is counted in rounds of its own, beside the control."""
        cost = Cost(round_s=self._control_s + each.cost_s, cap_s=self._limits.least_s, over=over)
        each.result = result_of(each.rounds, each.judgement, each.stored, each.plan, cost)
        self._open.remove(each)


def _mean(samples_s: Iterable[float]) -> float:
    values = tuple(samples_s)
    return sum(values) / len(values)
