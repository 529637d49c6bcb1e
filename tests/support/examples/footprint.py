"""PRF: what a size, a number of modules, memory and their budgets are reported as."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from support.examples.times import recording
from tox_prodsim.model.findings import Finding
from tox_prodsim.model.footprint import INSTALLED_SIZE, WHEEL_SIZE, Quantity, QuantityKind
from tox_prodsim.model.scenario import SizeBudgets
from tox_prodsim.timing import footprint
from tox_prodsim.timing.footprint import NO_CAUSE, Footprint, GrowthCause, Tolerances, Weighed

READY_MEMORY = Quantity(QuantityKind.READY_MEMORY)
READY_DESCRIPTORS = Quantity(QuantityKind.READY_DESCRIPTORS)
IMPORT_MEMORY = Quantity(QuantityKind.IMPORT_MEMORY, "acme")
MODULES = Quantity(QuantityKind.MODULES, "acme")


def compared(quantity: Quantity, then: int, now: int, cause: GrowthCause = NO_CAUSE) -> list[Finding]:
    """Return the finding of a quantity beside its baseline."""
    return weighed(quantity, Weighed(value=then), Weighed(value=now), cause)


def weighed(quantity: Quantity, then: Weighed, now: Weighed, cause: GrowthCause = NO_CAUSE) -> list[Finding]:
    """Return the same for a quantity of several parts."""
    found = footprint.footprint_finding(footprint.compare_quantity(quantity, now, then, Tolerances()), cause)
    return [found] if found is not None else []


def larger_wheel(_: Path) -> Iterable[Finding]:
    then = Footprint(wheel_files={"acme/core.py": 80_000})
    now = Footprint(wheel_files={"acme/core.py": 80_000, "acme/data/model.bin": 4_120_000})
    return compared(WHEEL_SIZE, 84_123, 4_204_123, footprint.size_cause(WHEEL_SIZE, then, now, "acme"))


def larger_installation(_: Path) -> Iterable[Finding]:
    then = Footprint(distributions={"acme==1.0": 2_100_000}, files={"acme/core.py": 2_000_000})
    now = Footprint(
        distributions={"acme==1.0": 2_100_000, "pandas==3.1.1": 69_100_000},
        files={"acme/core.py": 2_000_000, "pandas/_libs/groupby.so": 12_400_000},
    )
    return compared(INSTALLED_SIZE, 2_100_000, 71_200_000, footprint.size_cause(INSTALLED_SIZE, then, now, "acme"))


def more_modules(_: Path) -> Iterable[Finding]:
    then = recording(("acme", "", 1), ("acme.core", "acme", 1))
    below = ((f"asyncio.m{number}", "asyncio", 1) for number in range(21))
    now = recording(("acme", "", 1), ("acme.core", "acme", 1), ("asyncio", "acme.core", 1), *below)
    return compared(MODULES, 40, 62, footprint.module_cause(then, now))


def more_workers(_: Path) -> Iterable[Finding]:
    then = Weighed(value=48_200_000, source="PSS", parts={"own": 46_000_000, "mapped": 25_000_000, "processes": 3})
    now = Weighed(value=96_400_000, source="PSS", parts={"own": 92_000_000, "mapped": 41_000_000, "processes": 5})
    return weighed(READY_MEMORY, then, now, footprint.parts_cause(then, now, ("processes",)))


def more_sockets(_: Path) -> Iterable[Finding]:
    then = Weighed(value=7, parts={"eventpoll": 1, "file": 3, "socket": 3})
    now = Weighed(value=24, parts={"eventpoll": 1, "file": 5, "socket": 18})
    return weighed(READY_DESCRIPTORS, then, now, footprint.parts_cause(then, now))


def over(key: str, quantity: Quantity, limit: int, value: int) -> list[Finding]:
    """Return that a budget is not kept."""
    return list(footprint.broken_limits(SizeBudgets(limits={key: limit}), {quantity: value}))


EXAMPLES: Mapping[str, Callable[[Path], Iterable[Finding]]] = {
    "PRF740": larger_wheel,
    "PRF741": larger_installation,
    "PRF742": more_modules,
    "PRF743": lambda _: compared(
        IMPORT_MEMORY,
        31_600_000,
        53_200_000,
        footprint.holders_cause(("acme/tables.py:12 (21.6 MB)", "acme/core.py:3 (1.2 MB)")),
    ),
    "PRF744": more_workers,
    "PRF745": more_sockets,
    "PRF746": lambda _: compared(WHEEL_SIZE, 4_204_123, 84_123),
    "PRF750": lambda _: over("max_wheel_size", WHEEL_SIZE, 5_000_000, 12_400_000),
    "PRF751": lambda _: over("max_installed_size", INSTALLED_SIZE, 50_000_000, 71_200_000),
    "PRF752": lambda _: over("max_import_memory", IMPORT_MEMORY, 60_000_000, 82_400_000),
    "PRF753": lambda _: over("max_ready_memory", READY_MEMORY, 200_000_000, 312_000_000),
}
