"""One entry of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass

from tox_prodsim.model.findings import Level


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """The meaning of one code."""

    code: str
    level: Level
    """The usual level."""
    title: str
    """It completes "the finding says that …"."""
    why: str
    """Why it matters."""
    example: str
    """A line as it is printed."""
    causes: tuple[str, ...]
    solution: tuple[str, ...]
    exception: str = ""
    """When the level is another one; empty when it never is."""
    project: str = ""
    """A project of some ten lines of which a run reports it: ``# FILE`` stands above the lines of each file."""
