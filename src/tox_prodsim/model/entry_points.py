"""One line of ``entry_points.txt``, as the file and what is installed both know it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryPoint:
    """One line of ``entry_points.txt``; ``attr`` is empty when it names a module only."""

    group: str
    name: str
    module: str
    attr: str
    extras: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"[{self.group}] {self.name} = {self.module}{':' if self.attr else ''}{self.attr}"
