"""What a comparison cannot tell is said, and what it can tell is left alone."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tox_prodsim.model.events import Change, Compared, Series, UnknownReason
from tox_prodsim.model.metrics import Metric
from tox_prodsim.timing import finding_for
from tox_prodsim.timing.comparability import with_limits


def series(noise: float) -> Series:
    rng = random.Random(7)
    return Series(
        samples_s=tuple(0.086 * rng.lognormvariate(0, noise) for _ in range(12)),
        control_samples_s=tuple(0.1 * rng.lognormvariate(0, noise) for _ in range(12)),
        expected_ratio=1.0,
        rel_error=0.01,
        tolerance=0.1,
        change=Change.SAME,
        p=0.01,
    )


def compared(change: Change, ratio: float, *, expected_s: float = 0.1, noise: float = 0.08) -> Compared:
    return Compared(
        metric=Metric.of_import("acme"),
        change=change,
        value_s=expected_s * ratio,
        expected_s=expected_s,
        ratio=ratio,
        tolerance=max(0.1, 0.002 / expected_s),
        detail="",
        series=(series(noise),),
    )


@pytest.mark.parametrize(
    ("change", "reason"), [(Change.SAME, None), (Change.UNKNOWN, UnknownReason.INCONCLUSIVE)], ids=["same", "open"]
)
def test_a_time_below_the_least_difference_is_not_compared(change: Change, reason: UnknownReason | None) -> None:
    short = with_limits(replace(compared(change, 1.4, expected_s=0.0003), reason=reason))
    assert (short.change, short.reason, short.expected_s) == (Change.UNKNOWN, UnknownReason.TOO_SHORT, None)
    assert short.detail == (
        "too short to compare: only a difference of more than 2 ms can be told from noise, "
        "name modules in measure_imports"
    )
    assert finding_for(short) is None


def test_a_short_time_that_became_a_long_one_is_still_slower() -> None:
    slower = compared(Change.SLOWER, 30.0, expected_s=0.0003)
    assert with_limits(slower) == slower


def test_the_same_that_looks_faster_has_the_noise_that_can_do_it() -> None:
    noisy = with_limits(compared(Change.SAME, 0.86, noise=0.5))
    assert noisy.noise is not None
    assert 0.15 < noisy.noise < 0.6


def test_noise_is_never_less_than_what_the_rule_calls_chance() -> None:
    assert with_limits(compared(Change.SAME, 0.86, noise=0.001)).noise == pytest.approx(0.14)


@pytest.mark.parametrize(
    "kept",
    [
        pytest.param(compared(Change.SAME, 0.95), id="within the tolerance"),
        pytest.param(compared(Change.FASTER, 0.5), id="faster"),
        pytest.param(compared(Change.SLOWER, 1.5), id="slower"),
        pytest.param(replace(compared(Change.UNKNOWN, 1.0), expected_s=None), id="no baseline"),
    ],
)
def test_what_can_be_told_is_left_alone(kept: Compared) -> None:
    assert with_limits(kept) == kept
