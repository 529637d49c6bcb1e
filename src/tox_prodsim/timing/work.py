"""The exact work of an import, module by module: what a baseline stores, and what two recordings are compared by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tox_prodsim.model.dataclass import dataclass

UNITS = ("bytecodes", "calls")
"""What may be counted; the recorder counts executed bytecodes."""
SAME = 0.005
"""Work that differs by no more is the same work: another path of the environment alone makes 0.2 % (section 2.4)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModuleWork:
    """One imported module: who imported it (empty: it was asked for), and the work of its own body."""

    name: str
    importer: str
    own: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What an import does, counted in ``unit``, with its modules in the order of their import."""

    unit: str
    modules: tuple[ModuleWork, ...]
    pyc_bytes: int

    @property
    def amount(self) -> int:
        """Return the work of all modules."""
        return sum(module.own for module in self.modules)

    def totals(self) -> dict[str, Any]:
        """Return the totals as a baseline stores them."""
        return {self.unit: self.amount, "modules": len(self.modules), "pyc_bytes": self.pyc_bytes}

    def increase_since(self, then: Work) -> float | None:
        """Return by what fraction this is more than then, or None when the two were counted in different units."""
        return self.amount / then.amount - 1 if then.unit == self.unit and then.amount else None


def merge_work(old: Work | None, new: Work | None) -> Work | None:
    """Return what to store: the old work when the new is the same but for what an environment's path makes of it."""
    if old is None or new is None:
        return new or old
    return old if _same(old, new) else new


def _same(old: Work, new: Work) -> bool:
    """Return whether modules and importers are equal, and what moved between and beside them is next to nothing."""
    if old.unit != new.unit or _edges(old) != _edges(new):
        return False
    moved = sum(abs(then.own - now.own) for then, now in zip(old.modules, new.modules, strict=True))
    return moved <= SAME * old.amount and abs(new.pyc_bytes - old.pyc_bytes) <= SAME * old.pyc_bytes


def _edges(work: Work) -> Mapping[int, tuple[str, str]]:
    return {at: (module.name, module.importer) for at, module in enumerate(work.modules)}
