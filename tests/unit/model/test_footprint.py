"""The text of a quantity is what a file holds: it can be read again, and another text is refused."""

from __future__ import annotations

import pytest

from tox_prodsim.model.footprint import INSTALLED_SIZE, OF_IMPORTS, WHEEL_SIZE, Quantity, QuantityKind


@pytest.mark.parametrize(
    "quantity",
    [*(Quantity(kind, "acme.web") for kind in QuantityKind if kind not in {"wheel size", "installed size"}), WHEEL_SIZE]
    + [Quantity(kind) for kind in QuantityKind if kind not in OF_IMPORTS],
    ids=str,
)
def test_a_quantity_is_read_again_from_its_text(quantity: Quantity) -> None:
    assert Quantity.parse(str(quantity)) == quantity


@pytest.mark.parametrize("text", ["", "wheel", "modules", "wheel size of acme", "memory", "sizes of import a"])
def test_another_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a valid quantity"):
        Quantity.parse(text)


def test_a_size_is_shown_with_its_unit_and_a_number_without() -> None:
    assert INSTALLED_SIZE.display(1_234_567) == "1.23 MB"
    assert Quantity(QuantityKind.READY_THREADS).display(12) == "12"
