"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest

from tox_prodsim.model.formatting import sized
from tox_prodsim.report import units


@pytest.mark.parametrize(
    ("size_bytes", "expected"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (84_123, "84 kB"), (999_499, "999 kB"), (999_500, "1.0 MB")],
)
def test_a_size_has_the_unit_that_fits(size_bytes: int, expected: str) -> None:
    assert units.size(size_bytes) == expected


@pytest.mark.parametrize(
    ("value_s", "expected"),
    [(0.0, "0.00 s"), (9.994, "9.99 s"), (9.996, "10.0 s"), (99.94, "99.9 s"), (99.96, "100 s"), (3600.0, "3600 s")],
)
def test_a_duration_has_three_digits(value_s: float, expected: str) -> None:
    assert units.duration(value_s) == expected


@pytest.mark.parametrize(
    ("value_s", "expected"),
    [
        (0.0092, "9.2 ms"),
        (0.00996, "10 ms"),
        (0.148, "148 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.00 s"),
        (1.4234, "1.42 s"),
        (0.0, "-"),
        (float("nan"), "-"),
        (float("inf"), "-"),
    ],
)
def test_a_measured_time_is_in_milliseconds_below_a_second_and_a_dash_when_there_is_none(
    value_s: float, expected: str
) -> None:
    assert units.precise(value_s) == expected


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        pytest.param(0.0, "0 %", id="nothing"),
        pytest.param(0.001, "<1 %", id="a little is not nothing"),
        pytest.param(8.0, "80 %", id="a share"),
        pytest.param(9.99, "99 %", id="nearly all is not all"),
        pytest.param(10.0, "100 %", id="all"),
        pytest.param(12.46, "125 %", id="more than all"),
        pytest.param(float("nan"), "? %", id="no number"),
    ],
)
def test_a_share_is_never_rounded_to_all_or_nothing(part: float, expected: str) -> None:
    assert units.share(part, 10.0) == expected


def test_a_limit_says_how_close_it_came() -> None:
    assert units.limit(30.0, 26.1) == "limit 30 s (87 %)"
    assert units.limit(0.5, 0.001) == "limit 0.5 s (<1 %)"


@pytest.mark.parametrize(
    ("ratio", "expected"), [(1.61, "+61 %"), (0.77, "-23 %"), (1.0, "+0 %"), (float("inf"), "? %")]
)
def test_a_change_has_a_sign(ratio: float, expected: str) -> None:
    assert units.change(ratio) == expected


def test_one_is_counted_in_the_singular() -> None:
    assert [units.count(number, "note") for number in (0, 1, 2)] == ["0 notes", "1 note", "2 notes"]


ODD = [10**400, 10**5000, 1e308, 1e-320, -(10**400), math.inf, -math.inf, math.nan, 10**18, 0]


@pytest.mark.parametrize("first", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("second", ODD, ids=range(len(ODD)))
def test_odd_numbers_are_a_few_characters(first: float, second: float) -> None:
    shown = [units.share(first, second), units.limit(first, second), units.duration(first), units.precise(first)]
    assert all(len(each) < 60 for each in [*shown, units.change(first)])


@pytest.mark.parametrize("size_bytes", [10**18, 10**400, 10**5000], ids=["18", "400", "5000"])
def test_a_size_that_no_disk_has_is_not_shown_with_its_digits(size_bytes: int) -> None:
    assert units.size(size_bytes) == sized(size_bytes) == "more than 1000000 TB"


def test_the_share_of_a_huge_part_of_next_to_nothing_is_not_known() -> None:
    assert units.share(1e308, 1e-320) == units.share(1e17, 1e-320) == "? %"
