"""Budgets of sizes and of memory: limits that hold with a baseline and without one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.footprint import Quantity, QuantityKind
from tox_prodsim.model.scenario import SizeBudgets

_KEYS: Mapping[QuantityKind, tuple[str, str]] = {
    QuantityKind.WHEEL_SIZE: ("PRF750", "max_wheel_size"),
    QuantityKind.INSTALLED_SIZE: ("PRF751", "max_installed_size"),
    QuantityKind.IMPORT_MEMORY: ("PRF752", "max_import_memory"),
    QuantityKind.READY_MEMORY: ("PRF753", "max_ready_memory"),
}


def broken_limits(budgets: SizeBudgets, values: Mapping[Quantity, int]) -> Iterator[Finding]:
    """Yield the budgets that are not kept; ``values`` has what was measured."""
    for quantity, value in values.items():
        if quantity.kind not in _KEYS:
            continue
        code, key = _KEYS[quantity.kind]
        limit = budgets.limits.get(key)
        if limit is not None and value > limit:
            yield _over(code, key, quantity, value, limit)


def unchecked_limits(budgets: SizeBudgets, values: Mapping[Quantity, int]) -> Iterator[str]:
    """Yield which budgets could not be checked, as ``CODE: reason``."""
    measured = {quantity.kind for quantity in values}
    for kind, (code, key) in _KEYS.items():
        if budgets.limits.get(key) is not None and kind not in measured:
            yield f"{code}: the {kind} was not measured"


def _over(code: str, key: str, quantity: Quantity, value: int, limit: int) -> Finding:
    return Finding(
        code=code,
        level=Level.ERROR,
        subject=str(quantity),
        message=f"{quantity} is {quantity.display(value)}, the limit is {quantity.display(limit)}",
        hint=f"make it smaller, or raise {key}",
    )
