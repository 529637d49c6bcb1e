"""What a release takes besides time: the size of its files, the modules of an import, memory, threads, descriptors.

Baselines, events and reports have a quantity as its text, such as ``memory of import acme``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tox_prodsim.model.formatting import sized

_OF_IMPORT = " of import "
_OF = " of "


class QuantityKind(StrEnum):
    """What is counted or weighed."""

    WHEEL_SIZE = "wheel size"
    INSTALLED_SIZE = "installed size"
    MODULES = "modules"
    IMPORT_MEMORY = "memory"
    READY_MEMORY = "memory at readiness"
    READY_THREADS = "threads at readiness"
    READY_DESCRIPTORS = "file descriptors at readiness"


_BYTES = {
    QuantityKind.WHEEL_SIZE,
    QuantityKind.INSTALLED_SIZE,
    QuantityKind.IMPORT_MEMORY,
    QuantityKind.READY_MEMORY,
}
OF_IMPORTS = frozenset({QuantityKind.MODULES, QuantityKind.IMPORT_MEMORY})
MEMORY = frozenset({QuantityKind.IMPORT_MEMORY, QuantityKind.READY_MEMORY})
OF_FILES = frozenset({QuantityKind.WHEEL_SIZE, QuantityKind.INSTALLED_SIZE})


class Growth(StrEnum):
    """How a quantity compares; UNKNOWN is not "the same", and has a reason."""

    GROWN = "grown"
    SAME = "same"
    SHRUNK = "smaller"
    UNKNOWN = "unknown"


@dataclass(frozen=True, order=True, slots=True)
class Quantity:
    """One thing that is counted or weighed; quantities are sorted as their texts are."""

    kind: QuantityKind
    name: str = ""
    """The module that is imported, or the one of several services; empty: there is only one of the kind."""

    @classmethod
    def parse(cls, text: str) -> Quantity:
        """Return the quantity that a text stands for; raises ValueError when it does not stand for one."""
        for kind in QuantityKind:
            separator = _OF_IMPORT if kind in OF_IMPORTS else _OF
            if text == kind and kind not in OF_IMPORTS:
                return cls(kind)
            if text.startswith(f"{kind}{separator}") and kind not in OF_FILES:
                return cls(kind, text.removeprefix(f"{kind}{separator}"))
        msg = f"{text!r} is not a valid quantity"
        raise ValueError(msg)

    @property
    def in_bytes(self) -> bool:
        """Return whether it is a size; the others are counted."""
        return self.kind in _BYTES

    @property
    def unit(self) -> str:
        """Return what its value is a number of, as reports name it."""
        return "bytes" if self.in_bytes else "count"

    def display(self, value: int) -> str:
        """Return a value as people read it, such as ``1.24 MB``, or a plain number."""
        return sized(value) if self.in_bytes else str(value)

    def __str__(self) -> str:
        separator = _OF_IMPORT if self.kind in OF_IMPORTS else _OF
        return f"{self.kind}{separator}{self.name}" if self.name else self.kind.value


WHEEL_SIZE = Quantity(QuantityKind.WHEEL_SIZE)
INSTALLED_SIZE = Quantity(QuantityKind.INSTALLED_SIZE)
