"""The whole rule, looks and confirmation included, on synthetic noise; and what must hold for any samples at all."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tox_prodsim.model.events import Change
from tox_prodsim.timing import measure, sampling, stats
from tox_prodsim.timing.stats import EFFECTIVE, Rounds, StoredRatio

EVEN = StoredRatio(ratio=1.0, rel_error=0.0, control=sampling.CONTROL, clock=EFFECTIVE)
BESIDE = measure.Plan(least_tolerance=0.05)
Noise = Callable[[random.Random], Iterator[float]]
"""Gives one factor after the other, in the order in which the samples are taken."""


def gauss(sigma: float) -> Noise:
    def samples(rng: random.Random) -> Iterator[float]:
        while True:
            yield max(0.3, rng.gauss(1, sigma))

    return samples


def pareto(rng: random.Random) -> Iterator[float]:
    while True:
        yield 1 + 0.05 * (rng.paretovariate(1.5) - 1)


def bimodal(rng: random.Random) -> Iterator[float]:
    while True:
        yield rng.choice((1.0, 1.45)) * rng.gauss(1, 0.01)


def drift(rng: random.Random) -> Iterator[float]:
    factor = 1.0
    while True:
        factor += 0.3 / 120
        yield factor * rng.gauss(1, 0.02)


def bursts(rng: random.Random) -> Iterator[float]:
    loud = False
    while True:
        loud = rng.random() < (0.85 if loud else 0.2)
        yield rng.gauss(1, 0.03) * (rng.uniform(1, 1.5) if loud else 1)


class Machine:
    """A sampler without processes: two versions in random order in each round, the second slower by a factor."""

    def __init__(self, noise: Noise, factor: float, rng: random.Random) -> None:
        self.noise = noise(rng)
        self.factor = factor
        self.rng = rng
        self.drawn = 0

    def __call__(self, rounds: int) -> Rounds:
        series: dict[str, list[float]] = {"base": [], "candidate": []}
        for _ in range(rounds):
            for name in self.rng.sample(sorted(series), 2):
                series[name].append(0.1 * next(self.noise) * (self.factor if name == "candidate" else 1))
        self.drawn += rounds
        return Rounds(target_s=tuple(series["candidate"]), control_s=tuple(series["base"]), clock=EFFECTIVE)


def verdicts(noise: Noise, factor: float, trials: int) -> Counter[Change]:
    rng = random.Random(f"{factor} {trials}")
    counted: Counter[Change] = Counter()
    for _ in range(trials):
        machine = Machine(noise, factor, rng)
        _, compared = measure.measure("x", machine, EVEN, tolerance=0.05, plan=BESIDE, clock=lambda: 0.0)
        counted[compared.change] += 1
    return counted


KINDS = [
    pytest.param(gauss(0.02), id="gauss 2 %"),
    pytest.param(gauss(0.10), id="gauss 10 %"),
    pytest.param(pareto, id="pareto"),
    pytest.param(bimodal, id="bimodal"),
    pytest.param(drift, id="drift"),
    pytest.param(bursts, id="bursts"),
]


@pytest.mark.parametrize("noise", KINDS)
def test_a_copy_is_never_slower_and_mostly_the_same(noise: Noise) -> None:
    counted = verdicts(noise, 1.0, 50)
    assert counted[Change.SLOWER] == 0
    assert counted[Change.FASTER] <= 1
    assert counted[Change.SAME] >= 38


@pytest.mark.parametrize(
    ("noise", "least"),
    [
        pytest.param(gauss(0.02), 20, id="gauss 2 %"),
        pytest.param(gauss(0.10), 10, id="gauss 10 %"),
        pytest.param(pareto, 19, id="pareto"),
        pytest.param(bimodal, 13, id="bimodal"),
        pytest.param(drift, 20, id="drift"),
        pytest.param(bursts, 18, id="bursts"),
    ],
)
def test_a_tenth_slower_is_found_or_left_open_but_hardly_ever_called_the_same(noise: Noise, least: int) -> None:
    counted = verdicts(noise, 1.1, 20)
    assert counted[Change.SLOWER] >= least
    assert counted[Change.SAME] <= 2


@pytest.mark.parametrize("noise", KINDS)
def test_a_fifth_slower_is_found(noise: Noise) -> None:
    assert verdicts(noise, 1.2, 20)[Change.SLOWER] == 20


def test_what_is_unchanged_on_a_quiet_machine_is_known_after_twelve_rounds() -> None:
    rng, rounds = random.Random(1), []
    for _ in range(20):
        machine = Machine(gauss(0.02), 1.0, rng)
        measure.measure("x", machine, EVEN, tolerance=0.05, plan=BESIDE, clock=lambda: 0.0)
        rounds.append(machine.drawn - 1)
    assert sorted(rounds)[10] == 8
    assert max(rounds) <= 16


# --- what holds for any samples

seconds = st.floats(min_value=0.1, max_value=10)
pairs = st.lists(st.tuples(seconds, seconds), min_size=8, max_size=14)
close = st.lists(st.tuples(st.floats(1, 1.3), st.floats(1, 1.1)), min_size=8, max_size=14)


def judged(samples: list[tuple[float, float]], tolerance: float = 0.05) -> stats.Judgement:
    target, control = zip(*samples, strict=True)
    return stats.judge(target, control, 1.0, tolerance=tolerance)


@settings(deadline=None, max_examples=40)
@given(close)
def test_the_unit_changes_nothing(samples: list[tuple[float, float]]) -> None:
    few = samples[:10]
    first, scaled = judged(few), judged([(4 * target, 4 * control) for target, control in few])
    assert (scaled.outcome, scaled.p, scaled.ratio) == (first.outcome, first.p, pytest.approx(first.ratio))


@settings(deadline=None, max_examples=60)
@given(close)
def test_slower_one_way_is_faster_the_other_way(samples: list[tuple[float, float]]) -> None:
    one, other = judged(samples), judged([(control, target) for target, control in samples])
    assert (one.outcome is Change.SLOWER) == (other.outcome is Change.FASTER)


@settings(deadline=None, max_examples=60)
@given(close, st.floats(0.02, 0.3), st.floats(0.02, 0.3))
def test_more_tolerance_never_makes_slower_of_what_was_not(
    samples: list[tuple[float, float]], one: float, other: float
) -> None:
    strict, lenient = judged(samples, min(one, other)), judged(samples, max(one, other))
    if lenient.outcome is Change.SLOWER:
        assert strict.outcome is Change.SLOWER


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(seconds, seconds), min_size=1, max_size=10))
def test_p_has_the_bounds_of_an_exact_test(samples: list[tuple[float, float]]) -> None:
    slow, fast = zip(*samples, strict=True)
    p, opposite = stats.permutation_p(slow, fast), stats.permutation_p(fast, slow)
    assert 1 / 2 ** len(samples) <= p <= 1
    assert p + opposite >= 1 - 1e-9, "what is observed counts on both sides"


@settings(deadline=None, max_examples=40)
@given(pairs)
def test_the_order_of_the_rounds_is_irrelevant_to_an_exact_test(samples: list[tuple[float, float]]) -> None:
    few = samples[:9]
    assert stats.permutation_p(*zip(*few, strict=True)) == pytest.approx(
        stats.permutation_p(*zip(*few[::-1], strict=True))
    )


@settings(deadline=None, max_examples=40)
@given(pairs)
def test_a_round_that_tells_nothing_proves_nothing(samples: list[tuple[float, float]]) -> None:
    few = samples[:8]
    more = [*few, (1e6, 1e6)]
    assert stats.permutation_p(*zip(*more, strict=True)) == stats.permutation_p(*zip(*few, strict=True))
