"""The time of the step ``compare``: who may use how much of it, and what is said when it ends."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tox_prodsim.model.runner import Completed
from tox_prodsim.run.step_time import StepTime, share


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    moment = [100.0]
    monkeypatch.setattr(StepTime, "now", staticmethod(lambda: moment[0]))
    return moment


def test_looks_end_before_first_rounds_and_both_before_all(now: list[float]) -> None:
    allowed = StepTime(total_s=60.0, began=100.0)
    assert [round(each, 6) for each in (allowed.looks_s, allowed.least_s, allowed.left_s)] == [20, 40, 60]
    now[0] = 130.0
    assert [round(each, 6) for each in (allowed.looks_s, allowed.least_s, allowed.left_s)] == [0, 10, 30]
    now[0] = 170.0
    assert [allowed.looks_s, allowed.least_s, allowed.left_s] == [0, 0, 0]


def test_a_program_gets_no_more_than_what_is_left(now: list[float]) -> None:
    limits: list[float] = []

    def runner(_argv: Sequence[str], *, timeout_s: float, **_: object) -> Completed:
        limits.append(timeout_s)
        return Completed(returncode=0, timed_out=False, stdout=b"", stderr=b"")

    allowed = StepTime(total_s=60.0, began=100.0)
    allowed.limited(runner)(["python"], timeout_s=240.0)
    allowed.limited(runner, 0.5)(["python"], timeout_s=240.0)
    now[0] = 200.0
    allowed.limited(runner)(["python"], timeout_s=240.0)
    assert limits == [60.0, 30.0, 0.1]


def test_a_change_has_its_part_of_what_is_left_and_its_series_their_parts_of_that(now: list[float]) -> None:
    allowed = StepTime(total_s=60.0, began=100.0)
    now[0] = 120.0
    turn = allowed.turn(1, parts=2)
    assert turn() == 10.0
    now[0] = 125.0
    assert turn() == 15.0
    now[0] = 150.0
    assert turn() == 0.0
    assert allowed.turn(0, parts=1)() == 10.0


def test_the_value_that_would_be_enough_is_named() -> None:
    allowed = StepTime(total_s=60.0, began=100.0)
    assert allowed.longer(9.2) == "about 9 s more are needed (compare_timeout = 90)"
    assert allowed.looks * 90 >= 20 + 9.2


@pytest.mark.parametrize(
    ("own_s", "later_s", "left_s", "expected"),
    [
        pytest.param(4.0, 8.0, 20.0, 12.0, id="enough for both: the rest is for the first"),
        pytest.param(10.0, 30.0, 20.0, 5.0, id="too little for both: each its share"),
        pytest.param(4.0, 0.0, 20.0, 20.0, id="nothing comes later"),
        pytest.param(0.0, 0.0, 20.0, 20.0, id="nothing at all"),
    ],
)
def test_what_comes_later_keeps_what_it_needs(own_s: float, later_s: float, left_s: float, expected: float) -> None:
    assert share(own_s, later_s, left_s) == pytest.approx(expected)
