"""A number of the configuration is in its range, or refused in one line that has both ends of it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.refusals import outcome, refused

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.ranges import LIMIT_S, MODULES, PERCENT, SECONDS, STARTS, WAIT_S, Range

ODD = [math.nan, math.inf, -math.inf, 1e308, 1e-320, -1, -0.5, 10**400, 10**5000, "9" * 400, "nan", "1e400", "", "\n"]
NOT_NUMBERS = [True, None, [1], {"a": 1}, "30s", "1,5", b"1"]


@pytest.mark.parametrize("value", [*ODD, *NOT_NUMBERS, 0, 0.0009, 604_801], ids=lambda value: type(value).__name__)
def test_what_is_no_time_limit_is_refused_with_both_ends(value: object) -> None:
    problem = refused(lambda: SECONDS.parse("run_timeout", value))
    assert problem.key == "run_timeout"
    assert problem.message.endswith("is not a time limit, give a number of seconds from 0.001 to 604800")
    assert len(problem.message) < 250


@pytest.mark.parametrize("value", [0.001, "0.5", 1, " 2 ", 604_800])
def test_what_is_within_the_range_is_kept(value: str | float) -> None:
    assert SECONDS.parse("run_timeout", value) == float(value)


@pytest.mark.parametrize("value", [0, 0.0, "0", "0.0"])
def test_zero_is_kept_where_it_has_a_meaning(value: object) -> None:
    assert LIMIT_S.parse("idle_timeout", value) == 0
    refused(lambda: PERCENT.parse("time_tolerance_percent", value))


@pytest.mark.parametrize(
    ("allowed", "message"),
    [
        (MODULES, "2.5 is not a limit, give a whole number of modules from 1 to 1000000, or 0 for no limit"),
        (STARTS, "2.5 is not a limit, give a whole number of starts from 1 to 100, or 0 for none"),
    ],
)
def test_a_count_is_a_whole_number(allowed: Range, message: str) -> None:
    assert allowed.parse("key", "12") == 12
    assert refused(lambda: allowed.parse("key", 2.5)).message == message


@given(st.one_of(st.floats(), st.integers(), st.text(), st.lists(st.integers())))
def test_any_value_is_a_number_of_the_range_or_refused(value: object) -> None:
    for allowed in (SECONDS, WAIT_S, MODULES, PERCENT):
        number = outcome(lambda allowed=allowed: allowed.parse("key", value))
        is_zero = bool(allowed.zero) and number == 0
        assert isinstance(number, ProdsimError) or is_zero or allowed.least <= number <= allowed.most


def test_a_range_is_shown_as_its_numbers() -> None:
    assert [str(SECONDS), str(LIMIT_S), str(MODULES)] == ["0.001 to 604800", "0, 0.001 to 604800", "0, 1 to 1000000"]
