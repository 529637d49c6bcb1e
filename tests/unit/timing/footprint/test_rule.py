"""An exact value has grown beyond its tolerance, and beyond what never matters."""

from __future__ import annotations

import pytest

from tox_prodsim.model.footprint import INSTALLED_SIZE, WHEEL_SIZE, Growth, Quantity, QuantityKind
from tox_prodsim.timing.footprint import Tolerances, Weighed, compare_quantity

MODULES = Quantity(QuantityKind.MODULES, "acme")


@pytest.mark.parametrize(
    ("quantity", "then", "now", "growth"),
    [
        pytest.param(WHEEL_SIZE, 1_000_000, 1_000_001, Growth.SAME, id="a byte more"),
        pytest.param(WHEEL_SIZE, 1_000_000, 1_100_000, Growth.SAME, id="just the tolerance"),
        pytest.param(WHEEL_SIZE, 1_000_000, 1_100_001, Growth.GROWN, id="beyond the tolerance"),
        pytest.param(WHEEL_SIZE, 1_000_000, 880_000, Growth.SHRUNK, id="smaller"),
        pytest.param(WHEEL_SIZE, 2_000, 11_999, Growth.SAME, id="many times a tiny wheel, and nothing"),
        pytest.param(WHEEL_SIZE, 2_000, 12_000, Growth.GROWN, id="many times a tiny wheel"),
        pytest.param(INSTALLED_SIZE, 40_000, 89_999, Growth.SAME, id="installed"),
        pytest.param(INSTALLED_SIZE, 40_000, 90_000, Growth.GROWN, id="installed and more"),
        pytest.param(MODULES, 20, 24, Growth.SAME, id="a few modules"),
        pytest.param(MODULES, 1, 6, Growth.GROWN, id="five modules"),
        pytest.param(MODULES, 100, 110, Growth.SAME, id="modules within the tolerance"),
        pytest.param(MODULES, 0, 5, Growth.GROWN, id="from nothing"),
    ],
)
def test_what_has_grown(quantity: Quantity, then: int, now: int, growth: Growth) -> None:
    compared = compare_quantity(quantity, Weighed(value=now), Weighed(value=then, history=(then,)), Tolerances())
    assert (compared.growth, compared.value, compared.expected, compared.history) == (growth, now, then, (then,))


def test_the_tolerance_is_that_of_the_key() -> None:
    compared = compare_quantity(WHEEL_SIZE, Weighed(value=1_200_000), Weighed(value=10**6), Tolerances(size=0.3))
    assert (compared.growth, compared.tolerance) == (Growth.SAME, 0.3)


def test_without_a_baseline_nothing_is_known() -> None:
    compared = compare_quantity(WHEEL_SIZE, Weighed(value=1), None, Tolerances())
    assert (compared.growth, compared.detail, compared.expected) == (Growth.UNKNOWN, "no baseline", None)


IMPORT_MEMORY = Quantity(QuantityKind.IMPORT_MEMORY, "acme")


@pytest.mark.parametrize(
    ("then", "now", "growth"),
    [
        pytest.param((30, 10), (31, 10), Growth.SAME, id="within the tolerance"),
        pytest.param((30, 10), (33, 10), Growth.GROWN, id="a tenth more"),
        pytest.param((30, 10), (34, 14), Growth.SAME, id="the interpreter of this machine has more"),
        pytest.param((30, 10), (30, 6), Growth.GROWN, id="it has less, and the import more"),
        pytest.param((30, 10), (27, 10), Growth.SHRUNK, id="smaller"),
    ],
)
def test_the_memory_of_the_interpreter_is_not_that_of_the_import(
    then: tuple[int, int], now: tuple[int, int], growth: Growth
) -> None:
    before, after = (Weighed(value=peak * 2**20, parts={"base": base * 2**20}) for peak, base in (then, now))
    compared = compare_quantity(IMPORT_MEMORY, after, before, Tolerances())
    assert compared.growth is growth
    assert compared.expected == (then[0] + now[1] - then[1]) * 2**20
