"""What is stored when a footprint is accepted: nothing changes as long as nothing has really changed."""

from __future__ import annotations

from dataclasses import replace

from tox_prodsim.model.footprint import INSTALLED_SIZE, WHEEL_SIZE, Quantity, QuantityKind
from tox_prodsim.timing.footprint import Footprint, Weighed, merge_footprint

MODULES = Quantity(QuantityKind.MODULES, "acme")
OLD = Footprint(
    quantities={
        WHEEL_SIZE: Weighed(value=1_000_000, history=(900_000, 1_000_000)),
        INSTALLED_SIZE: Weighed(value=4_000_000, history=(4_000_000,)),
    },
    wheel_files={"a.py": 9000},
    distributions={"acme==1.0": 4_000_000},
    files={"a.py": 40_000},
)


def test_a_first_value_begins_its_history() -> None:
    new = Footprint(quantities={WHEEL_SIZE: Weighed(value=7)})
    assert merge_footprint(None, new) == Footprint(quantities={WHEEL_SIZE: Weighed(value=7, history=(7,))})
    assert merge_footprint(None, None) is None
    assert merge_footprint(OLD, None) == OLD


def test_what_differs_by_less_than_counts_keeps_its_value_and_its_files() -> None:
    new = Footprint(
        quantities={WHEEL_SIZE: Weighed(value=1_000_400), INSTALLED_SIZE: Weighed(value=4_000_900)},
        wheel_files={"a.py": 9400},
        distributions={"acme==1.1": 4_000_900},
        files={"a.py": 40_900},
    )
    assert merge_footprint(OLD, new) == OLD


def test_what_has_grown_goes_on_with_its_history_and_takes_its_own_files_along() -> None:
    new = replace(
        OLD,
        quantities={WHEEL_SIZE: Weighed(value=2_000_000), MODULES: Weighed(value=40)},
        wheel_files={"a.py": 9000, "b.bin": 10**6},
        files={"b.bin": 10**6},
    )
    merged = merge_footprint(OLD, new)
    assert merged is not None
    assert merged.quantities[WHEEL_SIZE] == Weighed(value=2_000_000, history=(900_000, 1_000_000, 2_000_000))
    assert merged.quantities[MODULES].history == (40,)
    assert merged.wheel_files == {"a.py": 9000, "b.bin": 10**6}
    assert (merged.files, merged.quantities[INSTALLED_SIZE]) == (OLD.files, OLD.quantities[INSTALLED_SIZE])
