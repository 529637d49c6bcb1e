"""One line of ``entry_points.txt``, as the file and what is installed both know it."""

from __future__ import annotations

from tox_prodsim.model.dataclass import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryPoint:
    """One line of ``entry_points.txt``."""

    group: str
    """The section, such as ``console_scripts``."""
    name: str
    module: str
    attr: str
    """The dotted attribute; empty: the module itself."""
    extras: tuple[str, ...] = ()
    """The extras without which it need not work."""

    def __str__(self) -> str:
        return f"[{self.group}] {self.name} = {self.module}{':' if self.attr else ''}{self.attr}"
