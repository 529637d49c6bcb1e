"""Sizes of the configuration: a number with a unit, or 0."""

from __future__ import annotations

import pytest
from support.refusals import refused

from tox_prodsim.model import sizes


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("5 MB", 5_000_000),
        ("5mb", 5_000_000),
        (" 512 KiB ", 524_288),
        ("1.5 GB", 1_500_000_000),
        ("2 GiB", 2 << 30),
        ("800 B", 800),
        ("0", None),
        ("0 MB", None),
        (0, None),
    ],
)
def test_a_size_is_a_number_with_a_unit(value: object, size: int | None) -> None:
    assert sizes.limit("max_wheel_size", value) == size


@pytest.mark.parametrize("value", ["5", 5, 0.5, "1.5"])
def test_a_number_without_a_unit_is_refused_with_what_to_write(value: object) -> None:
    problem = refused(lambda: sizes.limit("max_wheel_size", value))
    assert problem.message == f"{value} has no unit, write for example {value} MB or {value} KiB"


@pytest.mark.parametrize(
    "value", ["", "big", "-1 MB", "5 XB", "1e3 MB", "9999 TB", "0.1 B", True, [], "5 MB MB", "\u0665 MB"]
)
def test_what_is_not_a_size_is_refused_in_one_line(value: object) -> None:
    problem = refused(lambda: sizes.limit("max_wheel_size", value))
    assert problem.key == "max_wheel_size"
    assert "is not a size from 1 B to 1000 TB, write for example 5 MB or 512 KiB" in problem.message
    assert "\n" not in problem.message
