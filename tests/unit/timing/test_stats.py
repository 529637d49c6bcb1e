from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tox_prodsim.model.events import Change
from tox_prodsim.timing import stats

seconds = st.floats(min_value=0.001, max_value=100)
series = st.lists(seconds, min_size=1, max_size=40)


def rounds(least: int, most: int) -> st.SearchStrategy[list[tuple[float, float]]]:
    return st.lists(st.tuples(seconds, seconds), min_size=least, max_size=most)


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        pytest.param([5.0], 5.0, id="one sample is itself"),
        pytest.param([4.0, 1.0, 2.0, 9.0], 7 / 3, id="at least three samples"),
        pytest.param([9.0] * 12 + [1.0, 2.0, 3.0, 6.0], 3.0, id="a quarter of sixteen"),
    ],
)
def test_fastest_quarter(samples: list[float], expected: float) -> None:
    assert stats.fastest_quarter(samples) == pytest.approx(expected)


ESTIMATES = pytest.mark.parametrize("estimate", [stats.fastest_quarter, stats.power_mean])
Estimate = Callable[[Sequence[float]], float]


@ESTIMATES
@given(samples=series, factor=st.floats(min_value=0.01, max_value=100))
def test_estimate_scales_with_the_unit(estimate: Estimate, samples: list[float], factor: float) -> None:
    assert estimate([sample * factor for sample in samples]) == pytest.approx(estimate(samples) * factor)


@ESTIMATES
@given(samples=series, data=st.data())
def test_estimate_never_falls_when_a_sample_grows(
    estimate: Estimate, samples: list[float], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(samples) - 1))
    grown = [*samples[:at], samples[at] * 2, *samples[at + 1 :]]
    assert estimate(grown) >= estimate(samples) * (1 - 1e-12)


@ESTIMATES
@given(samples=series)
def test_estimate_lies_between_the_fastest_and_the_mean(estimate: Estimate, samples: list[float]) -> None:
    assert min(samples) * (1 - 1e-12) <= estimate(samples) <= math.fsum(samples) / len(samples) * (1 + 1e-12)


def test_the_power_mean_leans_to_the_fast_and_forgets_nobody() -> None:
    assert stats.power_mean([1.0, 1.0, 9.0]) == pytest.approx(1.5 ** (1 / 8))
    assert stats.power_mean([1.0, 1.0, 2.0]) < stats.power_mean([1.0, 1.0, 9.0])


@given(st.lists(seconds, min_size=5, max_size=40))
def test_spread_is_not_negative_and_the_order_is_irrelevant(samples: list[float]) -> None:
    assert stats.spread(samples) >= -1e-12
    assert stats.spread(samples) == pytest.approx(stats.spread(samples[::-1]))


@settings(deadline=None, max_examples=40)
@given(rounds(1, 14))
def test_p_is_a_probability_above_zero_and_can_be_replayed(pairs: list[tuple[float, float]]) -> None:
    slow, fast = zip(*pairs, strict=True)
    p = stats.permutation_p(slow, fast)
    assert 0 < p <= 1
    assert stats.permutation_p(slow, fast) == p


@settings(deadline=None, max_examples=40)
@given(rounds(3, 8), st.floats(min_value=1, max_value=3))
def test_p_does_not_grow_with_the_slowdown_and_not_with_the_unit(
    pairs: list[tuple[float, float]], factor: float
) -> None:
    slow, fast = zip(*pairs, strict=True)
    p = stats.permutation_p(slow, fast)
    assert stats.permutation_p([sample * 8 for sample in slow], [sample * 8 for sample in fast]) == pytest.approx(p)
    apart = stats.permutation_p([sample * factor + 1000 for sample in slow], fast)
    assert apart == pytest.approx(1 / 2 ** len(pairs)), "slower in every round is the rarest assignment"


def test_p_is_exact_while_the_rounds_are_few() -> None:
    assert stats.permutation_p([2.0] * 8, [1.0] * 8) == 1 / 256
    assert stats.permutation_p([1.0] * 8, [1.0] * 8) == 1
    assert stats.permutation_p([1.0] * 8, [2.0] * 8) == 1


def test_p_needs_the_same_rounds() -> None:
    with pytest.raises(ValueError, match="not 2 and 1 samples"):
        stats.permutation_p([1.0, 2.0], [1.0])


def test_p_is_honest_under_heavy_tailed_noise() -> None:
    rng = random.Random(1)
    ps = [stats.permutation_p(pareto(rng, 8), pareto(rng, 8)) for _ in range(300)]
    assert sum(p <= 0.1 for p in ps) / 300 < 0.15
    assert sum(p <= 0.01 for p in ps) / 300 < 0.03


def test_relative_error_shrinks_with_the_noise_and_is_replayable() -> None:
    rng = random.Random(2)
    loud = stats.relative_error(gauss(0.1)(rng, 16), gauss(0.1)(rng, 16))
    quiet = stats.relative_error(gauss(0.005)(rng, 16), gauss(0.005)(rng, 16))
    assert 0 < quiet < 0.01 < loud
    assert stats.relative_error([1.0, 1.1, 1.2], [2.0, 2.2, 2.1]) == stats.relative_error(
        [1.0, 1.1, 1.2], [2.0, 2.2, 2.1]
    )


# --- the rule


def judged(factor: float, *, count: int = 16, tolerance: float = 0.10, rel_error: float = 0.0) -> stats.Judgement:
    rng = random.Random(3)
    control = gauss(0.02)(rng, count)
    target = [2 * factor * sample for sample in gauss(0.02)(rng, count)]
    return stats.judge(target, control, 2.0, tolerance=tolerance, rel_error=rel_error)


@pytest.mark.parametrize(
    ("factor", "outcome"),
    [
        pytest.param(1.0, Change.SAME, id="unchanged"),
        pytest.param(1.05, Change.SAME, id="within the tolerance"),
        pytest.param(1.2, Change.SLOWER, id="slower by a fifth"),
        pytest.param(0.8, Change.FASTER, id="faster by a fifth"),
    ],
)
def test_quiet_samples_are_judged(factor: float, outcome: Change) -> None:
    judgement = judged(factor)
    assert judgement.outcome is outcome
    assert judgement.ratio == pytest.approx(factor, rel=0.04)
    assert judgement.decided


def test_fewer_than_eight_rounds_decide_nothing() -> None:
    judgement = judged(3.0, count=7)
    assert judgement.outcome is Change.UNKNOWN
    assert judgement.reason == "7 rounds are too few, 8 are needed"


def test_an_uncertain_baseline_cannot_carry_a_small_change() -> None:
    judgement = judged(1.14, rel_error=0.04)
    assert judgement.outcome is Change.UNKNOWN
    assert judgement.reason.endswith("and the baseline is uncertain by 8 %)")
    assert judged(1.3, rel_error=0.04).outcome is Change.SLOWER


def test_a_difference_below_the_floor_is_no_change() -> None:
    rng = random.Random(4)
    control = [0.075 * sample for sample in gauss(0.02)(rng, 16)]
    target = [0.0025 * sample for sample in gauss(0.02)(rng, 16)]
    judgement = stats.judge(target, control, 0.001 / 0.075, tolerance=0.1)
    assert judgement.outcome is Change.SAME, "+150 %, but only 1.5 ms"
    assert judgement.tolerance == pytest.approx(2.0, rel=0.05), "the tolerance in force says why"


def test_not_slower_that_looks_faster_is_worth_another_look() -> None:
    rng = random.Random(6)
    target, control = [0.85 * sample for sample in gauss(0.15)(rng, 8)], gauss(0.15)(rng, 8)
    judgement = stats.judge(target, control, 1.0, tolerance=0.07)
    assert (judgement.outcome, judgement.decided) == (Change.SAME, False)


@settings(deadline=None, max_examples=30)
@given(rounds(8, 12), st.floats(min_value=0.2, max_value=5))
def test_a_verdict_can_be_replayed(pairs: list[tuple[float, float]], stored: float) -> None:
    target, control = zip(*pairs, strict=True)
    first = stats.judge(target, control, stored, tolerance=0.1)
    assert stats.judge(list(target), list(control), stored, tolerance=0.1) == first


# --- synthetic noise: equal things are never called slower, a fifth is found on quiet machines

Noise = Callable[[random.Random, int], list[float]]


def gauss(sigma: float) -> Noise:
    return lambda rng, count: [max(0.05, rng.gauss(1, sigma)) for _ in range(count)]


def pareto(rng: random.Random, count: int) -> list[float]:
    return [1 + 0.05 * (rng.paretovariate(1.5) - 1) for _ in range(count)]


def bimodal(rng: random.Random, count: int) -> list[float]:
    return [rng.choice((1.0, 1.45)) * rng.gauss(1, 0.01) for _ in range(count)]


def bursts(rng: random.Random, count: int) -> list[float]:
    samples, loud = [], False
    for _ in range(count):
        loud = rng.random() < (0.7 if loud else 0.2)
        samples.append(rng.gauss(1, 0.02) * (rng.uniform(1.2, 2.5) if loud else 1))
    return samples


def trial(noise: Noise, rng: random.Random, factor: float) -> Change:
    """Record a baseline of 16 rounds, look at fresh rounds as ``measure`` does, repeat a suspicion once."""
    stored = stats.ratio(*(recorded := (noise(rng, 16), noise(rng, 16))))
    error = stats.relative_error(*recorded)
    outcomes = [look(noise, rng, factor, stored, error)]
    if outcomes[0] is Change.SLOWER:
        outcomes.append(look(noise, rng, factor, stored, error))
    return outcomes[-1]


def look(noise: Noise, rng: random.Random, factor: float, stored: float, error: float) -> Change:
    target, control = [factor * sample for sample in noise(rng, 16)], noise(rng, 16)
    outcome = Change.UNKNOWN
    for count in (8, 12, 16):
        judgement = stats.judge(target[:count], control[:count], stored, tolerance=0.1, rel_error=error)
        outcome = judgement.outcome
        if judgement.decided:
            break
    return outcome


NOISES: Sequence[tuple[str, Noise]] = (
    ("gauss 2 %", gauss(0.02)),
    ("gauss 10 %", gauss(0.10)),
    ("pareto", pareto),
    ("bimodal", bimodal),
    ("bursts", bursts),
)


@pytest.mark.parametrize("noise", [pytest.param(noise, id=name) for name, noise in NOISES])
def test_equal_things_are_never_slower(noise: Noise) -> None:
    rng = random.Random(7)
    outcomes = [trial(noise, rng, 1.0) for _ in range(80)]
    assert outcomes.count(Change.SLOWER) == 0


@pytest.mark.parametrize("noise", [gauss(0.01), gauss(0.02)])
def test_a_fifth_slower_is_found_on_a_quiet_machine(noise: Noise) -> None:
    rng = random.Random(8)
    outcomes = [trial(noise, rng, 1.2) for _ in range(60)]
    assert outcomes.count(Change.SLOWER) >= 59


# --- clocks


def sample(wall_s: float, queued_s: float | None, cpu_s: float) -> stats.Sample:
    return stats.Sample(wall_s=wall_s, queued_s=queued_s, cpu_s=cpu_s, uncompiled=0)


def test_effective_wall_is_wall_less_the_wait_for_a_cpu() -> None:
    made = stats.Rounds.of([sample(0.5, 0.3, 0.1)], [sample(0.2, 0.1, 0.1)])
    assert made.target_s == pytest.approx((0.2,))
    assert made.control_s == pytest.approx((0.1,))
    assert made.clock == "effective wall"
    assert made.queued == pytest.approx(0.4 / 0.7)


def paced(own_s: float, work: float, waiting_s: float = 0.0) -> stats.Sample:
    return stats.Sample(wall_s=own_s + waiting_s, queued_s=0.0, cpu_s=own_s, uncompiled=0, own_s=own_s, work=work)


def test_at_one_pace_the_same_work_takes_the_same_time_and_waiting_stays_what_it_is() -> None:
    target = [paced(0.1, 100), paced(0.2, 100), paced(0.1, 100, waiting_s=0.05)]
    made = stats.Rounds.of(target, [paced(0.05, 50), paced(0.09, 50), paced(0.07, 50)])
    assert made.target_s == pytest.approx((0.1, 0.1, 0.15))
    assert made.control_s == pytest.approx((0.05, 0.05, 0.05))
    assert made.clock == "effective wall at one pace"


def test_one_sample_without_a_pace_is_enough_to_do_without_it() -> None:
    made = stats.Rounds.of([sample(0.5, 0.3, 0.1)], [paced(0.05, 50)])
    assert (made.target_s, made.control_s, made.clock) == (pytest.approx((0.2,)), (0.05,), stats.EFFECTIVE)


def test_rounds_of_another_pace_are_told_in_the_faster_one() -> None:
    slow, fast = (stats.Rounds.of([paced(own_s, 100)], [paced(own_s, 100)]) for own_s in (0.2, 0.1))
    for both in (slow + fast, fast + slow, stats.NO_ROUNDS + slow + fast):
        assert both.target_s == both.control_s == pytest.approx((0.1, 0.1))
        assert both.clock == stats.PACED


def test_without_run_queue_delay_it_is_cpu_time_and_the_least_waiting() -> None:
    made = stats.Rounds.of(
        [sample(0.5, None, 0.1), sample(0.15, None, 0.12)], [sample(0.2, None, 0.1), sample(0.1, None, 0.1)]
    )
    assert made.target_s == pytest.approx((0.13, 0.15))
    assert made.control_s == pytest.approx((0.1, 0.1))
    assert made.clock == "cpu + least waiting"


def test_rounds_add_up_and_a_mixture_of_clocks_is_named_as_the_weaker() -> None:
    one = stats.Rounds(target_s=(1.0,), control_s=(2.0,), clock=stats.EFFECTIVE, queued=0.4)
    three = stats.Rounds(target_s=(3.0,) * 3, control_s=(4.0,) * 3, clock=stats.FALLBACK, uncompiled=2)
    both = stats.NO_ROUNDS + one + three
    assert both.target_s == (1.0, 3.0, 3.0, 3.0)
    assert (both.clock, both.queued, both.uncompiled) == (stats.FALLBACK, pytest.approx(0.1), 2)
