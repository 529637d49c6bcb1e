from __future__ import annotations

import time

import pytest

from tox_prodsim.supervision import clock


class Monotonic:
    """A clock under the hand of the test."""

    def __init__(self) -> None:
        self.moment = 100.0

    def __call__(self) -> float:
        return self.moment


@pytest.fixture
def monotonic() -> Monotonic:
    return Monotonic()


def test_a_clock_leaves_out_what_it_was_halted_for(monotonic: Monotonic) -> None:
    halting = clock.Clock(monotonic)
    monotonic.moment = 110.0
    halting.halt()
    monotonic.moment = 150.0
    assert halting.now() == 110.0
    halting.resume()
    assert halting.now() == 110.0
    monotonic.moment = 153.0
    assert halting.now() == 113.0


def test_halting_twice_and_going_on_twice_is_as_once(monotonic: Monotonic) -> None:
    halting = clock.Clock(monotonic)
    halting.resume()
    halting.halt()
    monotonic.moment = 105.0
    halting.halt()
    halting.resume()
    halting.resume()
    assert halting.now() == 100.0


def test_a_moment_of_the_monotonic_clock_is_told_in_the_time_of_this_one(monotonic: Monotonic) -> None:
    halting = clock.Clock(monotonic)
    halting.halt()
    monotonic.moment = 107.0
    halting.resume()
    monotonic.moment = 110.0
    assert halting.time_at(109.0) == 102.0 == halting.now() - 1


def test_now_is_monotonic_time_as_long_as_nothing_was_suspended() -> None:
    assert clock.now() == pytest.approx(time.monotonic(), abs=1)
