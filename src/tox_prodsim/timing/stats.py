"""Ratios of interleaved samples, how sure they are, and what they say against a stored ratio.

Pure functions: samples are positive seconds, in the order of their rounds, so that item ``i`` of two series was
measured in the same round. Everything random is seeded from the samples, so that a verdict can be replayed from a
saved report. Numbers that look arbitrary come from the project's measurements (``measurement.md``, sections 2, 3, 7).
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Iterator, Sequence

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.events import Change

PERMUTATIONS = 1999
"""Random assignments a test draws: the smallest p is 1/2000, well below both levels (section 7.2)."""
SUSPECT_P = 0.004
"""Six looks at this level, and six more to confirm, are wrong in 0.06 % of cases at most."""
SAME_P = 0.005
"""At 0.01 and six looks, one +10 % in thirty of a loaded machine was called the same."""
MIN_ROUNDS = 8
"""Fewer rounds cannot be significant: 7 rounds have 128 assignments, and 1/128 is above 0.004."""
LEAST_STORED = 4
"""A candidate has so many: nothing is decided by them, and their error is stored with them."""
FLOOR_S = 0.002
"""A difference below this is never a change, however sure it is (section 7.2)."""

SESSION_ERROR = 0.015
"""How far the ratio of something unchanged moves from session to session (SD; section 2.3)."""
_WEIGHT = 8
"""How much the fast samples weigh: 8 was never far from the best, on recorded and on synthetic noise."""
PACED = "effective wall at one pace"
"""Waiting, and the CPU time that the same work would have taken at the pace of the fastest quarter of the series."""
EFFECTIVE = "effective wall"
FALLBACK = "cpu + least waiting"
"""The clock where the kernel counts no run-queue delay: CPU time and the shortest waiting (wall - CPU) of a series."""
_FROM_THE_WORST = ("", FALLBACK, EFFECTIVE, PACED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One timed process."""

    wall_s: float
    queued_s: float | None
    """What it waited for a CPU; None: the kernel does not count that."""
    cpu_s: float
    uncompiled: int
    """Loaded modules that had no bytecode file, after one warm-up could have written it."""
    own_s: float = 0.0
    """The CPU time of the thread that was timed."""
    work: float | None = None
    """The same in pieces of work whose size is always the same, whatever the pace of the CPU; None: not counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rounds:
    """Interleaved samples in seconds, item by item of the same rounds."""

    target_s: tuple[float, ...]
    control_s: tuple[float, ...]
    clock: str
    """What was read: PACED, EFFECTIVE where the pace is not known, or FALLBACK without a run-queue delay."""
    queued: float = 0.0
    """The share that was spent waiting for a CPU."""
    uncompiled: int = 0
    piece_s: float = 0.0
    """What a piece of work took at the pace of these seconds, which is that of the fastest quarter."""

    @classmethod
    def of(cls, target: Sequence[Sample], control: Sequence[Sample]) -> Rounds:
        """Return the rounds of these samples, by the best clock that all of them have."""
        samples = (*target, *control)
        clock = min((_clock(sample) for sample in samples), key=_FROM_THE_WORST.index)
        pieces_s = [sample.own_s / sample.work for sample in samples if sample.work]
        piece_s = fastest_quarter(pieces_s) if clock == PACED else 0.0
        return cls(
            target_s=_read(target, clock, piece_s),
            control_s=_read(control, clock, piece_s),
            clock=clock,
            piece_s=piece_s,
            queued=sum(sample.queued_s or 0.0 for sample in samples) / sum(sample.wall_s for sample in samples),
            uncompiled=max(sample.uncompiled for sample in samples),
        )

    def __len__(self) -> int:
        return len(self.target_s)

    def __add__(self, more: Rounds) -> Rounds:
        share = len(more) / max(1, len(self) + len(more))
        pieces_s = [each.piece_s for each in (self, more) if each.piece_s]
        piece_s = min(pieces_s, default=0.0)
        return Rounds(
            target_s=self._at_pace(piece_s, self.target_s) + more._at_pace(piece_s, more.target_s),
            control_s=self._at_pace(piece_s, self.control_s) + more._at_pace(piece_s, more.control_s),
            clock=min((each.clock for each in (self, more) if len(each)), key=_FROM_THE_WORST.index, default=""),
            piece_s=piece_s,
            queued=self.queued * (1 - share) + more.queued * share,
            uncompiled=max(self.uncompiled, more.uncompiled),
        )

    def _at_pace(self, piece_s: float, samples_s: tuple[float, ...]) -> tuple[float, ...]:
        """Return the samples at the pace at which a piece of work takes so many seconds."""
        if self.piece_s in {0.0, piece_s}:
            return samples_s
        return tuple(sample_s * piece_s / self.piece_s for sample_s in samples_s)


NO_ROUNDS = Rounds(target_s=(), control_s=(), clock="")


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredRatio:
    """What a baseline stores of one metric."""

    ratio: float
    """Metric / control."""
    rel_error: float
    """Relative standard error of the ratio."""
    control: str
    """The name of the control."""
    clock: str
    """The name of the clock."""
    rounds: int = MIN_ROUNDS
    """How many it is of."""

    @property
    def is_weak(self) -> bool:
        """Return whether it is of so few rounds that nothing is slower by it alone.

        In replays of a loaded machine, 1 copy in 75 was slower than a ratio of 4 rounds, and none of 750 than one of 8.
        """
        return self.rounds < MIN_ROUNDS


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What one look at the rounds says."""

    outcome: Change
    ratio: float
    """Now divided by then."""
    value_s: float
    expected_s: float
    """What the stored ratio amounts to with this control."""
    tolerance: float
    """The one in force."""
    p: float
    """Of the test that decided."""
    rounds: int
    reason: str = ""
    """Why the outcome is UNKNOWN."""

    @property
    def decided(self) -> bool:
        """Return whether more rounds are of no use; "not slower" that looks faster may yet become FASTER."""
        looks_faster = self.outcome is Change.SAME and self.ratio * (1 + self.tolerance) < 1
        return self.outcome is not Change.UNKNOWN and not looks_faster


def fastest_quarter(samples: Sequence[float]) -> float:
    """Return the mean of the fastest quarter of the samples, of at least three of them where there are so many.

    A budget that even these break is broken, however busy the machine was.
    """
    count = max(3, len(samples) // 4)
    return statistics.fmean(sorted(samples)[:count])


def power_mean(samples: Sequence[float]) -> float:
    """Return the power mean with exponent -8: noise mostly adds, so the fast samples weigh most, but all weigh.

    Of 12 rounds its ratio is off by 2.0 % (RMS) by the paced clock and by 5.2 % without, where that of the fastest
    quarter is off by 3.0 and 6.3 % (this project's sessions, quiet and bursty).
    """
    unit = min(samples)
    return float(unit * statistics.fmean((sample / unit) ** -_WEIGHT for sample in samples) ** (-1 / _WEIGHT))


def ratio(target: Sequence[float], control: Sequence[float]) -> float:
    """Return estimate(target) / estimate(control): the number that a baseline stores."""
    return power_mean(target) / power_mean(control)


def spread(samples: Sequence[float]) -> float:
    """Return how far the median lies above the fastest quarter, as a fraction: 0 is a silent machine."""
    return statistics.median(samples) / fastest_quarter(samples) - 1


def relative_error(target: Sequence[float], control: Sequence[float], *, resamples: int = 200) -> float:
    """Return the standard error of ``ratio`` as a fraction of it, by a bootstrap over rounds (Efron 1979).

    It knows this session only, see SESSION_ERROR.
    """
    rng = _seeded(target, control)
    count = len(target)
    logs = []
    for _ in range(resamples):
        picked = [rng.randrange(count) for _ in range(count)]
        logs.append(math.log(ratio([target[at] for at in picked], [control[at] for at in picked])))
    return statistics.stdev(logs)


def permutation_p(slow: Sequence[float], fast: Sequence[float]) -> float:
    """Return the one-sided p of "``slow`` takes no longer than ``fast``", by swapping the two within rounds.

    Exact whatever the noise, because the order inside each round was random (Fisher's randomisation test; p as in
    Phipson and Smyth 2010, never 0). What is compared is what ``ratio`` estimates, the power means. Swapping
    a round changes the difference of the two sums by twice its own, so the assignments differ by signs only. Up to 10
    rounds every assignment is tried, beyond that PERMUTATIONS random ones.
    """
    if len(slow) != len(fast) or not slow:
        msg = f"two series of the same rounds are needed, not {len(slow)} and {len(fast)} samples"
        raise ValueError(msg)
    unit = min(*slow, *fast)
    gains = [(one / unit) ** -_WEIGHT - (other / unit) ** -_WEIGHT for one, other in zip(fast, slow, strict=True)]
    # A swapped round costs its gain: as unusual as the observed are those assignments that lose nothing.
    assignments = tuple(_assignments(slow, fast))
    reached = sum(math.fsum(_picked(gains, swaps)) <= 0 for swaps in assignments)
    exact = 2 ** len(slow) == len(assignments)
    return reached / len(assignments) if exact else (reached + 1) / (len(assignments) + 1)


def judge(
    target: Sequence[float], control: Sequence[float], stored: float, *, tolerance: float, rel_error: float = 0.0
) -> Judgement:
    """Return what these rounds say against the stored ratio, by the rule of measurement.md 7.2.

    SLOWER (which has yet to be confirmed) is beyond the tolerance and significant; SAME needs "+ 2 tolerances" to be
    excluded, not merely "not significant"; FASTER mirrors SLOWER; everything else is UNKNOWN. The floor of 2 ms widens
    the tolerance of short times. An error of the stored ratio repeats in every comparison, however often one looks,
    so a change has to be beyond the tolerance by twice ``rel_error`` too.
    """
    expected = [sample * stored for sample in control]
    expected_s, value_s = power_mean(expected), power_mean(target)
    tolerance = max(tolerance, FLOOR_S / expected_s)
    outcome, p, reason = _decide(target, expected, tolerance, 1 + 2 * rel_error)
    return Judgement(
        outcome=outcome,
        ratio=value_s / expected_s,
        value_s=value_s,
        expected_s=expected_s,
        tolerance=tolerance,
        p=p,
        rounds=len(target),
        reason=reason,
    )


def _decide(
    target: Sequence[float], expected: Sequence[float], tolerance: float, uncertainty: float
) -> tuple[Change, float, str]:
    """Return outcome, p and reason; only the tests that could decide are made. ``uncertainty`` is a factor from 1."""
    now, limit = ratio(target, expected), 1 + tolerance
    if len(target) < MIN_ROUNDS:
        return Change.UNKNOWN, 1.0, f"{len(target)} rounds are too few, {MIN_ROUNDS} are needed"
    if now > limit:
        p = permutation_p(target, [sample * uncertainty for sample in expected])
        if now > limit * uncertainty and p < SUSPECT_P:
            return Change.SLOWER, p, ""
        return Change.UNKNOWN, p, f"{percent(now - 1)} may be chance (p {p:.3f}{_uncertainty_note(uncertainty)})"
    if now * limit * uncertainty < 1:
        p = permutation_p([sample / uncertainty for sample in expected], target)
        if p < SUSPECT_P:
            return Change.FASTER, p, ""
    p = permutation_p([sample * (1 + 2 * tolerance) for sample in expected], target)
    if p < SAME_P:
        return Change.SAME, p, ""
    return Change.UNKNOWN, p, f"{percent(now - 1)}, but {percent(2 * tolerance)} cannot be excluded (p {p:.3f})"


def _uncertainty_note(uncertainty: float) -> str:
    return f", and the baseline is uncertain by {percent(uncertainty - 1).lstrip('+')}" if uncertainty > 1.02 else ""


def percent(change: float) -> str:
    """Return a change such as ``+12 %``, from a fraction."""
    return f"{100 * change:+.0f} %"


def _assignments(slow: Sequence[float], fast: Sequence[float]) -> Iterator[int]:
    """Yield bit masks of the rounds to swap: all of them when they are few, otherwise a seeded draw."""
    count = len(slow)
    if 2**count <= PERMUTATIONS:
        yield from range(2**count)
        return
    rng = _seeded(slow, fast)
    for _ in range(PERMUTATIONS):
        yield rng.getrandbits(count)


def _picked(gains: Sequence[float], swaps: int) -> Iterator[float]:
    """Yield the items whose bit is set."""
    return (gain for at, gain in enumerate(gains) if swaps >> at & 1)


def _seeded(*series: Sequence[float]) -> random.Random:
    """Return a generator that gives the same numbers for the same samples, on every platform and Python."""
    return random.Random(repr([tuple(samples) for samples in series]))  # noqa: S311 - statistics, not a secret


def _clock(sample: Sample) -> str:
    if sample.queued_s is None:
        return FALLBACK
    return PACED if sample.work else EFFECTIVE


def _read(samples: Sequence[Sample], clock: str, piece_s: float) -> tuple[float, ...]:
    """Return seconds by this clock: wall less run-queue delay, or CPU and the least waiting (sections 0 and 6)."""
    if clock == FALLBACK:
        waiting_s = min(max(sample.wall_s - sample.cpu_s, 0.0) for sample in samples)
        return tuple(sample.cpu_s + waiting_s for sample in samples)
    effective_s = (max(sample.wall_s - (sample.queued_s or 0.0), 1e-9) for sample in samples)
    if clock == EFFECTIVE:
        return tuple(effective_s)
    return tuple(
        max(whole_s - sample.own_s, 0.0) + (sample.work or 0.0) * piece_s
        for whole_s, sample in zip(effective_s, samples, strict=True)
    )
